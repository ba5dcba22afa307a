"""What is asked to be drawn: samples between samples, those in gaps, those after the end.

Each kind of task opens a stretch, so that what is asked for is missing in it, and hides as much of others' stretches,
so that spreads can be measured where the truth is known.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float

from sensegen.completion.completer import Hide
from sensegen.completion.stretches import Stretch

Mask = Bool[np.ndarray, "time channel"]


class Task(Protocol):
    """One of the kinds."""

    def rate_hz(self, recorded_hz: float) -> float:
        """The rate of what comes out of a recording of that rate."""

    def opened(self, stretch: Stretch, rate_hz: float) -> Stretch:
        """A stretch that was recorded at a rate, with all that is asked for missing in it."""

    def hide(self, opened: Stretch, rate_hz: float) -> Hide:
        """How other stretches come to lack as much; `rate_hz` is theirs."""


@dataclass(frozen=True)
class Densify:
    """`factor` samples in place of one."""

    factor: int

    def rate_hz(self, recorded_hz: float) -> float:
        return recorded_hz * self.factor

    def opened(self, stretch: Stretch, rate_hz: float) -> Stretch:
        return Stretch(apart(stretch.values, self.factor), stretch.start_s)

    def hide(self, opened: Stretch, rate_hz: float) -> Hide:
        del opened, rate_hz
        return every(self.factor)


@dataclass(frozen=True)
class Fill:
    """What is missing."""

    def rate_hz(self, recorded_hz: float) -> float:
        return recorded_hz

    def opened(self, stretch: Stretch, rate_hz: float) -> Stretch:
        if stretch.known.all():
            raise ValueError("There must be gaps to fill: rows left out, or empty cells. Nothing is missing.")
        return stretch

    def hide(self, opened: Stretch, rate_hz: float) -> Hide:
        return alike(~opened.known)


@dataclass(frozen=True)
class Extrapolate:
    """So many seconds after the last sample."""

    seconds: float

    def rate_hz(self, recorded_hz: float) -> float:
        return recorded_hz

    def opened(self, stretch: Stretch, rate_hz: float) -> Stretch:
        more = np.full((self._samples(rate_hz), stretch.values.shape[1]), np.nan)
        return Stretch(np.concatenate([stretch.values, more]), stretch.start_s)

    def hide(self, opened: Stretch, rate_hz: float) -> Hide:
        del opened
        return end(self._samples(rate_hz))

    def _samples(self, rate_hz: float) -> int:
        if not (samples := round(self.seconds * rate_hz)):
            raise ValueError(f"--seconds must be at least a sample, {1 / rate_hz:g} s, but is {self.seconds:g}.")
        return samples


def apart(values: Float[np.ndarray, "time channel"], factor: int) -> Float[np.ndarray, "longer channel"]:
    """Samples so far apart, none known between them; the last one is the last."""
    wide = np.full(((len(values) - 1) * factor + 1, values.shape[1]), np.nan)
    wide[::factor] = values
    return wide


def every(factor: int) -> Hide:
    """All but each sample that many after the one before."""
    return lambda length: (np.arange(length) % factor != 0)[:, None]


def end(samples: int) -> Hide:
    """The last samples, and of a short stretch its last half."""
    return lambda length: (np.arange(length) >= max(length - samples, length // 2))[:, None]


def alike(missing: Mask) -> Hide:
    """What is missing of a recording, about each of its gaps in turn, where the middle of the gap is the stretch's."""
    gone = np.flatnonzero(missing.any(axis=1))
    gaps = np.split(gone, np.flatnonzero(np.diff(gone) > 1) + 1)
    turn = iter(range(2**62))

    def hide(length: int) -> Mask:
        gap = gaps[next(turn) % len(gaps)]
        first = int(gap[0] + gap[-1] - length) // 2
        rows = np.arange(first, first + length)
        inside = (rows >= 0) & (rows < len(missing))
        return np.asarray(missing[np.clip(rows, 0, len(missing) - 1)] & inside[:, None])

    return hide
