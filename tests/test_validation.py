"""The gate lets good recordings pass, and names the expectation, recording, sample and value of bad ones."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensegen import validation
from sensegen.inspection import median_rate_hz
from sensegen.params.windowing import ValidateParams
from sensegen.recording import Activity, InvalidRecording, Recording, Signal
from sensegen.source import Bounds, Source

PARAMS = ValidateParams(
    in_bounds_share=0.99, rate_tolerance=0.05, max_quarantined_share=0.05, reference=None, max_drift=0.25
)
SOURCE = Source(
    citation="none",
    licence="none",
    page="none",
    signals={
        "acceleration": Bounds(("acc_x", "acc_y"), "g", 50.0, low=-4.0, high=4.0),
        "heart": Bounds(("heart_rate",), "bpm", 1.0, low=30.0, high=220.0),
    },
    labels=("SITTING", "WALKING"),
    subjects=("S1", "S2"),
    shortest_activity_seconds=2.0,
)
Change = Callable[[Recording], Recording]


def good(name: str = "one", subject: str = "S1") -> Recording:
    wave = np.sin(np.arange(200) / 9)
    acceleration = Signal(np.column_stack([wave, 2 * wave]), np.arange(200) / 50, 50.0, "g", ("acc_x", "acc_y"))
    heart = Signal(np.full((4, 1), 70.0), np.arange(4.0), 1.0, "bpm", ("heart_rate",))
    activities = (Activity("WALKING", 0.0, 2.0), Activity("SITTING", 2.0, 4.0))
    return Recording(name, subject, {"acceleration": acceleration, "heart": heart}, activities)


def with_signal(recording: Recording, **changed: object) -> Recording:
    signal = dataclasses.replace(recording.signals["acceleration"], **changed)
    return dataclasses.replace(recording, signals={**recording.signals, "acceleration": signal})


def with_value(value: float, *samples: int) -> Change:
    def change(recording: Recording) -> Recording:
        values = recording.signals["acceleration"].values.copy()
        values[list(samples), 1] = value
        return with_signal(recording, values=values)

    return change


def with_times(change: Callable[[np.ndarray], np.ndarray]) -> Change:
    return lambda one: with_signal(one, times_s=change(one.signals["acceleration"].times_s.copy()))


def backwards(times_s: np.ndarray) -> np.ndarray:
    times_s[[80, 81]] = times_s[[81, 80]]
    return times_s


def without_channel(recording: Recording) -> Recording:
    return with_signal(recording, values=recording.signals["acceleration"].values[:, :1], channels=("acc_x",))


def without_heart(recording: Recording) -> Recording:
    return dataclasses.replace(recording, signals={"acceleration": recording.signals["acceleration"]})


BAD: dict[str, tuple[Change, str, str]] = {
    "NaN": (with_value(np.nan, 7), "acceleration.acc_y.not_null", "acc_y, sample 7 (0.140000 s) is nan g"),
    "one Inf among many": (with_value(np.inf, 9), "acceleration.acc_y.finite", "sample 9 (0.180000 s) is inf g"),
    "too many out of bounds": (
        with_value(4.5, *range(30, 60)),
        "acceleration.acc_y.in_bounds",
        "sample 30 (0.600000 s) is 4.5 g",
    ),
    "time goes back": (with_times(backwards), "acceleration.times_increase", "sample 81: time 1.600000 s follows 1.62"),
    "time is NaN": (with_times(lambda times_s: times_s * np.nan), "acceleration.times_increase", "sample 0"),
    "a wrong rate": (with_times(lambda times_s: times_s * 2), "acceleration.median_rate_hz", "25 Hz"),
    "a rate not as declared": (lambda one: with_signal(one, rate_hz=100.0), "acceleration.rate_hz", "100 Hz"),
    "a wrong unit": (lambda one: with_signal(one, unit="m/s^2"), "acceleration.unit", "'m/s^2', not 'g'"),
    "a missing channel": (without_channel, "acceleration.channels", "acc_x"),
    "a missing signal": (without_heart, "recordings.signals", "acceleration"),
    "one sample": (
        lambda one: with_signal(one, values=np.zeros((1, 2)), times_s=np.zeros(1)),
        "acceleration.samples",
        "1 samples",
    ),
    "an unknown label": (
        lambda one: dataclasses.replace(one, activities=(Activity("JUGGLING", 0.0, 4.0),)),
        "activities.label",
        "'JUGGLING'",
    ),
    "an activity without duration": (
        lambda one: dataclasses.replace(one, activities=(Activity("SITTING", 3.0, 3.0),)),
        "activities.seconds",
        "SITTING lasts 0 s",
    ),
    "an unknown subject": (lambda one: dataclasses.replace(one, subject="S3"), "recordings.subject", "S3"),
}


def test_good_recordings_raise_no_alarm():
    report = validation.validate([good("one"), good("two", "S2")], SOURCE, PARAMS)
    assert report.recordings == 2
    assert all(verdict.success for verdict in report.verdicts)
    assert {"acceleration.acc_x.finite", "heart.heart_rate.in_bounds", "activities.label"} <= {
        verdict.expectation.name for verdict in report.verdicts
    }


@pytest.mark.parametrize("fault", BAD)
def test_a_fault_is_named_with_its_place_and_value(fault):
    change, expectation, described = BAD[fault]
    with pytest.raises(InvalidRecording) as caught:
        validation.validate([good("fine"), change(good("faulty"))], SOURCE, PARAMS)
    told = [line.strip() for line in str(caught.value).splitlines() if line.startswith("  ")]
    assert any(line.startswith(f"{expectation}: faulty") and described in line for line in told)
    assert not any("fine" in line for line in told)
    assert len(told) <= 10


def test_a_share_of_values_may_lie_outside_the_range():
    within = with_value(4.5, 30, 31, 32, 33)  # 1 % of the samples of both
    validation.validate([good("one"), within(good("two"))], SOURCE, PARAMS)
    beyond = with_value(4.5, 30, 31, 32, 33, 34)
    with pytest.raises(InvalidRecording, match=r"in_bounds: two, acc_y, sample 30"):
        validation.validate([good("one"), beyond(good("two"))], SOURCE, PARAMS)


def test_no_recordings_at_all_are_refused():
    with pytest.raises(InvalidRecording, match=r"recordings\.any"):
        validation.validate([], SOURCE, PARAMS)


def test_many_faults_make_a_short_message():
    broken = [with_value(np.nan, *range(100))(good(f"recording {at}")) for at in range(50)]
    with pytest.raises(InvalidRecording, match="and 4990 more") as caught:
        validation.validate(broken, SOURCE, PARAMS)
    assert len(str(caught.value).splitlines()) <= 13


def test_the_report_is_the_same_text_each_time():
    texts = {validation.validate([good()], SOURCE, PARAMS).to_json() for _ in range(2)}
    (text,) = texts
    entry = next(one for one in json.loads(text)["expectations"] if one["name"] == "acceleration.acc_x.in_bounds")
    assert entry == {
        "name": "acceleration.acc_x.in_bounds",
        "expectation": "ExpectColumnSumToBeBetween",
        "arguments": {"column": "acc_x.in_bounds", "max_value": 2},
        "observed": {"observed_value": 0},
        "success": True,
    }


@pytest.mark.parametrize("change", [lambda one: one, with_value(np.inf, 3)], ids=["good", "bad"])
def test_data_docs_are_written_for_good_and_bad(tmp_path: Path, change: Change):
    docs = tmp_path / "docs"
    try:
        validation.validate([change(good())], SOURCE, PARAMS, docs)
    except InvalidRecording as error:
        assert str(docs / "index.html") in str(error)
    assert "acceleration" in (docs / "index.html").read_text(encoding="utf-8")
    (page,) = (docs / "validations" / "acceleration").rglob("*.html")
    assert "acc_y.finite" in page.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


def test_the_median_rate_is_blind_to_a_gap():
    times_s = np.concatenate([np.arange(100) / 50, 30 + np.arange(100) / 50])
    assert median_rate_hz(times_s) == pytest.approx(50)
