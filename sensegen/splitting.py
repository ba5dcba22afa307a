"""Four splits, by people or by time, so that no score is helped by a window's neighbour.

`test` and `validation` are whole people. Of everybody else, the last part of each activity is `held_out_time`,
the rest `fit`; between the two a whole window of that activity is dropped, and so is a window that straddles activities
and would share samples with `held_out_time`. Published windows of different activities share none, even where one
follows the other (in UCI HAR at 0 of 370 changes of the activity, at 9,442 of 9,899 windows of one activity).

Where there is one subject, all four follow each other in the time of each activity. Activities take turns, so one may
come to its test while another is still fitted on: a window is dropped wherever a later split's window, of any activity,
begins or ends less than a whole window away. That says how well a generator continues this subject, and nothing about
new people.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from sensegen.balancing import class_counts, skew
from sensegen.cutting import WindowIndex
from sensegen.labelling import window_length
from sensegen.params.windowing import (
    InTimeSplit,
    KFoldSplit,
    LeaveOneOutSplit,
    OfficialSplit,
    SubjectSplit,
    WindowParams,
)
from sensegen.source import Source

CLOCK_TOLERANCE = 1e-6  # share of a window; times are sums of floating point numbers
SPLITS = ("fit", "validation", "held_out_time", "test")
PeopleSplit = SubjectSplit | OfficialSplit | KFoldSplit | LeaveOneOutSplit
# Where each window stands on some line, and how far on it windows of different splits must be apart.
Distance = tuple[Float[np.ndarray, "window"] | Int[np.ndarray, "window"], float]


def people(split: PeopleSplit, source: Source) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who is validation and who is test; subjects are dealt into folds in the order that the source names them."""
    subjects = source.subjects
    match split:
        case SubjectSplit():
            return tuple(split.validation_subjects), tuple(split.test_subjects)
        case OfficialSplit():
            return tuple(split.validation_subjects), source.test_subjects
        case KFoldSplit():
            folds = [subjects[fold :: split.folds] for fold in range(split.folds)]
            return folds[(split.fold + 1) % split.folds], folds[split.fold]
        case LeaveOneOutSplit():
            at = subjects.index(split.test_subject)
            return (subjects[(at + 1) % len(subjects)],), (split.test_subject,)


def split(index: WindowIndex, params: WindowParams, source: Source) -> dict[str, Int[np.ndarray, "window"]]:
    """The windows of each split, and those `dropped` to keep splits apart in time; together all windows."""
    held_out = {"held_out_time": params.held_out_time_share}
    apart_s = 2 * params.window_seconds * (1 - CLOCK_TOLERANCE)  # from begin to begin, a whole window between them
    if isinstance(params.split, InTimeSplit):
        later = held_out | {"validation": params.split.validation_share, "test": params.split.test_share}
        of_person = (_in_turn(index.begin_s, index.subject, apart_s), apart_s)
        return _in_time(index, np.arange(len(index)), later, [of_person])
    validation, test = (_of(index, names, source) for names in people(params.split, source))
    activity = index.subject * (index.label.max(initial=0) + 1) + index.label
    of_activity = (_in_turn(index.begin_s, activity, apart_s), apart_s)
    in_samples = (index.start, float(window_length(params)))
    parts = _in_time(index, np.flatnonzero(~test & ~validation), held_out, [of_activity, in_samples])
    return parts | {"validation": np.flatnonzero(validation), "test": np.flatnonzero(test)}


def require(splits: Mapping[str, Int[np.ndarray, "window"]], params: WindowParams) -> None:
    """Let only splits pass on which something can be trained and judged.

    Raises:
        ValueError: if `fit`, `validation` or `test` has no window.
    """
    if empty := [name for name in ("fit", "validation", "test") if not len(splits[name])]:
        sizes = ", ".join(f"{name} {len(rows)}" for name, rows in splits.items())
        raise ValueError(
            f"window.split ({params.split.kind}) leaves no window for {' and '.join(empty)} ({sizes}). Choose other "
            "subjects or shares, or shorter windows (window.window_seconds), in params.yaml."
        )


