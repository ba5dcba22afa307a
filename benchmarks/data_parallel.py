"""The seed's LSTM trained by one process, by workers that wait for each other, and by workers that do not.

The seed system trained it on HHAR by TensorFlowOnSpark; HHAR as a whole was not at hand, so the windows are UCI HAR's,
by its published protocol: 7,352 windows of training people, 2,947 of others, scored at the last epoch. Batches are of
128 windows in all ways, which several workers share, and so is the number of epochs: asynchronous workers make an
update for every share, each at the same rate. A worker has one thread. A row is added to docs/results/ as each training
ends, and what is there is not trained again.

Efficiency stands there twice: windows a second over those of as many single processes, which on cores that other work
shares says more of that work than of ours; and the processor time that one process takes for a batch over what all
workers take together, which counts the cost of talking, but not the waiting. What many machines would do is calculated
(`many_workers`), from the processor time of a step alone, the bytes of a gradient, and a stated network.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import many_workers, table, uci_har
from benchmarks.ledger import FOLDER, Ledger, Row, commit, settings_hash
from benchmarks.uci_har import ROOT, preset_params
from sensegen.params.models import HHARLSTMClassifierParams, OptimiserParams

SCRATCH = ROOT / ".cache" / "data_parallel"  # windows and checkpoints; may be deleted at any time
BATCH, EPOCHS, WARM_STEPS, TIMED_STEPS = 128, 3, 3, 20
OPTIMISER = OptimiserParams(learning_rate=0.0025, batch_windows=BATCH, gradient_norm=1.0)
LSTM = HHARLSTMClassifierParams(units=64, optimiser=OPTIMISER, epochs=EPOCHS)
MEASURES = ("step_ms", "processor_ms", "load", "updates", "staleness_mean", "staleness_max", "accuracy", "weights")
LEDGER = Ledger(
    FOLDER / "data_parallel.csv",
    ("commit", "way", "workers", "batch", "epochs", "settings", *MEASURES),
    ("way", "workers", "batch", "epochs", "settings"),
)


@dataclass(frozen=True)
class Way:
    """How to train, by how many, on batches of how many windows; `epochs` 0 only times some steps."""

    way: str
    workers: int = 1
    batch: int = BATCH
    epochs: int = EPOCHS


WAYS = (
    Way("one process"),
    Way("synchronous", 2),
    Way("asynchronous", 2),
    Way("one process", batch=BATCH // 2, epochs=0),
    Way("parameter server", batch=0, epochs=0),
)


@dataclass(frozen=True)
class Job:
    """What each worker does."""

    way: Way
    windows: Path


@dataclass
class Measured:
    """Seconds of each step, by the clock and of the processor, and what came of the training."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    accuracy: float | None = None
    weights: int = 0


def run() -> list[str]:
    """Train what is missing, each way in processes of its own, and write the tables."""
    rows = [measured(Job(way, published_windows())) for way in WAYS]
    lines = [*_explanation(rows), "", *table.markdown(HEADS, [_shown(row, rows[0]) for row in rows if row["accuracy"]])]
    lines += ["", *many_workers.lines(*_of_a_share(rows))]
    table.put("data_parallel", lines)
    return lines


def published_windows() -> Path:
    """The window folder, made once."""
    windows = SCRATCH / "artifacts" / "window"
    if not windows.exists():
        uci_har.published_folder(SCRATCH)
    return windows


def measured(job: Job) -> Row:
    """The row of a way, trained for if it is not there."""
    known = asdict(job.way) | {"settings": settings_hash({"network": LSTM.model_dump(), "data": "published"})}
    if found := LEDGER.find(known):
        return found
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        command = [sys.executable, "-m", "benchmarks.data_parallel", json.dumps(asdict(job.way)), str(job.windows)]
        subprocess.run([*command, str(told)], cwd=ROOT, check=True)
        return LEDGER.append({"commit": commit(), **known, **json.loads(told.read_text())})


def trained(job: Job, folder: Path) -> dict[str, Any]:
    """Train in this process, or by workers."""
    from sensegen.data_parallel.together import Crew, asynchronously, synchronously
    from sensegen.data_parallel.workers import Task

    checked = preset_params()
    runtime = checked.runtime.model_copy(update={"threads": 1, "engine": "ray", "workers": job.way.workers})
    divergence = checked.divergence.model_copy(update={"snapshot_steps": 1000})
    task = Task(work, job, checked.model_copy(update={"runtime": runtime, "divergence": divergence}), folder, "lstm")
    if alone := {"one process": _alone, "parameter server": _served}.get(job.way.way):
        return _figures(job, alone(task), [])
    outcome = {"synchronous": synchronously, "asynchronous": asynchronously}[job.way.way](
        task, Crew(job.way.workers, restarts=0)
    )
    return _figures(job, outcome.given, outcome.staleness)


def _alone(task: Any) -> Measured:
    from sensegen import training
    from sensegen.divergence import AlertLog
    from sensegen.training_run import Training

    training.set_up(task.params.runtime)
    return task.work(Training(task.params, AlertLog(task.folder / "alerts.jsonl", task.stage)), task.job)


def _served(task: Any) -> Measured:
    """The server's own time for an update, without the way of a gradient to it."""
    from sensegen.classifiers.hhar_lstm import HHARLSTMClassifier
    from sensegen.data_parallel.messages import Pushed
    from sensegen.data_parallel.parameter_server import ParameterServer

    server = ParameterServer(task.params.divergence, task.params.runtime, task.stage, task.folder, 1)
    model = HHARLSTMClassifier(uci_har.opened(task.job.windows)[0].shape, LSTM, 0)
    arrays = [variable.numpy() for variable in model.trainable_variables]
    server.join("lstm", arrays, OPTIMISER)
    told = Measured()
    for number in range(WARM_STEPS + 10 * TIMED_STEPS):
        with timing(told):
            server.push("lstm", Pushed(0, number, number, 1.0, 1.0, arrays))
    return told


