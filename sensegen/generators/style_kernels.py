"""New styles near those of training windows: a smoothed bootstrap (Efron & Tibshirani, 1993, section 16.5).

A style is that of a training window of the class, drawn at random, drawn in towards the mean and moved by Gaussian
noise of the class's covariance, so that mean and covariance stay what they are (Silverman, 1986, section 6.4.1). Of
styles that are sixty numbers, people are few and far apart: a network that makes them of noise fills the gaps between
people, and of people whom it was not trained on it knows no more than a Gaussian does (docs/fidelity.md).
"""

import keras
import numpy as np
import tensorflow as tf
from jaxtyping import Float, Int

WINDOWS = 512  # of a class whose styles are kept: evenly chosen, or again and again where there are fewer
BANDWIDTH = 0.3  # of the noise, as a share of the class's spread
SHRINKAGE = 0.01  # of a class's covariance towards none: there may be fewer windows than numbers in a style


class StyleKernels(keras.layers.Layer):
    """The styles of each class, of mean 0, and the lower Cholesky factor of their covariance."""

    def __init__(self, styles: int, classes: int):
        super().__init__(name="style_kernels", trainable=False)
        self.centres = self.add_weight(shape=(classes, WINDOWS, styles), initializer="zeros", name="centres")
        self.factor = self.add_weight(shape=(classes, styles, styles), initializer="zeros", name="factor")
        self.factor.assign(np.broadcast_to(np.eye(styles, dtype=np.float32), self.factor.shape))
        self.built = True  # Keras cannot know: it is asked by name and never called

    def settle(self, styles: Float[np.ndarray, "window style"], labels: Int[np.ndarray, "window"]) -> None:
        """Take styles from the training windows; a class without any gets those of all."""
        classes = range(self.centres.shape[0])
        chosen = [styles[labels == label] if (labels == label).any() else styles for label in classes]
        self.centres.assign(np.stack([evenly(of_class) for of_class in chosen]))
        self.factor.assign(np.stack([factor_of(of_class) for of_class in chosen]))

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        """Styles (batch, style)."""
        centre_seed, noise_seed = tf.unstack(tf.random.split(seed, 2))
        chosen = tf.random.stateless_uniform(tf.shape(labels), centre_seed, 0, WINDOWS, tf.int32)
        centres = tf.gather_nd(self.centres, tf.stack([labels, chosen], axis=1))
        noise = tf.random.stateless_normal(tf.shape(centres), noise_seed)
        moved = temperature * tf.linalg.matvec(tf.gather(self.factor, labels), noise)
        return (1 - BANDWIDTH**2) ** 0.5 * centres + BANDWIDTH * moved


def evenly(styles: Float[np.ndarray, "window style"]) -> Float[np.ndarray, "kept style"]:
    """`WINDOWS` of them from first to last."""
    return styles[np.arange(WINDOWS) * len(styles) // WINDOWS]


def factor_of(styles: Float[np.ndarray, "window style"]) -> Float[np.ndarray, "style style"]:
    """The lower Cholesky factor of the covariance of styles."""
    covariance = styles.T.astype(np.float64) @ styles / len(styles)
    return np.linalg.cholesky((1 - SHRINKAGE) * covariance + SHRINKAGE * np.eye(styles.shape[1]))
