"""The trainings of one stage: one seed, one rule against divergence, one place for rows, alerts and checkpoints."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from sensegen.artifacts import Artifacts, remove, writing
from sensegen.batches import EpochBatches
from sensegen.checkpoints import checkpoint_key
from sensegen.divergence import AlertListener, AlertLog, write_alerts
from sensegen.guard import DivergenceGuard, Row, TrainState, TrainStep
from sensegen.params import Params
from sensegen.params.models import OptimiserParams
from sensegen.progress import Progress, reporter
from sensegen.seeding import derived_seed
from sensegen.training import Callback, Decay, GradientStep, Schedule, Trainable, constant, train

CURVE_COLUMNS = ("part", "epoch", "step", "loss", "gradient_norm", "learning_rate", "validation_loss")
CONTEST_COLUMNS = ("critic_loss", "critic_gradient_norm", "wasserstein", "output_gradient", "saturation", "diversity")


class EpochProgress:
    """Shows each epoch of one part of a training."""

    def __init__(self, show: Progress, epochs: int):
        self.show = show
        self.epochs = epochs

    def on_epoch(self, row: Mapping[str, float | int | str]) -> None:
        """Show the epoch with its losses."""
        losses = [f"{name} {value:.4g}" for name, value in row.items() if name.endswith("loss")]
        self.show(int(row["epoch"]), self.epochs, f"{row['part']}: {', '.join(losses)}")

    on_resumed = on_epoch


class TrainingListener(Callback, AlertListener, Protocol):
    """Hears of epochs and of alerts: what the tracker's callback is."""


@dataclass(frozen=True)
class Training:
    """What all trainings of one stage share: the seed, how to compile, the guard's rule, where to leave traces."""

    params: Params
    log: AlertLog
    folder: Path | None = None
    callbacks: Sequence[Callback] = ()
    rows: list[Row] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def resumable(
        cls, params: Params, artifacts: Artifacts, stage: str, listener: TrainingListener, *watchers: Callback
    ) -> Iterator[Self]:
        """The trainings of a stage that goes on where it was killed; its checkpoints go when it succeeds."""
        folder = artifacts.checkpoints(stage, checkpoint_key(artifacts.root, stage, params))
        log = AlertLog(artifacts.alerts(stage), stage, [listener])
        if not folder.exists():
            remove(folder.parent)
            log.clear()
        yield cls(params, log, folder, [listener, *watchers])
        remove(folder.parent)

    def step(self, model: Trainable, optimiser: OptimiserParams, name: str, decay: Decay = constant) -> GradientStep:
        """A train step whose draws are named, so that no two trainings share them."""
        return GradientStep(model, optimiser, seed=self.seed_of(name), xla=self.params.runtime.xla, decay=decay)

    def batches(self, arrays: Sequence[np.ndarray], optimiser: OptimiserParams, name: str) -> EpochBatches:
        """Batches in an order that is named."""
        return EpochBatches(arrays, optimiser.batch_windows, seed=self.seed_of(name))

    def seed_of(self, name: str) -> int:
        """The seed of one named thing of this stage."""
        return derived_seed(self.params.seed, self.log.stage, name)

    def train(self, step: TrainStep, batches: Callable[[int], Any], schedule: Schedule, part: str) -> TrainState:
        """Train one part under the guard, and keep its rows and alerts for the stage's outputs."""
        guard = DivergenceGuard(self.params.divergence, self.log, part, self.folder)
        progress = EpochProgress(reporter(self.log.stage), schedule.steps // schedule.epoch_steps)
        state = train(step, batches, schedule, guard, [*self.callbacks, progress])
        self.rows.extend(state.rows)
        self.alerts.extend(state.alerts)
        return state

    def write(self, folder: Path) -> None:
        """Write `alerts.json` and the curves."""
        contest = CONTEST_COLUMNS if any(CONTEST_COLUMNS[0] in row for row in self.rows) else ()
        write_rows(folder / "curves.csv", (*CURVE_COLUMNS, *contest), self.rows)
        write_alerts(folder / "alerts.json", self.alerts)


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write rows as CSV with exactly these columns; what a row does not have stays empty."""
    with writing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
