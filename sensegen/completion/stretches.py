"""Recordings as windows hold them: what overlapping windows of one person and activity cover, put together again."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sensegen.scaling import Scaling
from sensegen.windows import StoredValues, Windows

BACK, TIMES = 256, 20


@dataclass(frozen=True)
class Stretch:
    """Samples at a regular rate, in the channels' units, NaN where they are missing; when the first one was."""

    values: Float[np.ndarray, "time channel"]
    start_s: float

    @property
    def known(self) -> Bool[np.ndarray, "time channel"]:
        """What is not missing."""
        return ~np.isnan(self.values)


def of_windows(windows: Windows, scaling: Scaling) -> list[Stretch]:
    """The stretches of stored windows; one begins where it stands in the signals, which all follow each other there.

    Raises:
        ValueError: if the windows are not those of a folder (`Windows.open`).
    """
    if not isinstance(windows.values, StoredValues):
        raise ValueError("Stretches are put together from windows that are where they were cut: use Windows.open.")
    order = np.argsort(windows.values.starts, kind="stable")
    starts, subjects = windows.values.starts[order], np.array(windows.subjects)[order]
    length, labels = windows.values.length, windows.labels[order]
    parted = (np.diff(starts) > length) | (np.diff(labels) != 0) | (subjects[1:] != subjects[:-1])
    bounds = zip(np.flatnonzero(np.r_[True, parted]), np.flatnonzero(np.r_[parted, True]), strict=True)
    return [
        Stretch(
            scaling.invert(np.asarray(windows.values.signals[starts[first] : starts[last] + length], np.float64)),
            float(starts[first]) / windows.rate_hz,
        )
        for first, last in bounds
    ]


def late(stretch: Stretch, rate_hz: float, share: float) -> list[Stretch]:
    """What was known at several times in the last `share` of a stretch, as far back as `BACK` samples or that share."""
    length = len(stretch.values)
    stops = np.unique(np.linspace(length * (1 - share / 2), length, TIMES).astype(int))
    starts = np.maximum(0, stops - max(BACK, round(length * share)))
    return [
        Stretch(stretch.values[start:stop], stretch.start_s + start / rate_hz)
        for start, stop in zip(starts, stops, strict=True)
    ]


def whole_parts(stretch: Stretch, rate_hz: float, shortest: int) -> list[Stretch]:
    """The parts of so many samples at least, of which nothing is missing."""
    whole = np.flatnonzero(stretch.known.all(axis=1))
    runs = np.split(whole, np.flatnonzero(np.diff(whole) > 1) + 1)
    return [
        Stretch(stretch.values[run[0] : run[-1] + 1], stretch.start_s + run[0] / rate_hz)
        for run in runs
        if len(run) >= shortest
    ]
