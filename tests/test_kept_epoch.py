"""The best epoch on windows that training does not see: kept, gone back to, and not lost by a kill or a rollback."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL_RECURRENT, sines
from hypothesis import given
from hypothesis import strategies as st

from sensegen.batches import EpochBatches
from sensegen.divergence import AlertLog
from sensegen.generators import build_generator
from sensegen.guard import DivergenceGuard
from sensegen.kept_weights import BestEpoch, LastEpoch, patient
from sensegen.params import DivergenceParams
from sensegen.params.models import OptimiserParams
from sensegen.training import GradientStep, Schedule, train

OPTIMISER = OptimiserParams(learning_rate=0.01, batch_windows=16, gradient_norm=1.0)
EPOCH_STEPS = 4


class Job:
    """A training whose validation losses are told beforehand, and what its weights were at the end of each epoch."""

    def __init__(self, folder: Path, told: list[float]):
        windows = sines(np.random.default_rng(0), 64, length=16)
        self.generator = build_generator(windows.shape, SMALL_RECURRENT, seed=0)
        self.best = BestEpoch(GradientStep(self.generator.model, OPTIMISER, seed=0, xla=False), self._loss)
        self.batches = EpochBatches([windows.values, windows.labels.astype(np.int32)], 16, seed=0)
        rule = DivergenceParams(max_rollbacks=2, snapshot_steps=3)
        self.guard = DivergenceGuard(rule, AlertLog(folder / "alerts.jsonl", "x"), "all", folder / "checkpoints")
        self.told, self.seen = told, []

    def _loss(self) -> float:
        self.seen.append(self.weights())
        epoch = int(self.best.step.optimiser.iterations.numpy()) // EPOCH_STEPS
        return self.told[epoch - 1]

    def weights(self) -> dict[str, bytes]:
        return {name: array.tobytes() for name, array in self.generator.arrays().items()}

    def run(self, batches=None, steps: int | None = None) -> dict[str, bytes]:
        schedule = Schedule(steps or EPOCH_STEPS * len(self.told), EPOCH_STEPS, self.best.measure)
        train(self.best, batches or self.batches, schedule, self.guard)
        self.best.restore()
        return self.weights()


@pytest.mark.parametrize("told", [[3.0, 1.0, 2.0], [1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [2.0, float("nan"), 3.0]])
def test_the_weights_are_those_of_the_epoch_with_the_lowest_loss(tmp_path, told):
    job = Job(tmp_path, told)
    assert job.run() == job.seen[int(np.nanargmin(told))]


def test_the_last_epoch_is_kept_where_that_is_asked_for(tmp_path):
    job = Job(tmp_path, [1.0, 2.0, 3.0])
    job.best = LastEpoch(job.best.step, job._loss)
    assert job.run() == job.seen[-1]


def test_without_anything_to_measure_the_last_epoch_stays(tmp_path):
    job = Job(tmp_path, [float("nan")] * 3)
    assert job.run() == job.seen[-1]


@pytest.mark.slow
@pytest.mark.chosen
@pytest.mark.parametrize("killed_after", [1, 4, 5, 9])
def test_a_killed_training_still_knows_its_best_epoch(tmp_path, killed_after):
    def killing(step):
        if step == killed_after:
            raise KeyboardInterrupt
        return job.batches(step)

    whole = Job(tmp_path / "whole", [1.0, 3.0, 2.0]).run()
    job = Job(tmp_path / "killed", [1.0, 3.0, 2.0])
    with pytest.raises(KeyboardInterrupt):
        job.run(killing)
    assert Job(tmp_path / "killed", [1.0, 3.0, 2.0]).run() == whole


def test_a_rollback_does_not_lose_the_best_epoch(tmp_path):
    def spoiled(step):
        values, labels = job.batches(step)
        bad, job.bad = job.bad and step == 6, job.bad and step != 6
        return (np.full_like(values, np.nan), labels) if bad else (values, labels)

    job = Job(tmp_path, [1.0, 3.0, 2.0])
    job.bad = True
    assert job.run(spoiled) == job.seen[0]
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == 1
    assert json.loads((tmp_path / "alerts.jsonl").read_text())["step"] == 6


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.integers(1, 10))
def test_patience_ends_as_many_epochs_after_the_best_one(losses, patience):
    rows = [{"validation_loss": loss} for loss in losses]
    stopped = next((at for at in range(1, len(rows) + 1) if patient(patience)(rows[:at])), None)
    first_best = [min(losses[: at + 1]) for at in range(len(losses))]
    waited = next((at + 1 for at in range(len(losses)) if at - losses.index(first_best[at]) >= patience), None)
    assert stopped == waited
    assert not patient(None)(rows)
