"""The mixture-density recurrent network of SenseGen (Alzantot et al., 2017), over all channels at once.

It can be told the activity at every step, and is trained on windows along time. The published code trains on a
transposed matrix, where a "series" is the k-th sample of thousands of consecutive windows of several people; here a
series is one window.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from sensegen import processor
from sensegen.generators import stacked_lstm
from sensegen.generators.activities import one_hot
from sensegen.generators.mixture import Mixture, draw, mixture_log_prob, mixture_size, to_mixture
from sensegen.generators.sampling import Sampler
from sensegen.generators.stacked_lstm import Step
from sensegen.params.models import MDNRNNParams
from sensegen.windows import WindowShape


def one_after_another(layers: Sequence[keras.layers.Layer], inputs: tf.Tensor, precision: str) -> tf.Tensor:
    """What the last of recurrent layers makes of inputs (batch, time, feature), in float32."""
    del precision  # Keras has its own
    for layer in layers:
        inputs = layer(inputs)
    return inputs


def cell_by_cell(layers: Sequence[keras.layers.Layer], precision: str) -> Step:
    """A step of recurrent layers, as `stacked_lstm.stepper` has it."""
    del precision

    def step(inputs: tf.Tensor, states: list[Any]) -> tuple[tf.Tensor, list[Any]]:
        after = []
        for layer, state in zip(layers, states, strict=True):
            inputs, state = layer.cell(inputs, state)
            after.append(state)
        return inputs, after

    return step


class Cell(NamedTuple):
    """Keras' layer, the way through a sequence (training), and a step at a time (sampling)."""

    layer: type[keras.layers.Layer]
    outputs_of: Callable[..., tf.Tensor]
    stepper: Callable[..., Step]


CELLS: Mapping[str, Cell] = {
    "lstm": Cell(keras.layers.LSTM, stacked_lstm.outputs_of, stacked_lstm.stepper),
    "gru": Cell(keras.layers.GRU, one_after_another, cell_by_cell),
}


class Foretold(NamedTuple):
    """`targets` (batch, step, value), the mixture of each step, and by how much (the log of it, in nats, batch and
    step) the targets are smaller than the values that they stand for."""

    targets: tf.Tensor
    mixture: Mixture
    log_scale: tf.Tensor

    def log_prob(self) -> tf.Tensor:
        """Log density of the values (nats): (batch, step)."""
        return mixture_log_prob(self.targets, self.mixture) - self.log_scale

    def nll(self) -> tf.Tensor:
        """Of each window (batch), the negative log likelihood in nats a sample and channel."""
        return -tf.reduce_mean(self.log_prob(), axis=1) / self.targets.shape[-1]


