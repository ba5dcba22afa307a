"""What only the files can tell, found by reading them once: people, labels, how long activities last, rates."""

import re
from dataclasses import dataclass
from pathlib import Path

from sensegen.datasets import file_labels, file_recordings
from sensegen.datasets.file_pieces import Part
from sensegen.description import Description
from sensegen.description.places import UNLABELLED, NoLabels
from sensegen.recording import InvalidRecording


@dataclass(frozen=True)
class Found:
    """People and labels in order, the longest stretch of one label, and of measured rates the lowest and highest."""

    subjects: tuple[str, ...]
    labels: tuple[str, ...]
    longest_activity_seconds: float
    rates_hz: dict[str, tuple[float, float]]


def told(description: Description) -> Found | None:
    """What the description itself tells, if that is all there is to know."""
    labels = [UNLABELLED] if isinstance(description.activity, NoLabels) else description.labels
    measured = [name for name, signal in description.signals.items() if signal.rate_hz is None]
    if description.subjects is None or labels is None or description.longest_activity_seconds is None or measured:
        return None
    return Found(tuple(description.subjects), tuple(labels), description.longest_activity_seconds, {})


def scan(folder: Path, description: Description) -> Found:
    """Read every file once, of signals only those whose rate is to be measured. Files that cannot be read are left to
    `validate`, unless none can.

    Raises:
        InvalidRecording: what is wrong with the first file, if all are refused.
    """
    measured = {name: signal for name, signal in description.signals.items() if signal.rate_hz is None}
    lean = description.model_copy(update={"signals": measured or dict([next(iter(description.signals.items()))])})
    intervals = file_labels.intervals(folder, description)
    subjects, labels, longest_s = set(), set(), 0.0
    rates_hz: dict[str, list[float]] = {name: [] for name in measured}
    refusals = []
    for path in files_of(folder, description):
        part = Part(folder, path.relative_to(folder).as_posix(), lean, intervals)
        try:
            for recording in file_recordings.read(part):
                subjects.add(recording.subject)
                labels |= {activity.label for activity in recording.activities}
                longest_s = max([longest_s, *(one.end_s - one.start_s for one in recording.activities)])
                for name in rates_hz.keys() & recording.signals.keys():
                    rates_hz[name].append(recording.signals[name].rate_hz)
        except InvalidRecording as error:
            refusals.append(error)
    if not subjects:
        raise refusals[0]
    if not labels:
        raise InvalidRecording(
            f"No recording in {folder} carries a label. Set activity to {{kind: none}}, or correct it."
        )
    return Found(
        tuple(description.subjects or sorted(subjects, key=_by_number)),
        tuple(description.labels or sorted(labels, key=_by_number)),
        description.longest_activity_seconds or longest_s,
        {name: (min(rates), max(rates)) for name, rates in rates_hz.items() if rates},
    )


def files_of(folder: Path, description: Description) -> list[Path]:
    """The files of recordings, in an order that does not depend on the file system."""
    others = {*label_files_of(folder, description)}
    found = (path for path in folder.glob(description.files) if path.is_file() and path not in others)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def label_files_of(folder: Path, description: Description) -> list[Path]:
    """The label files, if there are any."""
    return sorted(folder.glob(description.label_files)) if description.label_files else []


def _by_number(name: str) -> list[tuple[int, str]]:
    """Sorts 2 before 10."""
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in re.findall(r"\d+|\D+", name)]
