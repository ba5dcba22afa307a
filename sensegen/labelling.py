"""Where windows start in an uninterrupted stretch of samples, and which class each belongs to.

A window is of a class when that class covers at least `window.label_purity` of its samples. Unlabelled time and
`window.dropped_labels` count as no class, so a window with too much of them is not made.

The grid of starts begins anew at the first sample of every activity that is long enough to carry a window by itself;
between two such beginnings it goes on at one stride, across shorter activities. At purity 1.0 this is a grid an
activity. Below, the same windows are all still there, and those that straddle are added, none of them less than a
stride (or the share that must be pure, if that is less) before a new beginning. One grid for the whole stretch would
lose most windows of activities about as long as a window (postural transitions); a grid at every activity would crowd
windows where labels change faster than the stride (ratings every 5 s under windows of 60 s).
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int

from sensegen.params.windowing import WindowParams
from sensegen.recording import Activity

ROUNDING = 1e-9  # 0.8 of 10 samples are 8, whatever floating point says
Intervals = Int[np.ndarray, "interval 2"]  # first sample of each, and first sample after it
WHOLE = np.zeros(1, np.int64)  # the first samples where there is one stretch


def window_length(params: WindowParams) -> int:
    """Samples in a window."""
    return round(params.window_seconds * params.rate_hz)


def window_stride(params: WindowParams) -> int:
    """Samples from the start of a window to the start of the next."""
    return max(1, round(window_length(params) * (1 - params.overlap)))


def labelled_starts(
    times_s: Float[np.ndarray, "time"], activities: Sequence[Activity], params: WindowParams
) -> Iterator[tuple[int, str]]:
    """First sample and label of each window, by first sample; `times_s` are regular and rise."""
    starts, labels, names = labelled_windows(times_s, activities, params)
    for start, label in zip(starts.tolist(), labels.tolist(), strict=True):
        yield start, names[label]


def labelled_windows(
    times_s: Float[np.ndarray, "time"],
    activities: Sequence[Activity],
    params: WindowParams,
    firsts: Int[np.ndarray, "stretch"] = WHOLE,
) -> tuple[Int[np.ndarray, "window"], Int[np.ndarray, "window"], tuple[str, ...]]:
    """The same as arrays: first samples, each window's place in the names, and the names.

    Of several stretches end to end, `firsts` are the first samples; no window reaches from one into the next. The cost
    is that of sorting the activities and of one look-up a window and class; samples are not gone through.
    """
    length, needed = window_length(params), samples_needed(params)
    intervals = {label: _split(own, firsts) for label, own in _intervals(times_s, activities, params).items()}
    stretches = np.stack([firsts, np.append(firsts[1:], len(times_s))], axis=1)
    starts = _starts(list(intervals.values()), stretches, (length, window_stride(params)), needed)
    most, labels = np.zeros(len(starts)), np.zeros(len(starts), np.int64)
    for label, own in enumerate(intervals.values()):
        covered = _samples_before(own, starts + length) - _samples_before(own, starts)
        labels[covered > most] = label
        most = np.maximum(most, covered)
    pure = most >= needed
    return starts[pure], labels[pure], tuple(intervals)


def samples_needed(params: WindowParams) -> int:
    """Samples of one class that make a window one of that class."""
    return math.ceil(params.label_purity * window_length(params) - ROUNDING)


def _intervals(
    times_s: Float[np.ndarray, "time"], activities: Sequence[Activity], params: WindowParams
) -> dict[str, Intervals]:
    """The samples of each class as disjoint intervals in time; activities of one class that touch are one interval."""
    kept = [activity for activity in activities if activity.label not in params.dropped_labels]
    bounds = np.searchsorted(times_s, [(activity.start_s, activity.end_s) for activity in kept])
    of_class: dict[str, list[int]] = {}
    for at, activity in enumerate(kept):
        of_class.setdefault(activity.label, []).append(at)
    joined = {label: _joined(bounds[rows]) for label, rows in of_class.items()}
    return {label: own for label, own in joined.items() if len(own)}


def _joined(intervals: Intervals) -> Intervals:
    intervals = intervals[intervals[:, 0] < intervals[:, 1]]
    intervals = intervals[np.argsort(intervals[:, 0], kind="stable")]
    reached = np.maximum.accumulate(intervals[:, 1])
    apart = np.flatnonzero(intervals[1:, 0] > reached[:-1])
    begins, ends = np.append(0, apart + 1)[: len(intervals)], np.append(apart, len(intervals) - 1)[: len(intervals)]
    return np.column_stack([intervals[begins, 0], reached[ends]])


def _split(intervals: Intervals, firsts: Int[np.ndarray, "stretch"]) -> Intervals:
    """Disjoint intervals in order, cut where a stretch begins in the middle of one."""
    around = np.searchsorted(intervals[:, 0], firsts) - 1
    inside = firsts[(around >= 0) & (firsts < intervals[around, 1])]
    return np.sort(np.concatenate([intervals, np.stack([inside, inside], axis=1)]), axis=0)


def _starts(of_classes: Sequence[Intervals], stretches: Intervals, size: tuple[int, int], needed: int) -> np.ndarray:
    """A grid from each stretch's first sample on, and anew from each interval that can carry a window by itself."""
    length, stride = size
    carrying = [own[own[:, 1] - own[:, 0] >= needed, 0] for own in of_classes]
    begins = np.unique(np.concatenate([stretches[:, 0], *carrying]).astype(np.int64))
    after_last = stretches[np.searchsorted(stretches[:, 0], begins, side="right") - 1, 1] - length + 1
    ends = np.minimum(np.append(begins[1:] - min(stride, needed) + 1, after_last[-1:]), after_last)
    counts = np.maximum(0, -(-(ends - begins) // stride))
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(begins, counts) + stride * within


def _samples_before(own: Intervals, positions: Int[np.ndarray, "position"]) -> Float[np.ndarray, "position"]:
    """How many samples of a class lie before each position: exact, since the slopes between bounds are 0 and 1."""
    if not len(own):
        return np.zeros(len(positions))
    widths = np.diff(own, axis=1)[:, 0]
    before = np.stack([np.cumsum(widths) - widths, np.cumsum(widths)], axis=1)
    return np.interp(positions, own.ravel(), before.ravel())
