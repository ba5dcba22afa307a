"""New levels near those of training windows: each is that of a training window of the class, drawn at random, and moved
towards and away from those of windows whose levels are near (manifold Parzen windows; Vincent & Bengio, 2003).

Levels of an accelerometer at rest lie on a sphere, since gravity is what it feels, and noise of the class's covariance
would take them off it.

How far depends on the class. Where windows differ by their levels most of all, as of those who rest, a level is most of
a window, and near that of a training window the whole window is near. Where they differ by what they do around their
levels, as of those who walk, the rest makes them differ anyway, and noise only parts what belongs together.
"""

import keras
import numpy as np
import tensorflow as tf
from jaxtyping import Float, Int

WINDOWS = 512  # of a class that are kept: evenly chosen, or again and again where there are fewer
BANDWIDTH = 0.87  # of the distance to neighbours, where windows of a class differ by nothing but their levels
NEIGHBOURS = 14


class LevelKernels(keras.layers.Layer):
    """Of every class, of `WINDOWS` windows: their levels (class, window, number), who is near whom (class, window,
    neighbour), and how far they are moved, as a share of the distance to a neighbour (class)."""

    def __init__(self, numbers: int, classes: int):
        super().__init__(name="level_kernels", trainable=False)
        self.bandwidth = self.add_weight(shape=(classes,), initializer="zeros", name="bandwidth")
        self.levels = self.add_weight(shape=(classes, WINDOWS, numbers), initializer="zeros", name="levels")
        size = (classes, WINDOWS, NEIGHBOURS)
        self.near = self.add_weight(shape=size, initializer="zeros", dtype="int32", name="near")
        self.built = True  # Keras cannot know: it is asked by name and never called

    def settle(
        self,
        levels: Float[np.ndarray, "window number"],
        places: Float[np.ndarray, "window place"],
        swings: Float[np.ndarray, "window"],
        labels: Int[np.ndarray, "window"],
    ) -> None:
        """Take the training windows' levels; the same in units that tell how far two are apart, and the variance around
        the levels in these units, all channels together. A class without any gets those of all."""
        classes = self.levels.shape[0]
        kept = kept_rows(labels, classes)
        self.bandwidth.assign(BANDWIDTH * np.sqrt(shares_of_levels(places, swings, labels, classes)))
        self.levels.assign(levels[kept])
        self.near.assign(np.stack([neighbours(places[of_class]) for of_class in kept]))

    def moved(self, windows: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        """The levels (batch, number) of windows (batch, their label and place), moved."""
        level, near = tf.gather_nd(self.levels, windows), tf.gather_nd(self.near, windows)
        labels = tf.broadcast_to(windows[:, :1], tf.shape(near))
        away = tf.gather_nd(self.levels, tf.stack([labels, near], axis=2)) - level[:, None]
        bandwidth = tf.gather(self.bandwidth, windows[:, :1])
        shares = tf.random.stateless_normal(tf.shape(near), seed) * bandwidth / NEIGHBOURS**0.5
        return level + temperature * tf.linalg.matvec(away, shares, transpose_a=True)


def chosen(labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """A training window of each label, at random: (batch, its label and its place among those that are kept)."""
    window = tf.random.stateless_uniform(tf.shape(labels), seed, 0, WINDOWS, tf.int32)
    return tf.stack([labels, window], axis=1)


def rows_of(labels: Int[np.ndarray, "window"], label: int) -> Int[np.ndarray, "row"]:
    """Where a label stands; everywhere, if it does nowhere."""
    return np.flatnonzero(labels == label) if (labels == label).any() else np.arange(len(labels))


def kept_rows(labels: Int[np.ndarray, "window"], classes: int) -> Int[np.ndarray, "label row"]:
    """The windows of each class that are kept."""
    rows = [rows_of(labels, label) for label in range(classes)]
    return np.stack([of_class[evenly(len(of_class))] for of_class in rows])


def shares_of_levels(
    places: Float[np.ndarray, "window place"],
    swings: Float[np.ndarray, "window"],
    labels: Int[np.ndarray, "window"],
    classes: int,
) -> Float[np.ndarray, "label"]:
    """The share that levels have in the variance of each class's windows, 0 to 1; as `LevelKernels.settle` has them."""
    shares = []
    for rows in (rows_of(labels, label) for label in range(classes)):
        between, within = float(np.sum(np.var(places[rows], axis=0))), float(np.mean(swings[rows]))
        shares.append(between / (between + within) if between else 0.0)
    return np.array(shares)


def evenly(count: int) -> Int[np.ndarray, "kept"]:
    """`WINDOWS` of so many rows, from first to last; each again and again where there are fewer."""
    return np.arange(WINDOWS) * count // WINDOWS


def neighbours(places: Float[np.ndarray, "window place"]) -> Int[np.ndarray, "window neighbour"]:
    """Of each window, those in other places that are nearest, again and again where there are few; itself, if there is
    none."""
    from scipy.spatial import KDTree

    distinct, first, place = np.unique(places, axis=0, return_index=True, return_inverse=True)
    _, found = KDTree(distinct).query(distinct, k=min(NEIGHBOURS + 1, len(distinct)))
    others = np.reshape(found, (len(distinct), -1))[:, 1:] if len(distinct) > 1 else np.zeros((1, 1), np.int64)
    return first[others[:, np.arange(NEIGHBOURS) % others.shape[1]]][place.reshape(-1)]
