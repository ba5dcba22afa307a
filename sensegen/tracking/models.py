"""A generator as an MLflow model: its folder of config and weights, loaded by our own code, no pickle."""

import os
import shutil
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from sensegen.artifacts import writing
from sensegen.tracking.store import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import Model, ModelSignature

PACKAGE = Path(__file__).resolve().parents[1]
CODE = Path(__file__).with_name("generator_model.py")
REQUIREMENTS = ("jaxtyping", "keras", "mlflow", "numpy", "pydantic", "PyYAML", "safetensors", "scipy")


def log_generator(
    client: "MlflowClient", run_id: str, folder: Path, sample: Float[np.ndarray, "window time channel"]
) -> str:
    """Log the generator in `folder` as a model of the run, and give its id.

    It takes columns `label` and `seed`, a row a window, and gives windows like `sample`.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model

    # By the client, since the fluent calls put a model into whatever experiment the process happens to have active.
    experiment_id = client.get_run(run_id).info.experiment_id
    entry = client.create_logged_model(experiment_id, name="generator", source_run_id=run_id, model_type="generator")
    client.log_outputs(run_id, [LoggedModelOutput(entry.model_id, step=0)])
    description = Model(
        artifact_path=entry.artifact_location, model_uuid=entry.model_id, run_id=run_id, model_id=entry.model_id
    )
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "model"
        _save(place, folder, sample, description)
        client.log_model_artifacts(entry.model_id, str(place))
    client.finalize_logged_model(entry.model_id, LoggedModelStatus.READY)
    return str(entry.model_id)


def _save(place: Path, folder: Path, sample: np.ndarray, description: "Model") -> None:
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    with warnings.catch_warnings():
        # MLflow warns about type hints of its own when it is imported.
        warnings.filterwarnings("ignore", message=r"[\s\S]*Any type hint is inferred")
        import mlflow.pyfunc

        # An example would make MLflow load and run the model, which takes longer than writing it.
        warnings.filterwarnings("ignore", message=r"[\s\S]*input example was not provided")
        mlflow.pyfunc.save_model(
            path=str(place),
            mlflow_model=description,
            python_model=str(CODE),  # "models from code": no pickle
            artifacts={"generator": str(folder)},
            code_paths=[str(PACKAGE)],
            signature=signature(sample),
            pip_requirements=requirements(),
        )
    for cache in place.rglob("__pycache__"):
        for file in cache.iterdir():
            file.unlink()
        cache.rmdir()


def signature(sample: Float[np.ndarray, "window time channel"]) -> "ModelSignature":
    """What goes in and comes out, with the number of windows left open."""
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    integer = np.dtype(np.int64)
    inputs = Schema([TensorSpec(integer, (-1,), "label"), TensorSpec(integer, (-1,), "seed")])
    outputs = Schema([TensorSpec(sample.dtype, (-1, *sample.shape[1:]))])
    return ModelSignature(inputs=inputs, outputs=outputs)


def requirements() -> list[str]:
    """What the model needs, pinned to what is installed; given by hand, since MLflow's guess imports it all."""
    return [f"{name}=={version(name)}" for name in (_tensorflow(), *REQUIREMENTS)]


def _tensorflow() -> str:
    try:
        version("tensorflow-cpu")
    except PackageNotFoundError:
        return "tensorflow"
    return "tensorflow-cpu"


def fetch_generator(root: Path, address: str, into: Path) -> None:
    """Copy the generator's own folder, `config.json` and `weights.safetensors`, out of a logged or registered model.

    `address` is `models:/m-ID`, `models:/NAME/VERSION` or `models:/NAME@ALIAS` in the project's store.

    Raises:
        ValueError: if the store has no such model, or it is none of ours.
    """
    client, _ = connect(root)
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as temporary:
        try:
            got = Path(download_artifacts(artifact_uri=_location(client, address), dst_path=temporary))
        except (MlflowException, OSError) as error:
            raise ValueError(f"{address} must be a model of the project's store: {error}") from error
        found = [path.parent for path in got.rglob("weights.safetensors") if (path.parent / "config.json").is_file()]
        if not found:
            raise ValueError(f"{address} must hold a generator, but has no config.json beside a weights.safetensors.")
        with writing(into) as whole:
            shutil.copytree(found[0], whole)


def _location(client: "MlflowClient", address: str) -> str:
    """Where the files of a model lie; a registered version may stand for a logged model."""
    if not (name := address.removeprefix("models:/")).startswith("m-"):
        model, _, version = name.rpartition("/")
        if "@" in name:
            model, _, alias = name.rpartition("@")
            version = client.get_model_version_by_alias(model, alias).version
        location = str(client.get_model_version_download_uri(model, version))
        return _location(client, location) if location.startswith("models:/") else location
    return str(client.get_logged_model(name).artifact_location)
