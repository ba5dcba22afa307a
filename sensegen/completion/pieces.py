"""Of which kind each piece of a stretch is, and how loud, by what is known of it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from sensegen.completion.autoregression import Autoregression, order_at
from sensegen.completion.kinds import PIECE, QUIETEST
from sensegen.progress import Progress

LEAST_KNOWN = 0.5  # of what pieces have known on average: with less, a piece is taken for one like its neighbour
PRIOR_VALUES = 4.0  # values' worth of belief that a piece is as loud as its kind

Series = Float[np.ndarray, "time channel"]
Known = Bool[np.ndarray, "time channel"]


class Assessed(NamedTuple):
    """Of each sample: its kind, and how much louder (variance) than that it is."""

    kind: Int[np.ndarray, "time"]
    variance: Float[np.ndarray, "time"]


class Assessor:
    """Looks at stretches about nought."""

    def __init__(self, kinds: Sequence[Autoregression]):
        self.kinds = kinds
        self._precision = lru_cache(maxsize=2 * len(kinds))(self._dense)

    def __call__(self, series: Series, known: Known, show: Progress) -> Assessed:
        """The likeliest kind and loudness of each piece; pieces end where the known part of the stretch does."""
        starts = _starts(known)
        shares = np.array([known[start : start + PIECE].mean() for start in starts])
        enough = shares >= min(LEAST_KNOWN * shares.mean(), shares.max())
        looked_at = []
        for done, at in enumerate(starts[enough]):
            show(done, int(enough.sum()), "looking for the kind and loudness of each piece")
            looked_at.append(self._likeliest(series[at : at + PIECE], known[at : at + PIECE]))
        show(len(looked_at), len(looked_at), "drawing")
        piece = np.searchsorted(starts, np.arange(len(series)), side="right") - 1
        nearest = np.abs(np.flatnonzero(enough)[None] - np.arange(len(starts))[:, None]).argmin(axis=1)[piece]
        return Assessed(*(np.array(part)[nearest] for part in zip(*looked_at, strict=True)))

    def _likeliest(self, series: Series, known: Known) -> tuple[int, float]:
        seen, found = known.ravel(), []
        values = series.ravel()[seen]
        for at, kind in enumerate(self.kinds):
            misfit, log_precision = _marginal(self._precision(at, len(series)), values, seen)
            log_precision += kind.log_precision(len(series))
            belief, count = PRIOR_VALUES + max(misfit, QUIETEST), PRIOR_VALUES + len(values)
            found.append((log_precision - count * np.log(belief), at, belief / count))
        _, at, variance = max(found)
        return at, variance

    def _dense(self, at: int, length: int) -> Float[np.ndarray, "place place"]:
        kind = self.kinds[at]
        matrix = np.zeros((length * kind.channels,) * 2)
        blocks = {step: kind.block(step) for step in kind.covariances}
        for time in range(length):
            block = blocks[order_at(time, kind.order)]
            stop = (time + 1) * kind.channels
            matrix[stop - len(block) : stop, stop - len(block) : stop] += block
        return matrix


def _starts(known: Known) -> Int[np.ndarray, "piece"]:
    length = len(known)
    if length <= PIECE:
        return np.zeros(1, int)
    end = int(np.flatnonzero(known.any(axis=1))[-1]) + 1
    starts = np.arange(end % PIECE, length - PIECE + 1, PIECE)
    return np.unique([0, *starts, length - PIECE])


def _marginal(
    matrix: Float[np.ndarray, "place place"], values: Float[np.ndarray, "seen"], seen: Bool[np.ndarray, "place"]
) -> tuple[float, float]:
    """The square of known values in units of what is expected, and the logarithm of the determinant of the precision of
    what is missing, with its sign turned."""
    from scipy.linalg import cholesky, solve_triangular

    misfit = float(values @ matrix[np.ix_(seen, seen)] @ values)
    if seen.all():
        return misfit, 0.0
    factor = cholesky(matrix[np.ix_(~seen, ~seen)], lower=True, check_finite=False)
    explained = solve_triangular(factor, matrix[np.ix_(~seen, seen)] @ values, lower=True, check_finite=False)
    return misfit - float(explained @ explained), -2 * float(np.log(np.diag(factor)).sum())
