"""Gravity, the parts of an acceleration, jerk and the pace of gait have known answers; what breaks them is found."""

from dataclasses import replace

import numpy as np
import pytest

from sensegen.evaluation.interval import merge
from sensegen.evaluation.physics import physics
from sensegen.evaluation.triads import Triad, feels_gravity, still_classes, triads, with_gravity
from sensegen.windows import Windows

RATE_HZ = 50.0
SECONDS = np.arange(128) / RATE_HZ
CHANNELS = tuple(f"{name}_{axis}" for name in ("body_acc", "gyro", "total_acc") for axis in "xyz")
UNITS = ("g",) * 3 + ("rad/s",) * 3 + ("g",) * 3


def worn(seed: int, windows: int = 120, pace_hz: float = 1.8, gravity_g: float = 1.0) -> Windows:
    """People who stand or walk: gravity that hardly turns, a step that swings along it, a little noise."""
    stream = np.random.default_rng(seed)
    labels = np.arange(windows) % 2
    start = stream.normal(size=(windows, 1, 3))
    turning = start + 0.02 * np.sin(2 * np.pi * 0.2 * SECONDS)[None, :, None] * stream.normal(size=(windows, 1, 3))
    down = turning / np.linalg.norm(turning, axis=2, keepdims=True)
    phase = stream.uniform(0, 2 * np.pi, windows)[:, None]
    pace = pace_hz + stream.normal(0, 0.05, windows)[:, None]
    step = 0.3 * labels[:, None] * np.sin(2 * np.pi * pace * SECONDS + phase)
    body = step[:, :, None] * down + stream.normal(0, 0.003, (windows, 128, 3))
    gyro = step[:, :, None] * stream.normal(size=(windows, 1, 3))
    values = np.concatenate([body, gyro, body + gravity_g * down], axis=2).astype(np.float32)
    return Windows(values, labels, ("S",) * windows, CHANNELS, ("standing", "walking"), RATE_HZ, UNITS)


def only(windows: Windows, *names: str) -> Windows:
    """The windows with the channels whose names begin like this."""
    at = [place for place, channel in enumerate(windows.channels) if channel.startswith(names)]
    channels, units = (tuple(of[place] for place in at) for of in (windows.channels, windows.units))
    return replace(windows, values=windows.values[:, :, at], channels=channels, units=units)


def test_fresh_windows_of_the_same_people_pass_everything():
    told = physics(worn(0), worn(1))
    assert told["gravity"]["total_acc"]["ks"] < 0.25
    both = told["body_and_gravity"]["total_acc"]
    assert both["synthetic"]["share_above_1_hz"] == pytest.approx(both["real"]["share_above_1_hz"], abs=0.01)
    assert both["real"]["share_above_1_hz"] < 0.02
    assert told["jerk"]["over_channels"] < 0.005
    assert told["gait"]["mean_difference_hz"] < 0.03


@pytest.mark.parametrize("unit", ["g", "m/s2"])
def test_gravity_is_found_in_either_unit_and_a_weaker_one_too(unit):
    per_g = {"g": 1.0, "m/s2": 9.80665}[unit]
    real, weak = (
        replace(of, values=(of.values * per_g).astype(np.float32), units=(unit,) * 3, channels=("a_x", "a_y", "a_z"))
        for of in (only(worn(0), "total"), only(worn(1, gravity_g=0.8), "total"))
    )
    told = physics(real, weak)["gravity"]["a"]
    assert told["real"]["mean_g"] == pytest.approx(1, abs=0.001) and told["real"]["stddev_g"] < 0.002
    assert told["synthetic"]["mean_g"] == pytest.approx(0.8, abs=0.001) and told["ks"] == 1


def test_a_window_of_a_still_class_does_not_leave_by_moving():
    real, moving = worn(0), worn(1)
    moving = replace(moving, labels=1 - moving.labels)
    told = physics(real, moving)["gravity"]["total_acc"]
    assert told["synthetic"]["stddev_g"] > 5 * told["real"]["stddev_g"] and told["ks"] > 0.4


def test_body_and_total_that_have_come_apart_are_found():
    real, apart = worn(0), worn(1)
    values = apart.values.copy()
    values[:, :, :3] = np.roll(values[:, :, :3], 7, axis=1)
    both = physics(real, replace(apart, values=values))["body_and_gravity"]["total_acc"]
    assert both["real"]["share_above_1_hz"] < 0.01 and both["synthetic"]["share_above_1_hz"] > 0.9
    assert both["real"]["rms_above_1_hz_g"] < 0.001 and both["synthetic"]["rms_above_1_hz_g"] > 0.1


