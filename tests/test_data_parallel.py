"""Several workers train one model as one process does, whatever happens to one of them; the others know of no waiting.

Workers are real processes of a local Ray cluster, and they are killed as the system kills: by signal 9.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from conftest import ROOT, sines

from benchmarks import many_workers
from sensegen.classifiers.activity import CNNClassifier
from sensegen.classifiers.hhar_lstm import HHARLSTMClassifier
from sensegen.data_parallel import generators
from sensegen.data_parallel.messages import Pushed
from sensegen.data_parallel.served_weights import Served
from sensegen.data_parallel.sharing import EPOCHS, OwnRows
from sensegen.data_parallel.together import Crew, asynchronously, synchronously
from sensegen.data_parallel.workers import Task
from sensegen.distributed import cluster
from sensegen.divergence import AlertLog, Diverged
from sensegen.evaluation.usefulness import fit_classifier
from sensegen.guard import DivergenceGuard
from sensegen.params import DivergenceParams, InvalidParams, Params
from sensegen.params.models import CNNClassifierParams, HHARLSTMClassifierParams, OptimiserParams
from sensegen.training_run import Training

# Gradients are always longer than this, so that clipping each worker's own would come out differently.
OPTIMISER = OptimiserParams(learning_rate=0.01, batch_windows=16, gradient_norm=0.05)
LSTM = HHARLSTMClassifierParams(units=8, optimiser=OPTIMISER, epochs=20)
CNN = CNNClassifierParams(filters=4, optimiser=OPTIMISER, epochs=3)


@dataclass(frozen=True)
class Given:
    """What a training comes to: weights, a row an epoch, and what it says of new windows."""

    weights: list[np.ndarray]
    rows: list[dict[str, Any]]
    right: float


def train_lstm(training: Training, seconds: float) -> Given:
    """An LSTM on sines, which takes `seconds` longer at each epoch."""
    model = HHARLSTMClassifier(sines(np.random.default_rng(0), 2, 16).shape, LSTM, seed=0)
    return fitted(model, LSTM, replace(training, callbacks=[*training.callbacks, Slowly(seconds)]))


def train_cnn(training: Training, seconds: float) -> Given:
    """A network with batch normalisation, and without draws, since a worker's own are none of a single process."""
    model = CNNClassifier(sines(np.random.default_rng(0), 2, 16).shape, CNN, seed=0)
    model.DROPOUT = 0.0
    return fitted(model, CNN, training)


def fitted(model: Any, params: Any, training: Training) -> Given:
    known, new = (sines(np.random.default_rng(seed), 64, 16) for seed in (0, 1))
    fit_classifier(model, known, params, training, "sines")
    right = float(np.mean(model.predict_labels(new.values) == new.labels))
    return Given([variable.numpy() for variable in model.variables], training.rows, right)


@dataclass(frozen=True)
class Slowly:
    seconds: float

    def on_epoch(self, row: Any) -> None:
        time.sleep(self.seconds)

    def on_resumed(self, row: Any) -> None:
        pass


@pytest.fixture(scope="module")
def workers() -> Iterator[None]:
    """One cluster for all tests: it takes longer to start than what is done on it."""
    with cluster(2):
        yield


@pytest.fixture
def task(params: Params, tmp_path: Path) -> Task:
    runtime = params.runtime.model_copy(update={"threads": 1, "engine": "ray", "workers": 2})
    divergence = DivergenceParams(max_rollbacks=2, snapshot_steps=4)
    changed = params.model_copy(update={"runtime": runtime, "divergence": divergence})
    return Task(train_lstm, 0.0, changed, tmp_path / "together")


def by_one_process(task: Task, folder: Path) -> Given:
    return task.work(Training(task.params, AlertLog(folder / "alone.jsonl", task.stage)), 0.0)


def differences(first: Given, second: Given) -> list[float]:
    return [float(np.abs(one - other).max()) for one, other in zip(first.weights, second.weights, strict=True)]


@contextmanager
def killed(task: Task, kind: str, after_epochs: int) -> Iterator[list[int]]:
    """Ends a process of this kind by signal 9 after some epochs; gives its id."""
    ended: list[int] = []

    def kill() -> None:
        lines = task.folder / EPOCHS
        while not lines.exists() or lines.read_text(encoding="utf-8").count("\n") < after_epochs:
            time.sleep(0.05)
        victim = max(process.pid for process in psutil.process_iter() if is_ours(process, f"ray::{kind}"))
        os.kill(victim, signal.SIGKILL)
        ended.append(victim)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    yield ended
    thread.join(timeout=10)


def is_ours(process: psutil.Process, name: str) -> bool:
    try:
        mine = any(parent.pid == os.getpid() for parent in process.parents())
        return mine and bool(process.cmdline()) and process.cmdline()[0].startswith(name)
    except psutil.Error:
        return False


def test_every_window_of_a_batch_is_one_workers():
    arrays = [np.arange(50), np.arange(50) % 3]
    whole = OwnRows(arrays, 16, seed=3, rank=0, workers=1)
    shares = [OwnRows(arrays, 16, seed=3, rank=rank, workers=4) for rank in range(4)]
    for step in (0, 2, 7):
        assert [len(share(step)[0]) for share in shares] == [4] * 4
        assert sorted(np.concatenate([share(step)[0] for share in shares])) == sorted(whole(step)[0])


def test_a_batch_that_cannot_be_shared_out_is_refused_by_the_key():
    with pytest.raises(ValueError, match=r"optimiser\.batch_windows to a multiple of 3"):
        OwnRows([np.arange(50)], 16, seed=3, rank=0, workers=3)


