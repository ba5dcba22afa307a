"""New styles near those of training windows: a smoothed bootstrap (Efron & Tibshirani, 1993, section 16.5).

A style is that of a training window of the class, drawn at random, and moved.

Loudness is moved in normal scores: a number that more than a share u of the class's windows are below becomes the
normal quantile of u. There it is drawn in towards 0 and moved by Gaussian noise of the class's covariance, so that mean
and covariance stay what they are (Silverman, 1986, section 6.4.1), and with them how loud the loudest are: most windows
of those who rest are quiet, a few are many times louder, and noise of the loudness itself leaves neither.

Levels are moved towards and away from those of windows whose levels are near (manifold Parzen windows; Vincent &
Bengio, 2003): those of an accelerometer at rest lie on a sphere, since gravity is what it feels, and noise of the
class's covariance takes them off it.

How far depends on the class. Where windows differ by their levels most of all, as of those who rest, a style is most of
a window, and near that of a training window the whole window is near. Where they differ by what they do around their
levels, as of those who walk, shapes make them differ anyway, and noise only parts what belongs together: the
convolutional judge told such styles, with the shapes of real windows, better than it told generated shapes
(docs/fidelity.md).

Of styles that are sixty numbers, people are few and far apart: a network that makes them of noise fills the gaps
between people, and of people whom it was not trained on it knows no more than a Gaussian does (docs/fidelity.md).
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from jaxtyping import Float, Int

WINDOWS = 512  # of a class whose styles are kept: evenly chosen, or again and again where there are fewer
BANDWIDTH = 0.8  # of the noise, where windows of a class differ by nothing but their levels
NEIGHBOURS = 16  # by their levels
SHRINKAGE = 0.01  # of a class's covariance towards none: there may be fewer windows than numbers


class Kernels(NamedTuple):
    """Of a class, of `WINDOWS` windows: their levels and who is near whom; the normal scores of their loudness, the
    lower Cholesky factor of the scores' covariance, and the quantiles that scores stand for. And how far a style is
    moved: a share of the distance to a neighbour, and of the spread of scores."""

    bandwidth: float
    levels: Float[np.ndarray, "window channel"]
    near: Int[np.ndarray, "window neighbour"]
    scores: Float[np.ndarray, "window number"]
    factor: Float[np.ndarray, "number number"]
    quantiles: Float[np.ndarray, "quantile number"]


class StyleKernels(keras.layers.Layer):
    """The `Kernels` of every class. The first `channels` numbers of a style are its levels, the others its loudness."""

    def __init__(self, styles: int, channels: int, classes: int):
        super().__init__(name="style_kernels", trainable=False)
        loudness = styles - channels
        for name, size, dtype in (
            ("bandwidth", (), "float32"),
            ("levels", (WINDOWS, channels), "float32"),
            ("near", (WINDOWS, NEIGHBOURS), "int32"),
            ("scores", (WINDOWS, loudness), "float32"),
            ("factor", (loudness, loudness), "float32"),
            ("quantiles", (WINDOWS, loudness), "float32"),
        ):
            weight = self.add_weight(shape=(classes, *size), initializer="zeros", dtype=dtype, name=name)
            setattr(self, name, weight)
        self.built = True  # Keras cannot know: it is asked by name and never called

    def settle(
        self,
        styles: Float[np.ndarray, "window style"],
        levels: Float[np.ndarray, "window channel"],
        swings: Float[np.ndarray, "window"],
        labels: Int[np.ndarray, "window"],
    ) -> None:
        """Take the training windows' styles, their levels in units that tell how far two are apart, and the variance
        around the levels in the same units, all channels together; a class without any gets those of all."""
        found = []
        for label in range(self.levels.shape[0]):
            of_class = labels == label if (labels == label).any() else np.full(len(labels), True)
            found.append(kernels_of(styles[of_class], levels[of_class], swings[of_class]))
        for name in Kernels._fields:
            getattr(self, name).assign(np.stack([getattr(kernels, name) for kernels in found]))

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        """Styles (batch, style)."""
        window_seed, noise_seed, level_seed = tf.unstack(tf.random.split(seed, 3))
        window = tf.random.stateless_uniform(tf.shape(labels), window_seed, 0, WINDOWS, tf.int32)
        chosen = tf.stack([labels, window], axis=1)
        loudness = self._loudness(self._moved_scores(chosen, noise_seed, temperature), labels)
        return tf.concat([self._moved_levels(chosen, level_seed, temperature), loudness], axis=1)

    def _moved_levels(self, chosen: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        level, near = tf.gather_nd(self.levels, chosen), tf.gather_nd(self.near, chosen)
        labels = tf.broadcast_to(chosen[:, :1], tf.shape(near))
        away = tf.gather_nd(self.levels, tf.stack([labels, near], axis=2)) - level[:, None]
        shares = tf.random.stateless_normal(tf.shape(near), seed) * self._bandwidth(chosen) / NEIGHBOURS**0.5
        return level + temperature * tf.linalg.matvec(away, shares, transpose_a=True)

    def _moved_scores(self, chosen: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        scores = tf.gather_nd(self.scores, chosen)
        noise = tf.random.stateless_normal(tf.shape(scores), seed)
        noise = tf.linalg.matvec(tf.gather(self.factor, chosen[:, 0]), noise)
        bandwidth = self._bandwidth(chosen)
        return tf.sqrt(1 - tf.square(bandwidth)) * scores + bandwidth * temperature * noise

    def _bandwidth(self, chosen: tf.Tensor) -> tf.Tensor:
        return tf.gather(self.bandwidth, chosen[:, :1])

    def _loudness(self, scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The loudness that normal scores stand for, between those of two windows."""
        place = WINDOWS * 0.5 * (1 + tf.math.erf(scores / 2**0.5)) - 0.5
        place = tf.clip_by_value(place, 0, WINDOWS - 1)
        below = tf.minimum(tf.cast(place, tf.int32), WINDOWS - 2)
        label = tf.broadcast_to(labels[:, None], tf.shape(below))
        number = tf.broadcast_to(tf.range(tf.shape(below)[1]), tf.shape(below))
        low = tf.gather_nd(self.quantiles, tf.stack([label, below, number], axis=2))
        high = tf.gather_nd(self.quantiles, tf.stack([label, below + 1, number], axis=2))
        return low + (place - tf.cast(below, tf.float32)) * (high - low)


