"""A user's own files become recordings by their description alone; what is wrong in them is told by file and line."""

import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sensegen.datasets import file_pieces, file_recordings, files
from sensegen.params import InvalidParams, Params
from sensegen.params.datasets import FilesParams
from sensegen.recording import InvalidRecording, Recording

DATASET = FilesParams(name="files", description="mine/description.yaml")
RATE_HZ = 50.0
ACCELERATION = {"columns": ["x", "y", "z"], "unit": "m/s2", "low": -40.0, "high": 40.0, "rate_hz": RATE_HZ}
DESCRIPTION = {
    "citation": "made up",
    "licence": "none",
    "folder": ".",
    "files": "*.csv",
    "format": {"kind": "csv", "separator": ","},
    "recording": {"kind": "file"},
    "subject": {"kind": "file_name", "pattern": r"^(?P<subject>[a-z]+\d+)"},
    "activity": {"kind": "column", "column": "label"},
    "time": {"kind": "column", "column": "ms", "unit": "ms"},
    "signals": {"acceleration": ACCELERATION},
}


def rows(samples: int = 100, start_ms: float = 5000.0, label: Callable[[int], str] = lambda at: "walk") -> list[str]:
    """A row a sample: the time, the sample's number three times, a label."""
    period_ms = 1000 / RATE_HZ
    return [f"{start_ms + at * period_ms:.10g},{at},{at}.5,-{at},{label(at)}" for at in range(samples)]


def write_csv(path: Path, lines: Iterable[str], header: str = "ms,x,y,z,label") -> None:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


class Project:
    """A project folder with the user's files in `mine/`; `read` does what the stages do."""

    def __init__(self, root: Path, params: Params):
        self.mine, self.raw = root / "mine", root / "raw"
        self.params = params.model_copy(update={"dataset": DATASET})
        self.mine.mkdir()
        (root / "params.yaml").touch()

    def describe(self, **changes: Any) -> None:
        text = yaml.safe_dump(DESCRIPTION | changes)
        (self.mine / "description.yaml").write_text(text, encoding="utf-8")

    def fetch(self) -> None:
        files.fetch(self.raw, self.params, lambda done, total, text: None)

    def read(self) -> list[Recording]:
        self.fetch()
        return [
            recording for part in files.parts(self.raw, DATASET) for recording in files.read(self.raw, DATASET, part)
        ]

    def refusal(self) -> str:
        with pytest.raises(InvalidRecording) as told:
            self.read()
        return str(told.value)


@pytest.fixture
def project(tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path, params)
    made.describe()
    return made


def spans(recording: Recording) -> list[tuple[str, float, float]]:
    return [(one.label, round(one.start_s, 6), round(one.end_s, 6)) for one in recording.activities]


# --- what files become


def test_times_start_at_zero_and_values_are_those_of_the_text(project):
    write_csv(project.mine / "p1.csv", rows(4))
    (recording,) = project.read()
    signal = recording.signals["acceleration"]
    assert (recording.name, recording.subject, signal.unit, signal.rate_hz) == ("p1.csv", "p1", "m/s2", RATE_HZ)
    assert np.allclose(signal.times_s, [0, 0.02, 0.04, 0.06])
    assert signal.values.tolist() == [[0, 0.5, 0], [1, 1.5, -1], [2, 2.5, -2], [3, 3.5, -3]]


def test_values_are_converted_to_the_unit_asked_for(project):
    project.describe(signals={"acceleration": ACCELERATION | {"to_unit": "g", "channels": ["ax", "ay", "az"]}})
    write_csv(project.mine / "p1.csv", ["0,9.80665,0,19.6133,walk", "20,0,0,0,walk"])
    (recording,) = project.read()
    signal = recording.signals["acceleration"]
    assert (signal.unit, signal.channels) == ("g", ("ax", "ay", "az"))
    assert np.allclose(signal.values[0], [1, 0, 2])


def test_runs_of_a_label_are_activities_and_rows_without_one_are_not_covered(project):
    label = lambda at: "sit" if at < 30 else "" if at < 50 else "walk"  # noqa: E731
    write_csv(project.mine / "p1.csv", rows(100, label=label))
    (recording,) = project.read()
    assert spans(recording) == [("sit", 0.0, 0.6), ("walk", 1.0, 2.0)]


def test_a_label_does_not_hold_across_a_gap(project):
    write_csv(project.mine / "p1.csv", rows(50) + rows(50, start_ms=60_000.0))
    (recording,) = project.read()
    assert spans(recording) == [("walk", 0.0, 1.0), ("walk", 55.0, 56.0)]


