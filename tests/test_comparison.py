"""Windows of another source are made comparable, or refused, and nothing is passed over in silence."""

from dataclasses import replace

import numpy as np
import pytest

from sensegen.evaluation.comparison import comparable
from sensegen.scaling import Scaling
from sensegen.windows import Windows

SCALING = Scaling(np.array([1.0, 0.0, 60.0]), np.array([0.5, 2.0, 10.0]))
CHANNELS, UNITS = ("acc_x", "gyro_x", "hr"), ("g", "rad/s", "bpm")


def real(count: int = 200) -> Windows:
    values = np.random.default_rng(1).normal(size=(count, 16, 3)).astype(np.float32)
    return Windows(values, np.arange(count) % 2, ("p",) * count, CHANNELS, ("rest", "run"), 25.0, UNITS)


def other(count: int = 200, **changes) -> Windows:
    """The same windows as somebody would hand them in: in physical units."""
    scaled = real(count)
    return replace(scaled, **{"values": SCALING.invert(scaled.values).astype(np.float32), **changes})


def test_equal_windows_in_physical_units_come_back_scaled_without_a_remark():
    found = comparable(real(), SCALING, other())
    assert not found.remarks
    assert found.windows.values == pytest.approx(real().values, abs=1e-5)
    assert found.windows.labels.tolist() == real().labels.tolist()


def test_channels_and_classes_are_matched_by_name_and_never_by_place():
    made = other()
    turned = replace(
        made,
        values=np.concatenate([made.values[:, :, [2, 0, 1]], made.values[:, :, :1]], axis=2),
        channels=("hr", "acc_x", "gyro_x", "spo2"),
        units=("bpm", "g", "rad/s", "%"),
        classes=("run", "rest"),
        labels=1 - made.labels,
    )
    found = comparable(real(), SCALING, turned)
    assert found.windows.values == pytest.approx(real().values, abs=1e-5)
    assert found.windows.labels.tolist() == real().labels.tolist()
    assert any("spo2" in remark for remark in found.remarks)
    assert any("were put in the order acc_x, gyro_x, hr" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": ("acc_x", "gyro_y", "hr")}, "channels gyro_x are missing"),
        ({"rate_hz": 50.0}, "must be 25 Hz, but is 50 Hz"),
        ({"values": np.zeros((200, 20, 3), np.float32)}, "must have 16 samples, but has 20"),
        ({"classes": ("rest", "swim")}, "labels swim are none of the real ones"),
        ({"values": np.where(np.arange(200)[:, None, None] == 41, np.nan, other().values)}, "the first is window 42"),
        ({"values": np.zeros((0, 16, 3)), "labels": np.empty(0, int), "subjects": ()}, "there is no window"),
    ],
)
def test_what_makes_them_windows_of_something_else_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        comparable(real(), SCALING, other(**changes))


def test_a_told_unit_is_converted_and_an_untold_one_is_suspected_with_the_ratio():
    factor = np.array([9.80665, 1, 1], np.float32)
    told = comparable(real(), SCALING, other(values=other().values * factor, units=("m/s2", "rad/s", "bpm")))
    assert told.windows.values == pytest.approx(real().values, abs=1e-4)
    assert told.remarks == ("acc_x was converted from m/s2 to g",)
    untold = comparable(real(), SCALING, other(values=other().values * factor, units=("", "", "")))
    assert len(untold.remarks) == 1
    assert "acc_x spreads 9.81 times" in untold.remarks[0] and "m/s2 for g" in untold.remarks[0]


def test_a_missing_class_and_few_windows_are_said():
    made = other()
    rows = np.flatnonzero(made.labels == 0)[:10]
    few = replace(made, values=made.values[rows], labels=made.labels[rows], subjects=("",) * 10)
    remarks = " / ".join(comparable(real(), SCALING, few).remarks)
    assert "no window is of run" in remarks and "rest 10" in remarks
