"""The setting in which SenseGen's re-implementation went to NaN at epoch 1515, run again: the historical preset.

As in the CSE-555 report (freeloki/CSE555-VirtualSensorGenerator, 1500-Gyro and 1599NanModel): four transposed series of
body_gyro_x in rad/s, batch 4, the report's network, Adam at 0.0003, gradients through 10 steps: 735 updates an epoch.
Ours are the bounds of the log standard deviations, the clipped gradients and the guard. The next four series are the
held-out ones.

A run of 2,500 epochs takes many hours on one thread. It goes on where it was stopped, and rewrites
docs/results/anchor.csv every ten epochs.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.transposed import OPTIMISER, SEGMENT, SERIES, CarriedStates, Segments, transposed
from benchmarks.uci_har import ROOT, preset_params
from sensegen import training
from sensegen.divergence import AlertLog
from sensegen.generators.cse555 import CSE555Model
from sensegen.guard import DivergenceGuard
from sensegen.params import DivergenceParams
from sensegen.params.models import LogStddevBounds
from sensegen.progress import reporter
from sensegen.training_run import write_rows
from sensegen.windows import WindowShape

EPOCHS, REMEMBERED, MEASURED = 2500, 10, 50  # epochs in all, between checkpoints, between looks at held-out series
COLUMNS = ("epoch", "step", "loss", "gradient_norm", "learning_rate", "held_out_loss")
FOLDER, RESULTS = ROOT / ".cache" / "anchor", ROOT / "docs" / "results" / "anchor.csv"


def run() -> list[str]:
    """Train on; where it stands in the end."""
    training.set_up(preset_params().runtime.model_copy(update={"threads": 1}))
    keras.utils.set_random_seed(0)
    network = CarriedStates(CSE555Model(WindowShape(SEGMENT, 1, 1), LogStddevBounds(low=-6.0, high=2.0)))
    series = transposed()
    batches = Segments(series[:SERIES])
    unseen = (tf.constant(series[SERIES : 2 * SERIES]), tf.zeros(SERIES, tf.int32))
    held_out = tf.function(lambda: network.model.batch_loss(unseen, tf.zeros(2, tf.int32)))

    def measure() -> Mapping[str, float]:
        return {"held_out_loss": float(held_out())} if batches.epochs % MEASURED == 0 else {}

    rule = DivergenceParams(max_rollbacks=20, snapshot_steps=REMEMBERED * batches.epoch_steps)
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
        if not np.isfinite(float(row["loss"])):
            raise AssertionError(f"The guard let {row} pass.")
        if len(self.rows) % REMEMBERED == 0:
            write_rows(RESULTS, COLUMNS, self.rows)
            self.show(len(self.rows), EPOCHS, f"loss {row['loss']:.3f}")

    def on_resumed(self, row: Mapping[str, float | int | str]) -> None:
        """Keep the row of an earlier sitting."""
        self.rows.append(row)
