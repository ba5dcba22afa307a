"""Workers are started, waited for, and started again from the last checkpoint when one is lost."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensegen.data_parallel.parameter_server import ParameterServer
from sensegen.data_parallel.workers import AsynchronousWorker, Done, SynchronousWorker, Task
from sensegen.distributed.actors import Actor, Company, Lost, company, first_done, loss, result

GRACE_SECONDS = 30.0  # in which the end of a process is known for certain
Show = Callable[[str], None]


@dataclass(frozen=True)
class Crew:
    """How many workers, how often lost ones may be replaced, and who is told what happens."""

    workers: int
    restarts: int = 3
    show: Show = print


@dataclass(frozen=True)
class Outcome:
    """What the first worker's work gave, how often workers were replaced, the alerts, the staleness of every update."""

    given: Any
    restarts: int
    alerts: Sequence[Mapping[str, Any]]
    staleness: Sequence[int] = field(default_factory=list)


def synchronously(task: Task, crew: Crew) -> Outcome:
    """Do a task by workers that make every step together.

    A lost worker takes the others with it, since they wait for it; all begin again from the last checkpoint.

    Raises:
        Lost: if workers are lost more often than `crew.restarts`.
        Diverged: as a single process does.
        RuntimeError: if the workers' weights have come apart.
    """
    task.folder.mkdir(parents=True, exist_ok=True)
    with company(crew.workers) as place:
        for restarts in range(crew.restarts + 1):
            try:
                done = _all_at_once(place, task, crew)
            except Lost as lost:
                place.end_all()
                if restarts == crew.restarts:
                    raise
                crew.show(f"A worker was lost; all go on from the last checkpoint ({_first_line(lost)})")
                continue
            _same_weights(done)
            return Outcome(done[0].given, restarts, done[0].alerts)
    raise AssertionError("unreachable")


def asynchronously(task: Task, crew: Crew) -> Outcome:
    """Do a task by workers that share a parameter server; a lost worker is replaced, and the others do not notice.

    With the server all is lost but the last checkpoint, from which all begin again.

    Raises:
        Lost, Diverged: as `synchronously`.
    """
    task.folder.mkdir(parents=True, exist_ok=True)
    lost: list[str] = []
    with company(crew.workers) as place:
        while True:
            try:
                return _by_server(place, task, crew, lost)
            except Lost as error:
                place.end_all()
                _count(lost, error, crew)


def _all_at_once(place: Company, task: Task, crew: Crew) -> list[Done]:
    workers = [place.start(SynchronousWorker, rank, crew.workers) for rank in range(crew.workers)]
    addresses = [result(promise) for promise in [worker.begin("address") for worker in workers]]
    promises = {worker.begin("work", task, addresses): rank for rank, worker in enumerate(workers)}
    done: dict[int, Done] = {}
    for promise in _as_they_end(promises, task, crew):
        rank = promises.pop(promise)
        try:
            done[rank] = result(promise)
        except Lost:
            raise
        except Exception:
            _unless_lost([*promises])
            raise
    return [done[rank] for rank in range(crew.workers)]


def _unless_lost(promises: Sequence[Any]) -> None:
    """Those who wait for a worker that is gone fail by themselves, and may do so before its end is known.

    Raises:
        Lost: if one of the others was lost; what the first one said was a consequence.
    """
    waiting, until = list(promises), time.monotonic() + GRACE_SECONDS
    while waiting and time.monotonic() < until:
        if (ended := first_done(waiting, seconds=1.0)) is not None:
            waiting.remove(ended)
            if (lost := loss(ended)) is not None:
                raise lost


def _by_server(place: Company, task: Task, crew: Crew, lost: list[str]) -> Outcome:
    about = (task.params.divergence, task.params.runtime, task.stage, task.folder, crew.workers)
    server = place.start(ParameterServer, *about, processors=0)
    promises = {_begun(place, task, crew, rank, server): rank for rank in range(crew.workers)}
    done: dict[int, Done] = {}
    for promise in _as_they_end(promises, task, crew):
        rank = promises.pop(promise)
        try:
            done[rank] = result(promise)
        except Lost as error:
            server.call("alive")  # or else it is the server that was lost
            _count(lost, error, crew)
            promises[_begun(place, task, crew, rank, server)] = rank
    told = {name: server.call(name) for name in ("alerts", "staleness")}
    return Outcome(done[0].given, len(lost), told["alerts"], told["staleness"])


def _begun(place: Company, task: Task, crew: Crew, rank: int, server: Actor) -> Any:
    return place.start(AsynchronousWorker, rank, crew.workers).begin("work", task, server)


def _as_they_end(promises: Mapping[Any, int], task: Task, crew: Crew) -> Iterator[Any]:
    """Each promise as it ends, those that are added meanwhile too; epochs are shown as they end."""
    lines = _new_lines(task.folder)
    while promises:
        ended = first_done([*promises], seconds=1.0)
        for row in next(lines):
            crew.show(", ".join(f"{name} {_short(row[name])}" for name in ("part", "epoch", "loss") if name in row))
        if ended is not None:
            yield ended


def _new_lines(folder: Path) -> Iterator[list[dict[str, Any]]]:
    from sensegen.data_parallel.sharing import EPOCHS

    path = folder / EPOCHS
    seen = path.stat().st_size if path.exists() else 0
    while True:
        text = ""
        if path.exists():
            with path.open("rb") as file:
                file.seek(seen)
                text = file.read().rpartition(b"\n")[0].decode()
        seen += len(text.encode()) + 1 if text else 0
        yield [json.loads(line) for line in text.splitlines()]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _count(lost: list[str], error: Lost, crew: Crew) -> None:
    lost.append(_first_line(error))
    if len(lost) > crew.restarts:
        raise error
    crew.show(f"A worker was lost, and is replaced ({lost[-1]})")


def _first_line(error: Lost) -> str:
    return str(error).splitlines()[0]


def _same_weights(done: Sequence[Done]) -> None:
    if len({one.fingerprint for one in done}) > 1:
        raise RuntimeError(
            "The workers' weights have come apart, though every update was the same: their processors or libraries "
            "differ. Use machines of one kind."
        )
