"""The last good state of a training: where it goes back to when it diverges, and goes on from when it was killed."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sensegen.artifacts import writing
from sensegen.contest import Ailment
from sensegen.divergence import NAN, Alert, AlertLog, Diverged
from sensegen.params import DivergenceParams

Row = dict[str, float | int | str]
Variables = Sequence[Any]


class TrainStep(Protocol):
    """One update of something; everything that it changes is in `variables`."""

    @property
    def variables(self) -> Variables: ...

    @property
    def learning_rate(self) -> float: ...

    def halve_learning_rate(self) -> None: ...

    def __call__(self, batch: Any, step: int) -> dict[str, float]:
        """Update once. `loss`, `gradient_norm` and `weights` (0, or not finite) say whether all went well."""


@dataclass
class TrainState:
    """Everything but the variables that a run needs to go on: goes into the checkpoint as JSON."""

    step: int = 0
    rows: list[Row] = field(default_factory=list)
    sums: dict[str, list[float]] = field(default_factory=dict)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def add(self, report: Mapping[str, float]) -> None:
        """Count one good step."""
        self.step += 1
        for name, value in report.items():
            total, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = [total + value, count + 1]

    def close_epoch(self, epoch: int, part: str, learning_rate: float, measured: Mapping[str, float]) -> Row:
        """One row of means over the epoch's steps."""
        means = {name: total / count for name, (total, count) in self.sums.items() if not name.endswith("weights")}
        row: Row = {
            "part": part,
            "epoch": epoch,
            "step": self.step,
            **means,
            "learning_rate": learning_rate,
            **measured,
        }
        self.rows.append(row)
        self.sums = {}
        return row


class DivergenceGuard:
    """Keeps the last good state of one training run in memory, and on the disk when given a folder."""

    def __init__(self, params: DivergenceParams, log: AlertLog, part: str = "all", folder: Path | None = None):
        self.params = params
        self.log = log
        self.part = part
        self.folder = folder
        self._arrays: list[np.ndarray] = []
        self._state = TrainState()

    def resume(self, step: TrainStep) -> TrainState:
        """The state to start from: the checkpoint's if there is one, else the beginning."""
        path = self._path
        if path is None or not path.exists():
            state = TrainState()
            self.remember(step, state)
            return state
        self._arrays, self._state = _read_checkpoint(path, len(step.variables))
        _assign(step.variables, self._arrays)
        # In the stage's log, so that whoever reads it after a kill sees what was not lost.
        print(f"{self.log.stage} goes on from step {self._state.step} of part {self.part}", flush=True)
        return copy.deepcopy(self._state)

    def remember(self, step: TrainStep, state: TrainState) -> None:
        """Take the present state as the last good one."""
        self._arrays = [np.array(variable.numpy()) for variable in step.variables]
        self._state = copy.deepcopy(state)
        self._save()

    def recover(self, step: TrainStep, state: TrainState, reason: str) -> TrainState:
        """Go back to the last good state with half the learning rate, and tell.

        Raises:
            Diverged: if this has happened `divergence.max_rollbacks` times already.
        """
        failed_rate = step.learning_rate
        rollback = sum(alert["kind"] == NAN for alert in state.alerts) + 1
        gives_up = rollback > self.params.max_rollbacks
        alert = Alert(
            self.log.stage, self.part, state.step, reason, failed_rate, rollback, None if gives_up else self._state.step
        )
        self.log.append(alert)
        self._state.alerts = [*state.alerts, asdict(alert)]
        _assign(step.variables, self._arrays)
        step.halve_learning_rate()
        if gives_up:
            raise Diverged(
                f"{self.log.stage} ({self.part}) left the finite numbers at step {state.step} ({reason}) with learning "
                f"rate {failed_rate:g}, after {rollback - 1} returns to the last good state. Lower the stage's "
                "optimiser.learning_rate or raise divergence.max_rollbacks in params.yaml."
            )
        self.remember(step, self._state)
        return copy.deepcopy(self._state)

    def tell(self, step: TrainStep, state: TrainState, ailment: Ailment) -> None:
        """Tell of what is wrong though all numbers are finite; training goes on."""
        told = (self.log.stage, self.part, state.step, ailment.reason, step.learning_rate, 0, state.step, ailment.kind)
        alert = Alert(*told)
        self.log.append(alert)
        state.alerts.append(asdict(alert))

    @property
    def _path(self) -> Path | None:
        return self.folder and self.folder / f"{self.part}.safetensors"

    def _save(self) -> None:
        from safetensors.numpy import save_file

        if self._path is None:
            return
        with writing(self._path) as temporary:
            arrays = {f"{at:05d}": array for at, array in enumerate(self._arrays)}
            save_file(arrays, temporary, metadata={"state": json.dumps(asdict(self._state))})


def _read_checkpoint(path: Path, expected: int) -> tuple[list[np.ndarray], TrainState]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        arrays = [file.get_tensor(name) for name in sorted(file.keys())]
        state = TrainState(**json.loads(file.metadata()["state"]))
    if len(arrays) != expected:
        raise ValueError(f"{path} holds {len(arrays)} arrays, but the model has {expected}. Delete it and run again.")
    return arrays, state


def _assign(variables: Variables, arrays: Sequence[np.ndarray]) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