def test_many_recordings_in_a_file_are_told_apart_even_where_their_rows_alternate(project):
    project.describe(
        recording={"kind": "columns", "columns": ["who", "device"]}, subject={"kind": "column", "column": "who"}
    )
    owners = [("p2", "phone"), ("p1", "watch"), ("p1", "phone")]
    lines = [f"{row},{owners[at % 3][0]},{owners[at % 3][1]}" for at, row in enumerate(rows(90))]
    write_csv(project.mine / "all.csv", lines, "ms,x,y,z,label,who,device")
    recordings = project.read()
    assert [(one.name, one.subject) for one in recordings] == [
        ("all.csv:p2/phone", "p2"),
        ("all.csv:p1/watch", "p1"),
        ("all.csv:p1/phone", "p1"),
    ]
    for first, recording in enumerate(recordings):
        assert recording.signals["acceleration"].values[:, 0].tolist() == list(range(first, 90, 3))


def test_a_slower_sensor_has_samples_only_where_its_columns_are_filled(project):
    heart = {"columns": ["hr"], "unit": "bpm", "low": 30.0, "high": 220.0, "rate_hz": 1.0}
    project.describe(
        signals={"acceleration": ACCELERATION, "heart_rate": heart},
        format={"kind": "csv", "separator": ",", "missing": [""]},
    )
    lines = [f"{row},{60 + at // 50 if at % 50 == 10 else ''}" for at, row in enumerate(rows(150))]
    write_csv(project.mine / "p1.csv", lines, "ms,x,y,z,label,hr")
    (recording,) = project.read()
    assert recording.signals["heart_rate"].values[:, 0].tolist() == [60, 61, 62]
    assert np.allclose(recording.signals["heart_rate"].times_s, [0.2, 1.2, 2.2])
    assert len(recording.signals["acceleration"].times_s) == 150


def test_a_recording_may_lack_the_columns_of_an_optional_signal(project):
    heart = {"columns": ["hr"], "unit": "bpm", "low": 30.0, "high": 220.0, "rate_hz": 1.0, "optional": True}
    project.describe(signals={"acceleration": ACCELERATION, "heart_rate": heart})
    write_csv(project.mine / "p1.csv", rows(3))
    (recording,) = project.read()
    assert list(recording.signals) == ["acceleration"]
    assert files.declare(DATASET).signals["heart_rate"].optional


def test_rates_that_are_not_described_are_measured(project):
    measured = {key: value for key, value in ACCELERATION.items() if key != "rate_hz"}
    project.describe(signals={"acceleration": measured})
    write_csv(project.mine / "p1.csv", rows(100))
    write_csv(project.mine / "p2.csv", [f"{at * 10},0,0,{at},walk" for at in range(100)])
    rates_hz = [recording.signals["acceleration"].rate_hz for recording in project.read()]
    bounds = files.declare(DATASET).signals["acceleration"]
    assert np.allclose(rates_hz, [50, 100])
    assert np.allclose([bounds.rate_hz, bounds.highest_rate_hz], [50, 100])


def test_a_fixed_rate_without_header_needs_no_clock(project):
    project.describe(
        format={"kind": "csv", "separator": " ", "columns": ["x", "y", "z"]},
        time={"kind": "fixed_rate", "rate_hz": RATE_HZ},
        activity={"kind": "file_name", "pattern": r"_(?P<activity>\w+)\."},
    )
    (project.mine / "p1_walk.csv").write_text("1 2 3\n4 5 6\n7 8 9\n", encoding="utf-8")
    (recording,) = project.read()
    assert recording.signals["acceleration"].values.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert spans(recording) == [("walk", 0.0, 0.06)]


@pytest.mark.parametrize(
    ("unit", "first", "second"),
    [
        ("s", "7.0", "7.02"),
        ("us", "7000000", "7020000"),
        ("ns", "1424696631913248572", "1424696631933248572"),
        ("iso", "2024-05-01T10:00:00", "2024-05-01T10:00:00.02"),
        ("iso", "2024-05-01T10:00:00Z", "2024-05-01T10:00:00.02Z"),
    ],
)
def test_every_clock_unit_gives_seconds(project, unit, first, second):
    project.describe(time={"kind": "column", "column": "ms", "unit": unit})
    write_csv(project.mine / "p1.csv", [f"{first},0,0,0,walk", f"{second},1,1,1,walk"])
    (recording,) = project.read()
    assert np.allclose(recording.signals["acceleration"].times_s, [0, 0.02], atol=1e-6)