def test_the_power_of_a_known_difference():
    """A body acceleration of nothing leaves a swing of 0.3 g at 6.25 Hz (a bin of the window): 0.3 / sqrt(2) g."""
    swing = 0.3 * np.sin(2 * np.pi * 6.25 * SECONDS)
    total = np.stack([np.zeros(128), np.zeros(128), 1 + swing], axis=1)
    values = np.repeat(np.concatenate([np.zeros((128, 3)), total], axis=1)[None], 4, axis=0)
    windows = replace(only(worn(0, 4), "body", "total"), values=values)
    told = physics(windows, windows)["body_and_gravity"]["total_acc"]["synthetic"]
    assert told["rms_above_1_hz_g"] == pytest.approx(0.3 / np.sqrt(2), rel=1e-6)
    assert told["share_above_1_hz"] == pytest.approx(1)


def test_noise_is_beyond_the_bound_of_jerk_and_smoothing_within():
    real = worn(0)
    noisy = replace(real, values=real.values + np.random.default_rng(0).normal(0, 0.1, real.values.shape))
    smooth = replace(real, values=(real.values[:, 1:] + real.values[:, :-1]) / 2)
    assert physics(real, noisy)["jerk"]["over_channels"] > 0.2
    assert physics(real, smooth)["jerk"]["per_channel"]["body_acc_x"]["share"] < 0.001
    assert physics(real, real)["jerk"]["per_channel"]["gyro_y"]["share"] == pytest.approx(0.001, abs=2e-4)


def test_the_bound_of_jerk_is_a_rate_in_the_unit_of_the_channel():
    """A ramp of 3 units a second changes by that everywhere."""
    values = np.repeat((3 * SECONDS)[None, :, None], 4, axis=0)
    ramp = Windows(values, np.zeros(4, int), ("S",) * 4, ("heart_rate",), ("all",), RATE_HZ, ("bpm",))
    assert physics(ramp, ramp)["jerk"]["per_channel"]["heart_rate"]["bound"] == pytest.approx(3, rel=1e-5)


def test_a_doubled_pace_is_found_and_measured():
    told = physics(worn(0, pace_hz=1.8), worn(1, pace_hz=3.6))["gait"]
    assert list(told["per_class"]) == ["walking"]
    assert told["per_class"]["walking"]["real_hz"] == pytest.approx(1.8, abs=0.05)
    assert told["per_class"]["walking"]["synthetic_hz"] == pytest.approx(3.6, abs=0.05)
    assert told["mean_difference_hz"] == pytest.approx(1.8, abs=0.06)


def test_channels_are_grouped_by_name_and_unit():
    names = ("torso_acc_x", "torso_acc_y", "torso_acc_z", "torso_gyro_x", "torso_gyro_y", "heart_rate", "x_z", "acc_x")
    units = ("m/s2", "m/s2", "m/s2", "rad/s", "rad/s", "bpm", "g", "g")
    windows = replace(only(worn(0), "bo", "gyro_x", "total"), channels=names[:7], units=units[:7])
    assert triads(windows) == [Triad("torso_acc", "m/s2", (0, 1, 2))]
    mixed = replace(only(worn(0), "body"), channels=names[:3], units=("g", "m/s2", "g"))
    assert triads(mixed) == []


def test_the_real_windows_say_what_feels_gravity_and_what_is_still():
    windows = worn(0)
    assert [triad.name for triad in with_gravity(windows)] == ["total_acc"]
    body, _, total = triads(windows)
    assert feels_gravity(total, windows) and not feels_gravity(body, windows)
    assert still_classes(windows, total).tolist() == [True, False]


def test_a_dataset_without_accelerometers_has_nulls_with_reasons_and_its_jerk():
    cases = [replace(only(of, "gyro_x"), channels=("cases",), units=("count",)) for of in (worn(0), worn(1))]
    told = physics(*cases)
    for name, reason in {"gravity": "feels gravity", "body_and_gravity": "body", "gait": "accelerometer"}.items():
        assert told[name]["value"] is None and reason in told[name]["reason"]
    assert told["jerk"]["over_channels"] < 0.01


def test_without_gravity_or_without_still_classes_there_is_no_norm_but_a_pace():
    told = physics(only(worn(0), "body"), only(worn(1), "body"))
    assert "feels gravity" in told["gravity"]["reason"] and "walking" in told["gait"]["per_class"]
    walking = [of.select(of.labels == 1) for of in (worn(0), worn(1))]
    assert "still" in physics(*walking)["gravity"]["reason"]


def test_windows_too_short_for_a_step_have_no_pace():
    short = [replace(of, values=of.values[:, :50]) for of in (worn(0), worn(1))]
    assert "these have 1 s at 50 Hz" in physics(*short)["gait"]["reason"]


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match="the same channels on both sides"):
        physics(worn(0), only(worn(1), "total"))


def test_repetitions_merge():
    merged = merge([physics(worn(0), worn(seed)) for seed in (1, 2)])
    assert merged["gravity"]["total_acc"]["real"]["mean_g"]["mean"] == pytest.approx(1, abs=0.001)
