"""HAPT: the continuous recordings behind UCI HAR, 12 activities of which six are postural transitions.

A phone at the waist of 30 people, 61 sessions as the sensors gave them (Reyes-Ortiz et al., 2015): acceleration with
gravity in it and angular velocity, 50 Hz, no timestamps. The people are UCI HAR's under the same numbers, so its
official test people are theirs too. `labels.txt` says which samples (counted from one, both ends included) are of
which activity; it covers 73 % of the samples, and the rest belongs to no activity.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sensegen.fetching import archive
from sensegen.fetching.transfer import DOWNLOADS, Patience
from sensegen.number_table import AGAIN, read_bytes, read_rows
from sensegen.params import Params
from sensegen.params.datasets import HaptParams
from sensegen.progress import Progress
from sensegen.recording import Activity, InvalidRecording, Recording, Signal
from sensegen.source import Archive, Bounds, Source, members

ROOT = "RawData"
RATE_HZ = 50.0
LABELS = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")
TRANSITIONS = ("STAND_TO_SIT", "SIT_TO_STAND", "SIT_TO_LIE", "LIE_TO_SIT", "STAND_TO_LIE", "LIE_TO_STAND")
WHOLE_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
SESSION = re.compile(r"(?:acc|gyro)_exp(\d\d)_user(\d\d)\.txt")

# The accelerometer saturates at 2 g (2.01 g seen), the gyroscope at 32,768 steps of 17.5 millidegrees/s: 10.008 rad/s,
# seen in all three axes. The longest activity is 2,032 samples, the shortest 141, the shortest transition 74.
SOURCE = Source(
    citation=(
        "J.-L. Reyes-Ortiz, L. Oneto, A. Samà, X. Parra, D. Anguita. Transition-Aware Human Activity Recognition Using "
        "Smartphones. Neurocomputing, 2015."
    ),
    licence="CC BY 4.0 on the UCI page",
    page="https://archive.ics.uci.edu/dataset/341/smartphone+based+recognition+of+human+activities+and+postural+transitions",
    signals={
        "acc": Bounds(("acc_x", "acc_y", "acc_z"), "g", RATE_HZ, low=-2.1, high=2.1, gravity=True),
        "gyro": Bounds(("gyro_x", "gyro_y", "gyro_z"), "rad/s", RATE_HZ, low=-10.01, high=10.01),
    },
    labels=LABELS + TRANSITIONS,
    subjects=tuple(str(number) for number in range(1, 31)),
    longest_activity_seconds=40.64,
    test_subjects=("2", "4", "9", "10", "12", "13", "18", "20", "24"),
    archives=(
        Archive(
            name="smartphone+based+recognition+of+human+activities+and+postural+transitions.zip",
            url=(
                "https://archive.ics.uci.edu/static/public/341/"
                "smartphone+based+recognition+of+human+activities+and+postural+transitions.zip"
            ),
            members=members(Path(__file__).with_suffix(".sha256")),
            copies=("hapt_rawdata.zip",),
            top="HAPT Dataset",
        ),
    ),
    notes={
        "clock": "No timestamps are published: sample n is taken to be n / 50 s after the first.",
        "split": "The test people are those of UCI HAR; this data set names none.",
    },
)


def declare(dataset: HaptParams) -> Source:
    """The source: nothing about it can be changed."""
    del dataset
    return SOURCE


def fetch(folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
    """Put the files of `RawData` under `folder`, each with its sha256; see `sensegen.fetching.archive.fetch`."""
    patience = Patience(params.download.attempts, params.download.timeout_seconds)
    archive.fetch(archive.Request("hapt", SOURCE, downloads, patience, progress), folder)


def parts(folder: Path, dataset: HaptParams) -> tuple[str, ...]:
    """The sessions, such as `exp01_user01`: every one that has a file, or a line in `labels.txt`.

    Raises:
        InvalidRecording: if there is none, or `labels.txt` is missing or has a line that names no session.
    """
    del dataset
    found = (SESSION.fullmatch(path.name) for path in (folder / ROOT).glob("*.txt"))
    with_file = {_session(int(match[1]), int(match[2])) for match in found if match}
    with_label = {part for _, part, _ in _lines(folder / ROOT / "labels.txt")}
    if not with_file:
        raise InvalidRecording(f"{folder / ROOT} holds no file such as acc_exp01_user01.txt. {AGAIN}")
    return tuple(sorted(with_file | with_label))


def read(folder: Path, dataset: HaptParams, part: str) -> Iterator[Recording]:
    """The recording of one session.

    NaN and infinite values are passed on: whether they may be is for `validate` to say.

    Raises:
        InvalidRecording: a file is missing; a row has not three numbers, or holds a word; the two sensors have
            different lengths; the person is not known; an interval is not made of whole numbers, is of an unknown
            activity, has no samples, ends behind the recording or overlaps another; there is no interval.
    """
    del dataset
    root, subject = folder / ROOT, part.partition("_user")[2].lstrip("0")
    if subject not in SOURCE.subjects:
        raise InvalidRecording(f"{root}: session {part} must be of a person from 1 to 30. {AGAIN}")
    paths = {name: root / f"{name}_{part}.txt" for name in SOURCE.signals}
    values = {name: read_rows(path, 3) for name, path in paths.items()}
    if len(values["acc"]) != len(values["gyro"]):
        raise InvalidRecording(
            f"The two sensors of a session must have as many rows, but {paths['acc']} has {len(values['acc']):,} and "
            f"{paths['gyro'].name} has {len(values['gyro']):,}. {AGAIN}"
        )
    times_s = np.arange(len(values["acc"])) / RATE_HZ
    signals = {
        name: Signal(values[name], times_s, RATE_HZ, bounds.unit, bounds.channels)
        for name, bounds in SOURCE.signals.items()
    }
    yield Recording(part, subject, signals, _activities(root / "labels.txt", part, len(times_s)))


def _session(experiment: int, user: int) -> str:
    return f"exp{experiment:02}_user{user:02}"


def _activities(path: Path, part: str, samples: int) -> tuple[Activity, ...]:
    """The labelled intervals of one session, in time."""
    own = [(_interval(path, line, words), line) for line, session, words in _lines(path) if session == part]
    if not own:
        raise InvalidRecording(f"{path} must say what was done in session {part}, but has no line for it. {AGAIN}")
    activities, before, before_line = [], 0, 0
    for (first, last, activity), line in sorted(own):
        problem = _problem(activity, first, last, samples)
        if not problem and first <= before:
            problem = f"samples {first} to {last} overlap those up to {before} of line {before_line}"
        if problem:
            raise InvalidRecording(f"{path}, line {line}: {problem}. {AGAIN}")
        activities.append(Activity(SOURCE.labels[activity - 1], (first - 1) / RATE_HZ, last / RATE_HZ))
        before, before_line = last, line
    return tuple(activities)


def _problem(activity: int, first: int, last: int, samples: int) -> str | None:
    if not 1 <= activity <= len(SOURCE.labels):
        return f"an activity must be a whole number from 1 to {len(SOURCE.labels)}, but is {activity}"
    if not 1 <= first <= last:
        return f"an interval must go from a sample (the first is 1) to a later one, but goes from {first} to {last}"
    if last > samples:
        return f"the interval ends at sample {last:,}, but the recording at {samples:,}"
    return None


def _lines(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Line number and session of each line of `labels.txt`, with its words: experiment, user, activity, first, last."""
    for number, line in enumerate(read_bytes(path).decode(errors="replace").splitlines(), start=1):
        words = line.split()
        if len(words) < 2 or not all(WHOLE_NUMBER.fullmatch(word) for word in words[:2]):
            raise InvalidRecording(
                f"{path}, line {number}: a row must begin with the numbers of a session and a person, but is "
                f"{line[:80]!r}. {AGAIN}"
            )
        yield number, _session(int(words[0]), int(words[1])), words


def _interval(path: Path, line: int, words: list[str]) -> tuple[int, int, int]:
    """First sample, last sample and activity."""
    if len(words) != 5:
        raise InvalidRecording(f"{path}, line {line}: a row must have 5 numbers, but has {len(words)}. {AGAIN}")
    if wrong := [word for word in words if not WHOLE_NUMBER.fullmatch(word)]:
        raise InvalidRecording(f"{path}, line {line}: {wrong[0]!r} is no whole number. {AGAIN}")
    activity, first, last = (int(word) for word in words[2:])
    return first, last, activity
