"""How good draws of something uncertain are, once it is known."""

import numpy as np
from jaxtyping import Float

Draws = Float[np.ndarray, "time draw channel"]
Truth = Float[np.ndarray, "time channel"]


def crps(draws: Draws, truth: Truth) -> Float[np.ndarray, "time channel"]:
    """Continuous ranked probability score, in the unit of the values, 0 is best: of one draw, the absolute error.

    The fair estimate of Ferro (2014), which does not favour many draws or few.
    """
    count = draws.shape[1]
    off = np.abs(draws - truth[:, None]).mean(axis=1)
    if count == 1:
        return np.asarray(off)
    weights = 2 * np.arange(1, count + 1) - count - 1
    apart = np.einsum("tdc,d->tc", np.sort(draws, axis=1), weights) / (count * (count - 1))
    return np.asarray(off - apart)


def covered(draws: Draws, truth: Truth, share: float) -> Float[np.ndarray, "time channel"]:
    """Whether the truth is between the quantiles that hold the middle `share` of the draws."""
    low, high = np.quantile(draws, [(1 - share) / 2, (1 + share) / 2], axis=1)
    return np.asarray((low <= truth) & (truth <= high), float)
