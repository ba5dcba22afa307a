"""What workers of one training share and what each has for itself: rows, seeds, checkpoints, alerts."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sensegen.batches import EpochBatches
from sensegen.divergence import Alert, AlertLog
from sensegen.guard import DivergenceGuard, TrainState, TrainStep
from sensegen.params.models import OptimiserParams
from sensegen.training import Schedule, train
from sensegen.training_run import Training

EPOCHS = "epochs.jsonl"  # in the folder of checkpoints: what whoever waits is shown


class OwnRows(EpochBatches):
    """Every batch is that of a single process, and a worker takes its share of the rows; the others are never read."""

    def __init__(self, arrays: Sequence[np.ndarray], batch_windows: int, *, seed: int, rank: int, workers: int):
        super().__init__(arrays, batch_windows, seed=seed)
        self.rank, self.workers = rank, workers
        if self.size % workers:
            raise ValueError(
                f"{workers} workers must have equal shares of a batch, but it has {self.size} windows. Set the "
                f"section's optimiser.batch_windows to a multiple of {workers}."
            )

    def rows(self, step: int) -> np.ndarray:
        """Which rows this worker has of a batch."""
        return super().rows(step)[self.rank :: self.workers]


class Follower(DivergenceGuard):
    """The guard of every worker but the first: it goes on from the same checkpoint, and writes none."""

    def _save(self) -> None:
        pass


class Unheard(AlertLog):
    """All workers see the same trouble, and the first one tells of it."""

    def append(self, alert: Alert) -> None:
        del alert


class EpochLines:
    """Writes each epoch's row to a file, for whoever waits for the workers."""

    def __init__(self, path: Path):
        self.path = path

    def on_epoch(self, row: Mapping[str, float | int | str]) -> None:
        """Add a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(dict(row)) + "\n")

    def on_resumed(self, row: Mapping[str, float | int | str]) -> None:
        """The line is there already."""


@dataclass(frozen=True, kw_only=True)
class SharedTraining(Training):
    """Abstract: the trainings of one of several workers; worker 0 writes what there is to write."""

    rank: int
    workers: int
    models: list[Any] = field(default_factory=list)

    def batches(self, arrays: Sequence[np.ndarray], optimiser: OptimiserParams, name: str) -> OwnRows:
        """This worker's rows of the batches that a single process would have."""
        share = {"rank": self.rank, "workers": self.workers}
        return OwnRows(arrays, optimiser.batch_windows, seed=self.seed_of(name), **share)

    def train(self, step: TrainStep, batches: Callable[[int], Any], schedule: Schedule, part: str) -> TrainState:
        """Train one part; the first worker's rows, alerts and checkpoints are those of all."""
        kind = DivergenceGuard if self.rank == 0 else Follower
        return self.train_under(kind(self.params.divergence, self.log, part, self.folder), step, batches, schedule)

    def train_under(
        self, guard: DivergenceGuard, step: TrainStep, batches: Callable[[int], Any], schedule: Schedule
    ) -> TrainState:
        """Train under a guard, and keep rows and alerts."""
        state = train(step, batches, schedule, guard, self.callbacks)
        self.rows.extend(state.rows)
        self.alerts.extend(state.alerts)
        return state

    def fingerprint(self) -> str:
        """The sha256 of all weights that were trained: the same for workers that hold the same."""
        digest = hashlib.sha256()
        for variable in (variable for model in self.models for variable in model.variables):
            digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
        return digest.hexdigest()
