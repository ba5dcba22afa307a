"""What a window is by its spectrum, its autocorrelation, its moments and its channels' correlations.

The features by which signals of motion have been told apart before networks (e.g. Anguita et al., 2013), here to tell
synthetic from real: a network may overlook a spectrum that is a little wrong everywhere, these do not.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from jaxtyping import Float

BANDS = 10  # of a logarithmic scale from one period a window up to half the rate
LAGS = (1, 2, 4, 8, 16, 32)
LARGEST = 50.0  # scaled values beyond are read as this: nothing may overflow
TINY = 1e-8  # in place of the power and variance of a channel that is constant
BLOCK = 1024
Values = Float[np.ndarray, "window time channel"]
Features = Float[np.ndarray, "window feature"]


def spectral_features(values: Values) -> Features:
    """Features of each window: of each channel log powers of bands (logarithm of squared scaled units),
    autocorrelations (-1 to 1), mean, log standard deviation, skew and excess kurtosis, log standard deviation and
    excess kurtosis of its differences; of each pair of channels their correlation."""
    blocks = range(0, len(values), BLOCK)
    return np.concatenate([np.hstack([*_parts(values[first : first + BLOCK])]) for first in blocks])


def _parts(block: Values) -> Iterator[Features]:
    values = np.clip(np.asarray(block, np.float64), -LARGEST, LARGEST)
    mean = values.mean(axis=1)
    centred = values - mean[:, None]
    yield from (mean, *_moments(centred), *_correlations(centred))
    differences = np.diff(values, axis=1)
    spread, _, kurtosis = _moments(differences - differences.mean(axis=1, keepdims=True))
    yield from (spread, kurtosis)
    yield from _band_powers(centred)
    yield from _autocorrelations(centred)


def _moments(centred: Values) -> tuple[Features, Features, Features]:
    variance = np.square(centred).mean(axis=1) + TINY
    skew = (centred**3).mean(axis=1) / variance**1.5
    kurtosis = (centred**4).mean(axis=1) / variance**2 - 3
    return np.log(variance) / 2, skew, kurtosis


def _correlations(centred: Values) -> Iterator[Features]:
    first, second = np.triu_indices(centred.shape[2], k=1)
    scaled = centred / np.sqrt(np.square(centred).sum(axis=1, keepdims=True) + TINY)
    yield np.einsum("wti,wtj->wij", scaled, scaled, optimize=True)[:, first, second]


def _band_powers(centred: Values) -> Iterator[Features]:
    powers = np.square(np.abs(np.fft.rfft(centred, axis=1))) / centred.shape[1]
    edges = np.unique(np.geomspace(1, powers.shape[1], BANDS + 1).round().astype(int))
    for low, high in pairwise(edges):
        yield np.log(powers[:, low:high].mean(axis=1) + TINY)


def _autocorrelations(centred: Values) -> Iterator[Features]:
    energy = np.square(centred).sum(axis=1) + TINY
    for lag in LAGS:
        if lag < centred.shape[1]:
            yield (centred[:, lag:] * centred[:, :-lag]).sum(axis=1) / energy
