"""Training along the transposed series of SenseGen's published code, which `anchor` and `divergence` run again.

A "series" there is the k-th sample of thousands of consecutive windows, one after another, across people and
activities. Nobody should train on that; it is how the numbers that everybody quotes came about.
"""

import tempfile
from pathlib import Path

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
        outputs = tf.unstack(before, axis=1)
        for layer, carried in zip(self.model.recurrent, self.states, strict=True):
            state, seen = tf.unstack(carried * kept), []
            for value in outputs:
                output, state = layer.cell(value, state)
                seen.append(output)
            carried.assign(tf.stack(state))
            outputs = seen
        mixture = self.model.to_mixture(self.model.hidden(tf.stack(outputs, axis=1)))
        return -tf.reduce_mean(mixture_log_prob(targets, mixture))


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
