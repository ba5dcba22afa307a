"""The gate lets good recordings pass, and names the expectation, recording, sample and value of bad ones."""

import dataclasses
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from sensegen import sensor_faults
from sensegen.params import InvalidParams
from sensegen.params.windowing import ValidateParams
from sensegen.recording import Activity, Recording, Signal
from sensegen.source import Bounds, Source
from sensegen.validation import distributions, expectations
from sensegen.validation.gate import Gate, Report, Verdict, judge
from sensegen.validation.inspection import Inspection
from sensegen.validation.quarantine import Refusal, file_names

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
    longest_activity_seconds=2.0,
)
Change = Callable[[Recording], Recording]


def good(name: str = "one", subject: str = "S1") -> Recording:
    wave = np.sin(np.arange(200) / 9 + len(name) + ord(name[-1]))
    acceleration = Signal(np.column_stack([wave, 2 * wave]), np.arange(200) / 50, 50.0, "g", ("acc_x", "acc_y"))
    heart = Signal(np.full((4, 1), 70.0), np.arange(4.0), 1.0, "bpm", ("heart_rate",))
    activities = (Activity("WALKING", 0.0, 2.0), Activity("SITTING", 2.0, 4.0))
    return Recording(name, subject, {"acceleration": acceleration, "heart": heart}, activities)


def inspected(recordings: Iterable[Recording], source: Source = SOURCE) -> Inspection:
    inspection = Inspection(source)
    for recording in recordings:
        inspection.look_at(recording)
    inspection.mark_repeats()
    return inspection


def judged(recordings: Iterable[Recording], source: Source = SOURCE) -> tuple[list[Verdict], dict[int, Refusal]]:
    return judge(inspected(recordings, source), PARAMS, Gate(None))


def reasons(refusal: Refusal) -> dict[str, str]:
    return {reason.expectation: reason.text for reason in refusal.reasons}


def with_signal(recording: Recording, **changed: object) -> Recording:
    signal = dataclasses.replace(recording.signals["acceleration"], **changed)
    return dataclasses.replace(recording, signals={**recording.signals, "acceleration": signal})


def with_value(value: float, *samples: int) -> Change:
    def change(recording: Recording) -> Recording:
        values = recording.signals["acceleration"].values.copy()
        values[list(samples), 1] = value
        return with_signal(recording, values=values)

    return change


def test_good_recordings_raise_no_alarm():
    verdicts, refusals = judged([good("one"), good("two", "S2")])
    assert not refusals
    assert all(verdict.success for verdict in verdicts)
    assert {"acceleration.acc_x.infinite", "heart.heart_rate.outside", "activities.label"} <= {
        verdict.expectation.name for verdict in verdicts
    }


@pytest.mark.parametrize(
    ("change", "expectation", "described"),
    [
        (with_value(np.nan, 7), "acceleration.acc_y.missing", "sample 7 (0.140000 s) is nan g"),
        (with_value(np.inf, 9), "acceleration.acc_y.infinite", "sample 9 (0.180000 s) is inf g"),
        (with_value(4.5, *range(30, 40)), "acceleration.acc_y.outside", "sample 30 (0.600000 s) is 4.5 g"),
        (
            lambda one: with_signal(one, times_s=one.signals["acceleration"].times_s * 2),
            "acceleration.median_rate_hz",
            "median_rate_hz is 25, but must be from 47.5 to 52.5",
        ),
        (lambda one: with_signal(one, unit="m/s2"), "acceleration.unit", "unit is 'm/s2', but must be of ['g']"),
        (lambda one: dataclasses.replace(one, subject="S3"), "recordings.subject", "'S3', but must be of ['S1', 'S2']"),
    ],
)
def test_a_fault_is_named_with_its_place_and_value(change, expectation, described):
    _, refusals = judged([good("fine"), change(good("faulty"))])
    assert set(refusals) == {1}
    assert refusals[1].name == "faulty"
    assert described in next(reason.text for reason in refusals[1].reasons if reason.expectation == expectation)


def test_a_share_of_the_values_of_a_recording_may_lie_outside_the_range():
    within, beyond = with_value(4.5, 30, 31), with_value(4.5, 30, 31, 32)  # 1 % of the samples, and more
    _, refusals = judged([within(good("one")), beyond(good("two"))])
    assert list(refusals) == [1]


def test_a_tolerated_share_of_disorder_passes_but_a_time_that_is_no_number_never_does():
    times_s = good().signals["acceleration"].times_s.copy()
    times_s[[80, 81]] = times_s[[81, 80]]
    swapped = with_signal(good("swapped"), times_s=times_s)
    lost = with_signal(good("lost"), times_s=np.where(np.arange(200) == 80, np.nan, times_s))
    tolerant = dataclasses.replace(SOURCE, disordered_share=0.02)
    assert set(judged([swapped, lost])[1]) == {0, 1}
    assert set(judged([swapped, lost], tolerant)[1]) == {1}


