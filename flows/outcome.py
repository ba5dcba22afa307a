"""How a stage ended."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.dvc_graph import Stage


@dataclass(frozen=True)
class Outcome:
    """`state` is Completed, Cached (nothing changed), Restored (from DVC's run cache), or how it failed."""

    stage: str
    state: str
    seconds: float
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Result:
    """A run: how its stages ended, in their order, and where its MLflow run is shown."""

    outcomes: list[Outcome]
    tracking_address: str


class StageFailed(RuntimeError):
    """A stage ended with an exit code other than 0; the message is its own last one."""

    def __init__(self, stage: str, exit_code: int, message: str):
        super().__init__(message if stage in message else f"Stage {stage} failed: {message}")
        self.stage = stage
        self.exit_code = exit_code


def stage_metrics(root: Path, stage: Stage) -> dict[str, float]:
    """The numbers in the metrics files that `dvc.yaml` declares for the stage, by dotted key."""
    numbers: dict[str, float] = {}
    for path in stage.metrics:
        numbers |= dict(_flattened(json.loads((root / path).read_text(encoding="utf-8"))))
    return numbers


def _flattened(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flattened(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield key, float(value)
