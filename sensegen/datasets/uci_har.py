"""UCI HAR: a phone at the waist of 30 people, six activities, published as windows (Anguita et al., 2013).

All nine inertial channels: the total acceleration, its part above 0.3 Hz (`body_acc`), and the angular velocity.
Each published window of 128 samples is a recording, its values exactly those of the published text; train comes
before test, rows in file order. Neighbouring rows share half their samples, so only subjects may split them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int

from sensegen.fetching import archive
from sensegen.fetching.transfer import DOWNLOADS, Patience
from sensegen.number_table import AGAIN, read_bytes, read_rows
from sensegen.params import Params
from sensegen.params.datasets import UciHarParams
from sensegen.progress import Progress
from sensegen.recording import Activity, InvalidRecording, Recording, Signal
from sensegen.source import Archive, Bounds, Member, PublishedWindows, Source

ROOT = "UCI HAR Dataset"
RATE_HZ = 50.0
SAMPLES = 128
PARTS = ("train", "test")
LABELS = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")

# The sha256 of every member used, of the files as published in 2012.
SHA256 = {
    "activity_labels.txt": "f6e6b292704438261f0283b2a82659ab0661447dc16520938bdf379ed1bf8de0",
    "test/Inertial Signals/body_acc_x_test.txt": "c07eb8ee8c76eafcd94b42111082700e10f4956b769fbbb0d5413c14f38774fa",
    "test/Inertial Signals/body_acc_y_test.txt": "0ed0057b41f6870b16a6953ef17f6d42bc5542fa304319fb6b7f424dd3380f0b",
    "test/Inertial Signals/body_acc_z_test.txt": "a2b58317137533bdbf2342bf301ae854c15b1168259cc7b582c2dd131e3d81d5",
    "test/Inertial Signals/body_gyro_x_test.txt": "fb4f27f13e4e08055043f34ed52f6d8bbe8ebce7dff9475ff92be03b3d3f607c",
    "test/Inertial Signals/body_gyro_y_test.txt": "d2501166b2b1f645b51f722fcf31f3aa1e9a3edae18d49322612f37b4495cb80",
    "test/Inertial Signals/body_gyro_z_test.txt": "90a18ce534be0dfc616cefdac9874e2ea599ae20421cd161361c2a33f40cfa5e",
    "test/Inertial Signals/total_acc_x_test.txt": "ea71c339c828561bc1dc6f7301a54aeb7e61e6312cb2387ebaea832ffd04203d",
    "test/Inertial Signals/total_acc_y_test.txt": "32692c617b40c16e020bf059a316bd6bf3a63d771f030dfc5fa4003f390b6f67",
    "test/Inertial Signals/total_acc_z_test.txt": "622ddf1d9532fbe340472074ef1edd1a2f58aa332682542bb36a8c03c9ba9e04",
    "test/subject_test.txt": "63b8c577f4a85431c06bd87f6384608c90a9f72f05c7956dd21255dc63515c07",
    "test/y_test.txt": "2a94cb53ca46b956c1b2aebd4a09a72badd8a8e9ea9cdfe9f31b3306a08666bb",
    "train/Inertial Signals/body_acc_x_train.txt": "89f7bf5e360384804439d00f463dd2f717c452c683cac6c0a09b1a191d8ce4a2",
    "train/Inertial Signals/body_acc_y_train.txt": "4775a586a5a1acc6706edee08c685835daea7bc1d9274e7e7e8d660fea173944",
    "train/Inertial Signals/body_acc_z_train.txt": "9155718981ff1331dcd2d30aee545905ffba71af9ece5a08d6dfdeeb7d2ec4fb",
    "train/Inertial Signals/body_gyro_x_train.txt": "423f6806f09059de3c1f443cf1d04a3c3907dc7ee17b5d296ed775b07aa6cde6",
    "train/Inertial Signals/body_gyro_y_train.txt": "42419d8aaefd1a319561998defb167bfa57f7e51d656b6012d5a59c0b10f5260",
    "train/Inertial Signals/body_gyro_z_train.txt": "05bc629faee918b0f5b99cd2e68f860c785889627ec8efeb85c29282f3963988",
    "train/Inertial Signals/total_acc_x_train.txt": "41a7fe1da7b529cc6c2c3d7df97c98752bea74d7a142673dd59c7820fad3b5e6",
    "train/Inertial Signals/total_acc_y_train.txt": "03bd3a80c0c04bf354597ad62920158b4b6605e157d856a1aab9abb357d40c5d",
    "train/Inertial Signals/total_acc_z_train.txt": "5be3b593f88d49bb8f740c1c41379fc928ea8608d706594ebbba81cd800a5a33",
    "train/subject_train.txt": "66e1e2fbe9b396fa5155f531dc3348c803f503be663e2318772d49947db9153a",
    "train/y_train.txt": "415b3357e2e2d5e70a45c781947c6bdd80e0410a579d862eedcd6bbce3c694ef",
}

# Ranges of the phone's sensors: an accelerometer of 2 g with a quarter of headroom, since calibrated values were
# published up to 2.2 g; a gyroscope of 500 degrees/s.
SOURCE = Source(
    citation=(
        "D. Anguita, A. Ghio, L. Oneto, X. Parra, J. L. Reyes-Ortiz. A Public Domain Dataset for Human Activity "
        "Recognition Using Smartphones. ESANN 2013."
    ),
    licence=(
        "CC BY 4.0 on the UCI page; the README inside the archive asks for acknowledgement and prohibits any "
        "commercial use. The two disagree: the stricter reading is research use only."
    ),
    page="https://archive.ics.uci.edu/dataset/240/human+activity+recognition+using+smartphones",
    signals={
        "body_acc": Bounds(("body_acc_x", "body_acc_y", "body_acc_z"), "g", RATE_HZ, low=-2.5, high=2.5),
        "body_gyro": Bounds(("body_gyro_x", "body_gyro_y", "body_gyro_z"), "rad/s", RATE_HZ, low=-8.73, high=8.73),
        "total_acc": Bounds(
            ("total_acc_x", "total_acc_y", "total_acc_z"), "g", RATE_HZ, low=-2.5, high=2.5, gravity=True
        ),
    },
    labels=LABELS,
    subjects=tuple(str(number) for number in range(1, 31)),
    longest_activity_seconds=SAMPLES / RATE_HZ,
    test_subjects=("2", "4", "9", "10", "12", "13", "18", "20", "24"),
    archives=(
        Archive(
            name="human+activity+recognition+using+smartphones.zip",
            url="https://archive.ics.uci.edu/static/public/240/human+activity+recognition+using+smartphones.zip",
            members=tuple(Member(f"{ROOT}/{path}", digest) for path, digest in SHA256.items()),
            inside="UCI HAR Dataset.zip",
        ),
    ),
    published_windows=PublishedWindows(samples=SAMPLES, stride_samples=SAMPLES // 2),
    notes={"filtering": "Published after a median filter and a low-pass at 20 Hz; gravity is what lies below 0.3 Hz."},
)


def declare(dataset: UciHarParams) -> Source:
    """The source: nothing about it can be changed."""
    del dataset
    return SOURCE


def fetch(folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
    """Put the 23 members used under `folder`, each with its published sha256; see `sensegen.fetching.archive.fetch`."""
    patience = Patience(params.download.attempts, params.download.timeout_seconds)
    archive.fetch(archive.Request("uci_har", SOURCE, downloads, patience, progress), folder)


def parts(folder: Path, dataset: UciHarParams) -> tuple[str, ...]:
    """The two sides of the official split.

    Raises:
        InvalidRecording: if a subject stands on both sides of the split.
    """
    del dataset
    root = folder / ROOT
    subjects = {part: {*_subjects(root / part / f"subject_{part}.txt").tolist()} for part in PARTS}
    if both := sorted(subjects["train"] & subjects["test"]):
        raise InvalidRecording(
            f"A subject must be on one side of the split, but {both} stand in both "
            f"{root / 'train' / 'subject_train.txt'} and {root / 'test' / 'subject_test.txt'}. {AGAIN}"
        )
    return PARTS


def read(folder: Path, dataset: UciHarParams, part: str) -> Iterator[Recording]:
    """One recording a published window, named `<part>:<row>` with rows counted from one.

    NaN and infinite values are passed on: whether they may be is for `validate` to say.

    Raises:
        InvalidRecording: a file is missing; a row has not 128 numbers, or holds a word; files disagree on the number
            of windows; a label is none of the six; a subject is not known.
    """
    del dataset
    root = folder / ROOT
    names = _label_names(root / "activity_labels.txt")
    yield from _windows(root, part, names, _subjects(root / part / f"subject_{part}.txt"))


def _windows(root: Path, part: str, names: dict[int, str], subjects: Int[np.ndarray, "window"]) -> Iterator[Recording]:
    labels = _labels(root / part / f"y_{part}.txt", names)
    folder = root / part / "Inertial Signals"
    files = {channel: folder / f"{channel}_{part}.txt" for channel in SOURCE.channels}
    columns = {channel: read_rows(path, SAMPLES) for channel, path in files.items()}
    counts = {path.name: len(columns[channel]) for channel, path in files.items()}
    counts[f"subject_{part}.txt"] = len(subjects)
    if wrong := [f"{name} has {count}" for name, count in counts.items() if count != len(labels)]:
        raise InvalidRecording(
            f"Every file in {root / part} must have a row for each window, but y_{part}.txt has {len(labels)} rows "
            f"and {', '.join(wrong[:2])}{', ...' if len(wrong) > 2 else ''}. {AGAIN}"
        )
    values = {
        name: np.stack([columns[channel] for channel in bounds.channels], axis=2)
        for name, bounds in SOURCE.signals.items()
    }
    times_s = np.arange(SAMPLES) / RATE_HZ
    for row, (label, subject) in enumerate(zip(labels, subjects, strict=True)):
        signals = {
            name: Signal(values[name][row], times_s, RATE_HZ, bounds.unit, bounds.channels)
            for name, bounds in SOURCE.signals.items()
        }
        activity = Activity(names[int(label)], 0.0, SAMPLES / RATE_HZ)
        yield Recording(f"{part}:{row + 1}", str(subject), signals, (activity,))


def _label_names(path: Path) -> dict[int, str]:
    """The published names of the classes 1 to 6.

    Raises:
        InvalidRecording: if they are not the six declared.
    """
    words = read_bytes(path).decode(errors="replace").split()
    names = dict(zip(words[::2], words[1::2], strict=False))
    expected = {str(number): label for number, label in enumerate(LABELS, start=1)}
    if names != expected:
        raise InvalidRecording(f"{path} must name the activities {expected}, but names {names}. {AGAIN}")
    return {int(number): label for number, label in names.items()}


def _labels(path: Path, names: dict[int, str]) -> Int[np.ndarray, "window"]:
    return _whole_numbers(path, tuple(names), "label")


def _subjects(path: Path) -> Int[np.ndarray, "window"]:
    return _whole_numbers(path, tuple(int(subject) for subject in SOURCE.subjects), "subject")


def _whole_numbers(path: Path, known: tuple[int, ...], what: str) -> Int[np.ndarray, "window"]:
    numbers = read_rows(path, 1)[:, 0]
    if len(wrong := np.flatnonzero(~np.isin(numbers, known))):
        raise InvalidRecording(
            f"{path}, line {wrong[0] + 1}: a {what} must be a whole number from {min(known)} to {max(known)}, "
            f"but is {numbers[wrong[0]]:g}. {AGAIN}"
        )
    return numbers.astype(np.int64)
