"""The setting in which SenseGen's re-implementation went to NaN at epoch 1515, re-run: the historical preset.

As in the CSE-555 report (freeloki/CSE555-VirtualSensorGenerator, 1500-Gyro and 1599NanModel): body_gyro_x of UCI HAR's
7,352 training windows in rad/s, transposed. A "series" is the k-th sample of all windows one after another; no person
moved like that, and nobody should train on it. Four series, batch 4, the report's network, Adam at 0.0003, gradients
through 10 steps, states carried along the series: 735 updates an epoch. Ours are the bounds of the log standard
deviations, the clipped gradients and the guard. The next four series are the held-out ones.

A run of 2,500 epochs takes hours on one thread. It goes on where it was stopped, and rewrites docs/results/anchor.csv
every ten epochs.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.uci_har import ROOT, preset_params
from sensegen import datasets, training
from sensegen.divergence import AlertLog
from sensegen.generators.cse555 import CSE555Model
from sensegen.generators.mixture import mixture_log_prob
from sensegen.guard import DivergenceGuard, Variables
from sensegen.params import DivergenceParams
from sensegen.params.models import LogStddevBounds, OptimiserParams
from sensegen.progress import reporter
from sensegen.training_run import write_rows
from sensegen.windows import WindowShape

SERIES, SEGMENT, EPOCHS, REMEMBERED = 4, 10, 2500, 10  # epochs between checkpoints
MEASURED = 50  # epochs between two looks at the held-out series
COLUMNS = ("epoch", "step", "loss", "gradient_norm", "learning_rate", "held_out_loss")
FOLDER, RESULTS = ROOT / ".cache" / "anchor", ROOT / "docs" / "results" / "anchor.csv"
OPTIMISER = OptimiserParams(learning_rate=3e-4, batch_windows=SERIES, gradient_norm=1.0)
RULE = DivergenceParams(max_rollbacks=20, snapshot_steps=1)  # the step count is set with the length of an epoch


class CarriedStates:
    """The report's network along series: each segment goes on from the states at the end of the one before."""

    def __init__(self) -> None:
        import keras

        keras.utils.set_random_seed(0)
        self.model = CSE555Model(WindowShape(SEGMENT, 1, 1), LogStddevBounds(low=-6.0, high=2.0))
        self.model.create_variables()
        units = self.model.recurrent[0].units
        self.states = [tf.Variable(tf.zeros((2, SERIES, units)), trainable=False) for _ in self.model.recurrent]
        self.trainable_variables = self.model.trainable_variables
        self.variables: Variables = [*self.model.variables, *self.states]

    def batch_loss(self, batch: tuple[tf.Tensor, tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
        """Negative log likelihood (nats a step, rad/s) of `targets` (series, time, 1), each told the one before."""
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
    """The batch of a step: a segment of all series, what came before each of its values, and 0 where states begin."""

    def __init__(self, series: np.ndarray):
        self.series = series
        self.epoch_steps = (series.shape[1] - 1) // SEGMENT
        self.step = 0

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray, np.floating[Any]]:
        self.step = step
        at = step % self.epoch_steps
        first = at * SEGMENT
        before, targets = (self.series[:, low : low + SEGMENT] for low in (first, first + 1))
        return before, targets, np.float32(at > 0)


def transposed() -> np.ndarray:
    """body_gyro_x (series, time, 1) in rad/s; series 0 to 3 are trained on."""
    with tempfile.TemporaryDirectory() as folder:
        datasets.get("uci_har").fetch(Path(folder) / "raw", preset_params(), reporter("download"), Path(folder))
        (path,) = Path(folder).rglob("body_gyro_x_train.txt")
        return np.loadtxt(path, dtype=np.float32).T[..., None]


def run() -> list[str]:
    """Train on; the rows that stand in the end."""
    training.set_up(preset_params().runtime.model_copy(update={"threads": 1}))
    series, network = transposed(), CarriedStates()
    batches = Segments(series[:SERIES])
    held_out = tf.function(
        lambda: network.model.batch_loss((series[SERIES : 2 * SERIES], np.zeros(SERIES, np.int32)), None)
    )

    def measure() -> Mapping[str, float]:
        epoch = (batches.step + 1) // batches.epoch_steps
        return {"held_out_loss": float(held_out())} if epoch % MEASURED == 0 else {}

    rule = RULE.model_copy(update={"snapshot_steps": REMEMBERED * batches.epoch_steps})
    guard = DivergenceGuard(rule, AlertLog(FOLDER / "alerts.jsonl", "anchor"), "all", FOLDER)
    schedule = training.Schedule(EPOCHS * batches.epoch_steps, batches.epoch_steps, measure)
    step = training.GradientStep(network, OPTIMISER, seed=0, xla=True)
    state = training.train(step, batches, schedule, guard, [Recorder()])
    return [f"{len(state.rows)} epochs, {len(state.alerts)} alerts: {state.alerts}", str(state.rows[-1])]


class Recorder:
    """Writes the rows down as they come."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.show = reporter("anchor")

    def on_epoch(self, row: Mapping[str, float | int | str]) -> None:
        """Keep the row."""
        self.rows.append(row)
        if len(self.rows) % REMEMBERED == 0:
            write_rows(RESULTS, COLUMNS, self.rows)
            self.show(len(self.rows), EPOCHS, f"loss {row['loss']:.3f}")

    def on_resumed(self, row: Mapping[str, float | int | str]) -> None:
        """Keep the row of an earlier sitting."""
        self.rows.append(row)
