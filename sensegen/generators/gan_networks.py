"""Networks that make windows out of noise, and critics that give a window a number: recurrent, or of convolutions."""

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from sensegen.generators import gated_units
from sensegen.params.adversarial import ConvolutionNetworkParams, GRUNetworkParams, NetworkParams
from sensegen.windows import WindowShape

KERNEL = 5
SLOPE = 0.2  # of the leaky rectifier below nought (Radford et al., 2016)
NORMS: Mapping[str, Callable[[str], keras.layers.Layer]] = {
    "none": lambda name: keras.layers.Identity(name=name),
    "layer": lambda name: keras.layers.LayerNormalization(name=name),
    "batch": lambda name: keras.layers.BatchNormalization(name=name),
}


def leaky(values: tf.Tensor) -> tf.Tensor:
    """Values above nought, and a fifth of those below."""
    return tf.maximum(values, SLOPE * values)


class GRUs(keras.layers.Layer):
    """Layers of gated recurrent units, each with its norm."""

    def __init__(self, params: GRUNetworkParams):
        super().__init__(name="recurrent")
        self.units = [
            keras.layers.GRU(params.units, return_sequences=True, name=f"gru_{at}") for at in range(params.layers)
        ]
        self.norms = [NORMS[params.norm](f"norm_{at}") for at in range(params.layers)]

    def call(self, values: tf.Tensor) -> tf.Tensor:
        values = tf.transpose(values, (1, 0, 2))
        for layer, norm in zip(self.units, self.norms, strict=True):
            values = norm(gated_units.outputs_of(layer, values))
        return tf.transpose(values, (1, 0, 2))


class GRUMaker(keras.Model):
    """From noise (batch, time, number) to windows (batch, time, channel), step by step."""

    def __init__(self, params: GRUNetworkParams, shape: WindowShape):
        super().__init__(name="maker")
        self.recurrent = GRUs(params)
        self.hidden = keras.layers.Dense(params.units, name="hidden")
        self.out = keras.layers.Dense(shape.channels, name="out")

    def call(self, noise: tf.Tensor) -> tf.Tensor:
        return self.out(leaky(self.hidden(self.recurrent(noise))))


class GRUCritic(keras.Model):
    """A number for each window (batch, time, feature), out of what the units say on average and in the end."""

    def __init__(self, params: GRUNetworkParams):
        super().__init__(name="critic")
        self.recurrent = GRUs(params)
        self.hidden = keras.layers.Dense(params.units, name="hidden")
        self.out = keras.layers.Dense(1, name="out")

    def call(self, values: tf.Tensor) -> tf.Tensor:
        states = self.recurrent(values)
        seen = tf.concat([tf.reduce_mean(states, axis=1), states[:, -1]], axis=-1)
        return self.out(leaky(self.hidden(seen)))[:, 0]


def widths(params: ConvolutionNetworkParams) -> list[int]:
    """From the full rate to the lowest."""
    return [params.width * min(2**halving, 4) for halving in range(params.halvings + 1)]


class ConvolutionMaker(keras.Model):
    """From noise (batch, time, number) to windows (batch, time, channel), from the lowest rate to the full one."""

    def __init__(self, params: ConvolutionNetworkParams, shape: WindowShape):
        super().__init__(name="maker")
        self.length, self.parts = shape.length, 2**params.halvings
        wide = widths(params)
        self.into = keras.layers.Dense(wide[-1], name="into")
        self.rises = range(params.halvings, 0, -1)  # from a rate to the one above it
        self.convolutions = [_convolution(wide[at], f"convolution_{at}") for at in self.rises]
        self.norms = [NORMS[params.norm](f"norm_{at}") for at in self.rises]
        self.doubled = [keras.layers.Dense(2 * wide[at - 1], name=f"doubled_{at}") for at in self.rises]
        self.last = _convolution(wide[0], "last")
        self.out = _convolution(shape.channels, "out")

    def call(self, noise: tf.Tensor) -> tf.Tensor:
        noise = tf.pad(noise, ((0, 0), (0, -self.length % self.parts), (0, 0)))
        values = self.into(tf.reshape(noise, (-1, noise.shape[1] // self.parts, self.parts * noise.shape[2])))
        for convolution, norm, doubled in zip(self.convolutions, self.norms, self.doubled, strict=True):
            values = doubled(leaky(norm(convolution(values))))
            values = tf.reshape(values, (-1, 2 * values.shape[1], values.shape[2] // 2))
        values = leaky(self.last(tf.concat([values, noise], axis=-1)))
        return self.out(values)[:, : self.length]


class ConvolutionCritic(keras.Model):
    """A number for each window (batch, time, feature), out of what is seen at the lowest rate, and where."""

    def __init__(self, params: ConvolutionNetworkParams):
        super().__init__(name="critic")
        falls = list(enumerate(widths(params)[1:]))
        self.convolutions = [_convolution(width, f"convolution_{at}", strides=2) for at, width in falls]
        self.norms = [NORMS[params.norm](f"norm_{at}") for at, _ in falls]
        self.out = keras.layers.Dense(1, name="out")

    def call(self, values: tf.Tensor) -> tf.Tensor:
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            values = leaky(norm(convolution(values)))
        return self.out(tf.reshape(values, (-1, values.shape[1] * values.shape[2])))[:, 0]


def _convolution(width: int, name: str, strides: int = 1) -> keras.layers.Conv1D:
    return keras.layers.Conv1D(width, KERNEL, strides=strides, padding="same", name=name)


def maker(params: NetworkParams, shape: WindowShape) -> keras.Model:
    """A network that makes windows."""
    return GRUMaker(params, shape) if isinstance(params, GRUNetworkParams) else ConvolutionMaker(params, shape)


def critic(params: NetworkParams) -> keras.Model:
    """A network that gives a window a number."""
    return GRUCritic(params) if isinstance(params, GRUNetworkParams) else ConvolutionCritic(params)
