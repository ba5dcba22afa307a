"""Are synthetic windows where real ones are, and everywhere there: precision, recall, density and coverage.

Each window is a vector of features, and around each lies a ball that reaches to its k-th nearest neighbour of its own
set. Precision and recall (Kynkäänniemi et al., 2019) ask whether a window lies in any ball of the other set; one real
outlier has a huge ball and spoils them, so that Naeem et al. (2020) count in how many real balls a synthetic window
lies (density), and how many real balls hold a synthetic window (coverage).

They need the same number of windows of both sides, and are compared at the same number only: the larger set is
thinned at random, and so are both beyond `MOST_WINDOWS`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from sensegen.evaluation.blocks import Rows, few, too_few
from sensegen.evaluation.interval import Null, null

NEIGHBOURS = 5  # as Naeem et al.
MOST_WINDOWS = 2_500  # a side
WORKING_MEMORY_MIB = 64
ROUNDING = 1e-6  # of a typical length: how far two computations of one distance may lie apart
Vectors = Float[np.ndarray, "window feature"]


@dataclass(frozen=True)
class Coverage:
    """1 is best and 0 worst; density may pass 1 where synthetic windows crowd in the middle of the real ones.

    Two samples of one distribution have a coverage of about 0.97 (1 - 2^-5), and a density of about 1. Precision and
    density are of the synthetic windows, recall and coverage of the real ones; `windows` is how many of either side.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    windows: int


def coverage(real: Rows, synthetic: Rows, seed: int) -> Coverage | Null:
    """Precision, recall, density and coverage of feature vectors by Euclidean distance: scale the features first.

    Null where a side has fewer than seven windows (k + 2).
    """
    if reason := too_few(real, synthetic, NEIGHBOURS + 2):
        return null(reason)
    count = min(len(real), len(synthetic), MOST_WINDOWS)
    first, second = few(real, count, seed, "coverage real"), few(synthetic, count, seed, "coverage synthetic")
    origin = first.mean(axis=0)
    first, second = first - origin, second - origin
    rounding = ROUNDING * float(np.median(np.linalg.norm(first, axis=1)))
    in_balls, recalled, covered = _neighbourhood(first, second, rounding)
    return Coverage(
        precision=float(np.mean(in_balls > 0)),
        recall=float(np.mean(recalled)),
        density=float(np.mean(in_balls) / NEIGHBOURS),
        coverage=float(np.mean(covered)),
        windows=count,
    )


def _neighbourhood(
    real: Vectors, synthetic: Vectors, rounding: float
) -> tuple[Int[np.ndarray, "synthetic"], Bool[np.ndarray, "real"], Bool[np.ndarray, "real"]]:
    """In how many real balls each synthetic vector lies; whether each real one lies in a synthetic ball, or its own
    ball holds a synthetic one. Distances come in blocks.
    """
    from sklearn.metrics import pairwise_distances_chunked

    real_radii, synthetic_radii = _radii(real) + rounding, _radii(synthetic) + rounding
    in_balls: list[np.ndarray] = []
    recalled, covered = np.zeros((2, len(real)), bool)
    for distances in pairwise_distances_chunked(synthetic, real, working_memory=WORKING_MEMORY_MIB):
        first = sum(map(len, in_balls))
        recalled |= np.any(distances <= synthetic_radii[first : first + len(distances), None], axis=0)
        in_real = distances <= real_radii
        covered |= in_real.any(axis=0)
        in_balls.append(in_real.sum(axis=1))
    return np.concatenate(in_balls), recalled, covered


def _radii(vectors: Vectors) -> Float[np.ndarray, "window"]:
    """The distance from each vector to its k-th nearest other one."""
    from sklearn.neighbors import NearestNeighbors

    distances, _ = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(vectors).kneighbors()
    return distances[:, -1]
