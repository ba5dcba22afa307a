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
from pathlib import Path
from typing import TYPE_CHECKING

from sensegen import released
from sensegen.artifacts import remove
from sensegen.params import Params
from sensegen.tracking import orphans, provenance, store, undelivered
from sensegen.tracking.calls import Call, first_cause, log_params, refused_for_good

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

COORDINATES = frozenset({"part", "epoch", "step", "round"})  # columns of a row that say where it belongs


SECONDS_BETWEEN_TRIES = 10.0
MOST_KEPT = 100_000  # calls that wait for a server


class Run:
    """Abstract: an open MLflow run. A refusal of MLflow becomes a warning, never an exception; what was refused is kept
    and tried again, as a server may be down for a while, and at the end it is left to the next run."""

    def __init__(self, client: "MlflowClient", run_id: str, root: Path):
        self.client = client
        self.run_id = run_id
        self._root = root
        self._kept: list[Call] = []
        self._tried = 0.0

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers; `step` counts what the caller counts (epochs, rounds)."""
        numbers = {_allowed(name): value for name, value in metrics.items()}
        # The time is that of now, and not when a server takes them.
        self._attempt(self._call("metrics", "metrics", {"metrics": numbers, "step": step or 0, "time_ms": _now_ms()}))

    def log_file(self, path: Path, folder: str = "") -> None:
        """Keep a copy of a file (or a folder) with the run."""

        def call(path: Path) -> Call:
            return self._call(f"file {path.name}", "file", {"path": str(path), "folder": folder})

        self._attempt(call(path), lambda: call(self._copied(path)))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Tag the run."""
        self._attempt(self._call("tags", "tags", _tags(tags)))

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log params under their keys."""
        self._attempt(self._call("params", "params", {key: str(value) for key, value in params.items()}))

    def guarded(self, what: str, log: Callable[[], object]) -> None:
        """Something that ends with logging and cannot be done again later: if it fails, that is a warning."""
        try:
            log()
        except Exception as error:
            self._warn(what, error, "the run goes on")

    def _call(self, what: str, kind: str, about: Mapping[str, object]) -> Call:
        return Call(what, kind, self.run_id, about)

    def _attempt(self, call: Call, keep: Callable[[], Call] | None = None) -> None:
        """Make a call, after what was kept; while MLflow refuses, it is asked again at most every few seconds.

        `keep` gives what is to be called then, where that is another thing.
        """
        if self._kept and time.monotonic() - self._tried > SECONDS_BETWEEN_TRIES:
            self._deliver()
        if (self._kept or not self._taken(call)) and len(self._kept) < MOST_KEPT:
            self._kept.append(keep() if keep else call)

    def _deliver(self) -> None:
        while self._kept and self._taken(self._kept[0]):
            self._kept.pop(0)

    def _taken(self, call: Call) -> bool:
        """Whether there is nothing more to do about it: it was logged, or refused for good."""
        try:
            call.make(self.client)
        except Exception as error:
            self._tried, for_good = time.monotonic(), refused_for_good(error)
            self._warn(call.what, error, "the run goes on" if for_good else "the run goes on, and it is tried again")
            return for_good
        return True

    def _place(self) -> Path:
        """A new folder for what is to be logged, that stays until it has been."""
        folder = undelivered.home(self._root, self.run_id)
        folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=folder))

    def _copied(self, path: Path) -> Path:
        """A copy of a file that may be gone before it can be logged."""
        with suppress(OSError):  # such as a full disk: then the file itself is logged, if it is still there
            copy = self._place() / path.name
            (shutil.copytree if path.is_dir() else shutil.copyfile)(path, copy)
            return copy
        return path

    def _end(self, status: str) -> None:
        """Tell how it ended, and leave what is still kept to the next run."""
        self._attempt(self._call("the end", "end", {"status": status, "time_ms": _now_ms()}))
        self._deliver()
        if not self._kept:
            with suppress(OSError):
                remove(undelivered.home(self._root, self.run_id))
            return
        left = ", ".join(dict.fromkeys(call.what for call in self._kept))
        try:
            path = undelivered.write_down(self._root, self.run_id, self._kept)
        except Exception as error:  # such as a full disk
            logger.warning("MLflow did not take %s of run %s to its end; lost (%s).", left, self.run_id, error)
            return
        told = "MLflow did not take %s of run %s to its end; it lies in %s, and the next run delivers it."
        logger.warning(told, left, self.run_id, path)

    def _warn(self, what: str, error: Exception, then: str) -> None:
        logger.warning("MLflow did not take %s of run %s (%s); %s.", what, self.run_id, first_cause(error), then)


class Tracker(Run):
    """Final: the run of one stage."""

    def __init__(self, client: "MlflowClient", run_id: str, root: Path, parent_id: str | None):
        super().__init__(client, run_id, root)
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
            self._attempt(Call("tags of the pipeline", "tags", parent_id, mark))

    def log_generator(self, generator: Path, windows: Path) -> None:
        """Keep a generator and the meaning of the windows that it learned from as an MLflow model (`models`)."""
        self.guarded("the generator", lambda: self._log_release(generator, windows))

    def _log_release(self, generator: Path, windows: Path) -> None:
        folder = self._place() / "release"
        released.write(folder, generator, windows)
        self._attempt(self._call("the generator", "release", {"path": str(folder)}))


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
    tracker = Tracker(client, run_id, root, parent_id)
    with _closing(tracker):
        yield tracker


@contextmanager
def start_pipeline(root: Path, params: Params, name: str = "pipeline") -> Iterator[PipelineRun]:
    """Open a parent run: of a pipeline, whose `run_id` goes to the stages as `SENSEGEN_PARENT_RUN_ID`, or of a search.

    Raises:
        ValueError: if the tracking store cannot be used.
    """
    client, run_id = _create(root, name, provenance.tags(root, params), provenance.flat_params(params))
    pipeline = PipelineRun(client, run_id, root)
    with _closing(pipeline):
        yield pipeline


@contextmanager
def start_trial(root: Path, name: str, parent_id: str) -> Iterator[Tracker]:
    """Open the run of a trial, a child of its search's.

    Raises:
        ValueError: if the tracking store cannot be used.
    """
    client, run_id = _create(root, name, {"mlflow.parentRunId": parent_id}, {})
    tracker = Tracker(client, run_id, root, parent_id=None)
    with _closing(tracker):
        yield tracker


def _create(root: Path, name: str, tags: Mapping[str, str], params: Mapping[str, str]) -> "tuple[MlflowClient, str]":
    client, experiment_id = store.connect(root)
    with store.refusal_explained(root):
        undelivered.deliver(client, root)  # the end of a run too, before it is taken for one that was killed
        orphans.end_orphans(client, experiment_id)
        tags = {**tags, **orphans.process_tag()}
        run_id = client.create_run(experiment_id, run_name=name, tags=tags).info.run_id
        log_params(client, run_id, params)
    return client, run_id


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
        run._end(status)


def _is_number(column: str, value: object) -> bool:
    if column in COORDINATES or isinstance(value, str) or value is None:
        return False
    return not math.isnan(float(value)) or column != "validation_loss"  # type: ignore[arg-type]


def _allowed(name: str) -> str:
    """The name with what MLflow refuses in one replaced."""
    return re.sub(r"[^\w\-. /:]", "_", name)


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {_allowed(name): str(value) for name, value in tags.items()}


def _now_ms() -> int:
    return round(time.time() * 1000)
