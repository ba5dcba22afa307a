"""UCI HAR is read exactly as published, and whatever is wrong in a file is named with its line."""

import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensegen.datasets import uci_har
from sensegen.fetching import archive, provenance
from sensegen.fetching.mirror import MIRROR_VARIABLE
from sensegen.fetching.transfer import Patience
from sensegen.params.datasets import UciHarParams
from sensegen.recording import InvalidRecording
from sensegen.source import Source

LABELS = "".join(f"{number} {label}\n" for number, label in enumerate(uci_har.LABELS, start=1))
ROWS = {"train": [(1, 5), (6, 7), (3, 5)], "test": [(2, 2), (4, 24)]}  # (label, subject) of each window


def published(folder: Path, rows: dict[str, list[tuple[int, int]]] = ROWS) -> Path:
    """A small data set in the published format: fixed width, CRLF, three-digit exponents."""
    root = folder / uci_har.ROOT
    root.mkdir(parents=True)
    (root / "activity_labels.txt").write_text(LABELS)
    draw = np.random.default_rng(0)
    for part, windows in rows.items():
        signals = root / part / "Inertial Signals"
        signals.mkdir(parents=True)
        for channel in uci_har.SOURCE.channels:
            table = draw.normal(0, 0.3, (len(windows), uci_har.SAMPLES))
            (signals / f"{channel}_{part}.txt").write_bytes(b"".join(line(row) for row in table))
        for at, name in enumerate(("y", "subject")):
            (root / part / f"{name}_{part}.txt").write_text("".join(f"{window[at]}\n" for window in windows))
    return root


def line(values: np.ndarray) -> bytes:
    text = "".join(f"{value:16.7e}" for value in values)
    return re.sub(r"e([+-])(\d\d)(?!\d)", r"e\g<1>0\2", text).encode() + b"\r\n"


