"""Four splits, by people and by time, so that no score is helped by a window's neighbour.

`test` and `validation` are whole people. Of everybody else, the last part of each activity is `held_out_time`,
the rest `fit`; between the two a whole window is dropped.
"""

import numpy as np
from jaxtyping import Int

from sensegen.cutting import WindowIndex
from sensegen.params import WindowParams

SPLITS = ("fit", "validation", "held_out_time", "test")


def split(index: WindowIndex, params: WindowParams, subjects: tuple[str, ...]) -> dict[str, Int[np.ndarray, "window"]]:
    """The windows of each split, and those `dropped` between `fit` and `held_out_time`; together all windows."""
    test = np.isin(index.subject, [subjects.index(name) for name in params.test_subjects])
    validation = np.isin(index.subject, [subjects.index(name) for name in params.validation_subjects])
    rest = np.flatnonzero(~test & ~validation)
    parts: dict[str, list[np.ndarray]] = {"fit": [], "held_out_time": [], "dropped": []}
    for group in _groups(index, rest):
        for name, rows in _by_time(index, group, params).items():
            parts[name].append(rows)
    return {
        "fit": _sorted(parts["fit"]),
        "validation": np.flatnonzero(validation),
        "held_out_time": _sorted(parts["held_out_time"]),
        "test": np.flatnonzero(test),
        "dropped": _sorted(parts["dropped"]),
    }


def _groups(index: WindowIndex, rows: Int[np.ndarray, "row"]) -> list[Int[np.ndarray, "row"]]:
    """The rows of each person's each activity, in time."""
    pairs = np.unique(np.stack([index.subject[rows], index.label[rows]], axis=1), axis=0)
    groups = [rows[(index.subject[rows] == subject) & (index.label[rows] == label)] for subject, label in pairs]
    return [group[np.argsort(index.begin_s[group], kind="stable")] for group in groups]


def _by_time(index: WindowIndex, group: Int[np.ndarray, "row"], params: WindowParams) -> dict[str, np.ndarray]:
    held_out = group[len(group) - int(np.ceil(params.held_out_time_share * len(group))) :]
    before = group[: len(group) - len(held_out)]
    # A fit window ends a whole window before the first held-out one begins.
    gap_s = index.begin_s[held_out[0]] - index.begin_s[before]
    apart = gap_s >= 2 * params.window_seconds - 1e-6
    return {"fit": before[apart], "held_out_time": held_out, "dropped": before[~apart]}


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
