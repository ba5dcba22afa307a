"""The tracking store: `mlruns/mlflow.db` for runs, `mlruns/artifacts` for files; or that of a server."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from sensegen.addresses import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "sensegen"
# The page opens such an experiment at its training runs, others at traces of language models.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
FIRST_USE_SECONDS = 300.0
SERVER = "MLFLOW_TRACKING_URI"
USERNAME, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
# A server that is down is told at once, or waited for by `run.Run`, which goes on meanwhile.
SERVER_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


def connect(root: Path) -> "tuple[MlflowClient, str]":
    """A client of the project's store, or of a server's, and the id of its experiment; made at first use.

    Raises:
        ValueError: if the store cannot be opened, was made in another folder and would keep its files there, or the
            server does not answer.
    """
    import filelock

    if uri := server():
        return _of_server(uri)
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
        if uri := server():
            raise ValueError(_unanswered(uri, error)) from error
        folder = store_folder(root)
        if "database is locked" in str(error):
            raise ValueError(
                f"The tracking store {folder / 'mlflow.db'} is in use: another program keeps it locked, such as a "
                "backup. Nothing is wrong with it. Run the same command again when that program has ended."
            ) from error
        raise ValueError(
            f"The tracking store {folder / 'mlflow.db'} cannot be used: {error}\n"
            f"Begin a new one, which forgets the runs so far but no result: mv {folder} {folder}-old"
        ) from error


def server() -> str | None:
    """The address of the tracking server that the environment names, if it names one.

    A password is moved out of it, to where MLflow looks for one too: MLflow's errors tell addresses whole.
    """
    uri = os.environ.get(SERVER, "")
    if not uri.startswith(("http://", "https://")):
        return None
    uri, login = without_password(uri)
    if login is not None:
        os.environ[USERNAME], os.environ[PASSWORD] = login
        os.environ[SERVER] = uri
    return uri


def _of_server(uri: str) -> "tuple[MlflowClient, str]":
    for name, value in SERVER_PATIENCE.items():
        os.environ.setdefault(name, value)
    client = _client_of(uri)
    try:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        return client, experiment.experiment_id if experiment else client.create_experiment(
            EXPERIMENT, tags=EXPERIMENT_TAGS
        )
    except Exception as error:
        raise ValueError(_unanswered(uri, error)) from error


def _unanswered(uri: str, error: Exception) -> str:
    return (
        f"The tracking server {uri} ({SERVER}) cannot be used: {error}\n"
        f"Start it, or unset {SERVER}: runs are then kept in the project's own mlruns/."
    )


def store_folder(root: Path) -> Path:
    """`mlruns/` of the project; in one of DVC's temporary copies of it, that of the original."""
    original = os.environ.get("DVC_ROOT")
    if original and Path(original, ".dvc", "tmp") in root.parents:
        return Path(original) / "mlruns"
    return root / "mlruns"


def tracking_uri(root: Path) -> str:
    """How MLflow names the project's own store."""
    return f"sqlite:///{store_folder(root) / 'mlflow.db'}"


def _client(folder: Path) -> "MlflowClient":
    return _client_of(f"sqlite:///{folder / 'mlflow.db'}")


def _client_of(uri: str) -> "MlflowClient":
    # Before the import: nothing is sent to anyone.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    from mlflow import MlflowClient

    # It logs a traceback of each refusal beside raising it, and the making of its tables.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
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
