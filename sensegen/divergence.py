"""Trainings that go wrong: told at once. Numbers that leave the finite ones are caught at the step, cured or stopped.

The cure is the last good state and half the learning rate. Known causes in this field: a density of 0 under a
logarithm, a standard deviation of 0, and gradients that explode through time; the generators here exclude the
first two by construction, so what remains is mostly the learning rate and the data.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from sensegen.artifacts import write_text

NAN = "nan"  # the kind of alert of numbers that left the finite ones; the others are those of `contest.Ailment`


class Diverged(RuntimeError):
    """Training left the finite numbers more often than `divergence.max_rollbacks` allows."""


@dataclass(frozen=True)
class Alert:
    """What went wrong and where, and what was done.

    `learning_rate` is the one that failed; `rollback` counts from 1, and is 0 where training goes on as it is;
    `restored_step` is where it goes on, or None when it stops.
    """

    stage: str
    part: str
    step: int
    reason: str
    learning_rate: float
    rollback: int
    restored_step: int | None
    kind: str = NAN


class AlertListener(Protocol):
    """Whoever wants to hear of an alert at once, such as the tracker."""

    def on_alert(self, event: Mapping[str, object]) -> None: ...


class AlertLog:
    """The live file of a stage's alerts: one JSON object a line, on the disk before training goes on."""

    def __init__(self, path: Path, stage: str, listeners: Sequence[AlertListener] = ()):
        self.path = path
        self.stage = stage
        self.listeners = listeners

    def clear(self) -> None:
        """Forget the alerts of an earlier run of the stage."""
        self.path.unlink(missing_ok=True)

    def append(self, alert: Alert) -> None:
        """Add an alert with the time it happened, and tell the listeners."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**asdict(alert), "time": time.strftime("%Y-%m-%dT%H:%M:%S%z")}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        for listener in self.listeners:
            listener.on_alert(asdict(alert))


def write_alerts(path: Path, alerts: Sequence[Mapping[str, object]]) -> None:
    """The stage's output: its alerts without times, since outputs are the same bytes in every run."""
    write_text(path, json.dumps(list(alerts), indent=2) + "\n")