class MixtureRNN(keras.Model):
    """Recurrent layers, a dense layer, and the mixture of the next step; `classes=0` makes it unconditional.

    A step is `samples_a_step` samples of all channels: the values that one mixture is of. One class serves LSTM and
    GRU, since nothing but the cell's name differs.

    Raises:
        ValueError: if windows are no whole number of steps.
    """

    def __init__(self, shape: WindowShape, params: MDNRNNParams, *, hidden_activation: str = "relu"):
        super().__init__(name="mdn_rnn")
        self.window, self.samples = shape, params.samples_a_step
        if shape.length % self.samples:
            raise ValueError(
                f"train_generator.generator.samples_a_step must divide the {shape.length} samples of a window, "
                f"but is {self.samples}."
            )
        self.values = self.samples * shape.channels
        self.mixtures = params.mixtures
        self.bounds = (params.log_stddev.low, params.log_stddev.high)
        self.cell = CELLS[params.cell]
        self.precision = processor.precision(params.precision)
        self.recurrent = [
            self.cell.layer(params.units, return_sequences=True, name=f"recurrent_{at}") for at in range(params.layers)
        ]
        self.hidden = keras.layers.Dense(params.hidden, activation=hidden_activation, name="hidden")
        self.head = keras.layers.Dense(mixture_size(params.mixtures, self.values), name="mixture")
        self._draw_batch = tf.function(self._eager_draw)
        # Compiled whole, the many small operations of a step become few: up to three times as fast.
        self._make_batch = tf.function(self._eager_make, jit_compile=True)

    def create_variables(self) -> None:
        """Make the weights; they depend on the global Keras seed only."""
        self(tf.zeros((1, self.window.length, self.window.channels)), tf.zeros((1,), tf.int32))

    def call(self, values: tf.Tensor, labels: tf.Tensor) -> Mixture:
        """The mixture of every step of `values` (batch, time, channel), from the steps before it."""
        return self.foretold(values, labels).mixture

    def foretold(self, values: tf.Tensor, labels: tf.Tensor) -> Foretold:
        """What each step of windows was, and the mixture that it was foretold to be."""
        steps = self.in_steps(values)
        return Foretold(steps, self.mixtures_after(steps, labels), tf.zeros(tf.shape(steps)[:2]))

    def in_steps(self, values: tf.Tensor) -> tf.Tensor:
        """(batch, time, feature) as (batch, step, feature of each of its samples)."""
        return tf.reshape(values, (-1, values.shape[1] // self.samples, self.samples * values.shape[2]))

    def in_time(self, steps: tf.Tensor) -> tf.Tensor:
        """Drawn values (batch, step, value) as (batch, time, channel)."""
        return tf.reshape(steps, (-1, steps.shape[1] * self.samples, self.window.channels))

    def mixtures_after(self, seen: tf.Tensor, labels: tf.Tensor) -> Mixture:
        """The mixture of every step, where each step knows what was seen (batch, time, feature) before it."""
        outputs = self.cell.outputs_of(self.recurrent, self.inputs(_shifted(seen), labels), self.precision)
        return self.to_mixture(self.hidden(outputs))

    def to_mixture(self, hidden: tf.Tensor) -> Mixture:
        """The mixture that (..., hidden) stands for."""
        return to_mixture(self.head(hidden), self.mixtures, self.values, self.bounds)

    def batch_loss(self, batch: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
        """Mean negative log likelihood of the next step, in nats a sample and channel (scaled units)."""
        del seed  # nothing is drawn
        return tf.reduce_mean(self.foretold(*batch).nll())

    def sampler(self) -> Sampler:
        """Of windows by ancestral sampling: each step is drawn and fed back."""
        return Sampler(self._draw_batch, self._make_batch)

    def _eager_draw(self, seed: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return self.noise((labels.shape[0], self.window.length // self.samples), seed)

    def _eager_make(self, labels: tf.Tensor, gumbel: tf.Tensor, normal: tf.Tensor) -> tf.Tensor:
        batch, steps, _ = normal.shape
        gumbel, normal = (tf.transpose(noise, (1, 0, 2)) for noise in (gumbel, normal))
        values, states, next_step = tf.zeros((batch, self.values)), self.states(batch), self.stepper()
        written = tf.TensorArray(tf.float32, size=steps)
        for step in tf.range(steps):
            # Rebinding, not changing in place: a compiled loop carries only what is bound anew in it.
            hidden, states = next_step(self.inputs(values, labels), states)
            values = draw(self.to_mixture(hidden), gumbel[step], normal[step])
            written = written.write(step, values)
        return self.in_time(tf.transpose(written.stack(), (1, 0, 2)))

    def noise(self, shape: tuple[int, int], seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """All that is drawn for `shape` (batch, step), a window's first, so that it is the same in a batch of any size:
        Gumbel (..., component) and normal (..., value)."""
        uniform = tf.random.stateless_uniform((*shape, self.mixtures), seed, np.finfo(np.float32).tiny, 1.0)
        normal = tf.random.stateless_normal((*shape, self.values), seed + tf.constant([0, 1]))
        return -tf.math.log(-tf.math.log(uniform)), normal

    def stepper(self) -> Step:
        """A step at a time: from what was seen of the one before (batch, feature with the activity) and the recurrent
        states, to what its mixture is made of and the states there."""
        step = self.cell.stepper(self.recurrent, self.precision)

        def next_step(seen: tf.Tensor, states: list[Any]) -> tuple[tf.Tensor, list[Any]]:
            outputs, states = step(seen, states)
            return self.hidden(outputs), states

        return next_step

    def states(self, batch: int) -> list[Any]:
        """The recurrent states before the first step."""
        return [layer.cell.get_initial_state(batch_size=batch) for layer in self.recurrent]

    def inputs(self, values: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """`values` (batch, [step,] feature) beside the activity, one-hot at every step."""
        if not self.window.classes:
            return values
        condition = one_hot(labels, self.window.classes)
        if values.shape.rank == 3:
            condition = tf.repeat(condition[:, None], values.shape[1], axis=1)
        return tf.concat([values, condition], axis=-1)


def _shifted(values: tf.Tensor) -> tf.Tensor:
    """What each step may know: the step before it; the first step knows zeros (the mean of scaled values)."""
    return tf.pad(values[:, :-1], ((0, 0), (1, 0), (0, 0)))
