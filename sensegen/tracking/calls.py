"""What MLflow is told of a run, as data: what it does not take can be kept, written down, and told by a later run."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensegen.tracking import models

if TYPE_CHECKING:
    from mlflow import MlflowClient

MOST_METRICS, MOST_PARAMS = 1_000, 100  # that MLflow takes in one call
PASSING = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")  # which time may cure


@dataclass(frozen=True)
class Call:
    """One thing that is told of a run: `what` in a person's words, its kind, and what JSON can hold of it."""

    what: str
    kind: str
    run_id: str
    about: Mapping[str, Any]

    def make(self, client: "MlflowClient") -> None:
        """Tell it; whatever MLflow raises is raised."""
        KINDS[self.kind](client, self.run_id, self.about)


def log_params(client: "MlflowClient", run_id: str, about: Mapping[str, Any]) -> None:
    """Log params under their keys."""
    from mlflow.entities import Param

    for some in _portions([Param(key, str(value)) for key, value in about.items()], MOST_PARAMS):
        client.log_batch(run_id, params=some)


def refused_for_good(error: Exception) -> bool:
    """Whether MLflow would say the same again: it has read what it was asked and does not want it."""
    from mlflow.exceptions import MlflowException

    return not isinstance(error, MlflowException) or error.error_code not in PASSING


def first_cause(error: BaseException) -> str:
    """The innermost reason in one line: what MLflow wraps around its database's holds whole statements."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).partition("\n")[0] or type(error).__name__


def _log_metrics(client: "MlflowClient", run_id: str, about: Mapping[str, Any]) -> None:
    from mlflow.entities import Metric

    entities = [Metric(name, float(value), about["time_ms"], about["step"]) for name, value in about["metrics"].items()]
    for some in _portions(entities, MOST_METRICS):
        client.log_batch(run_id, metrics=some)


def _set_tags(client: "MlflowClient", run_id: str, about: Mapping[str, Any]) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in about.items()])


def _log_file(client: "MlflowClient", run_id: str, about: Mapping[str, Any]) -> None:
    log = client.log_artifacts if Path(about["path"]).is_dir() else client.log_artifact
    log(run_id, about["path"], about["folder"] or None)


def _log_release(client: "MlflowClient", run_id: str, about: Mapping[str, Any]) -> None:
    models.log_release(client, run_id, Path(about["path"]))


def _end(client: "MlflowClient", run_id: str, about: Mapping[str, Any]) -> None:
    client.set_terminated(run_id, status=about["status"], end_time=about["time_ms"])


def _portions(entities: list[Any], most: int) -> Iterable[list[Any]]:
    return (entities[first : first + most] for first in range(0, len(entities), most))


KINDS: dict[str, Callable[["MlflowClient", str, Mapping[str, Any]], None]] = {
    "metrics": _log_metrics,
    "tags": _set_tags,
    "params": log_params,
    "file": _log_file,
    "release": _log_release,
    "end": _end,
}
