"""Styles of windows out of noise: a small flow along straight lines (Lipman et al., 2023; Liu et al., 2023).

It begins as the Gaussian of each class, with all its correlations: the flow is one of styles in coordinates in which
they have none.
"""

import keras
import numpy as np
import tensorflow as tf
from jaxtyping import Float, Int

LAYERS = 3
STEPS = 12  # of Heun's method
RATES = 16  # sines that stand for a moment
HIGHEST_RATE = 10.0  # radians
SHRINKAGE = 0.01  # of a class's covariance towards none: there may be fewer windows than numbers in a style


class StyleFlow(keras.layers.Layer):
    """At a moment t between 0 and 1 stands x = (1 - t) noise + t style; dense layers say where x moves."""

    def __init__(self, styles: int, classes: int, width: int):
        super().__init__(name="style_flow")
        dense = keras.layers.Dense
        self.styles = styles
        self.activity = keras.layers.Embedding(classes, width, name="activity")
        self.first = dense(width, name="first")
        self.inner = [dense(width, name=f"inner_{at}") for at in range(LAYERS)]
        self.last = dense(styles, kernel_initializer="zeros", name="last")
        self.factor = self.add_weight(
            shape=(classes, styles, styles), initializer="zeros", trainable=False, name="factor"
        )
        self.factor.assign(np.broadcast_to(np.eye(styles, dtype=np.float32), self.factor.shape))

    def settle(self, styles: Float[np.ndarray, "window style"], labels: Int[np.ndarray, "window"]) -> None:
        """Take the correlations of each class from the training windows; a class without any gets those of all."""
        chosen = (
            styles[labels == label] if (labels == label).any() else styles for label in range(self.factor.shape[0])
        )
        self.factor.assign(np.stack([factor_of(of_class) for of_class in chosen]))

    def loss(self, style: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Mean square error of the velocity at random moments, as a share of what it would be without a network."""
        noise_seed, moment_seed = tf.unstack(tf.random.split(seed, 2))
        style = tf.linalg.triangular_solve(tf.gather(self.factor, labels), style[..., None])[..., 0]
        noise = tf.random.stateless_normal(tf.shape(style), noise_seed)
        moment = tf.sigmoid(tf.random.stateless_normal(tf.shape(labels), moment_seed))[:, None]
        found = self(noise + moment * (style - noise), moment, labels)
        return tf.reduce_mean(tf.square((found - (style - noise)) / known_velocity(moment)[1]))

    def call(self, between: tf.Tensor, moment: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Where `between` (batch, style) moves at a moment (batch, 1)."""
        angles = moment * tf.exp(tf.linspace(0.0, tf.math.log(HIGHEST_RATE), RATES))
        hidden = self.first(tf.concat([between, tf.sin(angles), tf.cos(angles)], axis=-1)) + self.activity(labels)
        for layer in self.inner:
            hidden += layer(tf.nn.silu(hidden))
        known, spread = known_velocity(moment)
        return known * between + spread * self.last(tf.nn.silu(hidden))

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        """Styles (batch, style), by Heun's method."""
        style, length = temperature * tf.random.stateless_normal((labels.shape[0], self.styles), seed), 1 / STEPS
        for step in tf.range(STEPS):
            moment = tf.fill((labels.shape[0], 1), tf.cast(step, tf.float32) * length)
            first = self(style, moment, labels)
            second = self(style + length * first, moment + length, labels)
            style += length * (first + second) / 2
        return tf.linalg.matvec(tf.gather(self.factor, labels), style)


def factor_of(styles: Float[np.ndarray, "window style"]) -> Float[np.ndarray, "style style"]:
    """The lower Cholesky factor of the covariance of styles."""
    covariance = styles.T.astype(np.float64) @ styles / len(styles)
    return np.linalg.cholesky((1 - SHRINKAGE) * covariance + SHRINKAGE * np.eye(styles.shape[1]))


def known_velocity(moment: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Of x = (1 - t) noise + t style, both of variance 1: the mean of (style - noise) given x, as a multiple of x, and
    its standard deviation."""
    variance = tf.square(1 - moment) + tf.square(moment)
    return (2 * moment - 1) / variance, tf.math.rsqrt(variance)