def spoil(path: Path, number: int, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the words of one line of a file, counted from one."""
    lines = path.read_bytes().splitlines()
    lines[number - 1] = b" ".join(change(lines[number - 1].split()))
    path.write_bytes(b"\r\n".join(lines) + b"\r\n")


def read(folder: Path):
    dataset = UciHarParams(name="uci_har")
    return [one for part in uci_har.parts(folder, dataset) for one in uci_har.read(folder, dataset, part)]


def test_windows_come_in_file_order_with_their_labels_and_subjects(tmp_path):
    published(tmp_path)
    recordings = read(tmp_path)
    assert [recording.name for recording in recordings] == ["train:1", "train:2", "train:3", "test:1", "test:2"]
    assert [recording.subject for recording in recordings] == ["5", "7", "5", "2", "24"]
    labels = [recording.activities[0].label for recording in recordings]
    assert labels == ["WALKING", "LAYING", "WALKING_DOWNSTAIRS", "WALKING_UPSTAIRS", "SITTING"]


def test_values_are_those_of_the_text_bit_for_bit(tmp_path):
    root = published(tmp_path)
    recordings = read(tmp_path)
    for bounds in uci_har.SOURCE.signals.values():
        for column, channel in enumerate(bounds.channels):
            words = (root / "train" / "Inertial Signals" / f"{channel}_train.txt").read_text().split()
            name = channel[:-2]
            values = np.concatenate([recording.signals[name].values[:, column] for recording in recordings[:3]])
            assert values.tolist() == [float(word) for word in words]


def test_nan_and_infinity_are_left_for_validate_to_report(tmp_path):
    root = published(tmp_path)
    path = root / "test" / "Inertial Signals" / "body_acc_y_test.txt"
    spoil(path, 2, lambda words: [b"NaN", b"Inf", *words[2:]])
    values = read(tmp_path)[-1].signals["body_acc"].values
    assert np.isnan(values[0, 1]) and np.isposinf(values[1, 1]) and np.isfinite(values[2:]).all()


SIGNAL = "train/Inertial Signals/body_gyro_z_train.txt"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda words: words[:-1], r"line 2: a row must have 128 numbers, but has 127"),
        (lambda words: [*words, b"1.0"], r"line 2: a row must have 128 numbers, but has 129"),
        (lambda words: [*words[:5], b"word", *words[6:]], r"line 2: 'word' is no number"),
        (lambda words: [*words[:-1], b"1.0x"], r"line 2: '1.0x' is no number"),
        (lambda words: [*words[:5], b"1.5-2.5", *words[6:]], r"line 2: '1.5-2.5' is no number"),
        (lambda words: [*words[:5], b"1_000", *words[6:]], r"line 2: '1_000' is no number"),
        (lambda words: [*words[:5], b"#", *words[6:]], r"line 2: '#' is no number"),
        (lambda words: [*words[:5], b"\xff", *words[6:]], r"line 2: '\ufffd' is no number"),
        (lambda words: [], r"line 2: a row must have 128 numbers, but has 0"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, change, message):
    root = published(tmp_path)
    spoil(root / SIGNAL, 2, change)
    with pytest.raises(InvalidRecording, match=r"body_gyro_z_train\.txt, " + message):
        read(tmp_path)


def test_a_file_with_127_columns_throughout_is_refused(tmp_path):
    root = published(tmp_path)
    for number in (1, 2, 3):
        spoil(root / SIGNAL, number, lambda words: words[:-1])
    with pytest.raises(InvalidRecording, match="line 1: a row must have 128 numbers, but has 127"):
        read(tmp_path)


def test_a_row_too_long_beside_one_too_short_is_not_taken_for_two_good_ones(tmp_path):
    root = published(tmp_path)
    spoil(root / SIGNAL, 1, lambda words: words[:-1])
    spoil(root / SIGNAL, 2, lambda words: [b"0.5", *words])
    with pytest.raises(InvalidRecording, match="line 1: a row must have 128 numbers, but has 127"):
        read(tmp_path)


@pytest.mark.parametrize("text", [b"", b"\r\n"])
def test_an_empty_file_is_named(tmp_path, text):
    root = published(tmp_path)
    (root / SIGNAL).write_bytes(text)
    with pytest.raises(InvalidRecording, match=r"body_gyro_z_train\.txt is empty"):
        read(tmp_path)


@pytest.mark.parametrize("path", [SIGNAL, "activity_labels.txt", "test/y_test.txt", "test/subject_test.txt"])
def test_a_missing_file_is_named(tmp_path, path):
    root = published(tmp_path)
    (root / path).unlink()
    with pytest.raises(InvalidRecording, match=rf"{re.escape(path)} is missing"):
        read(tmp_path)


@pytest.mark.parametrize("label", ["7", "0", "1.5", "nan"])
def test_a_label_out_of_range_is_named_by_line(tmp_path, label):
    root = published(tmp_path)
    (root / "train" / "y_train.txt").write_text(f"1\n{label}\n3\n")
    with pytest.raises(InvalidRecording, match=rf"y_train\.txt, line 2: a label must be .* 1 to 6, but is {label}"):
        read(tmp_path)


def test_an_unknown_subject_is_named_by_line(tmp_path):
    published(tmp_path, ROWS | {"test": [(2, 2), (4, 31)]})
    with pytest.raises(InvalidRecording, match=r"subject_test\.txt, line 2: a subject must be .* 1 to 30, but is 31"):
        read(tmp_path)


def test_a_subject_on_both_sides_of_the_split_is_refused(tmp_path):
    published(tmp_path, ROWS | {"test": [(2, 2), (4, 7)]})
    with pytest.raises(InvalidRecording, match=r"one side of the split, but \[7\]"):
        read(tmp_path)


def test_files_of_different_lengths_are_named_with_their_counts(tmp_path):
    root = published(tmp_path)
    (root / "train" / "y_train.txt").write_text("1\n6\n")
    said = r"y_train\.txt has 2 rows and body_acc_x_train\.txt has 3, .*Fetch it again"
    with pytest.raises(InvalidRecording, match=said):
        read(tmp_path)


def test_other_activity_names_are_refused(tmp_path):
    root = published(tmp_path)
    (root / "activity_labels.txt").write_text(LABELS.replace("LAYING", "RUNNING"))
    with pytest.raises(InvalidRecording, match=r"must name the activities .*LAYING.* but names .*RUNNING"):
        read(tmp_path)


def test_a_copy_with_one_number_changed_does_not_pass_for_the_published_one(tmp_path, monkeypatch):
    root = published(tmp_path / "made")
    mirror = tmp_path / "mirror" / "uci_har"
    mirror.mkdir(parents=True)
    with zipfile.ZipFile(mirror / "UCI HAR Dataset.zip", "w") as file:
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            file.write(path, path.relative_to(root.parent).as_posix())
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    with pytest.raises(archive.ArchiveError, match="must have sha256"):
        fetch_into(tmp_path, uci_har.SOURCE)


def fetch_into(folder: Path, source: Source) -> Path:
    patience = Patience(attempts=1, timeout_seconds=5.0)
    asked = archive.Request("uci_har", source, folder / "downloads", patience, lambda done, total, text: None)
    archive.fetch(asked, folder / "raw")
    return folder / "raw"


@pytest.fixture(scope="module")
def real_folder(tmp_path_factory):
    """The published files, out of SENSEGEN_MIRROR or a folder of copies beside the project."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    mirror = os.environ.get(MIRROR_VARIABLE) or str(beside)
    if "://" not in mirror and not (Path(mirror) / "uci_har" / "UCI HAR Dataset.zip").is_file():
        pytest.skip(f"no UCI HAR archive in {mirror}; set {MIRROR_VARIABLE} to a folder that holds one")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(MIRROR_VARIABLE, mirror)
        return fetch_into(tmp_path_factory.mktemp("uci_har"), uci_har.SOURCE)


@pytest.mark.real_data
def test_the_real_archive_holds_the_published_windows(real_folder):
    recordings = read(real_folder)
    parts = [recording.name.partition(":")[0] for recording in recordings]
    labels = Counter((part, recording.activities[0].label) for part, recording in zip(parts, recordings, strict=True))
    assert [labels["train", label] for label in uci_har.LABELS] == [1226, 1073, 986, 1286, 1374, 1407]
    assert [labels["test", label] for label in uci_har.LABELS] == [496, 471, 420, 491, 532, 537]
    test_subjects = {recording.subject for part, recording in zip(parts, recordings, strict=True) if part == "test"}
    assert test_subjects == set(uci_har.SOURCE.test_subjects)
    assert len({recording.subject for recording in recordings}) == 30


@pytest.mark.real_data
def test_the_real_values_equal_those_of_loadtxt(real_folder):
    recordings = read(real_folder)[7352:]
    table = np.loadtxt(real_folder / uci_har.ROOT / "test" / "Inertial Signals" / "total_acc_z_test.txt")
    assert np.array_equal(np.stack([recording.signals["total_acc"].values[:, 2] for recording in recordings]), table)


@pytest.mark.real_data
def test_every_real_value_lies_within_the_declared_bounds(real_folder):
    for recording in read(real_folder):
        for name, signal in recording.signals.items():
            bounds = uci_har.SOURCE.signals[name]
            assert (signal.values >= bounds.low).all() and (signal.values <= bounds.high).all()


@pytest.mark.real_data
def test_only_the_declared_members_are_taken_out(real_folder):
    files = provenance.record("uci_har", uci_har.SOURCE, real_folder)["files"]
    assert files == {member.path: member.sha256 for member in uci_har.SOURCE.archives[0].members}
