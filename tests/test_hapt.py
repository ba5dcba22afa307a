"""HAPT's sessions are read exactly as published, and whatever is wrong in a file is named with its line."""

import itertools
import os
import re
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from sensegen import datasets, presets
from sensegen import params as schema
from sensegen.datasets import hapt, uci_har
from sensegen.fetching import archive, provenance
from sensegen.fetching.mirror import MIRROR_VARIABLE
from sensegen.fetching.provenance import sha256
from sensegen.fetching.transfer import Patience
from sensegen.params.datasets import HaptParams, UciHarParams
from sensegen.recording import Activity, InvalidRecording, Recording
from sensegen.source import Archive, Member, Source

ROOT = Path(__file__).parents[1]
HAPT = HaptParams(name="hapt")
SAMPLES = 700
LABELS = ["1 1 5 11 160", "1 1 7 161 240", "1 1 4 241 400", "2 1 1 1 700", "3 4 6 1 200", "3 4 12 300 390"]


def published(folder: Path) -> Path:
    """A small data set in the published format: two sessions of person 1, one of person 4."""
    root = folder / hapt.ROOT
    root.mkdir(parents=True)
    draw = np.random.default_rng(0)
    for session in ("exp01_user01", "exp02_user01", "exp03_user04"):
        for sensor in ("acc", "gyro"):
            rows = draw.normal(0, 0.3, (SAMPLES, 3)).tolist()
            text = "".join(" ".join(map(repr, row)) + "\n" for row in rows)
            (root / f"{sensor}_{session}.txt").write_text(text, encoding="utf-8")
    relabel(root, LABELS)
    return root


def relabel(root: Path, lines: list[str]) -> None:
    (root / "labels.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def spoil(path: Path, number: int, line: bytes) -> None:
    """Put another line in the place of one, counted from one."""
    lines = path.read_bytes().splitlines()
    lines[number - 1] = line
    path.write_bytes(b"\n".join(lines) + b"\n")


def read(folder: Path, part: str | None = None) -> list[Recording]:
    parts = hapt.parts(folder, HAPT) if part is None else (part,)
    return [one for name in parts for one in hapt.read(folder, HAPT, name)]


def test_a_session_is_a_part_and_a_recording_of_its_person(tmp_path):
    published(tmp_path)
    recordings = read(tmp_path)
    assert [recording.name for recording in recordings] == ["exp01_user01", "exp02_user01", "exp03_user04"]
    assert [recording.subject for recording in recordings] == ["1", "1", "4"]


def test_values_are_those_of_the_text_bit_for_bit(tmp_path):
    root = published(tmp_path)
    for recording in read(tmp_path):
        for name, signal in recording.signals.items():
            words = (root / f"{name}_{recording.name}.txt").read_text().split()
            assert signal.values.ravel().tolist() == [float(word) for word in words]
            assert signal.times_s.tolist() == [at / 50 for at in range(SAMPLES)]


def test_intervals_count_samples_from_one_and_hold_both_ends(tmp_path):
    published(tmp_path)
    assert read(tmp_path)[0].activities == (
        Activity("STANDING", 10 / 50, 160 / 50),
        Activity("STAND_TO_SIT", 160 / 50, 240 / 50),
        Activity("SITTING", 240 / 50, 400 / 50),
    )


def test_unlabelled_samples_belong_to_no_activity(tmp_path):
    published(tmp_path)
    recording = read(tmp_path, "exp03_user04")[0]
    times_s = recording.signals["acc"].times_s
    covered = sum(((times_s >= one.start_s) & (times_s < one.end_s)).sum() for one in recording.activities)
    assert covered == 200 + 91


def test_the_order_of_lines_and_files_does_not_matter(tmp_path):
    root = published(tmp_path)
    before = [recording.activities for recording in read(tmp_path)]
    relabel(root, LABELS[::-1])
    path = root / "acc_exp01_user01.txt"
    text = path.read_bytes()
    path.unlink()
    path.write_bytes(text)
    assert [recording.activities for recording in read(tmp_path)] == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 1 4 241 701", r"line 3: the interval ends at sample 701, but the recording at 700"),
        ("1 1 4 240 400", r"line 3: samples 240 to 400 overlap those up to 240 of line 2"),
        ("1 1 4 20 30", r"line 3: samples 20 to 30 overlap those up to 160 of line 1"),
        ("1 1 13 241 400", r"line 3: an activity must be a whole number from 1 to 12, but is 13"),
        ("1 1 0 241 400", r"line 3: an activity must be .*, but is 0"),
        ("1 1 4 400 241", r"line 3: an interval must go .* goes from 400 to 241"),
        ("1 1 4 0 9", r"line 3: an interval must go .* \(the first is 1\) .* goes from 0 to 9"),
        ("1 1 4 241", r"line 3: a row must have 5 numbers, but has 4"),
        ("1 1 4 241 400 7", r"line 3: a row must have 5 numbers, but has 6"),
        ("1 1 SITTING 241 400", r"line 3: 'SITTING' is no whole number"),
        ("1 1 4 241.5 400", r"line 3: '241\.5' is no whole number"),
        ("1 1 4 -241 400", r"line 3: '-241' is no whole number"),
    ],
)
def test_a_bad_interval_is_named_by_line_and_refuses_its_session_alone(tmp_path, line, message):
    root = published(tmp_path)
    relabel(root, [*LABELS[:2], line, *LABELS[3:]])
    with pytest.raises(InvalidRecording, match=rf"labels\.txt, (?:{message})"):
        read(tmp_path, "exp01_user01")
    assert len(read(tmp_path, "exp02_user01")) == len(read(tmp_path, "exp03_user04")) == 1