def test_parquet_gives_what_csv_gives(project):
    write_csv(project.mine / "p1.csv", rows(60, label=lambda at: "sit" if at < 30 else "walk"))
    (from_text,) = project.read()
    numbers = np.arange(60.0)
    table = {
        "ms": 5000 + numbers * 20,
        "x": numbers,
        "y": numbers + 0.5,
        "z": -numbers,
        "label": ["sit"] * 30 + ["walk"] * 30,
    }
    pq.write_table(pa.table(table), project.mine / "p1.parquet")
    project.describe(format={"kind": "parquet"}, files="*.parquet")
    (from_parquet,) = project.read()
    assert from_parquet.activities == from_text.activities
    one, other = from_text.signals["acceleration"], from_parquet.signals["acceleration"]
    assert np.array_equal(one.values, other.values) and np.array_equal(one.times_s, other.times_s)


def test_unlabelled_files_carry_the_one_label_everywhere(project):
    project.describe(activity={"kind": "none"})
    write_csv(project.mine / "p1.csv", rows(50))
    source = files.declare(DATASET)
    (recording,) = project.read()
    assert (source.labelled, source.labels) == (False, ("unlabelled",))
    assert spans(recording) == [("unlabelled", 0.0, 1.0)]


@given(most_rows=st.integers(20, 300), samples=st.integers(60, 400))
def test_pieces_of_a_long_recording_hold_each_sample_and_label_once(tmp_path_factory, most_rows, samples):
    folder = tmp_path_factory.mktemp("long")
    write_csv(folder / "p1.csv", rows(samples, label=lambda at: "ab"[at // 50 % 2]))
    description = files.descriptions.parse(yaml.safe_dump(DESCRIPTION), "mine.yaml")
    part = file_pieces.Part(folder, "p1.csv", description, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_recordings, "MOST_ROWS", most_rows)
        patch.setattr("sensegen.delimited.blocks.CHUNK_BYTES", 512)
        pieces = list(file_recordings.read(part))
    assert [piece.name for piece in pieces] == ["p1.csv", *(f"p1.csv#{number}" for number in range(2, len(pieces) + 1))]
    values = np.concatenate([piece.signals["acceleration"].values[:, 0] for piece in pieces])
    assert values.tolist() == list(range(samples))
    covered = sum(one.end_s - one.start_s for piece in pieces for one in piece.activities)
    assert covered == pytest.approx(samples / RATE_HZ)


# --- label files

INTERVALS = {
    "kind": "intervals",
    "files": "labels.txt",
    "format": {"kind": "csv", "separator": ","},
    "recording": ["file"],
    "start": "start",
    "end": "end",
    "label": "what",
    "unit": "s",
    "counted_from": "start",
}


def labelled(project: Project, *lines: str, **changes: Any) -> None:
    project.describe(activity=INTERVALS | changes)
    write_csv(project.mine / "p1.csv", rows(100))
    write_csv(project.mine / "labels.txt", lines, "file,start,end,what")


def test_intervals_of_a_label_file_are_activities(project):
    labelled(project, "p1,0.5,1,walk", "p1,0,0.5,sit")
    (recording,) = project.read()
    assert spans(recording) == [("sit", 0.0, 0.5), ("walk", 0.5, 1.0)]


def test_intervals_can_be_told_on_the_clock_of_the_samples(project):
    labelled(project, "p1,5500,6000,walk", unit="ms", counted_from="clock")
    (recording,) = project.read()
    assert spans(recording) == [("walk", 0.5, 1.0)]


def test_intervals_can_be_counted_in_samples_the_last_included(project):
    labelled(project)
    kept = {key: INTERVALS[key] for key in ("files", "format", "recording", "label")}
    project.describe(activity=kept | {"kind": "sample_intervals", "first": "start", "last": "end", "counted_from": 1})
    write_csv(project.mine / "labels.txt", ["p1,1,25,sit", "p1,26,100,walk"], "file,start,end,what")
    (recording,) = project.read()
    assert spans(recording) == [("sit", 0.0, 0.5), ("walk", 0.5, 2.0)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["p1,0,1,walk", "p1,1,2.5,sit"], "labels.txt, line 3: sit ends at 2.5, but recording p1 of p1.csv"),
        (["p1,0,1,walk", "p1,0.9,2,sit"], "labels.txt, line 3: sit begins at 0.9, before walk of"),
        (["p1,1,1,walk"], "labels.txt, line 2: an interval must end after it begins"),
        (["p1,0,soon,walk"], "labels.txt, line 2, column 3 (end): 'soon' is no number"),
        (["p1,0,1,"], "labels.txt, line 2: recording, start, end and what must all stand here"),
        (["p1,0,1,walk", "p7,0,1,walk"], "labels.txt, line 3: this labels the recording 'p7', which no file holds"),
    ],
)
def test_intervals_that_cannot_be_are_told_by_line(project, lines, message):
    labelled(project, *lines)
    assert message in project.refusal()


# --- what cannot be used


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p1.csv is empty"),
        ("ms,x,y,z,label\n", "p1.csv holds a header and no rows"),
        ("ms,x,y,z,label\n0,1,2,3,walk\n20,1,two,3,walk\n", "p1.csv, line 3, column 3 (y): 'two' is no number"),
        ("ms,x,y,z,label\n0,1,2,3,walk\n20,1;2,3,walk\n", "p1.csv, line 3, column 4: a row must have 5 columns"),
        ("0,1,2,3,walk\n20,1,2,3,walk\n", "p1.csv, line 1: a header must stand here"),
        ("zeit,x,y,z,label\n0,1,2,3,walk\n", "p1.csv, line 1: the header 'zeit,x,y,z,label' is another one"),
        ("ms,x,y,z,label\n0,1,2,3,walk\nnan,1,2,3,walk\n", "p1.csv, line 3, column ms: a time in ms must stand here"),
    ],
)
def test_text_that_cannot_be_used_is_told_by_file_line_and_column(project, text, message):
    (project.mine / "p1.csv").write_text(text, encoding="utf-8")
    project.describe(subjects=["p1"], labels=["walk"], longest_activity_seconds=10.0)
    assert message in project.refusal()


