"""Real and synthetic windows of each class side by side, a few drawn at random, for curves and the verdict's band."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from sensegen.evaluation.spectrum import Band, Spectra, spectra
from sensegen.reporting.results import Examples, Results
from sensegen.seeding import rng

MOST_WINDOWS = 500  # of a class and side: the mean spectrum of more looks the same
Values = Float[np.ndarray, "window time channel"]


@dataclass(frozen=True)
class Pair:
    """Windows of one class from both sides, in units; either may hold none."""

    real: Values
    synthetic: Values

    @property
    def complete(self) -> bool:
        """Whether there is something to compare."""
        return bool(len(self.real) and len(self.synthetic))


@dataclass(frozen=True)
class Worst:
    """The channel whose spectrum is farthest from the real one, and the band in which it is."""

    channel: str
    band: Band


@dataclass(frozen=True)
class Sides:
    """The pairs by label, and the rate of their samples (Hz)."""

    pairs: Mapping[int, Pair]
    channels: tuple[str, ...]
    rate_hz: float

    @classmethod
    def of(cls, results: Results) -> "Sides":
        """Windows drawn at random for each class, as many of one side as of the other where both have enough."""
        pairs = {label: _pair(results, label) for label in results.shown_labels}
        return cls(pairs, results.signals.channels, results.signals.rate_hz)

    @cached_property
    def pooled(self) -> Spectra | None:
        """The spectra over all classes that both sides have, each with as many windows on either side."""
        complete = [pair for pair in self.pairs.values() if pair.complete]
        if not complete or complete[0].real.shape[1] < 2:
            return None
        counts = [min(len(pair.real), len(pair.synthetic)) for pair in complete]
        real = np.concatenate([pair.real[:count] for pair, count in zip(complete, counts, strict=True)])
        synthetic = np.concatenate([pair.synthetic[:count] for pair, count in zip(complete, counts, strict=True)])
        return spectra(real, synthetic, self.rate_hz)

    @property
    def worst(self) -> Worst | None:
        """The channel and band in which the pooled spectra differ most."""
        if self.pooled is None:
            return None
        at = int(np.argmax(self.pooled.distance()))
        return Worst(self.channels[at], self.pooled.worst_bands()[at])

    @property
    def by_distance(self) -> tuple[int, ...]:
        """The channels, the one with the farthest spectrum first."""
        if self.pooled is None:
            return tuple(range(len(self.channels)))
        return tuple(int(at) for at in np.argsort(-self.pooled.distance(), kind="stable"))


def _pair(results: Results, label: int) -> Pair:
    name = results.signals.classes[label]
    real, synthetic = (
        _some(examples, label, rng(results.seed, "report", "sides", side, name))
        for side, examples in (("real", results.real), ("synthetic", results.synthetic))
    )
    return Pair(real, synthetic)


def _some(examples: Examples, label: int, stream: np.random.Generator) -> Values:
    """At most `MOST_WINDOWS` finite windows of a class in random order."""
    rows = stream.permutation(np.flatnonzero(np.asarray(examples.labels) == label))[:MOST_WINDOWS]
    values = np.asarray(examples.values[np.sort(rows)], float)
    values = values[stream.permutation(len(values))]
    return values[np.isfinite(values).all(axis=(1, 2))]