@pytest.mark.parametrize("line", ["one 1 4 241 400", "", "1", "\ufffd 1 4 241 400"])
def test_a_line_that_names_no_session_refuses_all(tmp_path, line):
    root = published(tmp_path)
    relabel(root, [*LABELS[:2], line, *LABELS[3:]])
    with pytest.raises(InvalidRecording, match=r"labels\.txt, line 3: a row must begin with the numbers of a session"):
        hapt.parts(tmp_path, HAPT)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"0.1 0.2", "a row must have 3 numbers, but has 2"),
        (b"0.1 0.2 0.3 0.4", "a row must have 3 numbers, but has 4"),
        (b"0.1 word 0.3", "'word' is no number"),
        (b"0.1,0.2,0.3", "'0.1,0.2,0.3' is no number"),
        (b"0.1 0.2 0.3,", "'0.3,' is no number"),
        (b"0.1 \xff 0.3", "'\ufffd' is no number"),
        (b"", "a row must have 3 numbers, but has 0"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, line, message):
    root = published(tmp_path)
    spoil(root / "gyro_exp02_user01.txt", 5, line)
    with pytest.raises(InvalidRecording, match=re.escape(f"gyro_exp02_user01.txt, line 5: {message}")):
        read(tmp_path, "exp02_user01")


def test_a_file_cut_in_the_middle_of_a_row_is_refused(tmp_path):
    root = published(tmp_path)
    path = root / "acc_exp01_user01.txt"
    path.write_bytes(path.read_bytes()[: -len(path.read_bytes().splitlines()[-1].split()[-1]) - 1])
    with pytest.raises(InvalidRecording, match=r"line 700: a row must have 3 numbers, but has 2"):
        read(tmp_path, "exp01_user01")


def test_sensors_of_different_length_are_named_with_their_counts(tmp_path):
    root = published(tmp_path)
    path = root / "gyro_exp02_user01.txt"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(InvalidRecording, match=r"acc_exp02_user01\.txt has 700 and gyro_exp02_user01\.txt has 699"):
        read(tmp_path, "exp02_user01")


@pytest.mark.parametrize("name", ["acc_exp02_user01.txt", "gyro_exp02_user01.txt"])
def test_a_missing_file_refuses_its_session_alone(tmp_path, name):
    root = published(tmp_path)
    (root / name).unlink()
    assert "exp02_user01" in hapt.parts(tmp_path, HAPT)
    with pytest.raises(InvalidRecording, match=rf"{re.escape(name)} is missing"):
        read(tmp_path, "exp02_user01")
    assert len(read(tmp_path, "exp01_user01")) == 1


def test_a_session_without_files_that_labels_name_is_refused_and_not_forgotten(tmp_path):
    root = published(tmp_path)
    relabel(root, [*LABELS, "9 5 1 1 100"])
    assert hapt.parts(tmp_path, HAPT)[-1] == "exp09_user05"
    with pytest.raises(InvalidRecording, match=r"acc_exp09_user05\.txt is missing"):
        read(tmp_path, "exp09_user05")


