"""Distance of expected path signatures: the order in which channels move (Chevyrev and Oberhauser, 2022).

The signature of a path is the sequence of its iterated integrals; the expected one tells distributions of paths apart
as moments tell those of numbers. Ni et al. (2021) train against the norm of the difference of two expected signatures,
cut at a depth (Sig-W1). Here each path has time as one more channel and starts at the mean of the real values, without
which a signature would not see levels.

What departs from Ni et al.: level k of a signature grows as the k-th power of the path over k!, so their norm is that
of a few coordinates. Each coordinate is divided by its standard deviation over real windows, and each level counts the
same.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sensegen.evaluation.blocks import blocks, too_few
from sensegen.evaluation.interval import Null, null

SMALLEST = 0.01  # of a level's typical deviation: what a coordinate that never changes is divided by
Values = Float[np.ndarray, "window time channel"]


@dataclass(frozen=True)
class _Moments:
    """Mean and standard deviation over windows of each coordinate of one level."""

    mean: Float[np.ndarray, "coordinate"]
    stddev: Float[np.ndarray, "coordinate"]


def signature_distance(real: Values, synthetic: Values, depth: int) -> float | Null:
    """Distance of expected signatures up to `depth`, in standard deviations of the real windows. 0 is best.

    The root mean square over the coordinates of a level, mean over the levels. With c channels level k has (c + 1)^k
    coordinates: take depth 3 for up to ten channels or so, and 2 for more. Units of the channels have no part in it.

    Null where a side has fewer than two windows.
    """
    if reason := too_few(real, synthetic, 2):
        return null(reason)
    mean, stddev = _scale(real)
    had, made = (_expected(values, mean, stddev, depth) for values in (real, synthetic))
    return float(np.mean([_level_distance(*levels) for levels in zip(had, made, strict=True)]))


def signature(path: Float[np.ndarray, "window time channel"], depth: int) -> list[Float[np.ndarray, "window _"]]:
    """Levels 1 to `depth` of the signature of piecewise linear paths; level k has channel^k coordinates.

    Chen's identity gives what a straight piece adds to each level from the levels before it, here for all pieces of a
    path at once: a running sum is the level at each time.
    """
    pieces = np.diff(path, axis=1)
    before: list[np.ndarray] = []  # of each level (window, time, coordinate): its value where a piece begins
    levels = []
    for level in range(1, depth + 1):
        left = _left_factor(before, pieces, level)
        # The level at the end is a sum over time, which needs no array of (time, coordinate).
        levels.append(_flat(np.matmul(left.swapaxes(1, 2), pieces), axis=1) if level > 1 else pieces.sum(axis=1))
        if level < depth:
            added = _outer(left, pieces) if level > 1 else pieces
            before.append(np.cumsum(added, axis=1) - added)
    return levels


def _left_factor(before: list[np.ndarray], pieces: np.ndarray, level: int) -> np.ndarray:
    """What is multiplied by a piece to give its part of a level (Horner's scheme over the shorter levels)."""
    left = pieces / level
    for shorter, value in enumerate(before, start=1):
        left = value + left if shorter == 1 else value + _outer(left, pieces / (level - shorter + 1))
    return left


def _outer(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(window, time, i) and (window, time, j) to (window, time, i * j)"""
    return _flat(left[..., :, None] * right[..., None, :], axis=2)


def _flat(values: np.ndarray, axis: int) -> np.ndarray:
    return values.reshape(*values.shape[:axis], -1)


def _scale(values: Values) -> tuple[Float[np.ndarray, "channel"], Float[np.ndarray, "channel"]]:
    count, origin = len(values) * values.shape[1], np.asarray(values[0])[0].astype(float)
    total, squares = np.zeros_like(origin), np.zeros_like(origin)
    for block in blocks(values):
        moved = block - origin  # a constant channel lies exactly 0 away
        total += moved.sum(axis=(0, 1))
        squares += np.sum(moved**2, axis=(0, 1))
    stddev = np.sqrt(np.maximum(squares / count - (total / count) ** 2, 0))
    return origin + total / count, np.where(stddev > 0, stddev, 1.0)


def _expected(values: Values, mean: np.ndarray, stddev: np.ndarray, depth: int) -> list[_Moments]:
    channels, sums = values.shape[2] + 1, [np.zeros((2, (values.shape[2] + 1) ** k)) for k in range(1, depth + 1)]
    for block in blocks(values, numbers=3 * values.shape[1] * channels ** max(1, depth - 1)):
        levels = signature(_augmented((block - mean) / stddev), depth)
        for total, level in zip(sums, levels, strict=True):
            total += level.sum(axis=0), np.sum(level**2, axis=0)
    means = [total / len(values) for total in sums]
    return [_Moments(first, np.sqrt(np.maximum(second - first**2, 0))) for first, second in means]


def _augmented(values: Values) -> Float[np.ndarray, "window time_and_start channel_and_time"]:
    """Paths that start at 0, with time from 0 to 1 as their first channel."""
    started = np.concatenate([np.zeros_like(values[:, :1]), values], axis=1)
    time = np.broadcast_to(np.linspace(0, 1, started.shape[1])[None, :, None], (*started.shape[:2], 1))
    return np.concatenate([time, started], axis=2)


def _level_distance(real: _Moments, synthetic: _Moments) -> float:
    typical = np.sqrt(np.mean(real.stddev**2))
    least = SMALLEST * (typical if typical > 0 else 1.0)
    return float(np.sqrt(np.mean(((synthetic.mean - real.mean) / np.maximum(real.stddev, least)) ** 2)))
