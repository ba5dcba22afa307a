"""New styles near those of training windows: a smoothed bootstrap (Efron & Tibshirani, 1993, section 16.5).

A style is that of a training window of the class, drawn at random, and moved. Loudness is drawn in towards the mean and
moved by Gaussian noise of the class's covariance, so that mean and covariance stay what they are (Silverman, 1986,
section 6.4.1). Levels are moved towards and away from those of windows whose levels are near (manifold Parzen windows;
Vincent & Bengio, 2003): those of an accelerometer at rest lie on a sphere, since gravity is what it feels, and noise of
the class's covariance takes them off it.

Of styles that are sixty numbers, people are few and far apart: a network that makes them of noise fills the gaps
between people, and of people whom it was not trained on it knows no more than a Gaussian does (docs/fidelity.md).
"""

import keras
import numpy as np
import tensorflow as tf
from jaxtyping import Float, Int

WINDOWS = 512  # of a class whose styles are kept: evenly chosen, or again and again where there are fewer
BANDWIDTH = 0.8  # of the noise of loudness, as a share of the class's spread
NEIGHBOURS = 16  # by their levels
LEVEL_BANDWIDTH = 0.7  # of the noise of levels, as a share of the distance to a neighbour
SHRINKAGE = 0.01  # of a class's covariance towards none: there may be fewer windows than numbers in a style


class StyleKernels(keras.layers.Layer):
    """The styles of each class, of mean 0, the lower Cholesky factor of their covariance, and who is near whom.

    The first `channels` numbers of a style are its levels.
    """

    def __init__(self, styles: int, channels: int, classes: int):
        super().__init__(name="style_kernels", trainable=False)
        self.channels = channels
        self.centres = self.add_weight(shape=(classes, WINDOWS, styles), initializer="zeros", name="centres")
        self.factor = self.add_weight(shape=(classes, styles, styles), initializer="zeros", name="factor")
        self.factor.assign(np.broadcast_to(np.eye(styles, dtype=np.float32), self.factor.shape))
        self.near = self.add_weight(
            shape=(classes, WINDOWS, NEIGHBOURS), initializer="zeros", dtype="int32", name="near"
        )
        self.built = True  # Keras cannot know: it is asked by name and never called

    def settle(
        self,
        styles: Float[np.ndarray, "window style"],
        levels: Float[np.ndarray, "window channel"],
        labels: Int[np.ndarray, "window"],
    ) -> None:
        """Take the training windows' styles, and their levels in units that tell how far two are apart; a class without
        any gets those of all."""
        centres, factors, near = [], [], []
        for label in range(self.centres.shape[0]):
            rows = np.flatnonzero(labels == label) if (labels == label).any() else np.arange(len(labels))
            kept = rows[evenly(len(rows))]
            centres.append(styles[kept])
            factors.append(factor_of(styles[rows]))
            near.append(neighbours(levels[kept]))
        for weight, found in ((self.centres, centres), (self.factor, factors), (self.near, near)):
            weight.assign(np.stack(found))

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        """Styles (batch, style)."""
        centre_seed, noise_seed, level_seed = tf.unstack(tf.random.split(seed, 3))
        chosen = tf.stack(
            [labels, tf.random.stateless_uniform(tf.shape(labels), centre_seed, 0, WINDOWS, tf.int32)], axis=1
        )
        centres = tf.gather_nd(self.centres, chosen)
        noise = tf.linalg.matvec(
            tf.gather(self.factor, labels), tf.random.stateless_normal(tf.shape(centres), noise_seed)
        )
        moved = (1 - BANDWIDTH**2) ** 0.5 * centres + BANDWIDTH * temperature * noise
        level, near = centres[:, : self.channels], tf.gather_nd(self.near, chosen)
        of_near = tf.stack([tf.repeat(labels[:, None], NEIGHBOURS, axis=1), near], axis=2)
        away = tf.gather_nd(self.centres[..., : self.channels], of_near) - level[:, None]
        shares = tf.random.stateless_normal(tf.shape(away)[:2], level_seed) * LEVEL_BANDWIDTH / NEIGHBOURS**0.5
        level += temperature * tf.linalg.matvec(away, shares, transpose_a=True)
        return tf.concat([level, moved[:, self.channels :]], axis=1)


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


def factor_of(styles: Float[np.ndarray, "window style"]) -> Float[np.ndarray, "style style"]:
    """The lower Cholesky factor of the covariance of styles."""
    covariance = styles.T.astype(np.float64) @ styles / len(styles)
    return np.linalg.cholesky((1 - SHRINKAGE) * covariance + SHRINKAGE * np.eye(styles.shape[1]))
