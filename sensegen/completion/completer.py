"""Learns from recordings, and completes others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Bool, Float

from sensegen.completion import conditional, kinds
from sensegen.completion.levels import Around, Level, Scale, Season
from sensegen.completion.pieces import Assessor
from sensegen.completion.spreads import Spreads
from sensegen.completion.stretches import Stretch
from sensegen.progress import Progress
from sensegen.seeding import rng

DRAWS = 100  # of each trial by which spreads are measured
MOST_TRIALS = 60
MOST_VALUES = 200_000_000  # drawn at once: some GB

Hide = Callable[[int], Bool[np.ndarray, "time channel"]]  # what of a stretch of so many samples is taken for missing
# (one column: of all channels)


def unseen(done: int, total: int, text: str) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class Completer:
    """What was learned of recordings at a rate."""

    rate_hz: float
    scale: Scale
    level: Level
    assess: Assessor
    spreads: Spreads | None = None

    @classmethod
    def learned(
        cls, stretches: Sequence[Stretch], rate_hz: float, period_s: float | None, seed: int, show: Progress
    ) -> Self:
        """From stretches of which nothing is missing; `period_s` is that of a season, where there is one.

        Raises:
            ValueError: if they are too short for what is to be learned.
        """
        scale = Scale.of(np.concatenate([stretch.values for stretch in stretches]))
        scaled = [(scale.apply(stretch.values), stretch.known, stretch.start_s) for stretch in stretches]
        level = Season.of(scaled, rate_hz, period_s) if period_s else Around()
        about = [values - level(values, known, at, rate_hz) for values, known, at in scaled]
        return cls(rate_hz, scale, level, Assessor(kinds.learned(about, seed, show)))

    def measured(self, stretches: Sequence[Stretch], hide: Hide, seed: int, show: Progress) -> Self:
        """With the spreads that draws must have, by others' stretches of which `hide` takes some samples away.

        Raises:
            ValueError: if too few values can be hidden.
        """
        trials = []
        rows = rng(seed, "completion", "trials").permutation(len(stretches))[:MOST_TRIALS]
        for done, stretch in enumerate(stretches[row] for row in rows):
            show(done, len(rows), "measuring how far off draws are")
            known = stretch.known & ~hide(len(stretch.values))
            if known.any() and not known.all():
                shown = replace(stretch, values=np.where(known, stretch.values, np.nan))
                draws = self._drawn(shown, DRAWS, seed, unseen)
                trials.append((draws, self.scale.apply(stretch.values), known | ~stretch.known))
        show(len(rows), len(rows), "spreads measured")
        return replace(self, spreads=Spreads.measured(trials))

    def draws(
        self, stretch: Stretch, count: int, seed: int, show: Progress = unseen
    ) -> Float[np.ndarray, "time draw channel"]:
        """The stretch, complete, `count` times, in the channels' units; what is known is in all of them, to the bit.

        Raises:
            ValueError: if nothing of it is known, or so many draws of it are too large for the memory.
        """
        if not stretch.known.any():
            raise ValueError("Of a recording that is to be completed, something must be known.")
        if (values := stretch.values.size * count) > MOST_VALUES:
            raise ValueError(
                f"{count} draws of {len(stretch.values):,} samples are {values:,} values; at most {MOST_VALUES:,} are "
                "held at once. Ask for fewer --draws, or cut the recording."
            )
        drawn = self._drawn(stretch, count, seed, show)
        if self.spreads:
            drawn = self.spreads.applied(drawn, stretch.known)
        return np.where(stretch.known[:, None], stretch.values[:, None], self.scale.invert(drawn))

    def _drawn(self, stretch: Stretch, count: int, seed: int, show: Progress) -> Float[np.ndarray, "time draw channel"]:
        known = stretch.known
        scaled = np.where(known, self.scale.apply(np.nan_to_num(stretch.values)), 0.0)
        level = self.level(scaled, known, stretch.start_s, self.rate_hz)
        about = np.where(known, scaled - level, 0.0)
        kind, variance = self.assess(about, known, show)
        series = np.repeat(about[:, None], count, axis=1)
        conditional.completed(self.assess.kinds, kind, variance, series, known, rng(seed, "completion", "draws"))
        return series + level[:, None]
