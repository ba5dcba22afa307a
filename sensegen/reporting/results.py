"""Everything the report is made of, read from the outputs of the stages before it."""

import csv
import hashlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sensegen.artifacts import Artifacts
from sensegen.params import Params
from sensegen.scaling import Scaling
from sensegen.windows import Windows

TRAINING_STAGES = ("train_generator", "train_discriminator", "alternate")
STAGES_WITH_ALERTS = (*TRAINING_STAGES, "evaluate")
LIBRARIES = ("sensegen", "keras", "tensorflow", "tensorflow-cpu", "numpy", "scipy", "scikit-learn", "matplotlib")


class InUnits:
    """Scaled windows (window, time, channel), each in physical units when it is asked for: few are ever shown."""

    def __init__(self, scaled: Float[np.ndarray, "window time channel"], scaling: Scaling):
        self.scaled, self.scaling = scaled, scaling

    def __getitem__(self, row: int) -> Float[np.ndarray, "time channel"]:
        return self.scaling.invert(np.asarray(self.scaled[row]))


@dataclass(frozen=True)
class Examples:
    """Windows to look at, in physical units; `subjects` is empty for windows that no person made."""

    values: Float[np.ndarray, "window time channel"] | InUnits
    labels: Int[np.ndarray, "window"]
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Curve:
    """The losses of one part of one training stage, by optimiser step; a loss that was not taken is NaN."""

    stage: str
    part: str
    steps: Float[np.ndarray, "row"]
    loss: Float[np.ndarray, "row"]
    validation_loss: Float[np.ndarray, "row"]

    @property
    def of_discriminator(self) -> bool:
        """Whether the part is a discriminator, whose loss is on another scale than a generator's."""
        return self.stage == "train_discriminator" or self.part.startswith("discriminator")

    @property
    def of_control(self) -> bool:
        """Whether the part is the alternation's control, which counts its own steps."""
        return is_control(self.part)


@dataclass(frozen=True)
class Signals:
    """What the windows hold: classes by label id, and the channels with their units."""

    classes: tuple[str, ...]
    channels: tuple[str, ...]
    units: tuple[str, ...]
    rate_hz: float


@dataclass(frozen=True)
class Results:
    """All that the page shows; `quarantine` is None where nobody kept one."""

    params: Params
    signals: Signals
    real: Examples
    synthetic: Examples
    window_samples: int
    metrics: Mapping[str, Any]
    counts: Mapping[str, Any]
    curves: tuple[Curve, ...]
    rounds: tuple[Mapping[str, str], ...]
    alerts: tuple[Mapping[str, Any], ...]
    confusion: tuple[Mapping[str, str], ...]
    quarantine: tuple[Mapping[str, Any], ...] | None
    provenance: Mapping[str, Any]
    fingerprints: Mapping[str, str]
    versions: Mapping[str, str]

    @property
    def shown_labels(self) -> tuple[int, ...]:
        """The classes that any window is of; a dataset may name more of them."""
        return tuple(int(label) for label in np.union1d(self.real.labels, self.synthetic.labels))

    @property
    def shown_classes(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.signals.classes[label] for label in self.shown_labels)


def is_control(part: str) -> bool:
    """Whether a row of `curves.csv` or an alert is about the generator trained without the alternation."""
    return part.endswith("without alternation")


def read_results(params: Params, artifacts: Artifacts) -> Results:
    """Read the outputs of every stage; windows come back in physical units.

    Raises:
        FileNotFoundError: with the name of the first file that is not there.
    """
    windows = Windows.open(artifacts.window / "fit")
    labels = np.load(artifacts.evaluate / "synthetic_labels.npy")
    return Results(
        params=params,
        signals=Signals(windows.classes, windows.channels, windows.units, windows.rate_hz),
        real=_real_examples(windows, Scaling.load(artifacts.window)),
        synthetic=Examples(np.load(artifacts.evaluate / "synthetic.npy", mmap_mode="r"), labels),
        window_samples=windows.shape.length,
        metrics=_read_json(artifacts.evaluate / "metrics.json"),
        counts=_read_json(artifacts.window / "counts.json"),
        curves=tuple(curve for stage in TRAINING_STAGES for curve in _read_curves(artifacts, stage)),
        rounds=tuple(read_rounds(artifacts)),
        alerts=tuple(alert for stage in STAGES_WITH_ALERTS for alert in _read_alerts(artifacts, stage)),
        confusion=tuple(_read_rows(artifacts.evaluate / "confusion.csv")),
        quarantine=_read_quarantine(artifacts),
        provenance=_read_json(artifacts.download / "provenance.json"),
        fingerprints=dict(_fingerprints(artifacts)),
        versions=dict(_versions()),
    )


def _real_examples(windows: Windows, scaling: Scaling) -> Examples:
    return Examples(InUnits(windows.values, scaling), windows.labels, windows.subjects)


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


def numbers(rows: Sequence[Mapping[str, str]], key: str) -> Float[np.ndarray, "row"]:
    """One column of a CSV as numbers; an empty or missing cell is NaN."""
    return np.array([float(row.get(key) or "nan") for row in rows])


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


def _versions() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    for name in LIBRARIES:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:  # one of the two TensorFlow wheels is always absent
            continue
