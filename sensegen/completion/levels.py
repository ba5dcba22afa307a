"""What a process moves about: the level of the samples around, or a season; and values on the scale where it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float

HALF = 64  # samples to each side whose weighted mean is the level
LEAST_WEIGHT = 0.05  # of all weights, for a level of its own
HARMONICS = 3  # of a season

Series = Float[np.ndarray, "time channel"]
Known = Bool[np.ndarray, "time channel"]


@dataclass(frozen=True)
class Scale:
    """Channels to mean 0 and spread 1; of counts first the root, whose spread stays the same (Bartlett, 1936)."""

    counts: Bool[np.ndarray, "channel"]
    mean: Float[np.ndarray, "channel"]
    stddev: Float[np.ndarray, "channel"]

    @classmethod
    def of(cls, values: Series) -> Self:
        """As known samples (NaN: missing) have it. Whole numbers that are never below nought are counts."""
        seen = np.where(np.isnan(values), 0.0, values)
        counts = np.all((seen >= 0) & (seen == np.round(seen)), axis=0)
        bent = np.where(counts, np.sqrt(np.abs(values)), values)
        stddev = np.nanstd(bent, axis=0)
        return cls(counts, np.nanmean(bent, axis=0), np.where(stddev > 0, stddev, 1.0))

    def apply(self, values: Series) -> Series:
        """From the channels' units."""
        return np.asarray((np.where(self.counts, np.sqrt(np.clip(values, 0, None)), values) - self.mean) / self.stddev)

    def invert(self, scaled: Float[np.ndarray, "... channel"]) -> Float[np.ndarray, "... channel"]:
        """To the channels' units; counts are whole numbers."""
        bent = scaled * self.stddev + self.mean
        return np.where(self.counts, np.round(np.square(np.clip(bent, 0, None))), bent)


class Around:
    """The level of a sample is the mean of the known ones around it, or the nearest that there is."""

    def __call__(self, values: Series, known: Known, start_s: float, rate_hz: float) -> Series:
        del start_s, rate_hz
        weights = np.hanning(2 * HALF + 3)[1:-1]
        levels = np.zeros_like(values)
        for channel in range(values.shape[1]):
            seen = known[:, channel]
            if not seen.any():
                continue
            sums = [
                np.convolve(part, weights)[HALF : HALF + len(values)]
                for part in (np.where(seen, values[:, channel], 0.0), seen.astype(float))
            ]
            held = np.flatnonzero(sums[1] >= min(LEAST_WEIGHT * weights.sum(), sums[1].max()))
            right = np.clip(np.searchsorted(held, np.arange(len(values))), 1 if len(held) > 1 else 0, len(held) - 1)
            left = np.maximum(right - 1, 0)
            nearer = np.abs(held[left] - np.arange(len(values))) <= np.abs(held[right] - np.arange(len(values)))
            place = held[np.where(nearer, left, right)]
            levels[:, channel] = sums[0][place] / sums[1][place]
        return levels


@dataclass(frozen=True)
class Season:
    """The level of a sample is that of its place in a period: its mean and the first harmonics."""

    period_s: float
    coefficients: Float[np.ndarray, "term channel"]

    @classmethod
    def of(cls, stretches: Sequence[tuple[Series, Known, float]], rate_hz: float, period_s: float) -> Self:
        """By least squares over stretches with what is known of them and when they begin.

        Raises:
            ValueError: if all of them together are not longer than a period.
        """
        if sum(len(values) for values, _, _ in stretches) < period_s * rate_hz:
            raise ValueError(f"A season of {period_s:g} s can be learned from recordings longer than that alone.")
        terms = np.concatenate([_terms(len(values), at, rate_hz, period_s) for values, _, at in stretches])
        values, known = (np.concatenate([part[at] for part in stretches]) for at in (0, 1))
        columns = [
            np.linalg.lstsq(terms[seen], column[seen], rcond=None)[0]
            for column, seen in zip(values.T, known.T, strict=True)
        ]
        return cls(period_s, np.stack(columns, axis=1))

    def __call__(self, values: Series, known: Known, start_s: float, rate_hz: float) -> Series:
        return np.asarray(_terms(len(values), start_s, rate_hz, self.period_s) @ self.coefficients)


Level = Around | Season


def _terms(length: int, start_s: float, rate_hz: float, period_s: float) -> Float[np.ndarray, "time term"]:
    angle = 2 * np.pi * (start_s + np.arange(length) / rate_hz) / period_s
    waves = [wave(number * angle) for number in range(1, HARMONICS + 1) for wave in (np.sin, np.cos)]
    return np.stack([np.ones(length), *waves], axis=1)
