"""Training along the transposed series of SenseGen's published code, which `anchor` and `divergence` run again.

A "series" there is the k-th sample of thousands of consecutive windows, one after another, across people and
activities. Nobody should train on that; it is how the numbers that everybody quotes came about.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks.uci_har import preset_params
from sensegen import datasets
from sensegen.generators.mixture import mixture_log_prob
from sensegen.generators.mixture_rnn import MixtureRNN
from sensegen.guard import Variables
from sensegen.params.models import OptimiserParams
from sensegen.progress import reporter

SERIES = 4  # of a batch
OPTIMISER = OptimiserParams(learning_rate=3e-4, batch_windows=SERIES, gradient_norm=1.0)


class CarriedStates:
    """A network along series: each segment goes on from the states at the end of the one before."""

    def __init__(self, model: MixtureRNN):
        self.model = model
        model.create_variables()
        units = model.recurrent[0].units
        self.states = [tf.Variable(tf.zeros((2, SERIES, units)), trainable=False) for _ in model.recurrent]
        self.trainable_variables: Variables = model.trainable_variables
        self.variables: Variables = [*model.variables, *self.states]

    def batch_loss(self, batch: tuple[tf.Tensor, tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
        """Negative log likelihood (nats a step) of `targets` (series, time, 1), each told the one before."""
        del seed
        before, targets, kept = batch
        outputs = tf.transpose(before, (1, 0, 2))
        for layer, carried in zip(self.model.recurrent, self.states, strict=True):
            outputs, state = _layer(layer.cell, outputs, carried * kept)
            carried.assign(state)
        mixture = self.model.to_mixture(self.model.hidden(tf.transpose(outputs, (1, 0, 2))))
        return -tf.reduce_mean(mixture_log_prob(targets, mixture))


def _layer(cell: keras.layers.LSTMCell, inputs: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """What a layer makes of inputs (time, series, feature) from a state (output and memory) on, and the state after."""
    projected = _each_times(inputs, tf.convert_to_tensor(cell.kernel)) + cell.bias
    return _recurrence(projected, tf.convert_to_tensor(cell.recurrent_kernel), state)


def _each_times(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """(time, series, feature) times (feature, number), as two matrices: of three axes TensorFlow takes several times as
    long."""
    return tf.reshape(_flat(inputs) @ kernel, (*inputs.shape[:2], kernel.shape[1]))


def _flat(steps: tf.Tensor) -> tf.Tensor:
    return tf.reshape(steps, (-1, steps.shape[2]))


@tf.custom_gradient
def _recurrence(
    projected: tf.Tensor, own: tf.Tensor, state: tf.Tensor
) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable[..., tuple[tf.Tensor, ...]]]:
    """The loop, unrolled, whose gradient ends at the state that it begins with. The kernel's own is one product for
    all steps: added up step by step it takes most of the time of so short segments."""
    (output, memory), steps = tf.unstack(state), []
    for now in tf.unstack(projected):
        enter, forget, new, leave = tf.split(now + output @ own, 4, axis=-1)
        gates = tf.sigmoid(enter), tf.sigmoid(forget), tf.tanh(new), tf.sigmoid(leave)
        before, memory = memory, gates[1] * memory + gates[0] * gates[2]
        output = gates[3] * tf.tanh(memory)
        steps.append((output, memory, before, gates))
    outputs = tf.stack([one[0] for one in steps])

    def gradient(of_outputs: tf.Tensor, of_state: tf.Tensor) -> tuple[tf.Tensor, ...]:
        del of_state
        across, of_raws = tf.transpose(own), [tf.zeros_like(projected[0])]
        of_memory = tf.zeros_like(memory)
        for of_output, step in zip(reversed(tf.unstack(of_outputs)), reversed(steps), strict=True):
            of_raw, of_memory = _back(of_output + of_raws[-1] @ across, of_memory, *step[1:])
            of_raws.append(of_raw)
        of_projected = tf.stack(of_raws[:0:-1])
        earlier = tf.concat([state[:1], outputs[:-1]], axis=0)
        return of_projected, tf.matmul(_flat(earlier), _flat(of_projected), transpose_a=True), tf.zeros_like(state)

    return (outputs, tf.stack([output, memory])), gradient


def _back(
    of_output: tf.Tensor, of_memory: tf.Tensor, memory: tf.Tensor, before: tf.Tensor, gates: tuple[tf.Tensor, ...]
) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradients of what the gates of a step are made of, and of the memory before it."""
    enter, forget, new, leave = gates
    bent = tf.tanh(memory)
    of_memory = of_memory + of_output * leave * (1 - bent * bent)
    of_gates = [
        of_memory * new * enter * (1 - enter),
        of_memory * before * forget * (1 - forget),
        of_memory * enter * (1 - new * new),
        of_output * bent * leave * (1 - leave),
    ]
    return tf.concat(of_gates, axis=-1), of_memory * forget


class Segments:
    """The batch of a step, `length` values of each series: what came before each value, the values, and 0 where the
    states begin anew."""

    def __init__(self, series: np.ndarray, length: int):
        self.series, self.length = series, length
        self.epoch_steps = (series.shape[1] - 1) // length
        self.epochs = 0  # that the steps asked for so far have ended

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray, np.float32]:
        self.epochs = (step + 1) // self.epoch_steps
        at = step % self.epoch_steps
        first = at * self.length
        before, targets = (self.series[:, low : low + self.length] for low in (first, first + 1))
        return before, targets, np.float32(at > 0)


def transposed() -> np.ndarray:
    """body_gyro_x of UCI HAR's 7,352 training windows (series, time, 1) in rad/s."""
    with tempfile.TemporaryDirectory() as folder:
        datasets.get("uci_har").fetch(Path(folder) / "raw", preset_params(), reporter("download"), Path(folder))
        (path,) = Path(folder).rglob("body_gyro_x_train.txt")
        return np.loadtxt(path, dtype=np.float32).T[..., None]