def test_devices_may_differ_in_rate_where_the_source_says_so():
    bounds = dataclasses.replace(SOURCE.signals["acceleration"], highest_rate_hz=210.0)
    source = dataclasses.replace(SOURCE, signals={**SOURCE.signals, "acceleration": bounds})
    fast = with_signal(good("fast"), rate_hz=200.0, times_s=np.arange(200) / 200)
    too_fast = with_signal(good("too fast"), rate_hz=400.0, times_s=np.arange(200) / 400)
    _, refusals = judged([good(), fast, too_fast], source)
    assert {name: set(reasons(one)) for name, one in refusals.items()} == {
        2: {"acceleration.rate_hz", "acceleration.median_rate_hz"}
    }


def test_an_optional_signal_may_be_absent_and_another_may_not():
    bounds = dataclasses.replace(SOURCE.signals["heart"], optional=True)
    source = dataclasses.replace(SOURCE, signals={**SOURCE.signals, "heart": bounds})
    alone = dataclasses.replace(good(), signals={"acceleration": good().signals["acceleration"]})
    assert not judged([alone], source)[1]
    assert reasons(judged([alone])[1][0]) == {"recordings.signals": "no heart"}


def test_a_quiet_stream_of_a_few_seconds_is_not_dead_but_a_long_one_is():
    still, longer = (
        np.full((samples, 1), 0.3) for samples in (sensor_faults.DEAD_SAMPLES - 1, sensor_faults.DEAD_SAMPLES)
    )
    assert sensor_faults.dead_shares(sensor_faults.steady(still)).tolist() == [0.0]
    assert sensor_faults.dead_shares(sensor_faults.steady(longer)).tolist() == [1.0]


def test_counts_that_are_often_zero_are_neither_dead_nor_saturated():
    bounds = Bounds(("cases",), "cases", 1.0, low=0.0, high=1000.0)
    draw = np.random.default_rng(0)
    cases = np.where(draw.random(522) < 0.4, 0, draw.poisson(30, 522)).astype(float)[:, None]
    assert sensor_faults.dead_shares(sensor_faults.steady(cases)).tolist() == [0.0]
    assert sensor_faults.saturated_shares(cases, bounds).tolist() == [0.0]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
def test_a_clipped_wave_is_saturated_by_the_share_that_is_clipped(share):
    bounds = Bounds(("x",), "g", 50.0, low=-4.0, high=4.0)
    noise = np.random.default_rng(0).normal(0, 1, (5000, 1))
    assert sensor_faults.saturated_shares(noise, bounds).tolist() == [0.0]
    clipped = np.minimum(noise, np.quantile(noise, 1 - share))
    assert sensor_faults.saturated_shares(clipped, bounds)[0] == pytest.approx(share, rel=0.02)


def test_a_coarse_slow_sensor_that_rests_at_its_highest_value_is_not_saturated():
    bounds = Bounds(("temperature",), "Celsius", 4.0, low=10.0, high=45.0)
    warming = np.round(33 + 2 * np.sin(np.arange(4000) / 900), 2)[:, None]
    assert sensor_faults.saturated_shares(warming, bounds).tolist() == [0.0]


@pytest.mark.parametrize(
    ("declared", "factor", "told"),
    [("g", 9.80665, "m/s2"), ("m/s2", 1 / 9.80665, " g"), ("g", 64, "1/64 g"), ("m/s2", 1000 / 9.80665, "mg")],
)
def test_a_mistaken_unit_is_named(declared, factor, told):
    bounds = Bounds(("x", "y", "z"), declared, 50.0, low=-1e5, high=1e5, gravity=True)
    still = np.tile([0.0, 0.6, 0.8], (200, 1)) * sensor_faults.GRAVITY[declared]
    assert sensor_faults.gravity_found(still, bounds, 50.0) == pytest.approx(1.0)
    found = sensor_faults.gravity_found(still * factor, bounds, 50.0)
    assert told in sensor_faults.mistaken_unit(found, declared)


def test_gravity_is_found_in_a_second_of_rest_among_running():
    draw = np.random.default_rng(0)
    running = np.array([0, 0, 1.0]) + draw.normal(0, 3, (500, 3))
    resting = np.array([0, 0, 1.0]) + draw.normal(0, 0.01, (200, 3))
    bounds = Bounds(("x", "y", "z"), "g", 50.0, low=-16, high=16, gravity=True)
    found = sensor_faults.gravity_found(np.concatenate([running, resting]), bounds, 50.0)
    assert found == pytest.approx(1.0, abs=0.02)


