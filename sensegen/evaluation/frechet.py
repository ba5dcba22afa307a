"""Fréchet distance between Gaussians fitted to the features of real and of synthetic windows (Heusel et al., 2017).

With the features of a frozen encoder that was trained on real windows it is the Context-FID of Jeha et al. (2022).
"""

import numpy as np
from jaxtyping import Float

from sensegen.evaluation.blocks import blocks, too_few
from sensegen.evaluation.interval import Null, null

Features = Float[np.ndarray, "window feature"]


def frechet_distance(real: Features, synthetic: Features) -> float | Null:
    """|m - m'|² + tr(C + C' - 2 (C C')^½) of means m and covariances C, in squared units of the features. 0 is best.

    It is biased upwards, the more the fewer windows and the more features: compare at the same number of windows, and
    with its floor.

    Null where a side has fewer than two windows.
    """
    if reason := too_few(real, synthetic, 2):
        return null(reason)
    (mean, covariance), (other_mean, other_covariance) = gaussian(real), gaussian(synthetic)
    apart = float(np.sum((mean - other_mean) ** 2))
    overlap = _trace_of_root(covariance, other_covariance)
    return max(0.0, apart + float(np.trace(covariance) + np.trace(other_covariance)) - 2 * overlap)


def gaussian(
    features: Features,
) -> tuple[Float[np.ndarray, "feature"], Float[np.ndarray, "feature feature"]]:
    """Mean and (unbiased) covariance of feature vectors, in two passes so that nothing cancels."""
    mean = sum(block.sum(axis=0) for block in blocks(features)) / len(features)
    products = sum((block - mean).T @ (block - mean) for block in blocks(features))
    return mean, products / (len(features) - 1)


def _trace_of_root(
    covariance: Float[np.ndarray, "feature feature"], other: Float[np.ndarray, "feature feature"]
) -> float:
    """tr (C C')^½ as the sum of singular values of C^½ C'^½.

    That takes no root of a matrix that is not symmetric, which fails where covariances are nearly singular.
    """
    return float(np.linalg.svd(_root(covariance) @ _root(other), compute_uv=False).sum())


def _root(covariance: Float[np.ndarray, "feature feature"]) -> Float[np.ndarray, "feature feature"]:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T  # rounding puts an eigenvalue of 0 below it