def test_a_session_without_labels_is_refused(tmp_path):
    root = published(tmp_path)
    relabel(root, LABELS[:3] + LABELS[4:])
    with pytest.raises(InvalidRecording, match=r"what was done in session exp02_user01, but has no line for it"):
        read(tmp_path, "exp02_user01")


def test_an_unknown_person_is_refused(tmp_path):
    root = published(tmp_path)
    for sensor in ("acc", "gyro"):
        (root / f"{sensor}_exp02_user01.txt").rename(root / f"{sensor}_exp02_user31.txt")
    with pytest.raises(InvalidRecording, match=r"exp02_user31 must be of a person from 1 to 30"):
        read(tmp_path, "exp02_user31")


def test_an_empty_file_and_an_empty_folder_are_named(tmp_path):
    root = published(tmp_path)
    (root / "acc_exp01_user01.txt").write_bytes(b"")
    with pytest.raises(InvalidRecording, match=r"acc_exp01_user01\.txt is empty"):
        read(tmp_path, "exp01_user01")
    for path in root.glob("*exp*"):
        path.unlink()
    with pytest.raises(InvalidRecording, match=r"holds no file such as acc_exp01_user01\.txt"):
        hapt.parts(tmp_path, HAPT)
    (root / "labels.txt").unlink()
    with pytest.raises(InvalidRecording, match=r"labels\.txt is missing"):
        hapt.parts(tmp_path, HAPT)


def test_the_people_and_test_people_are_those_of_uci_har():
    assert hapt.SOURCE.subjects == uci_har.SOURCE.subjects
    assert hapt.SOURCE.test_subjects == uci_har.SOURCE.test_subjects
    assert hapt.SOURCE.labels[:6] == uci_har.SOURCE.labels


# --- the archive


def packed(root: Path, target: Path, top: str) -> Source:
    """The files under `root` as an archive, with or without a folder around, and a source that knows them."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    target.parent.mkdir(parents=True)
    with zipfile.ZipFile(target, "w") as file:
        for path in paths:
            file.write(path, top + path.relative_to(root.parent).as_posix())
    known = tuple(Member(path.relative_to(root.parent).as_posix(), sha256(path)) for path in paths)
    return replace(hapt.SOURCE, archives=(replace(hapt.SOURCE.archives[0], members=known),))


def fetch_into(folder: Path, source: Source, dataset: str = "hapt") -> Path:
    patience = Patience(attempts=1, timeout_seconds=5.0)
    asked = archive.Request(dataset, source, folder / "downloads", patience, lambda done, total, text: None)
    archive.fetch(asked, folder / "raw")
    return folder / "raw"


@pytest.mark.parametrize("top", ["", "HAPT Dataset/"])
@pytest.mark.parametrize("name", [hapt.SOURCE.archives[0].name, "hapt_rawdata.zip"])
def test_the_archive_is_taken_with_or_without_its_top_folder_under_either_name(tmp_path, monkeypatch, top, name):
    root = published(tmp_path / "made")
    source = packed(root, tmp_path / "mirror" / "hapt" / name, top)
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    raw = fetch_into(tmp_path, source)
    assert provenance.record("hapt", source, raw)["files"] == {
        member.path: member.sha256 for member in source.archives[0].members
    }
    assert len(read(raw)) == 3


def test_another_folder_around_everything_is_another_archive(tmp_path, monkeypatch):
    source = packed(published(tmp_path / "made"), tmp_path / "mirror" / "hapt" / "hapt_rawdata.zip", "Other/")
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    with pytest.raises(archive.ArchiveError, match=r"holds no RawData/acc_exp01_user01\.txt"):
        fetch_into(tmp_path, source)


def test_a_copy_with_one_number_changed_does_not_pass_for_the_published_one(tmp_path, monkeypatch):
    root = published(tmp_path / "made")
    source = packed(root, tmp_path / "mirror" / "hapt" / "hapt_rawdata.zip", "HAPT Dataset/")
    member = source.archives[0].members[3]
    changed: tuple[Archive, ...] = (replace(source.archives[0], members=(Member(member.path, "0" * 64),)),)
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    with pytest.raises(archive.ArchiveError, match=rf"{member.path} must have sha256 0000"):
        fetch_into(tmp_path, replace(source, archives=changed))


def test_every_sensor_file_of_61_sessions_has_a_known_checksum():
    paths = [Path(member.path).name for member in hapt.SOURCE.archives[0].members]
    matches = [match for match in map(hapt.SESSION.fullmatch, paths) if match]
    assert len(paths) == 123 and len(matches) == 122
    assert len({match.groups() for match in matches}) == 61
    assert {str(int(match[2])) for match in matches} == set(hapt.SOURCE.subjects)


# --- the real data


@pytest.fixture(scope="module")
def real_folder(tmp_path_factory):
    """The published files, out of SENSEGEN_MIRROR or a folder of copies beside the project."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    mirror = os.environ.get(MIRROR_VARIABLE) or str(beside)
    names = (hapt.SOURCE.archives[0].name, *hapt.SOURCE.archives[0].copies)
    if "://" not in mirror and not any((Path(mirror) / "hapt" / name).is_file() for name in names):
        pytest.skip(f"no HAPT archive in {mirror}; set {MIRROR_VARIABLE} to a folder that holds one")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(MIRROR_VARIABLE, mirror)
        return fetch_into(tmp_path_factory.mktemp("hapt"), hapt.SOURCE)


