"""Mixtures of Gaussians over all values of a step at once, in log space.

A component is a diagonal Gaussian over the channels; what binds the channels is which component is drawn.
With one channel this is SenseGen's mixture: weights softmax(l[1..K]), means l[K+1..2K], scales exp(l[2K+1..3K]).
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

LOG_TWO_PI = float(np.log(2 * np.pi))


class Mixture(NamedTuple):
    """`logits` is (..., component); `mean` and `log_stddev` are (..., component, value)."""

    logits: tf.Tensor
    mean: tf.Tensor
    log_stddev: tf.Tensor


def mixture_size(components: int, channels: int) -> int:
    """How many numbers describe a mixture."""
    return components * (1 + 2 * channels)


def to_mixture(parameters: tf.Tensor, components: int, channels: int, bounds: tuple[float, float]) -> Mixture:
    """Read (..., parameter) as a mixture, its log standard deviations inside `bounds` (scaled units)."""
    logits, mean, log_stddev = tf.split(parameters, [components, components * channels, components * channels], axis=-1)
    shape = tf.concat([tf.shape(logits), [channels]], axis=0)
    return Mixture(logits, tf.reshape(mean, shape), bounded(tf.reshape(log_stddev, shape), *bounds))


def bounded(values: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """The identity well inside (low, high), and smoothly never outside: the gradient is never exactly lost."""
    return high - tf.nn.softplus((high - low) - tf.nn.softplus(values - low))


def mixture_log_prob(values: tf.Tensor, mixture: Mixture) -> tf.Tensor:
    """Log density (nats) of `values` (..., value) under a mixture (Bishop, 1994); the result is (...).

    By log-sum-exp: far from every mean the density itself is 0 in float32, its logarithm is not.
    """
    log_component = tf.reduce_sum(_log_normal(values, mixture), axis=-1)
    return tf.reduce_logsumexp(tf.nn.log_softmax(mixture.logits) + log_component, axis=-1)


def mixture_cdf(values: tf.Tensor, mixture: Mixture) -> tf.Tensor:
    """The probability of less than `values` (..., value), channel by channel: uniform, if the mixture is right."""
    z = (values[..., None, :] - mixture.mean) * tf.exp(-mixture.log_stddev)
    of_component = 0.5 * tf.math.erfc(-z / np.sqrt(2.0))
    return tf.reduce_sum(tf.nn.softmax(mixture.logits)[..., None] * of_component, axis=-2)


def draw(mixture: Mixture, gumbel: tf.Tensor, normal: tf.Tensor) -> tf.Tensor:
    """One value (..., value) of each mixture, from noise: `gumbel` (..., component) and `normal` (..., value)."""
    component = tf.argmax(mixture.logits + gumbel, axis=-1)
    mean = tf.gather(mixture.mean, component, axis=-2, batch_dims=component.shape.rank)
    log_stddev = tf.gather(mixture.log_stddev, component, axis=-2, batch_dims=component.shape.rank)
    return mean + tf.exp(log_stddev) * normal


def draw_from(
    parameters: tf.Tensor, components: int, bounds: tuple[float, float], gumbel: tf.Tensor, normal: tf.Tensor
) -> tf.Tensor:
    """As `draw` of what `to_mixture` makes of (..., parameter), but only the component that is drawn is worked out."""
    values = normal.shape[-1]
    logits, mean, log_stddev = tf.split(parameters, [components, components * values, components * values], axis=-1)
    component = tf.argmax(logits + gumbel, axis=-1)
    mean, log_stddev = (
        tf.gather(tf.reshape(part, (-1, components, values)), component, axis=1, batch_dims=1)
        for part in (mean, log_stddev)
    )
    return mean + tf.exp(bounded(log_stddev, *bounds)) * normal


def draw_rest(mixture: Mixture, given: tf.Tensor, known: tf.Tensor, gumbel: tf.Tensor, normal: tf.Tensor) -> tf.Tensor:
    """As `draw`, but values that are `known` (value) are those of `given` (..., value), and the others are drawn from
    the components that these make likely."""
    told = tf.reduce_sum(tf.where(known, _log_normal(given, mixture), 0.0), axis=-1)
    return tf.where(known, given, draw(mixture._replace(logits=mixture.logits + told), gumbel, normal))


def _log_normal(values: tf.Tensor, mixture: Mixture) -> tf.Tensor:
    """Log density of each value (..., value) under each component: (..., component, value)."""
    z = (values[..., None, :] - mixture.mean) * tf.exp(-mixture.log_stddev)
    return -0.5 * (tf.square(z) + LOG_TWO_PI) - mixture.log_stddev
