"""The tracking store: `mlruns/mlflow.db` for runs, `mlruns/artifacts` for files."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "sensegen"
# The page opens such an experiment at its training runs, others at traces of language models.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
FIRST_USE_SECONDS = 300.0


def connect(root: Path) -> "tuple[MlflowClient, str]":
    """A client of the project's store and the id of its experiment; made at first use.

    Raises:
        ValueError: if the store cannot be opened, or was made in another folder and would keep its files there.
    """
    import filelock

    folder = store_folder(root)
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    # Two processes that both create the tables of a fresh store break each other.
    with filelock.FileLock(folder / ".mlflow.lock", timeout=FIRST_USE_SECONDS), refusal_explained(root):
        client = _client(folder)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            location = (folder / "artifacts").as_uri()
            created = client.create_experiment(EXPERIMENT, artifact_location=location, tags=EXPERIMENT_TAGS)
            experiment = client.get_experiment(created)
    _check_place(folder, experiment.artifact_location)
    return client, experiment.experiment_id


@contextmanager
def refusal_explained(root: Path) -> Iterator[None]:
    """Turn what MLflow and its database raise into one message of what to do.

    Raises:
        ValueError: if the block fails.
    """
    try:
        yield
    except Exception as error:
        folder = store_folder(root)
        raise ValueError(
            f"The tracking store {folder / 'mlflow.db'} cannot be used: {error}\n"
            f"Begin a new one, which forgets the runs so far but no result: mv {folder} {folder}-old"
        ) from error


def store_folder(root: Path) -> Path:
    """`mlruns/` of the project; in one of DVC's temporary copies of it, that of the original."""
    original = os.environ.get("DVC_ROOT")
    if original and Path(original, ".dvc", "tmp") in root.parents:
        return Path(original) / "mlruns"
    return root / "mlruns"


def tracking_uri(root: Path) -> str:
    """How MLflow names the store."""
    return f"sqlite:///{store_folder(root) / 'mlflow.db'}"


def _client(folder: Path) -> "MlflowClient":
    # Before the import: nothing is sent to anyone.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    from mlflow import MlflowClient

    # It logs a traceback of each refusal beside raising it, and the making of its tables.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _check_place(folder: Path, location: str) -> None:
    stored = Path(unquote(urlparse(location).path))
    if stored.resolve() != (folder / "artifacts").resolve():
        raise ValueError(
            f"The tracking store {folder / 'mlflow.db'} was made when the project stood elsewhere: it keeps files in "
            f"{stored}, not in {folder / 'artifacts'}, and MLflow cannot change that. Move the project back, or begin "
            f"a new store: mv {folder} {folder}-old"
        )


def warm_up() -> None:
    """Import what takes MLflow's time."""
    import mlflow  # noqa: F401