def test_short_signals_that_hardly_change_may_be_alike():
    same_heart = [good("one"), good("two", "S2")]
    assert np.array_equal(*(one.signals["heart"].values for one in same_heart))
    assert not judged(same_heart)[1]


def test_what_two_inspections_saw_adds_up_to_what_one_would_have_seen():
    recordings = [good("one"), with_value(np.nan, 5)(good("two")), good("three", "S2"), good("three", "S2")]
    whole, parts = inspected(recordings), Inspection(SOURCE)
    for some in (recordings[:1], recordings[1:]):
        part = Inspection(SOURCE)
        for recording in some:
            part.look_at(recording)
        parts.absorb(part)
    parts.mark_repeats()
    assert parts.tables == whole.tables
    assert parts.notes == whole.notes
    assert distributions.reference(parts.distributions) == distributions.reference(whole.distributions)


def test_values_taken_out_again_leave_no_trace():
    inspection, bad = inspected([good("one")]), good("two")
    before = distributions.reference(inspection.distributions)
    inspection.look_at(bad)
    assert distributions.reference(inspection.distributions) != before
    inspection.forget_values(bad)
    assert distributions.reference(inspection.distributions) == before


def test_recordings_do_not_drift_from_themselves_and_scaled_ones_do():
    earlier = distributions.reference(inspected([good("one")]).distributions)
    assert max(distributions.drift(inspected([good("one")]).distributions, earlier).values()) < 1e-9
    values = good("one").signals["acceleration"].values * [1.0, 0.5]
    indices = distributions.drift(inspected([with_signal(good("one"), values=values)]).distributions, earlier)
    (failed,) = (
        verdict.expectation.name
        for verdict in Gate(None).judge(expectations.of_drift(indices, PARAMS), {"drift": [indices]})
        if not verdict.success
    )
    assert failed == "drift.acceleration.acc_y"


def test_the_stability_index_is_the_known_sum():
    bounds = Bounds(("x",), "g", 1.0, low=0.0, high=1.0)
    then, now = distributions.Distribution(bounds), distributions.Distribution(bounds)
    then.add(np.repeat([[0.05], [0.95]], [50, 50], axis=0))
    now.add(np.repeat([[0.05], [0.95]], [20, 80], axis=0))
    earlier = distributions.reference({"signal": then})
    index = distributions.drift({"signal": now}, earlier)["signal.x"]
    assert index == pytest.approx(-0.3 * np.log(0.2 / 0.5) + 0.3 * np.log(0.8 / 0.5), rel=1e-6)


@pytest.mark.parametrize("text", ["", "[]", '{"channels": {"a.b": {}}}', '{"channels": 3}'])
def test_a_reference_that_is_none_is_refused_by_key(tmp_path: Path, text: str):
    path = tmp_path / "reference.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidParams, match=r"validate\.reference must be a reference\.json"):
        distributions.read(tmp_path)


def test_the_report_is_the_same_text_each_time():
    texts = {Report(1, 1, tuple(judged([good()])[0])).to_json() for _ in range(2)}
    (text,) = texts
    entry = next(one for one in json.loads(text)["expectations"] if one["name"] == "acceleration.acc_x.outside")
    assert entry == {
        "name": "acceleration.acc_x.outside",
        "expectation": "ExpectColumnValuesToBeBetween",
        "arguments": {"column": "acc_x.outside", "max_value": 0.01},
        "observed": {"element_count": 1, "unexpected_count": 0},
        "success": True,
    }


@pytest.mark.parametrize("change", [lambda one: one, with_value(np.inf, 3)], ids=["good", "bad"])
def test_data_docs_are_written_for_good_and_bad(tmp_path: Path, change: Change):
    gate = Gate(tmp_path)
    judge(inspected([change(good())]), PARAMS, gate)
    gate.write_docs()
    assert "acceleration" in (tmp_path / "index.html").read_text(encoding="utf-8")
    (page,) = (tmp_path / "validations" / "acceleration").rglob("*.html")
    assert "acc_y.infinite" in page.read_text(encoding="utf-8")


def test_the_median_rate_is_blind_to_a_gap_and_to_bursts():
    times_s = np.concatenate([np.arange(100) / 50, 30 + np.arange(100) / 50])
    assert sensor_faults.median_rate_hz(times_s) == pytest.approx(50)
    bursts = np.floor(np.arange(400) / 8) * 8 / 50  # eight samples at a time
    assert sensor_faults.median_rate_hz(bursts) == pytest.approx(50)


def test_files_in_the_quarantine_are_named_apart_and_safely():
    names = ["train:1", "train/1", "TRAIN_1", "../../etc", "", "a~2", "x" * 300]
    made = file_names(names)
    assert len({name.lower() for name in made}) == len(names)
    assert all("/" not in name and not name.startswith(".") and 0 < len(name) <= 110 for name in made)
