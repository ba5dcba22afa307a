"""The open runs: what a stage logs, and what the flow logs to their parent."""

import logging
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sensegen import released
from sensegen.params import Params
from sensegen.tracking import models, orphans, provenance, store

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

COORDINATES = frozenset({"part", "epoch", "step", "round"})  # columns of a row that say where it belongs


MOST_METRICS = 1_000  # that MLflow takes in one call
SECONDS_BETWEEN_TRIES = 10.0
MOST_KEPT = 100_000  # calls that wait for a server
PASSING = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")  # which time may cure


class Run:
    """Abstract: an open MLflow run. A refusal of MLflow becomes a warning, never an exception; what was refused is kept
    and tried again, as a server may be down for a while."""

    def __init__(self, client: "MlflowClient", run_id: str):
        self.client = client
        self.run_id = run_id
        self._kept: list[tuple[str, Callable[[], object]]] = []
        self._tried = 0.0
        self._copies: tempfile.TemporaryDirectory[str] | None = None

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers; `step` counts what the caller counts (epochs, rounds)."""
        now = round(time.time() * 1000)  # and not when a server takes them
        self._attempt("metrics", lambda: self._log_batch(metrics, step or 0, now))

    def log_file(self, path: Path, folder: str = "") -> None:
        """Keep a copy of a file (or a folder) with the run."""
        self._attempt(
            f"file {path}",
            lambda: self._log_file(path, folder),
            lambda: partial(self._log_file, self._copied(path), folder),
        )

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Tag the run."""
        self._attempt("tags", lambda: self._tag(self.run_id, tags))

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log params under their keys."""
        self._attempt("params", lambda: _log_params(self.client, self.run_id, params))

    def _log_batch(self, metrics: Mapping[str, float], step: int, now: int) -> None:
        from mlflow.entities import Metric

        entities = [Metric(_allowed(name), float(value), now, step) for name, value in metrics.items()]
        for first in range(0, len(entities), MOST_METRICS):
            self.client.log_batch(self.run_id, metrics=entities[first : first + MOST_METRICS])

    def _tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        self.client.log_batch(run_id, tags=[RunTag(_allowed(name), str(value)) for name, value in tags.items()])

    def guarded(self, what: str, log: Callable[[], object]) -> None:
        """Something that ends with logging and cannot be done again later: if it fails, that is a warning."""
        try:
            log()
        except Exception as error:
            self._warn(what, error, "the run goes on")

    def _attempt(
        self, what: str, log: Callable[[], object], keep: Callable[[], Callable[[], object]] | None = None
    ) -> None:
        """Log, after what was kept; while MLflow refuses, it is asked again at most every few seconds.

        `keep` gives what is to be called then, where that is another thing.
        """
        if self._kept and time.monotonic() - self._tried > SECONDS_BETWEEN_TRIES:
            self._deliver()
        if (self._kept or not self._taken(what, log)) and len(self._kept) < MOST_KEPT:
            self._kept.append((what, keep() if keep else log))

    def _deliver(self) -> None:
        while self._kept and self._taken(*self._kept[0]):
            self._kept.pop(0)

    def _taken(self, what: str, log: Callable[[], object]) -> bool:
        """Whether there is nothing more to do about it: it was logged, or refused for good."""
        try:
            log()
        except Exception as error:
            self._tried, for_good = time.monotonic(), _refused_for_good(error)
            self._warn(what, error, "the run goes on" if for_good else "the run goes on, and it is tried again")
            return for_good
        return True

    def _log_file(self, path: Path, folder: str) -> None:
        log = self.client.log_artifacts if path.is_dir() else self.client.log_artifact
        log(self.run_id, str(path), folder or None)

    def _copied(self, path: Path) -> Path:
        """A copy of a file that may be gone before it can be logged."""
        self._copies = self._copies or tempfile.TemporaryDirectory()
        copy = Path(tempfile.mkdtemp(dir=self._copies.name)) / path.name
        with suppress(OSError):  # such as a full disk: it is refused when it is logged
            (shutil.copytree if path.is_dir() else shutil.copyfile)(path, copy)
        return copy

    def _warn(self, what: str, error: Exception, then: str) -> None:
        logger.warning("MLflow did not take %s of run %s (%s); %s.", what, self.run_id, _first_cause(error), then)


class Tracker(Run):
    """Final: the run of one stage."""

    def __init__(self, client: "MlflowClient", run_id: str, parent_id: str | None):
        super().__init__(client, run_id)
        self.parent_id = parent_id
        self.alerts = 0

    def training_callback(self, name: str) -> "TrainingCallback":
        """What a training calls at each epoch and alert; metrics are named `<name>/<part>/<column>`."""
        return TrainingCallback(self, name)

    def alert(self, event: Mapping[str, object]) -> None:
        """Mark the run, and the pipeline's, as one whose training went wrong."""
        self.alerts += 1
        step, mark = event.get("step"), {f"alert.{event['kind']}": "true"}
        self.log_metrics({"alerts": self.alerts}, step if isinstance(step, int) else None)
        self.set_tags({**mark, "alert.reason": str(event.get("reason", ""))})
        if parent_id := self.parent_id:
            self._attempt("tags of the pipeline", lambda: self._tag(parent_id, mark))

    def log_generator(self, generator: Path, windows: Path) -> None:
        """Keep a generator and the meaning of the windows that it learned from as an MLflow model (`models`)."""
        self._attempt("the generator", lambda: self._log_release(generator, windows))

    def _log_release(self, generator: Path, windows: Path) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "release"
            released.write(folder, generator, windows)
            models.log_release(self.client, self.run_id, folder)


