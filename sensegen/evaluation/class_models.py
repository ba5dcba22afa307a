"""Controls that are simple models of each class: noise, and principal components under a Gaussian mixture.

They know each class's windows of the fit split and nothing else, and are fitted in seconds: a generator that is worth
its training stands above them in every measure, not in usefulness alone.
"""

import warnings

import numpy as np
from jaxtyping import Float

from sensegen.evaluation.blocks import blocks
from sensegen.evaluation.by_class import Draw, Labels, Values, drawn_by_class
from sensegen.seeding import derived_seed
from sensegen.windows import Windows

MOST = 10_000  # windows that components and mixture are fitted to; more of them change nothing that a reader would see
COMPONENTS = 60  # principal components of a class, where it has as many
CLUSTERS = 10  # Gaussians of a class
CLUSTER_WINDOWS = 10  # windows that a Gaussian needs: with one each the mixture would be a bootstrap


def noise(fit: Windows, labels: Labels, seed: int) -> Values:
    """Independent Gaussian noise with the mean and standard deviation of each channel in the class; float32.

    All that it knows is each channel's level and spread in the class, and every judge must catch it. It is not at
    chance in usefulness: what it reaches there is what levels and spreads alone are worth (`majority` is chance).
    """
    return drawn_by_class("noise", _noise, fit, labels, seed)


def _noise(windows: Windows, stream: np.random.Generator) -> Draw:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    for block in blocks(windows.values):
        scaler.partial_fit(block.reshape(-1, block.shape[2]))
    mean, stddev, shape = scaler.mean_, np.sqrt(scaler.var_), windows.values.shape[1:]
    return lambda count: mean + stddev * stream.standard_normal((count, *shape))


def pca_mixture(fit: Windows, labels: Labels, seed: int) -> Values:
    """Windows from 60 principal components of the class under a mixture of 10 diagonal Gaussians; float32.

    A class has at most one component less than it has different windows, and a Gaussian for every ten of them.

    Raises:
        ValueError: if a wanted class has fewer than two different windows.
    """
    return drawn_by_class("pca_mixture", _pca_mixture, fit, labels, seed)


def _pca_mixture(windows: Windows, stream: np.random.Generator) -> Draw:
    from sklearn.decomposition import PCA

    flat = _different(windows, stream)
    # Of large classes the solver draws: from a seed of its own, as the components are no part of the draw.
    pca = PCA(min(COMPONENTS, len(flat) - 1, flat.shape[1]), random_state=derived_seed(0, "pca"))
    weights, means, stddevs = _mixture(pca.fit_transform(flat).astype(np.float64), stream)
    shape = windows.values.shape[1:]

    def draw(count: int) -> Values:
        cluster = stream.choice(len(weights), count, p=weights)
        scores = means[cluster] + stddevs[cluster] * stream.standard_normal((count, means.shape[1]))
        return pca.inverse_transform(scores).reshape(count, *shape)

    return draw


def _different(windows: Windows, stream: np.random.Generator) -> Float[np.ndarray, "window value"]:
    """The windows as rows, at most `MOST` of them, none twice: copies would make clusters without any spread."""
    rows = stream.permutation(len(windows))[:MOST]
    flat = np.unique(np.asarray(windows.values[np.sort(rows)], np.float32).reshape(len(rows), -1), axis=0)
    if len(flat) < 2:
        raise ValueError(
            f"Principal components need two different windows of a class, but {windows.classes[windows.labels[0]]} has "
            f"{len(flat)} among {len(windows)}. Record more of it, or name it in window.dropped_labels."
        )
    return flat


def _mixture(
    scores: Float[np.ndarray, "window component"], stream: np.random.Generator
) -> tuple[
    Float[np.ndarray, "cluster"], Float[np.ndarray, "cluster component"], Float[np.ndarray, "cluster component"]
]:
    """Weights, means and standard deviations of the Gaussians."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    clusters = min(CLUSTERS, max(1, len(scores) // CLUSTER_WINDOWS))
    mixture = GaussianMixture(clusters, covariance_type="diag", random_state=int(stream.integers(2**31)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a mixture that could be a little better is a control too
        mixture.fit(scores)
    return mixture.weights_, mixture.means_, np.sqrt(mixture.covariances_)
