"""A convolutional network over the time of a window that is told a noise level, a style and an activity at every layer.

The U-Net of diffusion models (Ho et al., 2020) along one axis: the window at halved and halved rates and back again,
with attention where it is shortest.
"""

from typing import Any

import keras
import tensorflow as tf

from sensegen import processor
from sensegen.params.models import FlowMatchingParams
from sensegen.windows import WindowShape

MULTIPLES = (1, 2, 4, 4)  # of the width, at the full rate, half of it, and so on
EPSILON = 1e-5
LOWEST_RATE, HIGHEST_RATE = 0.5, 60.0  # radians a nat, of the sines that stand for the logarithm of a noise level


class Norm(keras.layers.RMSNormalization):
    """Each time's channels by their root mean square (Zhang & Sennrich, 2019): a third cheaper than groups of them."""

    def __init__(self, name: str):
        super().__init__(epsilon=EPSILON, name=name)

    def silu(self, values: tf.Tensor, kind: tf.DType, *modulation: tf.Tensor) -> tf.Tensor:
        """Silu of the norm, as the next product takes it; scaled by 1 + the first and shifted by the second of a
        `modulation`."""
        if not self.built:  # it is never called, and what builds it must be inside of the layer that it belongs to
            self.build(values.shape)
        return (_modulated_silu if modulation else _silu)(values, tf.convert_to_tensor(self.scale), *modulation, kind)


# One pass over memory in place of a dozen, which take as long as the products between them. Two functions, since a
# compiled one takes the gradient of all that it is given.
@tf.function(jit_compile=True)
def _silu(values: tf.Tensor, gain: tf.Tensor, kind: tf.DType) -> tf.Tensor:
    return tf.cast(_silu_of(_normed(values, gain)), kind)


@tf.function(jit_compile=True)
def _modulated_silu(
    values: tf.Tensor, gain: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor, kind: tf.DType
) -> tf.Tensor:
    return tf.cast(_silu_of(_normed(values, gain) * (1 + scale) + shift), kind)


def _silu_of(values: tf.Tensor) -> tf.Tensor:
    """By the hyperbolic tangent, of which XLA makes quicker code than of a sigmoid."""
    half = values / 2
    return half + half * tf.tanh(half)


@tf.function(jit_compile=True)
def _sum(product: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    return tf.cast(product, tf.float32) + values


def _normed(values: tf.Tensor, gain: tf.Tensor) -> tf.Tensor:
    return _by_root_mean_square(tf.cast(values, tf.float32)) * gain


@tf.custom_gradient
def _by_root_mean_square(values: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """Root mean square 1 along the last axis. Of y = r x the gradient is r (dy - y mean(y dy)): one more mean."""
    factor = tf.math.rsqrt(_mean(tf.square(values)) + EPSILON)
    normed = values * factor
    return normed, lambda upstream: factor * (upstream - normed * _mean(normed * upstream))


def _mean(values: tf.Tensor) -> tf.Tensor:
    """Along the last axis, as a product: what XLA makes of a mean over few numbers takes as long as all the rest."""
    count = values.shape[-1]
    means = tf.linalg.matvec(tf.reshape(values, (-1, count)), tf.fill((count,), 1 / count))
    return tf.reshape(means, (-1, *values.shape[1:-1], 1))


class Convolution(keras.layers.Conv1D):
    """Along time, with zeros around; the product, and what comes out, in `precision`."""

    def __init__(self, width: int, kernel: int, precision: str, name: str, start: str = "glorot_uniform"):
        policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        super().__init__(width, kernel, padding="same", kernel_initializer=start, dtype=policy, name=name)
        self.kind = tf.as_dtype(precision)


class Linear(keras.layers.Dense):
    """Of every time alike, as a product of two axes: TensorFlow then adds the bias within the product."""

    def call(self, values: tf.Tensor) -> tf.Tensor:
        made = tf.nn.bias_add(tf.reshape(values, (-1, values.shape[2])) @ self.kernel, self.bias)
        return tf.reshape(made, (-1, values.shape[1], self.units))


class Residual(keras.layers.Layer):
    """Two convolutions beside a straight way; a condition scales and shifts what stands between them."""

    def __init__(self, channels: int, width: int, precision: str, name: str):
        super().__init__(name=name)
        self.norm_first = Norm("norm_first")
        self.first = Convolution(width, 5, precision, "first")
        self.norm_second = Norm("norm_second")
        self.modulation = keras.layers.Dense(2 * width, name="modulation")
        self.second = Convolution(width, 3, precision, "second", start="zeros")
        self.straight = Linear(width, name="straight") if channels != width else None

    def call(self, values: tf.Tensor, condition: tf.Tensor) -> tf.Tensor:
        scale, shift = tf.split(self.modulation(condition)[:, None], 2, axis=-1)
        inner = self.first(self.norm_first.silu(values, self.first.kind))
        inner = self.second(self.norm_second.silu(inner, self.second.kind, scale, shift))
        return _sum(inner, values if self.straight is None else self.straight(values))


class Attention(keras.layers.Layer):
    """Every time looks at every other one."""

    def __init__(self, width: int, heads: int, name: str):
        super().__init__(name=name)
        self.heads = heads
        self.norm = Norm("norm")
        self.all_heads = keras.layers.Dense(3 * width, use_bias=False, name="queries_keys_values")
        self.joined = keras.layers.Dense(width, kernel_initializer="zeros", name="joined")

    def call(self, values: tf.Tensor) -> tf.Tensor:
        length, width = values.shape[1], values.shape[2]
        each = width // self.heads
        split = tf.reshape(self.all_heads(self.norm(values)), (-1, length, 3, self.heads, each))
        query, key, value = tf.unstack(tf.transpose(split, (2, 0, 3, 1, 4)))
        weights = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) / each**0.5)
        return values + self.joined(tf.reshape(tf.transpose(weights @ value, (0, 2, 1, 3)), (-1, length, width)))


