"""New styles near those of training windows: a smoothed bootstrap (Efron & Tibshirani, 1993, section 16.5).

A style is that of a training window of the class, drawn at random, and moved.

Loudness is moved in normal scores: a number that more than a share u of the class's windows are below becomes the
normal quantile of u. There it is drawn in towards 0 and moved by Gaussian noise of the class's covariance, so that mean
and covariance stay what they are (Silverman, 1986, section 6.4.1), and with them how loud the loudest are: most windows
of those who rest are quiet, a few are many times louder, and noise of the loudness itself leaves neither.

Levels are moved towards and away from those of windows whose levels are near, and loudness as far as these: how far
that is depends on the class (`level_kernels`). Where windows differ by what they do around their levels, the
convolutional judge told moved styles, with the shapes of real windows, better than it told generated shapes
(docs/fidelity.md).

Of styles that are sixty numbers, people are few and far apart: a network that makes them of noise fills the gaps
between people, and of people whom it was not trained on it knows no more than a Gaussian does (docs/fidelity.md).
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from jaxtyping import Float, Int

from sensegen.generators.level_kernels import WINDOWS, LevelKernels, chosen, evenly, rows_of

SHRINKAGE = 0.01  # of a class's covariance towards none: there may be fewer windows than numbers


class Loudness(NamedTuple):
    """Of a class: the normal scores of the loudness of its `WINDOWS` windows, the lower Cholesky factor of the scores'
    covariance, and the quantiles that scores stand for."""

    scores: Float[np.ndarray, "window number"]
    factor: Float[np.ndarray, "number number"]
    quantiles: Float[np.ndarray, "quantile number"]


class StyleKernels(keras.layers.Layer):
    """The first `channels` numbers of a style are its levels, the others its loudness: the `Loudness` of each class."""

    def __init__(self, styles: int, channels: int, classes: int):
        super().__init__(name="style_kernels", trainable=False)
        self.levels = LevelKernels(channels, classes)
        loudness = styles - channels
        for name, size in zip(Loudness._fields, (WINDOWS, loudness, WINDOWS), strict=True):
            weight = self.add_weight(shape=(classes, size, loudness), initializer="zeros", name=name)
            setattr(self, name, weight)
        self.built = True  # Keras cannot know: it is asked by name and never called

    def settle(
        self,
        styles: Float[np.ndarray, "window style"],
        levels: Float[np.ndarray, "window channel"],
        swings: Float[np.ndarray, "window"],
        labels: Int[np.ndarray, "window"],
    ) -> None:
        """Take the training windows' styles; `levels` and `swings` as `LevelKernels.settle` has places and swings."""
        channels, classes = levels.shape[1], range(self.scores.shape[0])
        self.levels.settle(styles[:, :channels], levels, swings, labels)
        found = [loudness_of(styles[rows_of(labels, label), channels:]) for label in classes]
        for name in Loudness._fields:
            getattr(self, name).assign(np.stack([getattr(loudness, name) for loudness in found]))

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        """Styles (batch, style)."""
        window_seed, noise_seed, level_seed = tf.unstack(tf.random.split(seed, 3))
        windows = chosen(labels, window_seed)
        loudness = self._loudness(self._moved_scores(windows, noise_seed, temperature), labels)
        return tf.concat([self.levels.moved(windows, level_seed, temperature), loudness], axis=1)

    def _moved_scores(self, windows: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        scores = tf.gather_nd(self.scores, windows)
        noise = tf.random.stateless_normal(tf.shape(scores), seed)
        noise = tf.linalg.matvec(tf.gather(self.factor, windows[:, 0]), noise)
        bandwidth = tf.gather(self.levels.bandwidth, windows[:, :1])
        return tf.sqrt(1 - tf.square(bandwidth)) * scores + bandwidth * temperature * noise

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


def loudness_of(loudness: Float[np.ndarray, "window number"]) -> Loudness:
    """The `Loudness` of a class, from that of its windows."""
    scores = normal_scores(loudness.astype(np.float64))
    quantiles = np.quantile(loudness.astype(np.float64), (np.arange(WINDOWS) + 0.5) / WINDOWS, axis=0, method="hazen")
    return Loudness(scores[evenly(len(scores))], factor_of(scores), quantiles)


def normal_scores(values: Float[np.ndarray, "window number"]) -> Float[np.ndarray, "window number"]:
    """Normal quantiles of the ranks of each number; equal values have equal scores."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return ndtri((rankdata(values, axis=0) - 0.5) / len(values))


def factor_of(scores: Float[np.ndarray, "window number"]) -> Float[np.ndarray, "number number"]:
    """The lower Cholesky factor of the covariance of scores."""
    covariance = scores.T @ scores / len(scores)
    return np.linalg.cholesky((1 - SHRINKAGE) * covariance + SHRINKAGE * np.eye(scores.shape[1]))
