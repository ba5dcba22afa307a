"""What the stages left behind, read for the report."""

import csv
import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from sensegen.artifacts import Artifacts
from sensegen.params import Params
from sensegen.reporting.results import Curve, Examples, InUnits, Pipeline, Results, numbers, signals_of
from sensegen.scaling import Scaling
from sensegen.windows import Windows

TRAINING_STAGES = ("train_generator", "train_discriminator", "alternate")
STAGES_WITH_ALERTS = (*TRAINING_STAGES, "augment", "evaluate")
LIBRARIES = ("sensegen", "keras", "tensorflow", "tensorflow-cpu", "numpy", "scipy", "scikit-learn", "matplotlib")


def read_results(params: Params, artifacts: Artifacts) -> Results:
    """Read the outputs of every stage; windows come back in physical units.

    Raises:
        FileNotFoundError: with the name of the first file that is not there.
    """
    windows = Windows.open(artifacts.window / "fit")
    labels = np.load(artifacts.evaluate / "synthetic_labels.npy")
    return Results(
        name=params.dataset.name,
        seed=params.seed,
        evaluate=params.evaluate,
        windows_per_activity=params.report.windows_per_activity,
        signals=signals_of(windows),
        real=Examples(InUnits(windows.values, Scaling.load(artifacts.window)), windows.labels, windows.subjects),
        synthetic=Examples(np.load(artifacts.evaluate / "synthetic.npy", mmap_mode="r"), labels),
        window_samples=windows.shape.length,
        metrics=_read_json(artifacts.evaluate / "metrics.json"),
        counts=_read_json(artifacts.window / "counts.json"),
        confusion=tuple(_read_rows(artifacts.evaluate / "confusion.csv")),
        embedding=tuple(_read_rows(artifacts.evaluate / "embedding.csv")),
        fingerprints=dict(_fingerprints(artifacts)),
        versions=versions(),
        pipeline=_read_pipeline(params, artifacts),
    )


def _read_pipeline(params: Params, artifacts: Artifacts) -> Pipeline:
    return Pipeline(
        params=params,
        curves=tuple(curve for stage in TRAINING_STAGES for curve in _read_curves(artifacts, stage)),
        rounds=tuple(read_rounds(artifacts)),
        alerts=tuple(alert for stage in STAGES_WITH_ALERTS for alert in _read_alerts(artifacts, stage)),
        quarantine=_read_quarantine(artifacts),
        provenance=_read_json(artifacts.download / "provenance.json"),
        calibration=_read_json(artifacts.train_generator / "calibration.json"),
        contest=tuple(row for row in _read_rows(artifacts.train_generator / "curves.csv") if row.get("diversity")),
    )


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _read_quarantine(artifacts: Artifacts) -> tuple[Mapping[str, Any], ...] | None:
    path = artifacts.validate / "quarantine" / "reasons.json"
    return tuple(_read_json(path)) if path.is_file() else None


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _read_alerts(artifacts: Artifacts, stage: str) -> list[dict[str, Any]]:
    return [{"stage": stage, **alert} for alert in _read_json(getattr(artifacts, stage) / "alerts.json")]


def read_rounds(artifacts: Artifacts) -> list[dict[str, str]]:
    """The rounds of the alternation, as text."""
    return _read_rows(artifacts.alternate / "rounds.csv")


def _read_curves(artifacts: Artifacts, stage: str) -> Iterator[Curve]:
    rows = _read_rows(getattr(artifacts, stage) / "curves.csv")
    if stage == "alternate":
        rows = list(_with_losses_of_rounds(rows, read_rounds(artifacts)))
    for part in dict.fromkeys(row["part"] for row in rows):
        own = [row for row in rows if row["part"] == part]
        curve = Curve(stage, part, *(numbers(own, key) for key in ("step", "loss", "validation_loss")))
        if np.isfinite(curve.loss).any():
            yield curve


def _with_losses_of_rounds(rows: list[dict[str, str]], rounds: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """The rows of `curves.csv`; one that stands for a whole round has its two losses in `rounds.csv`."""
    by_round = {(row["part"], row["round"]): row for row in rounds}
    for row in rows:
        found = by_round.get((row["part"], row.get("epoch", "")))
        if row.get("loss") or found is None:
            yield row
            continue
        validation = found.get("generator_validation_loss", "")
        yield {**row, "loss": found["generator_loss"], "validation_loss": validation}
        name = f"discriminator {row['part']}"
        yield {**row, "part": name, "loss": found["discriminator_loss"], "validation_loss": ""}


def _fingerprints(artifacts: Artifacts) -> Iterator[tuple[str, str]]:
    """The sha256 of the files that the numbers stand on, by their path below the artifacts."""
    wanted = [
        *sorted(artifacts.window.glob("*.npy")),
        artifacts.window / "windows.json",
        *sorted((artifacts.alternate / "generator").rglob("*.safetensors")),
        artifacts.evaluate / "synthetic.npy",
        artifacts.evaluate / "synthetic_labels.npy",
    ]
    for path in wanted:
        with path.open("rb") as content:
            name = path.relative_to(artifacts.root / "artifacts").as_posix()
            yield name, hashlib.file_digest(content, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that numbers depend on."""
    return {"python": platform.python_version(), **dict(_installed())}


def _installed() -> Iterator[tuple[str, str]]:
    for name in LIBRARIES:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:  # one of the two TensorFlow wheels is always absent
            continue