@pytest.fixture(scope="module")
def real(real_folder) -> list[Recording]:
    return read(real_folder)


@pytest.mark.real_data
def test_the_real_sessions_have_the_published_counts(real):
    assert len(real) == 61 and {recording.subject for recording in real} == set(hapt.SOURCE.subjects)
    assert sum(len(recording.signals["acc"].times_s) for recording in real) == 1_122_772
    labels = Counter(activity.label for recording in real for activity in recording.activities)
    counts = [127, 183, 186, 120, 120, 120, 60, 62, 60, 60, 58, 58]
    assert [labels[label] for label in hapt.SOURCE.labels] == counts


@pytest.mark.real_data
def test_the_real_activities_last_as_long_as_declared(real):
    activities = [activity for recording in real for activity in recording.activities]
    seconds = [activity.end_s - activity.start_s for activity in activities]
    assert max(seconds) == pytest.approx(hapt.SOURCE.longest_activity_seconds)
    assert min(seconds) == pytest.approx(74 / 50)


@pytest.mark.real_data
def test_every_real_value_lies_within_the_declared_bounds_and_nearly_reaches_them(real):
    for name, bounds in hapt.SOURCE.signals.items():
        values = np.concatenate([recording.signals[name].values for recording in real])
        assert bounds.low <= values.min() < 0.95 * bounds.low
        assert 0.95 * bounds.high < values.max() <= bounds.high


def test_the_preset_asks_for_what_the_dataset_has():
    text = presets.applied((ROOT / "params.yaml").read_text(encoding="utf-8"), presets.read(ROOT / "presets", "hapt"))
    assert datasets.check(schema.check(yaml.safe_load(text))) == hapt.SOURCE


@pytest.mark.real_data
def test_a_published_window_of_uci_har_follows_from_the_raw_recording_to_the_last_digit(real_folder, monkeypatch):
    """Its first 14 windows are of person 1, standing: the first interval of session 1, filtered forwards only."""
    from benchmarks.hapt_against_uci_har import Causal

    beside = real_folder.parent / "uci_har"
    mirror = os.environ.get(MIRROR_VARIABLE) or str(Path(__file__).parents[2] / "shared" / "data")
    monkeypatch.setenv(MIRROR_VARIABLE, mirror)
    fetch_into(beside, uci_har.SOURCE, "uci_har")
    published_windows = uci_har.read(beside / "raw", UciHarParams(name="uci_har"), "train")
    recording = read(real_folder, "exp01_user01")[0]
    raw = np.concatenate([recording.signals[name].values for name in ("acc", "gyro")], axis=1)
    begin = round(recording.activities[0].start_s * hapt.RATE_HZ)
    for at, window in enumerate(itertools.islice(published_windows, 14)):
        values = np.concatenate([signal.values for signal in window.signals.values()], axis=1)
        ours = Causal()(raw)[begin + 64 * at : begin + 64 * at + 128]
        assert (window.subject, window.activities[0].label) == ("1", recording.activities[0].label)
        assert np.abs(ours - values).max() < 1e-6