def _of(index: WindowIndex, names: Sequence[str], source: Source) -> Bool[np.ndarray, "window"]:
    return np.isin(index.subject, [source.subjects.index(name) for name in names])


def _in_turn(
    begin_s: Float[np.ndarray, "window"], group: Int[np.ndarray, "window"], apart_s: float
) -> Float[np.ndarray, "window"]:
    """Times on one line, a group after the other, with more than `apart_s` between two groups."""
    span_s = float(np.ptp(begin_s)) if len(begin_s) else 0.0
    return begin_s + group * (span_s + 2 * apart_s)


def _in_time(
    index: WindowIndex, rows: Int[np.ndarray, "row"], shares: Mapping[str, float], distances: Sequence[Distance]
) -> dict[str, Int[np.ndarray, "window"]]:
    """`fit` and then the named parts, as long as their shares say, of each person's each activity, kept apart."""
    names = ("fit", *shares)
    pieces: dict[str, list[np.ndarray]] = {name: [np.empty(0, np.int64)] for name in names}
    for group in _groups(index, rows):
        from_behind = np.cumsum([np.ceil(share * len(group)) for share in [*shares.values()][::-1]])[::-1]
        bounds = np.clip(len(group) - from_behind.astype(int), 0, None)
        for name, piece in zip(names, np.split(group, bounds), strict=True):
            pieces[name].append(piece)
    parts = _kept_apart({name: np.concatenate(own) for name, own in pieces.items()}, distances)
    return {name: np.sort(own) for name, own in parts.items()}


def _groups(index: WindowIndex, rows: Int[np.ndarray, "row"]) -> list[Int[np.ndarray, "row"]]:
    """The rows of each person's each activity, in time."""
    order = rows[np.lexsort((index.begin_s[rows], index.label[rows], index.subject[rows]))]
    keys = np.stack([index.subject[order], index.label[order]], axis=1)
    return np.split(order, np.flatnonzero((np.diff(keys, axis=0) != 0).any(axis=1)) + 1) if len(order) else []


def _kept_apart(
    parts: Mapping[str, Int[np.ndarray, "row"]], distances: Sequence[Distance]
) -> dict[str, Int[np.ndarray, "row"]]:
    """Each part without the windows that are too near to what is kept of a later part; those are `dropped`."""
    kept: dict[str, np.ndarray] = {}
    dropped = later = np.empty(0, np.int64)
    for name in reversed(list(parts)):
        rows = parts[name]
        near = np.any([_nearest(line, rows, later) < distance for line, distance in distances], axis=0)
        kept[name], dropped = rows[~near], np.concatenate([dropped, rows[near]])
        later = np.concatenate([later, kept[name]])
    return {name: kept[name] for name in parts} | {"dropped": dropped}


def _nearest(
    line: np.ndarray, rows: Int[np.ndarray, "row"], others: Int[np.ndarray, "other"]
) -> Float[np.ndarray, "row"]:
    """How far each row's place on the line is from the nearest of the others; infinity where there is none."""
    places = np.concatenate([[-np.inf], np.sort(line[others]), [np.inf]])
    own = line[rows]
    above = np.searchsorted(places, own)
    return np.minimum(own - places[above - 1], places[above] - own)


def counts(
    index: WindowIndex,
    splits: Mapping[str, Int[np.ndarray, "window"]],
    classes: Sequence[str],
    subjects: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Of each split: its windows by class and by subject, their total, and the largest class over the smallest.

    A class that no window is of (dropped, or never recorded) is left out. `skew` is None where a class has no window in
    this split, but in another. Only subjects with windows are named.
    """
    occurring = np.flatnonzero(class_counts(index.label, len(classes)))
    table = {}
    for name, rows in splits.items():
        by_class = class_counts(index.label[rows], len(classes))[occurring]
        by_subject = class_counts(index.subject[rows], len(subjects))
        table[name] = {
            "total": len(rows),
            "skew": skew(by_class) if by_class.all() else None,
            "classes": {classes[at]: count for at, count in zip(occurring.tolist(), by_class.tolist(), strict=True)},
            "subjects": {subjects[at]: int(by_subject[at]) for at in np.flatnonzero(by_subject).tolist()},
        }
    return table