@pytest.mark.slow
def test_two_workers_end_as_one_process_does_with_batch_normalisation(workers, task, tmp_path):
    task = replace(task, work=train_cnn)
    alone = by_one_process(task, tmp_path)
    together = synchronously(task, Crew(2, restarts=0)).given
    assert max(differences(alone, together)) < 1e-4
    assert min(row["gradient_norm"] for row in alone.rows) > OPTIMISER.gradient_norm
    for one, other in zip(alone.rows, together.rows, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-4)


@pytest.mark.slow
@pytest.mark.chosen
def test_a_worker_killed_in_the_middle_changes_nothing(workers, task, tmp_path):
    alone = by_one_process(task, tmp_path)
    with killed(task, "SynchronousWorker", after_epochs=6) as ended:
        told = synchronously(replace(task, job=0.1), Crew(2, restarts=1))
    assert len(ended) == 1 and told.restarts == 1
    assert max(differences(alone, told.given)) < 1e-4
    assert [row["epoch"] for row in told.given.rows] == list(range(1, LSTM.epochs + 1))
    assert alone.right == told.given.right > 0.9


@pytest.mark.slow
def test_asynchronous_workers_learn_and_replace_one_that_was_killed(workers, task):
    with killed(task, "AsynchronousWorker", after_epochs=6) as ended:
        told = asynchronously(replace(task, job=0.1), Crew(2, restarts=1))
    assert len(ended) == 1 and told.restarts == 1
    assert told.given.right > 0.9
    assert len(told.staleness) == 2 * 4 * LSTM.epochs  # each worker's steps, none twice and none lost


def pushed(rank: int, step: int, version: int, value: float) -> Pushed:
    return Pushed(rank, step, version, 1.0, 1.0, [np.full((2, 2), value, np.float32)])


def served(folder: Path, learning_rate: float = 0.1) -> Served:
    guard = (DivergenceParams(max_rollbacks=1, snapshot_steps=1), AlertLog(folder / "alerts", "test"), "part", folder)
    optimiser = OptimiserParams(learning_rate=learning_rate, batch_windows=1, gradient_norm=1.0)
    return Served([np.zeros((2, 2), np.float32)], optimiser, 2, guard)


def test_staleness_is_the_number_of_updates_by_others_meanwhile(tmp_path):
    server = served(tmp_path)
    for rank, version in ((0, 0), (1, 0), (1, 2), (0, 1)):
        server.push(pushed(rank, 0, version, 1.0))
    assert server.staleness == [0, 1, 0, 2]


def test_the_server_clips_a_gradient_and_goes_back_from_one_that_is_not_finite(tmp_path):
    server = served(tmp_path)
    assert server.push(pushed(0, 0, 0, 1e6)).report["gradient_norm"] == pytest.approx(2e6)
    good = server.told({}).weights[0]
    assert np.abs(good).max() < 0.11
    told = server.push(pushed(1, 0, 1, np.nan))
    assert np.array_equal(told.weights[0], good) and told.version == 1
    assert server.step.learning_rate == pytest.approx(0.05)
    with pytest.raises(Diverged):
        server.push(pushed(1, 0, 1, np.inf))


def test_a_new_server_goes_on_from_the_checkpoint_of_the_old_one(tmp_path):
    server = served(tmp_path)
    for step in range(3):
        server.push(pushed(1, step, step, 1.0))
    again = served(tmp_path)
    assert np.array_equal(again.told({}).weights[0], server.told({}).weights[0])
    assert again.version == 3 and list(again.counts.numpy()) == [0, 3]
    assert isinstance(again.guard, DivergenceGuard)


def test_a_ring_moves_twice_the_gradient_and_a_server_ends_at_its_link_or_its_processor():
    network = many_workers.Network("1 Gbit/s", 125e6, 1e-3)
    assert many_workers.ring_seconds(2, 125_000_000, network) == pytest.approx(1.0 + 0.002)
    assert many_workers.ring_seconds(256, 125_000_000, network) == pytest.approx(2 * 255 / 256 + 0.510)
    few, many = (many_workers.pushes_a_second(count, 1.0, 125_000, network, 0.01) for count in (2, 10_000))
    assert few == pytest.approx(2 / 1.014) and many == pytest.approx(100)


def test_generators_that_workers_cannot_share_are_refused_before_any_is_started(params):
    section = params.train_generator
    wrong = section.optimiser.batch_windows + 1
    with pytest.raises(InvalidParams, match=rf"multiple of {wrong}"):
        generators.check(params, wrong)
    wgan = section.generator.model_copy(update={"kind": "wgan_gp"})
    changed = params.model_copy(update={"train_generator": section.model_copy(update={"generator": wgan})})
    with pytest.raises(InvalidParams, match="wgan_gp is trained against a critic"):
        generators.check(changed, 1)


def test_the_manifest_has_the_locked_ray_and_pods_without_root_or_privileges_within_limits():
    manifest = yaml.safe_load((ROOT / "deploy" / "kuberay.yaml").read_text(encoding="utf-8"))
    cluster_of = manifest["spec"]["rayClusterSpec"]
    assert f"ray=={cluster_of['rayVersion']} " in (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert cluster_of["authOptions"] == {"mode": "token"}
    (workers,) = cluster_of["workerGroupSpecs"]
    assert f"--workers {workers['replicas']} " in manifest["spec"]["entrypoint"]
    for pod in (cluster_of["headGroupSpec"]["template"]["spec"], workers["template"]["spec"]):
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001
        (container,) = pod["containers"]
        assert set(container["resources"]["limits"]) >= {"cpu", "memory"}
        assert "@sha256:" in container["image"]
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
