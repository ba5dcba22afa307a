"""The exact conditional distribution of a Gaussian process whose precision is banded (Rue & Held, 2005, chapter 2).

Each sample adds a block to the precision of itself and those that it looks back to. Of what is missing, the precision
is the part between missing values, and the mean solves a banded system; so cost is linear in the length.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from sensegen.completion.autoregression import Autoregression, order_at

CHUNK = 1024  # samples drawn at once
AHEAD = 256  # samples beyond them that have a say

Band = Float[np.ndarray, "diagonal place"]  # row d holds the d-th diagonal below the main one; place = time * channel


def precision(
    kinds: Sequence[Autoregression], at: Int[np.ndarray, "time"], variances: Float[np.ndarray, "time"]
) -> Band:
    """Of a stretch whose samples are of the kinds `at`, their surprise times the root of `variances`."""
    channels, order = kinds[0].channels, kinds[0].order
    band = np.zeros(((order + 1) * channels, len(at) * channels))
    blocks: dict[tuple[int, int], Band] = {}
    for time, (kind, variance) in enumerate(zip(at, variances, strict=True)):
        step = order_at(time, order)
        if (kind, step) not in blocks:
            blocks[kind, step] = _as_band(kinds[kind].block(step))
        block = blocks[kind, step]
        first = (time - step) * channels
        band[: len(block), first : first + len(block)] += block / variance
    return band


def _as_band(matrix: Float[np.ndarray, "place place"]) -> Band:
    band = np.zeros_like(matrix)
    for down in range(len(matrix)):
        band[down, : len(matrix) - down] = np.diagonal(matrix, -down)
    return band


def drawn(
    band: Band, values: Float[np.ndarray, "place draw"], known: Bool[np.ndarray, "place"], stream: np.random.Generator
) -> Float[np.ndarray, "missing draw"]:
    """Draws of what is missing, each given its own known values."""
    from scipy.linalg import cho_solve_banded, cholesky_banded, lapack

    missing = np.flatnonzero(~known)
    factor = cholesky_banded(_among(band, missing), lower=True)
    pull = -_times(band, np.where(known[:, None], values, 0.0))[missing]
    apart, _ = lapack.dtbtrs(factor, stream.standard_normal(pull.shape), uplo="L", trans="T")
    return np.asarray(cho_solve_banded((factor, True), pull) + apart)


def completed(
    kinds: Sequence[Autoregression],
    at: Int[np.ndarray, "time"],
    variances: Float[np.ndarray, "time"],
    series: Float[np.ndarray, "time draw channel"],
    known: Bool[np.ndarray, "time channel"],
    stream: np.random.Generator,
) -> None:
    """Fill what is not known of a stretch in every draw, a chunk at a time, each given what was drawn before it."""
    length, draws, channels = series.shape
    for first in range(0, length, CHUNK):
        stop = min(first + CHUNK, length)
        if known[first:stop].all():
            continue
        around = slice(max(0, first - kinds[0].order), min(length, stop + AHEAD))
        given = known[around].copy()
        given[: first - around.start] = True  # drawn before
        flat = series[around].swapaxes(1, 2).reshape(-1, draws)
        flat[~given.ravel()] = drawn(precision(kinds, at[around], variances[around]), flat, given.ravel(), stream)
        filled = flat.reshape(-1, channels, draws).swapaxes(1, 2)
        series[first:stop] = filled[first - around.start : stop - around.start]


def _among(band: Band, places: Int[np.ndarray, "chosen"]) -> Band:
    """The part of a banded matrix between some places, which lie no farther apart than before."""
    chosen = np.zeros((len(band), len(places)))
    number = np.full(band.shape[1] + len(band), -1)
    number[places] = np.arange(len(places))
    for down in range(len(band)):
        columns = np.flatnonzero(number[places + down] >= 0)
        chosen[number[places[columns] + down] - columns, columns] = band[down, places[columns]]
    return chosen


def _times(band: Band, values: Float[np.ndarray, "place draw"]) -> Float[np.ndarray, "place draw"]:
    """A symmetric banded matrix times columns."""
    made = band[0, :, None] * values
    for down in range(1, min(len(band), len(values))):
        diagonal = band[down, :-down, None]
        made[down:] += diagonal * values[:-down]
        made[:-down] += diagonal * values[down:]
    return made