def test_two_devices_in_one_file_are_noticed_by_their_clocks(project):
    one, other = rows(100), rows(100, start_ms=9_000_000.0)
    write_csv(project.mine / "p1.csv", [row for pair in zip(one, other, strict=True) for row in pair])
    assert "p1.csv, line 4: the time does not go on here, nor in 99 of 199 steps" in project.refusal()


def test_a_few_backward_steps_are_left_to_the_gate(project):
    lines = rows(100)
    lines[10], lines[11] = lines[11], lines[10]
    write_csv(project.mine / "p1.csv", lines)
    (recording,) = project.read()
    assert (np.diff(recording.signals["acceleration"].times_s) < 0).sum() == 1


def test_two_people_in_one_recording_are_refused(project):
    project.describe(subject={"kind": "column", "column": "who"})
    lines = [f"{row},{'p1' if at < 50 else 'p2'}" for at, row in enumerate(rows(100))]
    write_csv(project.mine / "p1.csv", lines, "ms,x,y,z,label,who")
    assert "p1.csv, line 52: a recording is of one person, but 'p2' follows 'p1'" in project.refusal()


def test_a_clock_that_stands_still_has_no_rate(project):
    measured = {key: value for key, value in ACCELERATION.items() if key != "rate_hz"}
    project.describe(signals={"acceleration": measured})
    write_csv(project.mine / "p1.csv", ["5000,0,0,0,walk"])
    assert "p1.csv, line 2: the rate of acceleration must be above zero" in project.refusal()


def test_a_file_whose_name_tells_no_subject_is_refused_and_others_are_read(project):
    write_csv(project.mine / "p1.csv", rows(50))
    write_csv(project.mine / "77.csv", rows(50))
    project.fetch()
    assert files.parts(project.raw, DATASET) == ("77.csv", "p1.csv")
    with pytest.raises(InvalidRecording, match=r"77\.csv: subject\.pattern .* finds no subject"):
        list(files.read(project.raw, DATASET, "77.csv"))
    assert len(list(files.read(project.raw, DATASET, "p1.csv"))) == 1


@pytest.mark.parametrize("damage", [lambda raw: raw[:-100], lambda raw: b"PAR1", lambda raw: b""])
def test_a_parquet_file_that_was_cut_off_is_refused(project, damage):
    project.describe(
        format={"kind": "parquet"}, files="*.parquet", subjects=["p1"], labels=["walk"], longest_activity_seconds=9.0
    )
    path = project.mine / "p1.parquet"
    pq.write_table(
        pa.table({"ms": [0.0, 20.0], "x": [1.0, 1], "y": [1.0, 1], "z": [1.0, 1], "label": ["walk"] * 2}), path
    )
    path.write_bytes(damage(path.read_bytes()))
    assert "p1.parquet is no Parquet file, or was cut off" in project.refusal()


def test_a_parquet_column_that_is_missing_is_named_with_the_nearest(project):
    project.describe(format={"kind": "parquet"}, files="*.parquet")
    pq.write_table(
        pa.table({"ms": [0.0], "x": [1.0], "y": [1.0], "z": [1.0], "labels": ["walk"]}), project.mine / "p1.parquet"
    )
    with pytest.raises(InvalidParams, match=r"p1\.parquet has no column 'label'.*Did you mean labels\?"):
        files.declare(DATASET)