class TrainingCallback:
    """Final: passes the rows of a training's curves on to the tracker, one call an epoch."""

    def __init__(self, tracker: Tracker, name: str):
        self.tracker = tracker
        self.name = name

    def on_epoch(self, row: Mapping[str, float | int | str]) -> None:
        """Log the numbers of a row of curves at its epoch (or round); empty columns are left out."""
        part = row.get("part", "all")
        prefix = "/".join(str(piece) for piece in (self.name, part) if piece)
        step = row.get("epoch", row.get("round", 0))
        numbers = {f"{prefix}/{column}": float(value) for column, value in row.items() if _is_number(column, value)}
        self.tracker.log_metrics(numbers, int(step))

    on_resumed = on_epoch

    def on_alert(self, event: Mapping[str, object]) -> None:
        """Mark the run; the guard of the training has already written the alert down."""
        self.tracker.alert(event)


class PipelineRun(Run):
    """Final: the parent of the runs of the stages, or of the trials of a search."""

    def log_stage_metrics(self, stage: str, metrics: Mapping[str, float]) -> None:
        """Log a stage's numbers under its name: a cached stage has no run of its own to log them."""
        self.log_metrics({f"{stage}/{name}": value for name, value in metrics.items()})


@contextmanager
def start(params: Params, *, stage: str, root: Path) -> Iterator[Tracker]:
    """Open the run of a stage: a child of the pipeline's (`SENSEGEN_PARENT_RUN_ID`) when the flow started it.

    Raises:
        ValueError: if the tracking store cannot be used.
    """
    parent_id = os.environ.get("SENSEGEN_PARENT_RUN_ID")
    tags = provenance.tags(root, params) | provenance.stage_tags(root, stage)
    if parent_id:
        tags["mlflow.parentRunId"] = parent_id
    client, run_id = _create(root, stage, tags, provenance.stage_params(root, params, stage))
    tracker = Tracker(client, run_id, parent_id)
    with _closing(tracker):
        yield tracker


@contextmanager
def start_pipeline(root: Path, params: Params, name: str = "pipeline") -> Iterator[PipelineRun]:
    """Open a parent run: of a pipeline, whose `run_id` goes to the stages as `SENSEGEN_PARENT_RUN_ID`, or of a search.

    Raises:
        ValueError: if the tracking store cannot be used.
    """
    client, run_id = _create(root, name, provenance.tags(root, params), provenance.flat_params(params))
    pipeline = PipelineRun(client, run_id)
    with _closing(pipeline):
        yield pipeline


@contextmanager
def start_trial(root: Path, name: str, parent_id: str) -> Iterator[Tracker]:
    """Open the run of a trial, a child of its search's.

    Raises:
        ValueError: if the tracking store cannot be used.
    """
    client, run_id = _create(root, name, {"mlflow.parentRunId": parent_id}, {})
    tracker = Tracker(client, run_id, parent_id=None)
    with _closing(tracker):
        yield tracker


def _create(root: Path, name: str, tags: Mapping[str, str], params: Mapping[str, str]) -> "tuple[MlflowClient, str]":
    client, experiment_id = store.connect(root)
    with store.refusal_explained(root):
        orphans.end_orphans(client, experiment_id)
        tags = {**tags, **orphans.process_tag()}
        run_id = client.create_run(experiment_id, run_name=name, tags=tags).info.run_id
        _log_params(client, run_id, params)
    return client, run_id


def _log_params(client: "MlflowClient", run_id: str, params: Mapping[str, object]) -> None:
    from mlflow.entities import Param

    entities = [Param(key, str(value)) for key, value in params.items()]
    for first in range(0, len(entities), 100):  # MLflow takes at most 100 a call
        client.log_batch(run_id, params=entities[first : first + 100])


@contextmanager
def _closing(run: Run) -> Iterator[None]:
    status = "KILLED"  # by a signal or an interrupt, unless the block says otherwise
    try:
        yield
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        raise
    finally:
        run._attempt("the end", lambda: run.client.set_terminated(run.run_id, status=status))
        run._deliver()
        if run._kept:
            lost = ", ".join(dict.fromkeys(what for what, _ in run._kept))
            logger.warning("MLflow did not take %s of run %s to its end; they are lost.", lost, run.run_id)
        if run._copies:
            run._copies.cleanup()


def _is_number(column: str, value: object) -> bool:
    if column in COORDINATES or isinstance(value, str) or value is None:
        return False
    return not math.isnan(float(value)) or column != "validation_loss"  # type: ignore[arg-type]


def _allowed(name: str) -> str:
    """The name with what MLflow refuses in one replaced."""
    return re.sub(r"[^\w\-. /:]", "_", name)


def _refused_for_good(error: Exception) -> bool:
    """Whether MLflow would say the same again: it has read what it was asked and does not want it."""
    from mlflow.exceptions import MlflowException

    return not isinstance(error, MlflowException) or error.error_code not in PASSING


def _first_cause(error: BaseException) -> str:
    """The innermost reason in one line: what MLflow wraps around its database's holds whole statements."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).partition("\n")[0] or type(error).__name__
