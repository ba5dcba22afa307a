"""How far off draws really are, by how far the nearest known sample is: measured, and made good.

What is drawn has the spread of a Gaussian process with learned numbers; the truth is farther off now and then. On
recordings that were not learned from, its place among the draws, in units of their spread, is collected by distance,
and draws are moved so that theirs has the same distribution. The order of draws stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int

SHARES = (np.arange(49) + 0.5) / 49
LEAST_TRUTHS = 200  # for a distance to have quantiles of its own; else those of the next shorter one

Known = Bool[np.ndarray, "time channel"]
Draws = Float[np.ndarray, "time draw channel"]


def distances(known: Known) -> Int[np.ndarray, "time channel"]:
    """Of each sample, how many samples away the nearest known one of its channel is."""
    time = np.arange(len(known))[:, None]
    before = np.maximum.accumulate(np.where(known, time, -len(known)), axis=0)
    after = np.minimum.accumulate(np.where(known, time, 2 * len(known))[::-1], axis=0)[::-1]
    return np.asarray(np.minimum(time - before, after - time))


def _step(distance: Int[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Steps of one octave."""
    return np.asarray(np.log2(np.maximum(distance, 1)), int)


@dataclass(frozen=True)
class Spreads:
    """Quantiles of the truth's place at `SHARES`, by octave of distance."""

    quantiles: Float[np.ndarray, "step share"]

    @classmethod
    def measured(cls, trials: Sequence[tuple[Draws, Float[np.ndarray, "time channel"], Known]]) -> Self:
        """From draws, the truth, and what was known of it.

        Raises:
            ValueError: if there are fewer than `LEAST_TRUTHS` missing values in all.
        """
        steps, places = [], []
        for draws, truth, known in trials:
            mean, stddev = _moments(draws)
            steps.append(_step(distances(known)[~known]))
            places.append(((truth - mean) / stddev)[~known])
        step, place = np.concatenate(steps), np.concatenate(places)
        if len(place) < LEAST_TRUTHS:
            raise ValueError(f"To measure spreads, {LEAST_TRUTHS} values must be left out, but there are {len(place)}.")
        found = np.quantile(place, SHARES)
        rows = []
        for number in range(int(step.max()) + 1):
            of_step = place[step == number]
            found = np.quantile(of_step, SHARES) if len(of_step) >= LEAST_TRUTHS else found
            rows.append(found)
        return cls(np.array(rows))

    def applied(self, draws: Draws, known: Known) -> Draws:
        """Draws with the spread that was measured; known values as they are."""
        from scipy.stats import norm

        mean, stddev = _moments(draws)
        expected = norm.ppf(SHARES)
        step = np.minimum(_step(distances(known)), len(self.quantiles) - 1)
        made, place = draws.copy(), (draws - mean[:, None]) / stddev[:, None]
        for number, quantiles in enumerate(self.quantiles):
            chosen = (step == number) & ~known
            if chosen.any():
                moved = _bent(place.swapaxes(1, 2)[chosen], expected, quantiles)
                made.swapaxes(1, 2)[chosen] = mean[chosen][:, None] + stddev[chosen][:, None] * moved
        return made


def _moments(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.mean(axis=1), np.maximum(draws.std(axis=1), np.finfo(float).tiny)


def _bent(place: np.ndarray, expected: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Linear between quantiles, and beyond the outermost by as much as they are wider."""
    inside = np.interp(place, expected, quantiles)
    slope = (quantiles[-1] - quantiles[0]) / (expected[-1] - expected[0])
    beyond = place - np.clip(place, expected[0], expected[-1])
    return np.asarray(inside + slope * beyond)
