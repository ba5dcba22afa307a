"""The loop: learns, resumes bit for bit, catches divergence at its step, cures it or stops by the rule."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL_RECURRENT, sines

from sensegen.batches import EpochBatches
from sensegen.divergence import AlertLog, Diverged
from sensegen.generators import build_generator
from sensegen.guard import DivergenceGuard, TrainState
from sensegen.params import DivergenceParams
from sensegen.params.models import LogStddevBounds, OptimiserParams
from sensegen.training import GradientStep, Schedule, train

RULE = DivergenceParams(max_rollbacks=2, snapshot_steps=4)
OPTIMISER = OptimiserParams(learning_rate=0.01, batch_windows=16, gradient_norm=1.0)
NETWORK = SMALL_RECURRENT.model_copy(
    update={"units": 12, "mixtures": 3, "log_stddev": LogStddevBounds(low=-4.0, high=2.0)}
)


class Job:
    """A small training of a small generator, new each time, always the same."""

    def __init__(self, folder: Path, *, checkpoints: bool = False, learning_rate: float = 0.01):
        windows = sines(np.random.default_rng(0), 64, length=16)
        self.log = AlertLog(folder / "alerts.jsonl", "train_generator")
        self.generator = build_generator(windows.shape, NETWORK, seed=0)
        optimiser = OPTIMISER.model_copy(update={"learning_rate": learning_rate})
        self.step = GradientStep(self.generator.model, optimiser, seed=0, xla=False)
        self.batches = EpochBatches([windows.values, windows.labels.astype(np.int32)], 16, seed=0)
        self.guard = DivergenceGuard(RULE, self.log, "all", folder / "checkpoints" if checkpoints else None)

    def run(self, steps: int = 12, batches=None) -> TrainState:
        return train(self.step, batches or self.batches, Schedule(steps, 4), self.guard)

    def weights(self) -> dict[str, bytes]:
        return {name: array.tobytes() for name, array in self.generator.arrays().items()}

    def alerts(self) -> list[dict]:
        return [json.loads(line) for line in self.log.path.read_text(encoding="utf-8").splitlines()]


def spoiled(batches, when, value=np.nan):
    """The same batches, but a bad value in the batch for which `when()` says so."""

    def batch(step):
        values, labels = batches(step)
        if when(step):
            values = values.copy()
            values[0, 3, 0] = value
        return values, labels

    return batch


def test_the_loss_falls_and_an_epoch_gives_a_row(tmp_path):
    state = Job(tmp_path).run(steps=80)
    losses = [row["loss"] for row in state.rows]
    assert len(losses) == 20 and losses[-1] < losses[0] - 0.2
    assert state.rows[-1]["step"] == 80


def test_two_runs_end_with_the_same_bits(tmp_path):
    first, second = Job(tmp_path), Job(tmp_path)
    first.run(), second.run()
    assert first.weights() == second.weights()


def test_a_run_that_stopped_anywhere_goes_on_to_the_same_bits(tmp_path):
    whole = Job(tmp_path / "whole")
    expected = whole.run(steps=24)

    class Stopped(Exception):
        pass

    def until(batches, last):
        def batch(step):
            if step == last:
                raise Stopped
            return batches(step)

        return batch

    for last in (2, 9, 17):
        job = Job(tmp_path, checkpoints=True)
        with pytest.raises(Stopped):
            job.run(24, until(job.batches, last))
    job = Job(tmp_path, checkpoints=True)
    assert job.run(24).rows == expected.rows
    assert job.weights() == whole.weights()


def test_the_log_tells_where_a_training_goes_on(tmp_path, capsys):
    Job(tmp_path, checkpoints=True).run(8)
    assert "goes on" not in capsys.readouterr().out
    Job(tmp_path, checkpoints=True).run(12)
    assert capsys.readouterr().out == "train_generator goes on from step 8 of part all\n"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_bad_batch_is_caught_at_its_step_and_cured(tmp_path, value):
    job = Job(tmp_path)
    seen = []

    def first_time_at_six(step):
        seen.append(step)
        return step == 6 and seen.count(6) == 1

    state = job.run(12, spoiled(job.batches, first_time_at_six, value))
    (alert,) = job.alerts()
    assert (alert["step"], alert["reason"], alert["rollback"], alert["restored_step"]) == (6, "loss", 1, 4)
    assert seen == [0, 1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8, 9, 10, 11]
    assert state.rows[-1]["learning_rate"] == pytest.approx(0.005)
    assert all(np.isfinite(array).all() for array in job.generator.arrays().values())
    assert state.alerts == [{key: value for key, value in alert.items() if key != "time"}]


def test_a_batch_that_is_always_bad_stops_by_the_rule_with_the_last_good_weights(tmp_path):
    job = Job(tmp_path)
    with pytest.raises(Diverged, match=r"step 6 \(loss\).*after 2 returns.*divergence\.max_rollbacks"):
        job.run(12, spoiled(job.batches, lambda step: step == 6))
    assert [alert["restored_step"] for alert in job.alerts()] == [4, 4, None]
    reference = Job(tmp_path / "reference")
    reference.run(4)
    assert job.weights() == reference.weights()


def test_weights_that_leave_the_finite_numbers_are_caught_at_that_step(tmp_path):
    job = Job(tmp_path, learning_rate=1e38)
    with pytest.raises(Diverged):
        job.run(12)
    assert all(alert["step"] <= 2 for alert in job.alerts())
    assert all(np.isfinite(array).all() for array in job.generator.arrays().values())


def test_no_checkpoint_ever_holds_a_number_that_is_not_finite(tmp_path):
    from safetensors.numpy import load_file

    job = Job(tmp_path, checkpoints=True)
    with pytest.raises(Diverged):
        job.run(12, spoiled(job.batches, lambda step: step == 6))
    arrays = load_file(tmp_path / "checkpoints" / "all.safetensors")
    assert arrays and all(np.isfinite(array).all() for array in arrays.values())


def test_a_rollback_is_remembered_across_a_stop(tmp_path):
    job = Job(tmp_path, checkpoints=True)
    seen = []

    def batch(step):
        seen.append(step)
        if seen.count(6) == 2:
            raise KeyboardInterrupt
        return spoiled(job.batches, lambda step: step == 6)(step)

    with pytest.raises(KeyboardInterrupt):
        job.run(12, batch)
    resumed = Job(tmp_path, checkpoints=True)
    state = resumed.run(12)
    assert len(state.alerts) == 1
    assert state.rows[-1]["learning_rate"] == pytest.approx(0.005)


def test_gradients_are_clipped_by_their_global_norm():
    import keras
    import tensorflow as tf

    class Steep:
        def __init__(self):
            self.weight = keras.Variable([0.0, 0.0])
            self.variables = self.trainable_variables = [self.weight]

        def batch_loss(self, batch, seed):
            return tf.reduce_sum(self.weight.value * [300.0, 400.0])

    step = GradientStep(Steep(), OPTIMISER, seed=0, xla=False)
    step.optimiser = keras.optimizers.SGD(1.0)
    step.optimiser.build(step.model.trainable_variables)
    step.peak_rate.assign(1.0)
    assert step((), 0)["gradient_norm"] == pytest.approx(500.0)
    assert step.model.weight.numpy() == pytest.approx([-0.6, -0.8])


KILLED = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
from pathlib import Path
from test_training import Job
job = Job(Path({folder!r}), checkpoints=True)
job.run(2000)
"""


@pytest.mark.slow
@pytest.mark.chosen
def test_killed_minus_nine_at_random_moments_it_still_ends_with_the_same_bits(tmp_path):
    tests = Path(__file__).parent
    script = KILLED.format(tests=str(tests), root=str(tests.parent), folder=str(tmp_path))
    stream = np.random.default_rng(0)
    checkpoint = tmp_path / "checkpoints" / "all.safetensors"
    for _ in range(3):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
        while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.01)
        time.sleep(stream.uniform(0, 0.5))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    resumed, whole = Job(tmp_path, checkpoints=True), Job(tmp_path / "whole")
    killed_at = resumed.guard.resume(resumed.step).step
    assert 0 < killed_at < 2000
    resumed.run(killed_at + 10)
    whole.run(killed_at + 10)
    assert resumed.weights() == whole.weights()
