"""A released generator as an MLflow model: its folder of config and weights, loaded by our own code, no pickle."""

import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sensegen import released
from sensegen.artifacts import writing
from sensegen.tracking.store import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import Model, ModelSignature

PACKAGE = Path(__file__).resolve().parents[1]
CODE = Path(__file__).with_name("generator_model.py")
SHA256, LOGGED = "sha256", "logged_model"  # tags: that of the release; of a registered version, its logged model
REQUIREMENTS = ("jaxtyping", "keras", "mlflow", "numpy", "pydantic", "PyYAML", "safetensors", "scipy")


def log_release(client: "MlflowClient", run_id: str, release: Path, tags: Mapping[str, str] | None = None) -> str:
    """Log a release as a model of the run, and give its id.

    It takes rows of `activity` (empty: all), `windows` and `seed`, and gives the windows of all rows in physical units.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model

    # By the client, since the fluent calls put a model into whatever experiment the process happens to have active.
    experiment_id = client.get_run(run_id).info.experiment_id
    tags = {**(tags or {}), SHA256: released.digest(release)}
    entry = client.create_logged_model(
        experiment_id, name="generator", source_run_id=run_id, model_type="generator", tags=tags
    )
    client.log_outputs(run_id, [LoggedModelOutput(entry.model_id, step=0)])
    description = Model(
        artifact_path=entry.artifact_location, model_uuid=entry.model_id, run_id=run_id, model_id=entry.model_id
    )
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "model"
        _save(place, release, description)
        client.log_model_artifacts(entry.model_id, str(place))
    client.finalize_logged_model(entry.model_id, LoggedModelStatus.READY)
    return str(entry.model_id)


def _save(place: Path, release: Path, description: "Model") -> None:
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    config, meaning = (
        json.loads((release / name).read_text(encoding="utf-8")) for name in ("config.json", released.MEANING)
    )
    with warnings.catch_warnings():
        # MLflow warns about type hints of its own when it is imported.
        warnings.filterwarnings("ignore", message=r"[\s\S]*Any type hint is inferred")
        import mlflow.pyfunc

        # An example would make MLflow load and run the model, which takes longer than writing it: it is put in below.
        warnings.filterwarnings("ignore", message=r"[\s\S]*input example was not provided")
        mlflow.pyfunc.save_model(
            path=str(place),
            mlflow_model=description,
            python_model=str(CODE),  # "models from code": no pickle
            artifacts={"release": str(release)},
            code_paths=[str(PACKAGE)],
            signature=signature(config["shape"]),
            pip_requirements=requirements(),
        )
        _add_example(place, meaning["classes"][0])
    for cache in place.rglob("__pycache__"):
        for file in cache.iterdir():
            file.unlink()
        cache.rmdir()


def _add_example(place: Path, activity: str) -> None:
    """Two windows of an activity, as a request to `mlflow models serve`."""
    from mlflow.models import Model

    columns, row = ["activity", "windows", "seed"], [activity, 2, 0]
    table = {"columns": columns, "data": [row]}
    for name, content in (
        ("input_example.json", table),
        ("serving_input_example.json", {"dataframe_split": table}),
    ):
        (place / name).write_text(json.dumps(content, indent=2), encoding="utf-8")
    description = Model.load(str(place))
    description.saved_input_example_info = {
        **{"artifact_path": "input_example.json", "serving_input_path": "serving_input_example.json"},
        **{"type": "dataframe", "pandas_orient": "split"},
    }
    description.save(str(place / "MLmodel"))


def signature(shape: Mapping[str, int]) -> "ModelSignature":
    """What goes in and comes out, with the number of windows left open."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    columns = [ColSpec("string", "activity", required=False), ColSpec("long", "windows"), ColSpec("long", "seed")]
    window = TensorSpec(np.dtype(np.float32), (-1, shape["length"], shape["channels"]))
    return ModelSignature(inputs=Schema(columns), outputs=Schema([window]))


def requirements() -> list[str]:
    """What the model needs, pinned to what is installed; given by hand, since MLflow's guess imports it all."""
    return [f"{name}=={version(name)}" for name in (_tensorflow(), *REQUIREMENTS)]


def _tensorflow() -> str:
    try:
        version("tensorflow-cpu")
    except PackageNotFoundError:
        return "tensorflow"
    return "tensorflow-cpu"


def fetch(root: Path, address: str, into: Path) -> None:
    """Copy the release out of a logged or registered model, whole or not at all.

    `address` is `models:/m-ID`, `models:/NAME/VERSION` or `models:/NAME@ALIAS` in the project's store.

    Raises:
        ValueError: if the store has no such model, it is none of ours, or its files are not those that were logged.
    """
    client, _ = connect(root)
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as temporary:
        try:
            model = client.get_logged_model(_logged(client, address))
            got = Path(
                download_artifacts(
                    artifact_uri=model.artifact_location, dst_path=temporary, tracking_uri=client.tracking_uri
                )
            )
        except (MlflowException, OSError) as error:
            raise ValueError(f"{address} must be a model of the project's store: {error}") from error
        found = [path.parent for path in got.rglob(released.MEANING)]
        if not found or not all((found[0] / name).is_file() for name in released.FILES):
            raise ValueError(f"{address} must hold a release, but has not the files {', '.join(released.FILES)}.")
        released.check(found[0], model.tags.get(SHA256))
        with writing(into) as whole:
            shutil.copytree(found[0], whole)


def _logged(client: "MlflowClient", address: str) -> str:
    """The id of a logged model, for which a registered version may stand."""
    if (name := address.removeprefix("models:/")).startswith("m-"):
        return name
    model, _, version = name.rpartition("/")
    if "@" in name:
        model, _, alias = name.rpartition("@")
        version = client.get_model_version_by_alias(model, alias).version
    return client.get_model_version(model, version).tags.get(LOGGED, "")
