"""The mixture-density recurrent network of SenseGen (Alzantot et al., 2017), over all channels at once.

It can be told the activity at every step, and is trained on windows along time. The published code trains on a
transposed matrix, where a "series" is the k-th sample of thousands of consecutive windows of several people; here a
series is one window.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from sensegen.generators.hoisted_lstm import HoistedLSTM
from sensegen.generators.mixture import Mixture, draw, mixture_log_prob, mixture_size, to_mixture
from sensegen.generators.sampling import in_batches
from sensegen.params.models import MDNRNNParams
from sensegen.windows import WindowShape

LAYERS: Mapping[str, Callable[..., Any]] = {
    "lstm": HoistedLSTM,
    "gru": partial(keras.layers.GRU, return_sequences=True),
}


class Foretold(NamedTuple):
    """`targets` (batch, time, channel), the mixture of each, and by how much (the log of it, in nats, batch and time) a
    target is smaller than the value that it stands for."""

    targets: tf.Tensor
    mixture: Mixture
    log_scale: tf.Tensor

    def log_prob(self) -> tf.Tensor:
        """Log density of the values (nats): (batch, time)."""
        return mixture_log_prob(self.targets, self.mixture) - self.log_scale


class MixtureRNN(keras.Model):
    """Recurrent layers, a dense layer, and the mixture of the next step; `classes=0` makes it unconditional.

    One class serves LSTM and GRU, since nothing but the cell's name differs.
    """

    def __init__(self, shape: WindowShape, params: MDNRNNParams, *, hidden_activation: str = "relu"):
        super().__init__(name="mdn_rnn")
        self.window = shape
        self.mixtures = params.mixtures
        self.bounds = (params.log_stddev.low, params.log_stddev.high)
        layer = LAYERS[params.cell]
        self.recurrent = [layer(params.units, name=f"recurrent_{at}") for at in range(params.layers)]
        self.hidden = keras.layers.Dense(params.hidden, activation=hidden_activation, name="hidden")
        self.head = keras.layers.Dense(mixture_size(params.mixtures, shape.channels), name="mixture")
        self._sample_batch = tf.function(self._eager_sample)

    def create_variables(self) -> None:
        """Make the weights; they depend on the global Keras seed only."""
        self(tf.zeros((1, self.window.length, self.window.channels)), tf.zeros((1,), tf.int32))

    def call(self, values: tf.Tensor, labels: tf.Tensor) -> Mixture:
        """The mixture of every step of `values` (batch, time, channel), from the steps before it."""
        return self.foretold(values, labels).mixture

    def foretold(self, values: tf.Tensor, labels: tf.Tensor) -> Foretold:
        """What each step of windows was, and the mixture that it was foretold to be."""
        return Foretold(values, self.mixtures_after(values, labels), tf.zeros(tf.shape(values)[:2]))

    def mixtures_after(self, seen: tf.Tensor, labels: tf.Tensor) -> Mixture:
        """The mixture of every step, where each step knows what was seen (batch, time, feature) before it."""
        outputs = self._inputs(_shifted(seen), labels)
        for layer in self.recurrent:
            outputs = layer(outputs)  # (batch, time, unit)
        return self.to_mixture(self.hidden(outputs))

    def to_mixture(self, hidden: tf.Tensor) -> Mixture:
        """The mixture that (..., hidden) stands for."""
        return to_mixture(self.head(hidden), self.mixtures, self.window.channels, self.bounds)

    def batch_loss(self, batch: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
        """Mean negative log likelihood of the next step, in nats a step and channel (scaled units)."""
        del seed  # nothing is drawn
        return -tf.reduce_mean(self.foretold(*batch).log_prob()) / self.window.channels

    def sample_windows(self, labels: np.ndarray, seed: int) -> np.ndarray:
        """Windows (window, time, channel) by ancestral sampling: each step is drawn and fed back."""
        return in_batches(self._sample_batch, labels, seed)

    def _eager_sample(self, seed: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        gumbel, normal = self.noise((self.window.length, labels.shape[0]), seed)
        values = tf.zeros((labels.shape[0], self.window.channels))
        states = [layer.cell.get_initial_state(batch_size=labels.shape[0]) for layer in self.recurrent]
        written = tf.TensorArray(tf.float32, size=self.window.length)
        for step in tf.range(self.window.length):
            # Rebinding, not changing in place: a compiled loop carries only what is bound anew in it.
            mixture, states = self._next(values, labels, states)
            values = draw(mixture, gumbel[step], normal[step])
            written = written.write(step, values)
        return tf.transpose(written.stack(), (1, 0, 2))

    def noise(self, shape: tuple[int, int], seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """All that is drawn for `shape` (time, batch): Gumbel (..., component) and normal (..., channel)."""
        uniform = tf.random.stateless_uniform((*shape, self.mixtures), seed, np.finfo(np.float32).tiny, 1.0)
        normal = tf.random.stateless_normal((*shape, self.window.channels), seed + tf.constant([0, 1]))
        return -tf.math.log(-tf.math.log(uniform)), normal

    def _next(self, values: tf.Tensor, labels: tf.Tensor, states: list[Any]) -> tuple[Mixture, list[Any]]:
        """The mixture of the step after `values` (batch, channel), and the recurrent states there."""
        outputs, after = self._inputs(values, labels), []
        for layer, state in zip(self.recurrent, states, strict=True):
            outputs, state = layer.cell(outputs, state)
            after.append(state)
        return self.to_mixture(self.hidden(outputs)), after

    def _inputs(self, values: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """`values` (batch, [time,] channel) beside the activity, one-hot at every step."""
        if not self.window.classes:
            return values
        condition = tf.one_hot(labels, self.window.classes)
        if values.shape.rank == 3:
            condition = tf.repeat(condition[:, None], values.shape[1], axis=1)
        return tf.concat([values, condition], axis=-1)


def _shifted(values: tf.Tensor) -> tf.Tensor:
    """What each step may know: the step before it; the first step knows zeros (the mean of scaled values)."""
    return tf.pad(values[:, :-1], ((0, 0), (1, 0), (0, 0)))
