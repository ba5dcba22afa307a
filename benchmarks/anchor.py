"""The setting in which SenseGen's re-implementation went to NaN at epoch 1515, run again: the historical preset.

As in notebooks of the CSE-555 report (freeloki/CSE555-VirtualSensorGenerator, 1500-Gyro and 1599NanModel): four
transposed series of body_gyro_x in rad/s, batch 4, Adam at 0.0003, gradients through 20 steps, which makes 367 updates
an epoch. The network is the one that their code sets, 1 x LSTM 256 and dense 128; neither trains the three layers of
the report's table (preset `cse555`). 1599NanModel does not say whether it read this signal or total_acc_x. Ours are log
standard deviations with bounds, clipped gradients and the guard. The next four series are the held-out ones.

It goes on where it was stopped, rewrites docs/results/anchor.csv every ten epochs, and draws docs/images/anchor.png.
"""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks import anchor_curve, table
from benchmarks.transposed import OPTIMISER, SERIES, CarriedStates, Segments, transposed
from benchmarks.uci_har import ROOT, preset_params
from sensegen import training
from sensegen.divergence import AlertLog
from sensegen.generators.mixture_rnn import MixtureRNN
from sensegen.generators.sensegen_paper import paper_network
from sensegen.guard import DivergenceGuard
from sensegen.params import DivergenceParams
from sensegen.params.models import LogStddevBounds
from sensegen.progress import reporter
from sensegen.training_run import write_rows
from sensegen.windows import WindowShape

EPOCHS, REMEMBERED, MEASURED = 2500, 10, 50  # epochs in all, between checkpoints, between looks at held-out series
SEGMENT = 20  # steps that a gradient goes back
COLUMNS = ("epoch", "step", "loss", "gradient_norm", "learning_rate", "held_out_loss")
FOLDER, RESULTS = ROOT / ".cache" / "anchor", ROOT / "docs" / "results" / "anchor.csv"
# What the notebooks printed after so many epochs: the one that went to NaN, and one of 1,500 epochs.
NOTEBOOKS: Mapping[str, Mapping[int, float]] = {
    "1599NanModel": {100: -0.56, 500: -1.25, 1000: -2.24, 1500: -2.72, 1516: np.nan},
    "1500-Gyro": {100: -0.30, 500: -1.98, 1000: -2.85, 1500: -3.24},
}
SHOWN = (100, 500, 1000, 1500, 1516, 2000, 2500)
MEASURES = ("loss", "gradient_norm", "held_out_loss")
HEADS = ("epochs", *NOTEBOOKS, "ours", "norm of gradients", "ours, next four series")


def run() -> list[str]:
    """Train on, and draw; the table of where it stood and stands in the end."""
    train()
    return tell()


def train() -> None:
    """Train on to the last epoch."""
    training.set_up(preset_params().runtime.model_copy(update={"threads": 1}))
    keras.utils.set_random_seed(0)
    network = CarriedStates(notebook_model())
    series = transposed()
    batches = Segments(series[:SERIES], SEGMENT)
    unseen = (tf.constant(series[SERIES : 2 * SERIES]), tf.zeros(SERIES, tf.int32))
    held_out = tf.function(lambda: network.model.batch_loss(unseen, tf.zeros(2, tf.int32)))

    def measure() -> Mapping[str, float]:
        return {"held_out_loss": float(held_out())} if batches.epochs % MEASURED == 0 else {}

    rule = DivergenceParams(max_rollbacks=20, snapshot_steps=REMEMBERED * batches.epoch_steps)
    guard = DivergenceGuard(rule, AlertLog(FOLDER / "alerts.jsonl", "anchor"), "all", FOLDER)
    schedule = training.Schedule(EPOCHS * batches.epoch_steps, batches.epoch_steps, measure)
    step = training.GradientStep(network, OPTIMISER, seed=0, xla=True)
    training.train(step, batches, schedule, guard, [Recorder()])


def tell() -> list[str]:
    """The table and the picture of the rows that there are."""
    with RESULTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    halvings = round(math.log2(OPTIMISER.learning_rate / float(rows[-1]["learning_rate"])))  # one a divergence
    lines = [
        "Nats a step, mean over an epoch, of four transposed series of body_gyro_x in rad/s, and of the next four.",
        f"{len(rows):,} epochs, {halvings} divergences.",
        "",
        *table.markdown(HEADS, list(shown(rows))),
    ]
    anchor_curve.draw(rows, NOTEBOOKS)
    table.put("anchor", lines)
    return lines


def shown(rows: Sequence[Mapping[str, str]]) -> Iterator[list[str]]:
    """A line for each of the epochs `SHOWN` that there are; held-out loss is measured every fifty epochs."""
    by_epoch = {int(row["epoch"]): row for row in rows}
    for epoch in SHOWN:
        if row := by_epoch.get(epoch):
            theirs = (_told(losses.get(epoch)) for losses in NOTEBOOKS.values())
            ours = (_told(float(row[name]) if row[name] else None) for name in MEASURES)
            yield [f"{epoch:,}", *theirs, *ours]


def _told(number: float | None) -> str:
    return "-" if number is None else f"{number:.2f}".replace("nan", "NaN")


def notebook_model() -> MixtureRNN:
    """The notebook's network, its dense layers begun as there: 306,376 parameters."""
    params = paper_network(LogStddevBounds(low=-6.0, high=2.0)).model_copy(update={"layers": 1})
    model = MixtureRNN(WindowShape(SEGMENT, channels=1, classes=0), params, hidden_activation="sigmoid")
    for layer in (model.hidden, model.head):
        layer.kernel_initializer = keras.initializers.TruncatedNormal(stddev=0.2)
    return model


class Recorder:
    """Writes the rows down as they come."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.show = reporter("anchor")

    def on_epoch(self, row: Mapping[str, float | int | str]) -> None:
        """Keep the row."""
        self.rows.append(row)
        if not np.isfinite(float(row["loss"])):
            raise AssertionError(f"The guard let {row} pass.")
        if len(self.rows) % REMEMBERED == 0:
            write_rows(RESULTS, COLUMNS, self.rows)
            self.show(len(self.rows), EPOCHS, f"loss {row['loss']:.3f}")

    def on_resumed(self, row: Mapping[str, float | int | str]) -> None:
        """Keep the row of an earlier sitting."""
        self.rows.append(row)
