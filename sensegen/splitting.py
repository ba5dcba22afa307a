"""Four splits, by people or by time, so that no score is helped by a window's neighbour.

`test` and `validation` are whole people. Of everybody else, the last part of each activity is `held_out_time`,
the rest `fit`; between the two a whole window is dropped. Where there is one subject, all four follow each other in
time, a window apart: that says how well a generator continues this subject, and nothing about new people.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int

from sensegen.cutting import WindowIndex
from sensegen.params.windowing import (
    InTimeSplit,
    KFoldSplit,
    LeaveOneOutSplit,
    OfficialSplit,
    SubjectSplit,
    WindowParams,
)
from sensegen.source import Source

SPLITS = ("fit", "validation", "held_out_time", "test")
PeopleSplit = SubjectSplit | OfficialSplit | KFoldSplit | LeaveOneOutSplit


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
    held_out = params.held_out_time_share
    if isinstance(params.split, InTimeSplit):
        split = params.split
        later = {"held_out_time": held_out, "validation": split.validation_share, "test": split.test_share}
        return _in_time(index, np.arange(len(index)), later, params.window_seconds)
    validation, test = (_of(index, names, source) for names in people(params.split, source))
    rest = np.flatnonzero(~test & ~validation)
    parts = _in_time(index, rest, {"held_out_time": held_out}, params.window_seconds)
    return parts | {"validation": np.flatnonzero(validation), "test": np.flatnonzero(test)}


def _of(index: WindowIndex, names: Sequence[str], source: Source) -> Bool[np.ndarray, "window"]:
    return np.isin(index.subject, [source.subjects.index(name) for name in names])


def _in_time(
    index: WindowIndex, rows: Int[np.ndarray, "row"], shares: Mapping[str, float], window_seconds: float
) -> dict[str, Int[np.ndarray, "window"]]:
    """`fit` and then the named parts, as long as their shares say, of each person's each activity."""
    names = ("fit", *shares)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (*names, "dropped")}
    for group in _groups(index, rows):
        from_behind = np.cumsum([np.ceil(share * len(group)) for share in [*shares.values()][::-1]])[::-1]
        pieces = np.split(group, np.clip(len(group) - from_behind.astype(int), 0, None))
        for name, (kept, dropped) in zip(names, _kept_apart(index, pieces, window_seconds), strict=True):
            parts[name].append(kept)
            parts["dropped"].append(dropped)
    return {name: _sorted(pieces) for name, pieces in parts.items()}


def _groups(index: WindowIndex, rows: Int[np.ndarray, "row"]) -> list[Int[np.ndarray, "row"]]:
    """The rows of each person's each activity, in time."""
    order = rows[np.lexsort((index.begin_s[rows], index.label[rows], index.subject[rows]))]
    keys = np.stack([index.subject[order], index.label[order]], axis=1)
    return np.split(order, np.flatnonzero((np.diff(keys, axis=0) != 0).any(axis=1)) + 1) if len(order) else []


def _kept_apart(
    index: WindowIndex, pieces: Sequence[np.ndarray], window_seconds: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each piece without the windows that end less than a whole window before the next piece begins, and those."""
    apart = []
    for piece, later in zip(pieces, [*pieces[1:], np.empty(0, np.int64)], strict=True):
        gap_s = (index.begin_s[later[0]] if len(later) else np.inf) - index.begin_s[piece]
        far = gap_s >= 2 * window_seconds - 1e-6
        apart.append((piece[far], piece[~far]))
    return apart


def _sorted(parts: list[np.ndarray]) -> np.ndarray:
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def counts(
    index: WindowIndex, splits: dict[str, Int[np.ndarray, "window"]], classes: tuple[str, ...]
) -> dict[str, dict[str, int]]:
    """Windows of each class in each split, and their total."""
    table = {}
    for name, rows in splits.items():
        by_class = np.bincount(index.label[rows], minlength=len(classes))
        table[name] = {"total": len(rows), **dict(zip(classes, by_class.tolist(), strict=True))}
    return table