class Condition(keras.layers.Layer):
    """One vector (batch, width) out of the logarithm of a noise level (batch), a style and an activity."""

    def __init__(self, width: int, classes: int):
        super().__init__(name="condition")
        dense = keras.layers.Dense
        self.rates = tf.exp(tf.linspace(tf.math.log(LOWEST_RATE), tf.math.log(HIGHEST_RATE), width // 2))
        self.activity = keras.layers.Embedding(max(classes, 1), width, name="activity")
        self.noise_first, self.noise = dense(width, activation="silu", name="noise_first"), dense(width, name="noise")
        self.style_first, self.style = dense(width, activation="silu", name="style_first"), dense(width, name="style")

    def call(self, log_noise: tf.Tensor, style: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        angles = log_noise[:, None] * self.rates
        noise = self.noise(self.noise_first(tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1)))
        return tf.nn.silu(noise + self.style(self.style_first(style)) + self.activity(labels))


class WindowUNet(keras.Model):
    """From (batch, time, feature) to (batch, time, channel)."""

    def __init__(self, params: FlowMatchingParams, window: WindowShape, name: str = "network"):
        super().__init__(name=name)
        widths, precision = [params.width * multiple for multiple in MULTIPLES], processor.precision(params.precision)
        self.window, self.halvings = window, len(widths) - 1
        self.condition = Condition(4 * params.width, window.classes)
        self.into = Convolution(widths[0], 3, precision, "into")
        before = [widths[0], *widths[:-1]]
        self.down = [
            Residual(*pair, precision, f"down_{at}") for at, pair in enumerate(zip(before, widths, strict=True))
        ]
        self.halved = [Linear(width, name=f"halved_{at}") for at, width in enumerate(widths[:-1])]
        whole = -(-window.length // 2**self.halvings)
        self.places = self.add_weight(shape=(whole, widths[-1]), initializer="zeros", name="places")
        self.middle = [Residual(widths[-1], widths[-1], precision, f"middle_{at}") for at in range(2)]
        self.attention = Attention(widths[-1], params.heads, "attention")
        self.up = [
            Residual(widths[min(at + 1, self.halvings)] + widths[at], widths[at], precision, f"up_{at}")
            for at in range(len(widths))
        ]
        self.doubled = [Linear(2 * width, name=f"doubled_{at}") for at, width in enumerate(widths[1:])]
        self.norm = Norm("norm")
        self.out = Convolution(window.channels, 3, precision, "out", start="zeros")

    def call(self, values: tf.Tensor, log_noise: tf.Tensor, style: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        condition, length = self.condition(log_noise, style, labels), self.window.length
        missing = -length % 2**self.halvings
        values = tf.cast(self.into(tf.pad(values, ((0, 0), (0, missing), (0, 0)))), tf.float32)
        passed = []
        for at, block in enumerate(self.down):
            values = block(values, condition)
            passed.append(values)
            if at < self.halvings:
                values = self.halved[at](tf.reshape(values, (-1, values.shape[1] // 2, 2 * values.shape[2])))
        values = self.middle[0](values + self.places, condition)
        values = self.middle[1](self.attention(values), condition)
        for at in reversed(range(len(self.up))):
            values = self.up[at](tf.concat([values, passed[at]], axis=-1), condition)
            if at:
                values = self.doubled[at - 1](values)
                values = tf.reshape(values, (-1, 2 * values.shape[1], values.shape[2] // 2))
        return tf.cast(self.out(self.norm.silu(values, self.out.kind)), tf.float32)[:, :length]
