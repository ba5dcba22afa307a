"""Maximum mean discrepancy: do two sets of windows come from one distribution (Gretton et al., 2012).

The estimate is their unbiased one (a U-statistic): 0 in expectation when they do, so it may be a little below. The
kernel is the mean of Gaussian kernels whose bandwidths are the median distance between real windows times factors, so
that no single scale decides and k(x, x) = 1. The bandwidth is of the real windows alone: a generator that explodes
cannot widen it, and two generators are measured alike.

The windows may be any feature vectors. On raw windows it is blind to much: of UCI HAR, fit windows with randomised
phases are nearer to the fit windows than those of other people are.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sensegen.evaluation.blocks import Rows, few, too_few
from sensegen.evaluation.interval import Null, null
from sensegen.seeding import rng

# Powers of two, the widest first: the kernel of half the bandwidth is the fourth power, which needs no exponential.
FACTORS = (4.0, 2.0, 1.0, 0.5, 0.25)
MOST_WINDOWS = 2_000  # a side
MOST_PERMUTED = 500  # a side
MOST_MEDIAN = 500  # for the median distance
PERMUTATIONS = 999
BLOCK_ROWS = 512
FEWEST = 4
Vectors = Float[np.ndarray, "window feature"]


@dataclass(frozen=True)
class PermutationTest:
    """The share of relabellings with an MMD² at least as large, of how many windows of either side."""

    p_value: float
    real_windows: int
    synthetic_windows: int


def mmd_squared(real: Rows, synthetic: Rows, seed: int) -> float | Null:
    """Unbiased MMD² of (at most 2,000 randomly chosen) windows. About 0 is best, 2 is worst; it has no unit.

    Null where a side has fewer than four windows.
    """
    if reason := too_few(real, synthetic, FEWEST):
        return null(reason)
    first, second = few(real, MOST_WINDOWS, seed, "real"), few(synthetic, MOST_WINDOWS, seed, "synthetic")
    origin = first.mean(axis=0)  # distances do not change, and large offsets do not cancel in them
    first, second = first - origin, second - origin
    bandwidth = median_distance(first[:: max(1, len(first) // MOST_MEDIAN)])
    between = sum(_kernel(first[rows], second, bandwidth).mean(axis=1).sum() for rows in _row_blocks(first))
    within = _mean_of_pairs(first, bandwidth) + _mean_of_pairs(second, bandwidth)
    return float(within - 2 * between / len(first))


def permutation_test(real: Rows, synthetic: Rows, seed: int) -> PermutationTest | Null:
    """Test that both sets come from one distribution, on at most 500 randomly chosen windows of either side.

    The p value is in 1/1000 to 1; a small one says that they differ, and a large one that so few windows cannot tell.
    The bandwidth is the median distance of both sets together, which relabelling does not change: the test is exact
    for windows that are exchangeable. Overlapping windows of the same people are not quite, so that real people who
    are others give small values too, and so does a set that repeats windows: read it beside its floor.

    Null where a side has fewer than four windows.
    """
    if reason := too_few(real, synthetic, FEWEST):
        return null(reason)
    sides = few(real, MOST_PERMUTED, seed, "permuted real"), few(synthetic, MOST_PERMUTED, seed, "permuted synthetic")
    pooled = np.concatenate(sides)
    pooled -= pooled.mean(axis=0)
    kernel = _kernel(pooled, pooled, median_distance(pooled))
    np.fill_diagonal(kernel, 0.0)
    is_real = np.arange(len(pooled)) < len(sides[0])
    observed = _relabelled(kernel, is_real[None])[0]
    stream = rng(seed, "mmd permutations")
    relabelled = _relabelled(kernel, stream.permuted(np.tile(is_real, (PERMUTATIONS, 1)), axis=1))
    as_large = np.sum(relabelled >= observed - 1e-12)
    return PermutationTest(float((1 + as_large) / (1 + PERMUTATIONS)), len(sides[0]), len(sides[1]))


def median_distance(vectors: Vectors) -> float:
    """The median Euclidean distance between different vectors; 1 where more than half of the pairs are the same."""
    squares = _square_distances(vectors, vectors)
    median = float(np.sqrt(np.median(squares[np.triu_indices(len(vectors), k=1)])))
    return median if median > 1e-6 * np.abs(vectors).max() else 1.0


def _relabelled(
    kernel: Float[np.ndarray, "window window"], is_real: Bool[np.ndarray, "labelling window"]
) -> Float[np.ndarray, "labelling"]:
    """Unbiased MMD² for each way to call windows real; the kernel has no diagonal."""
    chosen = is_real.astype(float)
    of_real = chosen @ kernel
    real_real = np.sum(of_real * chosen, axis=1)
    between = np.sum(of_real, axis=1) - real_real
    others = kernel.sum() - real_real - 2 * between
    count = int(chosen[0].sum())
    other_count = chosen.shape[1] - count
    within = real_real / (count * (count - 1)) + others / (other_count * (other_count - 1))
    return within - 2 * between / (count * other_count)


def _mean_of_pairs(vectors: Vectors, bandwidth: float) -> float:
    """Mean of the kernel over pairs of different vectors, each pair computed once but for those within a block."""
    total = 0.0
    for rows in _row_blocks(vectors):
        kernel = _kernel(vectors[rows], vectors[rows.start :], bandwidth)
        same_block = kernel[:, : len(kernel)].sum()
        total += same_block + 2 * (kernel.sum() - same_block)
    return (total - len(vectors)) / (len(vectors) * (len(vectors) - 1))  # k(x, x) = 1 left out


def _row_blocks(vectors: Vectors) -> list[slice]:
    return [slice(at, at + BLOCK_ROWS) for at in range(0, len(vectors), BLOCK_ROWS)]


def _kernel(first: Vectors, second: Vectors, bandwidth: float) -> Float[np.ndarray, "first second"]:
    part = np.exp(_square_distances(first, second) / (-2 * (FACTORS[0] * bandwidth) ** 2))
    total = part.copy()
    for _ in FACTORS[1:]:
        np.square(part, out=part)
        np.square(part, out=part)
        total += part
    total /= len(FACTORS)
    return total


def _square_distances(first: Vectors, second: Vectors) -> Float[np.ndarray, "first second"]:
    from sklearn.metrics import euclidean_distances

    return euclidean_distances(first, second, squared=True)