def work(training: Any, job: Job) -> Measured:
    """The training itself, whoever does it, timed step by step."""
    from sensegen.classifiers.hhar_lstm import HHARLSTMClassifier
    from sensegen.training import Schedule, cosine

    fit, test = uci_har.opened(job.windows)
    optimiser = OPTIMISER.model_copy(update={"batch_windows": job.way.batch})
    model = HHARLSTMClassifier(fit.shape, LSTM, training.seed_of("lstm"))
    batches = training.batches([np.asarray(fit.values, np.float32), fit.labels.astype(np.int32)], optimiser, "lstm")
    steps = job.way.epochs * batches.epoch_steps or WARM_STEPS + TIMED_STEPS
    told = Measured(weights=sum(int(np.prod(variable.shape)) for variable in model.trainable_variables))
    step = timed(training.step(model, optimiser, "lstm", cosine(steps)), told)
    training.train(step, batches, Schedule(steps, batches.epoch_steps), "lstm")
    if job.way.epochs:
        told.accuracy = float(np.mean(model.predict_labels(test.values) == test.labels))
    return told


def timed(step: Any, told: Measured) -> Any:
    """The same step, whose times are written down."""
    from sensegen.kept_weights import Wrapped

    class Timed(Wrapped):
        def __call__(self, batch: Any, number: int) -> dict[str, float]:
            with timing(told):
                return super().__call__(batch, number)

    return Timed(step)


@contextmanager
def timing(told: Measured) -> Iterator[None]:
    """Writes down how long the block took."""
    clock, processor = time.perf_counter(), time.process_time()
    yield
    told.clock.append(time.perf_counter() - clock)
    told.processor.append(time.process_time() - processor)


def _figures(job: Job, told: Measured, staleness: Any) -> dict[str, str]:
    milliseconds = [1e3 * float(np.median(taken[WARM_STEPS:])) for taken in (told.clock, told.processor)]
    share = job.way.workers if job.way.way == "asynchronous" else 1
    late = [f"{np.mean(staleness):.2f}", str(max(staleness))] if len(staleness) else ["", ""]
    accuracy = "" if told.accuracy is None else f"{told.accuracy:.4f}"
    load = os.getloadavg()[1] / (os.cpu_count() or 1)
    figures = [f"{milliseconds[0]:.1f}", f"{milliseconds[1]:.1f}", f"{load:.1f}", str(share * len(told.clock))]
    return dict(zip(MEASURES, [*figures, *late, accuracy, str(told.weights)], strict=True))


HEADS = (
    *("way", "workers", "ms a step", "of it processor", "steps a second", "windows a second"),
    *("efficiency by the clock", "by processor time"),
    *("staleness, mean / max", "updates", "test accuracy", "load a core"),
)


def _shown(row: Mapping[str, str], alone: Mapping[str, str]) -> list[str]:
    speed = _windows_a_second(row)
    updates = speed / int(row["batch"]) * (int(row["workers"]) if row["way"] == "asynchronous" else 1)
    late = f"{row['staleness_mean']} / {row['staleness_max']}" if row["staleness_mean"] else "0 / 0"
    return [
        *(row["way"], row["workers"], row["step_ms"], row["processor_ms"], f"{updates:.2f}", f"{speed:.0f}"),
        f"{speed / _windows_a_second(alone) / int(row['workers']):.2f}",
        f"{float(alone['processor_ms']) / float(row['processor_ms']) / int(row['workers']):.2f}",
        *(late, row["updates"], f"{row['accuracy']} (epoch {row['epochs']})", row["load"]),
    ]


def _windows_a_second(row: Mapping[str, str]) -> float:
    """All workers together: a synchronous step is of a whole batch, and so is a step of each asynchronous worker."""
    return int(row["batch"]) / (1e-3 * float(row["step_ms"]))


def _explanation(rows: list[Row]) -> list[str]:
    return [
        f"The seed's LSTM ({int(rows[0]['weights']):,} weights with 9 channels) on UCI HAR, batches of {BATCH} windows "
        "that the workers share, one seed, a thread a worker, tested at the last epoch. Efficiency: that of as many "
        "single processes is 1. `load a core` is how many processes wanted each core meanwhile (mean "
        "of 5 minutes): with more than 1, times by the clock say little, and processor time is what to compare."
    ]


def _of_a_share(rows: list[Row]) -> tuple[float, int, float]:
    """Of one worker's share: the processor seconds of a step, the bytes of its gradient, and the server's seconds."""
    share = next(row for row in rows if row["batch"] == str(BATCH // 2))
    server = next(row for row in rows if row["way"] == "parameter server")
    return 1e-3 * float(share["processor_ms"]), 4 * int(share["weights"]), 1e-3 * float(server["processor_ms"])


def main(way: str, windows: str, told: str) -> None:
    """Train one way in this process and its workers, and write down what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        figures = trained(Job(Way(**json.loads(way)), Path(windows)), Path(folder))
    Path(told).write_text(json.dumps(figures))


if __name__ == "__main__":
    from benchmarks import data_parallel  # by its name: workers import what they are given

    data_parallel.main(*sys.argv[1:])
