"""What stands in a process of its own on some machine: it is told its place, and does the work with its training."""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensegen.params import Params

Work = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Task:
    """`work(training, job)`, which must be importable by its name, with trainings that leave checkpoints in `folder`.

    On several machines `folder`, and all paths in `job`, must lead to the same files.
    """

    work: Work
    job: Any
    params: Params
    folder: Path
    stage: str = "together"


@dataclass(frozen=True)
class Done:
    """What the work gave (the first worker's; None of others), the sha256 of the weights, and the alerts."""

    given: Any
    fingerprint: str
    alerts: Sequence[dict[str, Any]]


class Worker:
    """Abstract: one of several."""

    def __init__(self, rank: int, workers: int):
        self.rank, self.workers = rank, workers
        self._reserved: socket.socket | None = None

    def process(self) -> int:
        """Its process id, once it is up."""
        return os.getpid()

    def address(self) -> str:
        """Host and a port that is kept free until the work begins."""
        from sensegen.distributed.actors import own_address

        self._reserved = socket.socket()
        self._reserved.bind(("", 0))
        return f"{own_address()}:{self._reserved.getsockname()[1]}"

    def _done(self, task: Task, training: Any) -> Done:
        given = task.work(training, task.job)
        return Done(given if self.rank == 0 else None, training.fingerprint(), training.alerts)

    def _share(self, task: Task) -> dict[str, Any]:
        from sensegen.data_parallel.sharing import EPOCHS, EpochLines, Unheard
        from sensegen.divergence import AlertLog

        log = (AlertLog if self.rank == 0 else Unheard)(task.folder / "alerts.jsonl", task.stage)
        callbacks = [EpochLines(task.folder / EPOCHS)] if self.rank == 0 else []
        common = {"params": task.params, "log": log, "folder": task.folder, "callbacks": callbacks}
        return {**common, "rank": self.rank, "workers": self.workers}


class SynchronousWorker(Worker):
    """It finds the others by their addresses."""

    def work(self, task: Task, addresses: Sequence[str]) -> Done:
        """Do the work; all workers must be asked to at once."""
        from sensegen import training
        from sensegen.data_parallel.synchronous import SynchronousTraining, strategy_of

        if self._reserved:
            self._reserved.close()
        training.set_up(task.params.runtime)
        strategy = strategy_of(self.rank, addresses)
        return self._done(task, SynchronousTraining(**self._share(task), strategy=strategy))


class AsynchronousWorker(Worker):
    """It knows the parameter server only."""

    def work(self, task: Task, server: Any) -> Done:
        """Do the work."""
        from sensegen import training
        from sensegen.data_parallel.asynchronous import AsynchronousTraining

        training.set_up(task.params.runtime)
        return self._done(task, AsynchronousTraining(**self._share(task), server=server))