# --- what the stages see


def test_people_and_labels_are_found_in_order_of_their_numbers(project):
    for subject in ("p10", "p2"):
        write_csv(project.mine / f"{subject}.csv", rows(100, label=lambda at: "sit" if at < 60 else "walk"))
    source = files.declare(DATASET)
    assert (source.subjects, source.labels) == (("p2", "p10"), ("sit", "walk"))
    assert source.longest_activity_seconds == pytest.approx(1.2)


def test_after_fetching_the_original_files_are_not_needed(project):
    write_csv(project.mine / "p1.csv", rows(50))
    project.raw = project.raw.parent / "artifacts" / "download" / "raw"
    before = files.declare(DATASET)
    (recording,) = project.read()
    (project.mine / "p1.csv").unlink()
    (again,) = files.read(project.raw, DATASET, "p1.csv")
    assert files.declare(DATASET) == before
    assert np.array_equal(again.signals["acceleration"].values, recording.signals["acceleration"].values)


def test_a_file_that_was_added_is_seen_before_it_is_fetched(project):
    project.raw = project.raw.parent / "artifacts" / "download" / "raw"
    write_csv(project.mine / "p1.csv", rows(50))
    project.fetch()
    write_csv(project.mine / "p2.csv", rows(50))
    assert files.declare(DATASET).subjects == ("p1", "p2")


def test_a_description_that_tells_all_is_not_looked_up(project):
    project.describe(subjects=["b", "a"], labels=["walk", "run"], longest_activity_seconds=7.0)
    source = files.declare(DATASET)  # there is no file at all
    assert (source.subjects, source.labels, source.longest_activity_seconds) == (("b", "a"), ("walk", "run"), 7.0)


def test_fetching_copies_files_labels_and_description_and_nothing_else(project):
    labelled(project, "p1,0,1,walk")
    (project.mine / "notes.docx").write_bytes(b"private")
    project.fetch()
    copied = sorted(path.relative_to(project.raw).as_posix() for path in project.raw.rglob("*") if path.is_file())
    assert copied == ["description.yaml", "files.json", "files/labels.txt", "files/p1.csv"]
    assert (project.raw / "files/p1.csv").stat().st_ino != (project.mine / "p1.csv").stat().st_ino
    assert json.loads((project.raw / "files.json").read_text())["found"]["labels"] == ["walk"]


def test_a_description_that_names_no_file_says_where_it_looked(project):
    with pytest.raises(InvalidParams, match=r"files is '\*\.csv', but .*mine holds no such file"):
        files.declare(DATASET)
    with pytest.raises(InvalidRecording, match="holds no such file"):
        project.fetch()


# --- real files

MIRROR = os.environ.get("SENSEGEN_MIRROR", "")
HAPT = Path(MIRROR, "hapt", "hapt_rawdata.zip")


@pytest.mark.real_data
@pytest.mark.skipif(not MIRROR or not HAPT.is_file(), reason="needs SENSEGEN_MIRROR with hapt")
def test_a_published_dataset_is_read_by_a_description_alone(project):
    with zipfile.ZipFile(HAPT) as zipped:
        for name in zipped.namelist():
            if re.search(r"RawData/(acc_exp.*|labels)\.txt$", name):
                (project.mine / Path(name).name).write_bytes(zipped.read(name))
    columns = ["experiment", "user", "activity", "first", "last"]
    project.describe(
        files="acc_exp*.txt",
        format={"kind": "csv", "separator": " ", "columns": ["x", "y", "z"]},
        recording={"kind": "file", "pattern": r"exp0*(?P<recording>\d+)"},
        subject={"kind": "file_name", "pattern": r"user0*(?P<subject>\d+)"},
        time={"kind": "fixed_rate", "rate_hz": 50.0},
        activity={
            "kind": "sample_intervals",
            "files": "labels.txt",
            "format": {"kind": "csv", "separator": " ", "columns": columns},
            "recording": ["experiment"],
            "first": "first",
            "last": "last",
            "label": "activity",
            "counted_from": 1,
        },
    )
    recordings = project.read()
    source = files.declare(DATASET)
    assert source.subjects == tuple(str(number) for number in range(1, 31))
    assert source.labels == tuple(str(number) for number in range(1, 13))
    assert len(recordings) == 61
    assert sum(len(one.activities) for one in recordings) == 1214
    assert sum(len(one.signals["acceleration"].times_s) for one in recordings) == 1_122_772
