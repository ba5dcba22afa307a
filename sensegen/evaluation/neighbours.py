"""How far windows are from their nearest neighbour in a reference set, exactly, in time and in spectrum.

A distance is the root mean square difference a value, so in the unit of the values: on scaled windows, in standard
deviations of a channel. In spectrum the values are the magnitudes |FFT| of each channel, phases thrown away, so that a
copy that was shifted around or phase-randomised (Theiler et al., 1992) lies at no distance from what it was made of.
The magnitudes are weighted as Parseval has it: a distance in spectrum is never above the one in time.

All pairs are looked at, by scikit-learn's blocked brute force, in memory that is linear in windows: the reference is
held once as features, the queries are taken in blocks. Products of norms cancel where windows are alike, so the
distance to the neighbour that was found is computed again by subtraction: a copy is at 0, not at 1e-6.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

Values = Float[np.ndarray, "window time channel"]
Features = Float[np.ndarray, "window feature"]
Representation = Callable[[Values], Features]

BLOCK_WINDOWS = 1024


@dataclass(frozen=True)
class Neighbours:
    """The distance of each query to its nearest reference window, 0 for a copy, and which one that is."""

    distance: Float[np.ndarray, "query"]
    index: Int[np.ndarray, "query"]


def in_time(values: Values) -> Features:
    """The samples end to end."""
    return np.asarray(values, np.float32).reshape(len(values), -1)


def in_spectrum(values: Values) -> Features:
    """The magnitude of each frequency of each channel, with the same sum of squares as the samples."""
    magnitude = np.abs(np.fft.rfft(np.asarray(values, np.float64), axis=1, norm="ortho"))
    # All but the constant and, of an even length, the last frequency stand for two of the full transform.
    magnitude[:, 1 : (values.shape[1] + 1) // 2] *= np.sqrt(2)
    return magnitude.reshape(len(values), -1).astype(np.float32)


DOMAINS: dict[str, Representation] = {"time": in_time, "spectrum": in_spectrum}


def nearest(queries: Values, reference: Values, represent: Representation) -> Neighbours:
    """The nearest reference window of each query.

    Raises:
        ValueError: if there is no reference window, or a value is not finite.
    """
    features = _features(reference, represent)
    found = _searcher(features, neighbours=1)
    blocks = [
        _measured(block, features, found.kneighbors(block, return_distance=False)[:, 0], reference.shape)
        for block in _blocks(queries, represent)
    ]
    return _joined(blocks)


def nearest_other(rows: Int[np.ndarray, "query"], reference: Values, represent: Representation) -> Neighbours:
    """The nearest reference window of each of the reference windows at `rows`, itself left out; copies of it count.

    Raises:
        ValueError: if the reference holds fewer than two windows, or a value is not finite.
    """
    features = _features(reference, represent)
    found = _searcher(features, neighbours=2)
    blocks = []
    for start in range(0, len(rows), BLOCK_WINDOWS):
        of_block = rows[start : start + BLOCK_WINDOWS]
        pair = found.kneighbors(features[of_block], return_distance=False)
        # Among several copies the window itself may come second, or not at all.
        other = np.where(pair[:, 0] == of_block, pair[:, 1], pair[:, 0])
        blocks.append(_measured(features[of_block], features, other, reference.shape))
    return _joined(blocks)


def _searcher(features: Features, neighbours: int) -> Any:
    from sklearn.neighbors import NearestNeighbors

    if len(features) < neighbours:
        raise ValueError(
            f"A search for neighbours needs {neighbours} reference windows, but got {len(features)}. "
            "Leave classes out that have no windows on one side."
        )
    return NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(features)


def _features(values: Values, represent: Representation) -> Features:
    """The features of all windows, made in blocks, as the windows may be stored and their transform is large."""
    width = represent(np.zeros((1, *values.shape[1:]))).shape[1]
    features = np.empty((len(values), width), np.float32)
    for at, block in enumerate(_blocks(values, represent)):
        features[at * BLOCK_WINDOWS : at * BLOCK_WINDOWS + len(block)] = block
    return features


def _blocks(values: Values, represent: Representation) -> Iterator[Features]:
    for start in range(0, len(values), BLOCK_WINDOWS):
        block = represent(np.asarray(values[start : start + BLOCK_WINDOWS]))
        if not np.isfinite(block).all():
            broken = int((~np.isfinite(block).all(axis=1)).sum())
            raise ValueError(
                f"Distances need finite values, but {broken} of windows {start} to {start + len(block)} have others. "
                "Look at what made these windows."
            )
        yield block


def _measured(
    block: Features, features: Features, index: Int[np.ndarray, "query"], shape: tuple[int, ...]
) -> Neighbours:
    """Distances by subtraction, over the values of a window (a spectrum has fewer numbers than the window)."""
    apart = block.astype(np.float64) - features[index]
    return Neighbours(np.sqrt(np.einsum("qf,qf->q", apart, apart) / (shape[1] * shape[2])), index)


def _joined(blocks: list[Neighbours]) -> Neighbours:
    if not blocks:
        return Neighbours(np.empty(0), np.empty(0, np.int64))
    return Neighbours(np.concatenate([b.distance for b in blocks]), np.concatenate([b.index for b in blocks]))