def kernels_of(
    styles: Float[np.ndarray, "window style"],
    levels: Float[np.ndarray, "window channel"],
    swings: Float[np.ndarray, "window"],
) -> Kernels:
    """What `StyleKernels` knows of a class, from what its windows give to `settle`."""
    kept, channels = evenly(len(styles)), levels.shape[1]
    loudness = styles[:, channels:].astype(np.float64)
    scores = normal_scores(loudness)
    quantiles = np.quantile(loudness, (np.arange(WINDOWS) + 0.5) / WINDOWS, axis=0, method="hazen")
    return Kernels(
        bandwidth_of(levels, swings),
        styles[kept, :channels],
        neighbours(levels[kept]),
        scores[kept],
        factor_of(scores),
        quantiles,
    )


def bandwidth_of(levels: Float[np.ndarray, "window channel"], swings: Float[np.ndarray, "window"]) -> float:
    """`BANDWIDTH` times the square root of the share that levels have in the variance of a class's windows."""
    between, within = float(np.sum(np.var(levels, axis=0))), float(np.mean(swings))
    return BANDWIDTH * (between / (between + within)) ** 0.5 if between else 0.0


def normal_scores(values: Float[np.ndarray, "window number"]) -> Float[np.ndarray, "window number"]:
    """Normal quantiles of the ranks of each number; equal values have equal scores."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return ndtri((rankdata(values, axis=0) - 0.5) / len(values))


def evenly(count: int) -> Int[np.ndarray, "kept"]:
    """`WINDOWS` of so many rows, from first to last; each again and again where there are fewer."""
    return np.arange(WINDOWS) * count // WINDOWS


def neighbours(levels: Float[np.ndarray, "window channel"]) -> Int[np.ndarray, "window neighbour"]:
    """Of each window, those of other levels that are nearest by them, again and again where there are few; itself, if
    there is none."""
    from scipy.spatial import KDTree

    distinct, first, place = np.unique(levels, axis=0, return_index=True, return_inverse=True)
    _, found = KDTree(distinct).query(distinct, k=min(NEIGHBOURS + 1, len(distinct)))
    others = np.reshape(found, (len(distinct), -1))[:, 1:] if len(distinct) > 1 else np.zeros((1, 1), np.int64)
    return first[others[:, np.arange(NEIGHBOURS) % others.shape[1]]][place.reshape(-1)]


def factor_of(scores: Float[np.ndarray, "window number"]) -> Float[np.ndarray, "number number"]:
    """The lower Cholesky factor of the covariance of scores."""
    covariance = scores.T @ scores / len(scores)
    return np.linalg.cholesky((1 - SHRINKAGE) * covariance + SHRINKAGE * np.eye(scores.shape[1]))
