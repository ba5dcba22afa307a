"""Does what is learned of synthetic windows foretell real ones: the predictive score (Yoon et al., 2019), made cheap.

The paper trains a GRU on synthetic windows to foretell the next sample and tests it on real ones. That score
saturates: on sines every generator has 0.093 as real data has (7.1 of DOMAIN.md), so it separates nothing and costs
minutes. Here the regressor is a ridge regression on the last samples of all channels, which takes a second, sees only
what is linear, and is not comparable with published scores. It gets low weight: it finds windows whose time is
shuffled or whose channels have come apart, and little else.

`parity_r2` and `sorted_parity_r2` are the R2 of a parity plot, by which DowGAN was judged (its v1 had -1.48). They are
here to compare with it, and say why not to use them.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from sensegen.seeding import rng

LAGS = 8
MOST_WINDOWS = 500  # of a side; a window gives one row for every sample that has all lags
RIDGE = 1.0  # little against the thousands of rows; keeps a channel that repeats another from being divided by zero

Values = Float[np.ndarray, "window time channel"]


def predictive_score(synthetic: Values, real: Values, test: Values, seed: int) -> dict[str, Any]:
    """Mean absolute error on `test` of the next sample, in the values' unit, 0 is best: by what it was learned from.

    `synthetic` and `real` have `over_channels` (their mean) and `per_channel`; `ratio` is of their means, 1 is as good
    as real, above is worse. `repeating_the_last` is the error of no model at all: a `real` not below it says that
    nothing can be seen.

    Raises:
        ValueError: if a window has fewer than two samples, or a side has no windows.
    """
    sides = (synthetic, real, test)
    if not all(len(side) for side in sides) or test.shape[1] < 2:
        raise ValueError(
            f"A forecast needs windows of two samples on every side, but got {[side.shape for side in sides]}. "
            "Leave it out, or cut longer windows."
        )
    past, following = _lagged(_some(test, seed, "test"))
    errors = {
        name: _errors(past, following, _some(side, seed, name))
        for name, side in (("synthetic", synthetic), ("real", real))
    }
    last = np.abs(following - past[:, -test.shape[2] :]).mean()
    ratio = errors["synthetic"]["over_channels"] / max(errors["real"]["over_channels"], 1e-9)
    return {**errors, "ratio": ratio, "repeating_the_last": float(last)}


def parity_r2(real: Values, synthetic: Values) -> float:
    """R2 of synthetic against real samples at the same place, a mean over channels: 1 is best, there is no worst.

    It misleads: an unconditional generator does not know which real window it stands beside. Two independent draws of
    the very same process differ by twice its variance, so a perfect generator has R2 about -1, one that returns the
    mean at all times has 0, and a copy has 1. Do not choose by it.

    Raises:
        ValueError: if the two differ in shape.
    """
    from sklearn.metrics import r2_score

    if real.shape != synthetic.shape:
        raise ValueError(f"Parity pairs samples, but got real {real.shape} and synthetic {synthetic.shape}.")
    flat = [np.asarray(side, np.float64).reshape(-1, real.shape[2]) for side in (real, synthetic)]
    return float(r2_score(*flat))


def sorted_parity_r2(real: Values, synthetic: Values) -> float:
    """R2 of the sorted synthetic against the sorted real samples of each channel, a mean over channels: 1 is best.

    It misleads the other way: it sees the values of a channel and neither their order in time nor what the other
    channels do, so shuffled samples have 1.

    Raises:
        ValueError: if the two differ in shape.
    """
    flat = [np.sort(np.asarray(side).reshape(1, -1, side.shape[2]), axis=1) for side in (real, synthetic)]
    return parity_r2(*flat)


def _some(values: Values, seed: int, name: str) -> Values:
    rows = rng(seed, "forecast", name).permutation(len(values))[:MOST_WINDOWS]
    return np.asarray(values[np.sort(rows)], np.float32)


def _lagged(values: Values) -> tuple[Float[np.ndarray, "row lag_channel"], Float[np.ndarray, "row channel"]]:
    """The last samples of all channels, oldest first, and the one that follows, of every place in every window."""
    from numpy.lib.stride_tricks import sliding_window_view

    _, length, channels = values.shape
    lags = min(LAGS, length - 1)
    past = sliding_window_view(values[:, :-1], lags, axis=1).swapaxes(2, 3)
    return past.reshape(-1, lags * channels), values[:, lags:].reshape(-1, channels)


def _errors(past: np.ndarray, following: np.ndarray, train: Values) -> dict[str, Any]:
    from sklearn.linear_model import Ridge

    # In float64 and by singular values: neighbouring samples are nearly the same, and a broken generator's are huge.
    model = Ridge(alpha=RIDGE, solver="svd").fit(*(side.astype(np.float64) for side in _lagged(train)))
    errors = np.abs(model.predict(past).reshape(following.shape) - following).mean(axis=0)
    return {"over_channels": float(errors.mean()), "per_channel": [float(error) for error in errors]}
