"""Mixture-density recurrent generator, conditional on the activity and over all channels at once.

SenseGen's generator (Alzantot et al., 2017) with three departures: it is told the activity at every step, it
models all channels together, and it is trained on windows along time. The published code trains on a transposed
matrix, where a "series" is the k-th sample of thousands of consecutive windows of several people; here a series
is one window of 128 steps.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sensegen.generators.generator import Generator, Part
from sensegen.generators.mixture import Mixture, draw, mixture_log_prob, mixture_size, to_mixture
from sensegen.keras_weights import assign_arrays, named_arrays
from sensegen.params.models import MDNRNNParams
from sensegen.seeding import derived_seed
from sensegen.windows import Windows, WindowShape

SAMPLING_BATCH = 512
LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


class MDNRNN(keras.Model):
    """Recurrent layers, a dense layer, and the mixture of the next step; `classes=0` makes it unconditional.

    One class serves LSTM and GRU, since nothing but the cell's name differs.
    """

    def __init__(self, shape: WindowShape, params: MDNRNNParams, *, hidden_activation: str = "relu"):
        super().__init__(name="mdn_rnn")
        self.window = shape
        self.mixtures = params.mixtures
        self.bounds = (params.log_stddev.low, params.log_stddev.high)
        layer = LAYERS[params.cell]
        self.recurrent = [
            layer(params.units, return_sequences=True, name=f"recurrent_{at}") for at in range(params.layers)
        ]
        self.hidden = keras.layers.Dense(params.hidden, activation=hidden_activation, name="hidden")
        self.head = keras.layers.Dense(mixture_size(params.mixtures, shape.channels), name="mixture")
        self._sample_batch = tf.function(self._eager_sample)

    def create_variables(self) -> None:
        """Make the weights; they depend on the global Keras seed only."""
        self(tf.zeros((1, self.window.length, self.window.channels)), tf.zeros((1,), tf.int32))

    def call(self, values: tf.Tensor, labels: tf.Tensor) -> Mixture:
        """The mixture of every step of `values` (batch, time, channel), from the steps before it."""
        outputs = self._inputs(_shifted(values), labels)
        for layer in self.recurrent:
            outputs = layer(outputs)  # (batch, time, unit)
        return self.to_mixture(self.hidden(outputs))

    def to_mixture(self, hidden: tf.Tensor) -> Mixture:
        """The mixture that (..., hidden) stands for."""
        return to_mixture(self.head(hidden), self.mixtures, self.window.channels, self.bounds)

    def batch_loss(self, batch: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
        """Mean negative log likelihood of the next step, in nats a step and channel (scaled units)."""
        del seed  # nothing is drawn
        values, labels = batch
        return -tf.reduce_mean(mixture_log_prob(values, self(values, labels))) / self.window.channels

    def sample_windows(self, labels: np.ndarray, seed: int) -> np.ndarray:
        """Windows (window, time, channel) by ancestral sampling: each step is drawn and fed back.

        Batches of one size, so that the compiled loop is compiled once; a window's noise depends on its
        place alone.
        """
        batches = []
        for first in range(0, len(labels), SAMPLING_BATCH):
            chosen = labels[first : first + SAMPLING_BATCH]
            padded = np.pad(chosen, (0, SAMPLING_BATCH - len(chosen)), mode="edge").astype(np.int32)
            noise_seed = tf.constant([seed, first], tf.int32)
            batches.append(self._sample_batch(padded, noise_seed).numpy()[: len(chosen)])
        empty = np.empty((0, self.window.length, self.window.channels), np.float32)
        return np.concatenate([empty, *batches])

    def _eager_sample(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        gumbel, normal = self.noise(labels.shape[0], seed)
        values = tf.zeros((labels.shape[0], self.window.channels))
        states = [layer.cell.get_initial_state(batch_size=labels.shape[0]) for layer in self.recurrent]
        written = tf.TensorArray(tf.float32, size=self.window.length)
        for step in tf.range(self.window.length):
            # Rebinding, not changing in place: a compiled loop carries only what is bound anew in it.
            mixture, states = self._next(values, labels, states)
            values = draw(mixture, gumbel[step], normal[step])
            written = written.write(step, values)
        return tf.transpose(written.stack(), (1, 0, 2))

    def noise(self, batch: int, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """All that is drawn for a batch: Gumbel (time, batch, component) and normal (time, batch, channel)."""
        shape = (self.window.length, batch)
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
            condition = tf.repeat(condition[:, None], self.window.length, axis=1)
        return tf.concat([values, condition], axis=-1)


def _shifted(values: tf.Tensor) -> tf.Tensor:
    """What each step may know: the step before it; the first step knows zeros (the mean of scaled values)."""
    return tf.pad(values[:, :-1], ((0, 0), (1, 0), (0, 0)))


class ConditionalMDNRNN(Generator):
    """The default family: one model for every activity."""

    kind = "mdn_rnn"

    def __init__(self, shape: WindowShape, params: MDNRNNParams, seed: int):
        keras.utils.set_random_seed(derived_seed(seed, self.kind))
        super().__init__(shape, params)
        self.model = MDNRNN(shape, params)
        self.model.create_variables()

    def parts(self, windows: Windows) -> Sequence[Part]:
        return [Part("all", self.model, windows)]

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        return self.model.sample_windows(np.asarray(labels), seed)

    def arrays(self) -> dict[str, np.ndarray]:
        return named_arrays(self.model)

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        assign_arrays(self.model, arrays)


def build(shape: WindowShape, params: MDNRNNParams, seed: int) -> ConditionalMDNRNN:
    """A generator with new weights."""
    return ConditionalMDNRNN(shape, params, seed)
