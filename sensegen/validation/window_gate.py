"""The gate of the windows: no split may learn from another, and nothing may be asked that was never shown.

Each check is a pure function of the index and the rows of each split, and says what it found as one line a fault. The
splits are made to keep these promises (`sensegen.splitting`); this looks at what was made, whoever made it.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from sensegen.cutting import WindowIndex
from sensegen.params.windowing import InTimeSplit, WindowParams
from sensegen.recording import InvalidRecording
from sensegen.source import Source

Rows = Mapping[str, Int[np.ndarray, "window"]]
CLOCK_TOLERANCE_S = 1e-6


def check(index: WindowIndex, splits: Rows, params: WindowParams, source: Source) -> None:
    """Let windows pass whose splits are apart in people, in samples and in time, and whose classes are all in `fit`.

    Raises:
        InvalidRecording: naming each expectation that failed, with splits, people and classes.
    """
    faults = [f"windows.classes: {fault}" for fault in unseen_classes(index, splits, source)]
    if not isinstance(params.split, InTimeSplit):
        faults += [f"windows.subjects: {fault}" for fault in shared_subjects(index, splits, source)]
    faults += [f"windows.samples: {fault}" for fault in shared_samples(index, splits, params)]
    if source.published_windows is not None or isinstance(params.split, InTimeSplit):
        faults += [f"windows.time: {fault}" for fault in shared_time(index, splits, params)]
    if faults:
        raise InvalidRecording(
            "The windows failed what must hold between splits, and nothing was passed on:\n  "
            + "\n  ".join(faults)
            + "\nChange window.split in params.yaml, or name classes in window.dropped_labels."
        )


def unseen_classes(index: WindowIndex, splits: Rows, source: Source) -> Iterator[str]:
    """Classes that a split asks for and `fit` never shows."""
    shown = set(index.label[splits["fit"]].tolist())
    for name, rows in splits.items():
        labels, counts = np.unique(index.label[rows], return_counts=True)
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True):
            if label not in shown:
                yield f"{name} has {count} of {source.labels[label]}, but fit has none"


def shared_subjects(index: WindowIndex, splits: Rows, source: Source) -> Iterator[str]:
    """People of `test` or `validation` who are in another split too; `held_out_time` is of the people of `fit`."""
    people = {name: set(index.subject[rows].tolist()) for name, rows in splits.items()}
    for one, other in combinations(splits, 2):
        if {one, other} != {"fit", "held_out_time"} and (both := sorted(people[one] & people[other])):
            yield f"{one} and {other} share {', '.join(source.subjects[subject] for subject in both)}"


def shared_samples(index: WindowIndex, splits: Rows, params: WindowParams) -> Iterator[str]:
    """Splits whose windows overlap in the stored signals."""
    length = round(params.window_seconds * params.rate_hz)
    yield from _overlaps(splits, np.zeros(len(index)), index.start.astype(float), length)


def shared_time(index: WindowIndex, splits: Rows, params: WindowParams) -> Iterator[str]:
    """Splits whose windows overlap in one person's time: published ones, stored one by one; those of two devices.

    Published windows were cut inside one activity each, so only those of the same activity can share what was
    recorded; and nobody does two things at once.
    """
    activity = index.subject * (index.label.max(initial=0) + 1) + index.label
    yield from _overlaps(splits, activity, index.begin_s, params.window_seconds - CLOCK_TOLERANCE_S)


def _overlaps(
    splits: Rows, group: Float[np.ndarray, "window"], begin: Float[np.ndarray, "window"], length: float
) -> Iterator[str]:
    """Within a group, in the order of their begins, windows of two splits that overlap have such neighbours too."""
    names = list(splits)
    rows = np.concatenate([splits[name] for name in names])
    split = np.repeat(np.arange(len(names)), [len(splits[name]) for name in names])
    order = np.lexsort((begin[rows], group[rows]))
    rows, split = rows[order], split[order]
    near = (np.diff(group[rows]) == 0) & (np.diff(begin[rows]) < length)
    pairs = np.sort(np.stack([split[:-1], split[1:]], axis=1)[near & (np.diff(split) != 0)], axis=1)
    for (one, other), count in zip(*np.unique(pairs, axis=0, return_counts=True), strict=True):
        yield f"{names[one]} and {names[other]} overlap, in {count} places"
