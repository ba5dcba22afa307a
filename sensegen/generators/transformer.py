"""A transformer over patches of a window, told a moment and an activity at every layer.

The diffusion transformer (Peebles & Xie, 2023, "adaLN-Zero") along one axis: nearly all of its work is in large matrix
products, which is what processors do best.
"""

import keras
import tensorflow as tf

from sensegen.params.models import FlowMatchingParams
from sensegen.windows import WindowShape

EXPANSION = 4  # of the hidden layer of each block
HIGHEST_RATE = 1000.0  # radians, of the sines that stand for a moment between 0 and 1


class Conditioned(keras.layers.Layer):
    """A layer normalisation whose scale and shift, and the gate of what follows it, come from a condition.

    All start at nought, so that each block begins as the identity.
    """

    def __init__(self, width: int, name: str):
        super().__init__(name=name)
        self.norm = keras.layers.LayerNormalization(center=False, scale=False, epsilon=1e-5)
        self.modulation = keras.layers.Dense(3 * width, kernel_initializer="zeros", name="modulation")

    def call(self, tokens: tf.Tensor, condition: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The normalised tokens (batch, patch, width), and the gate (batch, 1, width)."""
        scale, shift, gate = tf.split(self.modulation(condition)[:, None], 3, axis=-1)
        return self.norm(tokens) * (1 + scale) + shift, gate


class Block(keras.layers.Layer):
    """Attention between patches, then two dense layers on each."""

    def __init__(self, width: int, heads: int, name: str):
        super().__init__(name=name)
        dense = keras.layers.Dense
        self.heads = heads
        self.before_attention = Conditioned(width, "before_attention")
        self.before_dense = Conditioned(width, "before_dense")
        self.all_heads = dense(3 * width, use_bias=False, name="queries_keys_values")
        self.joined = dense(width, name="joined")
        self.up = dense(EXPANSION * width, name="up")
        self.down = dense(width, name="down")

    def call(self, tokens: tf.Tensor, condition: tf.Tensor) -> tf.Tensor:
        normalised, gate = self.before_attention(tokens, condition)
        tokens += gate * self.joined(self._attention(normalised))
        normalised, gate = self.before_dense(tokens, condition)
        return tokens + gate * self.down(tf.nn.gelu(self.up(normalised), approximate=True))

    def _attention(self, tokens: tf.Tensor) -> tf.Tensor:
        patches, width = tokens.shape[1], tokens.shape[2]
        each = width // self.heads
        split = tf.reshape(self.all_heads(tokens), (-1, patches, 3, self.heads, each))
        query, key, value = tf.unstack(tf.transpose(split, (2, 0, 3, 1, 4)))
        weights = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) / each**0.5)
        return tf.reshape(tf.transpose(weights @ value, (0, 2, 1, 3)), (-1, patches, width))


class WindowTransformer(keras.Model):
    """From shapes (batch, time, feature) and styles (batch, style) to as many shapes of `channels`, and styles.

    A shape is cut into patches, each a token; a style is a token of its own.
    """

    def __init__(self, params: FlowMatchingParams, window: WindowShape, styles: int, name: str = "network"):
        super().__init__(name=name)
        dense, width, noughts = keras.layers.Dense, params.width, "zeros"
        self.window, self.patch, self.width = window, params.patch, width
        self.patches = -(-window.length // params.patch)
        self.shape_in, self.style_in = dense(width, name="shape_in"), dense(width, name="style_in")
        self.places = self.add_weight(
            shape=(self.patches, width), initializer=keras.initializers.RandomNormal(stddev=0.02), name="places"
        )
        self.activity = keras.layers.Embedding(max(window.classes, 1), width, name="activity")
        self.moment_first = dense(width, activation="silu", name="moment_first")
        self.moment_second = dense(width, name="moment_second")
        self.blocks = [Block(width, params.heads, f"block_{at}") for at in range(params.layers)]
        self.last = Conditioned(width, "last")
        self.shape_out = dense(params.patch * window.channels, kernel_initializer=noughts, name="shape_out")
        self.style_out = dense(styles, kernel_initializer=noughts, name="style_out")

    def call(
        self, shape: tf.Tensor, style: tf.Tensor, moment: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """`moment` (batch) lies between 0 and 1."""
        length, whole = self.window.length, self.patches * self.patch
        shape = tf.pad(shape, ((0, 0), (0, whole - length), (0, 0)))
        tokens = self.shape_in(tf.reshape(shape, (-1, self.patches, self.patch * shape.shape[2]))) + self.places
        tokens = tf.concat([self.style_in(style)[:, None], tokens], axis=1)
        condition = tf.nn.silu(self._moment(moment) + self.activity(labels))
        for block in self.blocks:
            tokens = block(tokens, condition)
        tokens, _ = self.last(tokens, condition)
        shape = tf.reshape(self.shape_out(tokens[:, 1:]), (-1, whole, self.window.channels))
        return shape[:, :length], self.style_out(tokens[:, 0])

    def _moment(self, moment: tf.Tensor) -> tf.Tensor:
        rates = tf.exp(tf.linspace(0.0, tf.math.log(HIGHEST_RATE), self.width // 2))
        angles = moment[:, None] * rates
        return self.moment_second(self.moment_first(tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1)))
