"""What is refused goes to the quarantine with its reasons; what is passed on is whole, and the same however it ran."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from test_uci_har import ROWS, published, spoil

from sensegen import datasets, intake, recordings
from sensegen import params as schema
from sensegen.datasets import uci_har
from sensegen.params import Params
from sensegen.params.datasets import SimulatedParams, UciHarParams
from sensegen.recording import InvalidRecording
from sensegen.validation import distributions
from sensegen.validation.gate import Report

ROOT = Path(__file__).resolve().parents[1]
SIGNAL = Path(uci_har.ROOT) / "train" / "Inertial Signals"
MANY = {"train": [(1 + at % 6, 5) for at in range(40)], "test": [(2, 2), (4, 24)]}
COMMITTED = schema.load(ROOT / "params.yaml")


def adapted(params: Params, section: str, **changes: object) -> Params:
    return params.model_copy(update={section: getattr(params, section).model_copy(update=changes)})


PARAMS = adapted(COMMITTED.model_copy(update={"dataset": UciHarParams(name="uci_har")}), "runtime", workers=1)


def take_in(raw: Path, folder: Path, params: Params = PARAMS) -> Report:
    return intake.take_in(params, datasets.get(params.dataset.name).declare(params.dataset), raw, folder)


def raw_with(folder: Path, rows: dict[str, list[tuple[int, int]]] = MANY) -> Path:
    """Published windows around 1 g, so that gravity is found."""
    published(folder, rows)
    for part, windows in rows.items():
        for axis, level in zip("xyz", (1.0, 0.1, 0.1), strict=True):
            path = folder / uci_har.ROOT / part / "Inertial Signals" / f"total_acc_{axis}_{part}.txt"
            draw = np.random.default_rng([ord(axis), len(part)])
            np.savetxt(path, level + draw.normal(0, 0.02, (len(windows), uci_har.SAMPLES)), fmt="%16.7e")
    return folder


def with_infinity(raw: Path, *lines: int) -> Path:
    for line in lines:
        spoil(raw / SIGNAL / "body_acc_y_train.txt", line, lambda words: [b"Inf", *words[1:]])
    return raw


def outs(folder: Path) -> dict[str, bytes]:
    kept = (folder / "recordings", folder / "quarantine")
    files = [path for one in kept for path in sorted(one.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_good_recordings_pass_in_their_order_and_the_quarantine_says_that_it_is_empty(tmp_path):
    report = take_in(raw_with(tmp_path / "raw"), tmp_path / "out")
    names = [one.name for one in recordings.read(tmp_path / "out" / "recordings")]
    assert names == [f"train:{row}" for row in range(1, 41)] + ["test:1", "test:2"]
    assert (report.recordings, report.refusals) == (42, ())
    assert json.loads((tmp_path / "out" / "quarantine" / "reasons.json").read_text()) == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["data_docs", "quarantine", "recordings"]


def test_a_bad_recording_is_quarantined_alone_with_its_samples_and_reasons(tmp_path):
    report = take_in(with_infinity(raw_with(tmp_path / "raw"), 7), tmp_path / "out")
    names = [one.name for one in recordings.read(tmp_path / "out" / "recordings")]
    assert len(names) == 41 and "train:7" not in names
    (refused,) = recordings.read(tmp_path / "out" / "quarantine" / "train_7")
    assert refused.name == "train:7" and np.isinf(refused.signals["body_acc"].values[0, 1])
    told = (tmp_path / "out" / "quarantine" / "train_7.reason.txt").read_text()
    assert "recording train:7 of subject 5" in told
    assert "body_acc.body_acc_y.infinite: sample 0 (0.000000 s) is inf g" in told
    (listed,) = json.loads((tmp_path / "out" / "quarantine" / "reasons.json").read_text())
    assert (listed["file"], listed["name"], listed["kind"]) == ("train_7", "train:7", "recording")
    entries = json.loads(report.to_json())
    assert entries["quarantined"] == {
        "recordings": 1,
        "parts": 0,
        "by_expectation": {"body_acc.body_acc_y.infinite": 1},
    }


def test_the_reference_knows_nothing_of_what_was_refused(tmp_path):
    raw = raw_with(tmp_path / "raw")
    clean = take_in(raw, tmp_path / "clean")
    spoil(raw / SIGNAL / "body_gyro_x_train.txt", 3, lambda words: [b"8.0"] * len(words))
    dirty = take_in(raw, tmp_path / "dirty")
    assert [one.name for one in dirty.refusals] == ["train:3"]
    channel = "body_gyro.body_gyro_x"
    samples = [report.reference[channel]["samples"] for report in (clean, dirty)]
    assert samples == [42 * 128, 41 * 128]
    assert max(dirty.reference[channel]["quantiles"]) < 1.5


def test_too_large_a_share_fails_with_the_reasons_and_passes_nothing_on(tmp_path):
    raw = with_infinity(raw_with(tmp_path / "raw"), 3, 5, 7)
    with pytest.raises(
        InvalidRecording, match=r"3 of 42 recordings were refused, more than .*max_quarantined_share \(0.05\)"
    ) as told:
        take_in(raw, tmp_path / "out")
    assert "body_acc.body_acc_y.infinite: train:5: sample 0 (0.000000 s) is inf g" in str(told.value)
    assert str(tmp_path / "out" / "data_docs" / "index.html") in str(told.value)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["data_docs", "quarantine"]
    assert len(json.loads((tmp_path / "out" / "quarantine" / "reasons.json").read_text())) == 3


def test_a_failure_leaves_the_recordings_of_an_earlier_run_alone(tmp_path):
    raw = raw_with(tmp_path / "raw")
    take_in(raw, tmp_path / "out")
    before = {name: text for name, text in outs(tmp_path / "out").items() if name.startswith("recordings")}
    with pytest.raises(InvalidRecording):
        take_in(with_infinity(raw, 3, 5, 7), tmp_path / "out")
    assert {name: text for name, text in outs(tmp_path / "out").items() if name.startswith("recordings")} == before


def test_many_faults_make_a_short_message(tmp_path):
    with pytest.raises(InvalidRecording, match="lines more") as told:
        take_in(with_infinity(raw_with(tmp_path / "raw"), *range(1, 31)), tmp_path / "out")
    assert len(str(told.value).splitlines()) <= 13


def test_a_part_that_cannot_be_read_counts_as_a_part(tmp_path):
    raw = raw_with(tmp_path / "raw")
    spoil(raw / SIGNAL / "body_acc_y_train.txt", 2, lambda words: words[:-1])
    with pytest.raises(InvalidRecording, match=r"1 of 2 parts were refused") as told:
        take_in(raw, tmp_path / "out")
    assert "parts.readable: train: " in str(told.value) and "line 2: a row must have 128 numbers" in str(told.value)
    tolerant = adapted(PARAMS, "validate_", max_quarantined_share=0.5)
    report = take_in(raw, tmp_path / "tolerant", tolerant)
    assert report.recordings == 2
    assert [one.subject for one in recordings.read(tmp_path / "tolerant" / "recordings")] == ["2", "24"]
    told_file = (tmp_path / "tolerant" / "quarantine" / "train.reason.txt").read_text()
    assert "part train was refused" in told_file
    assert "raw/UCI HAR Dataset/train/Inertial Signals/body_acc_y_train.txt, line 2" in told_file
    assert str(tmp_path) not in told_file


def test_a_copied_recording_is_found_across_parts_and_people(tmp_path):
    raw = raw_with(tmp_path / "raw")
    for path in (raw / SIGNAL).iterdir():
        line = path.read_bytes().splitlines()[3]
        other = raw / uci_har.ROOT / "test" / "Inertial Signals" / path.name.replace("_train", "_test")
        spoil(other, 1, lambda words, line=line: line.split())
    report = take_in(raw, tmp_path / "out")
    assert [one.name for one in report.refusals] == ["train:4", "test:1"]
    (text,) = {reason.text for reason in report.refusals[1].reasons if reason.expectation == "total_acc.repeats"}
    assert text == "the same values as total_acc of train:4 (subject 5)"


def test_the_number_of_workers_changes_no_byte(tmp_path):
    simulated = adapted(COMMITTED, "runtime", workers=1)
    simulated = simulated.model_copy(update={"dataset": SimulatedParams(name="simulated", seconds_per_activity=5.0)})
    raw = tmp_path / "raw"
    datasets.get("simulated").fetch(raw, simulated, lambda done, total, text: None)
    shutil.copy(raw / "S03" / "gyroscope.parquet", raw / "S01" / "gyroscope.parquet")
    (raw / "S02" / "activities.json").write_text("[")
    simulated = adapted(simulated, "validate_", max_quarantined_share=0.2)
    reports = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        reports.append(take_in(raw, folder, adapted(simulated, "runtime", workers=workers)))
    assert outs(tmp_path / "1") == outs(tmp_path / "2")
    first, second = ((one.to_json(), distributions.to_json(one.reference)) for one in reports)
    assert first == second
    assert [one.name for one in reports[0].refusals] == ["S01:session", "S03:session", "S02"]


def test_drift_from_an_earlier_run_is_found_and_an_equal_one_passes(tmp_path):
    raw = raw_with(tmp_path / "raw")
    reference = tmp_path / "reference.json"
    reference.write_text(distributions.to_json(take_in(raw, tmp_path / "first").reference), encoding="utf-8")
    compared = adapted(PARAMS, "validate_", reference=str(reference))
    names = {verdict.expectation.name for verdict in take_in(raw, tmp_path / "again", compared).verdicts}
    assert "drift.body_acc.body_acc_x" in names
    path = raw / SIGNAL / "body_acc_x_train.txt"
    np.savetxt(path, np.loadtxt(path) * 3, fmt="%16.7e")
    with pytest.raises(InvalidRecording, match=r"1 channels drifted from .*\n  drift\.body_acc\.body_acc_x: "):
        take_in(raw, tmp_path / "moved", compared)


def test_nothing_to_read_is_refused(tmp_path):
    with pytest.raises(InvalidRecording):
        take_in(raw_with(tmp_path / "raw", ROWS | {"train": [], "test": []}), tmp_path / "out")
    assert not (tmp_path / "out" / "recordings").exists()
