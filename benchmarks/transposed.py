"""Training along the transposed series of SenseGen's published code, which `anchor` and `divergence` run again.

A "series" there is the k-th sample of thousands of consecutive windows, one after another, across people and
activities. Nobody should train on that; it is how the numbers that everybody quotes came about.
"""

import tempfile
from pathlib import Path
from typing import Any

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

SERIES, SEGMENT = 4, 10  # series of a batch, and steps that a gradient goes back
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
    """What a layer makes of inputs (time, series, feature) from a state (output and memory) on, and the state after.

    Run twice: outputs of the first time are numbers to the second, whose product with the recurrent kernel is made for
    all steps at once. It adds nothing but the gradient of the kernel, which the loop, where the kernel is a number,
    then need not add up step by step: that takes most of the time of so short segments.
    """
    own = tf.convert_to_tensor(cell.recurrent_kernel)
    fixed, projected = tf.stop_gradient(own), _each_times(inputs, tf.convert_to_tensor(cell.kernel)) + cell.bias
    first, _ = _steps(tf.stop_gradient(projected), fixed, state)
    products = _each_times(tf.concat([state[:1], first[:-1]], axis=0), own)
    return _steps(projected + products - tf.stop_gradient(products), fixed, state)


def _each_times(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """(time, series, feature) times (feature, number), as two matrices: of three axes TensorFlow takes several times as
    long."""
    flat = tf.reshape(inputs, (-1, inputs.shape[2]))
    return tf.reshape(flat @ kernel, (*inputs.shape[:2], kernel.shape[1]))


def _steps(projected: tf.Tensor, own: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    @tf.custom_gradient
    def product(output: tf.Tensor) -> tuple[tf.Tensor, Any]:
        # Of four rows: the other way round TensorFlow takes sixteen times as long for the same numbers.
        return output @ own, lambda of: tf.transpose(tf.matmul(own, of, transpose_b=True))

    (output, memory), outputs = tf.unstack(state), []
    for now in tf.unstack(projected):
        enter, forget, new, leave = tf.split(now + product(output), 4, axis=-1)
        memory = tf.sigmoid(forget) * memory + tf.sigmoid(enter) * tf.tanh(new)
        output = tf.sigmoid(leave) * tf.tanh(memory)
        outputs.append(output)
    return tf.stack(outputs), tf.stack([output, memory])


class Segments:
    """The batch of a step: what came before each value, the values, and 0 where the states begin anew."""

    def __init__(self, series: np.ndarray):
        self.series = series
        self.epoch_steps = (series.shape[1] - 1) // SEGMENT
        self.epochs = 0  # that the steps asked for so far have ended

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray, np.float32]:
        self.epochs = (step + 1) // self.epoch_steps
        at = step % self.epoch_steps
        first = at * SEGMENT
        before, targets = (self.series[:, low : low + SEGMENT] for low in (first, first + 1))
        return before, targets, np.float32(at > 0)


def transposed() -> np.ndarray:
    """body_gyro_x of UCI HAR's 7,352 training windows (series, time, 1) in rad/s."""
    with tempfile.TemporaryDirectory() as folder:
        datasets.get("uci_har").fetch(Path(folder) / "raw", preset_params(), reporter("download"), Path(folder))
        (path,) = Path(folder).rglob("body_gyro_x_train.txt")
        return np.loadtxt(path, dtype=np.float32).T[..., None]
