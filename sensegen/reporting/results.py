"""Everything the report is made of; `reading` reads it from the stages, `judged` takes it from an evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sensegen.params import Params
from sensegen.params.models import EvaluateParams
from sensegen.scaling import Scaling
from sensegen.windows import Windows


class InUnits:
    """Scaled windows (window, time, channel), in physical units when some are asked for: few are ever shown."""

    def __init__(self, scaled: Float[np.ndarray, "window time channel"], scaling: Scaling):
        self.scaled, self.scaling = scaled, scaling

    def __getitem__(self, rows: Any) -> np.ndarray:
        return self.scaling.invert(np.asarray(self.scaled[rows]))


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
class Pipeline:
    """What only a run of all stages leaves behind; `quarantine` is None where nobody kept one.

    `calibration` is what `sensegen.calibration` says of the generator; `contest` has the epochs of one that was trained
    against a critic, and none of another one.
    """

    params: Params
    curves: tuple[Curve, ...]
    rounds: tuple[Mapping[str, str], ...]
    alerts: tuple[Mapping[str, Any], ...]
    quarantine: tuple[Mapping[str, Any], ...] | None
    provenance: Mapping[str, Any]
    calibration: Mapping[str, Any]
    contest: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Results:
    """All that the page shows.

    `name` says what the windows are of, `counts` how many there are by split, class and person, `remarks` what must be
    said before any number, and `pipeline` is None for windows of any source.
    """

    name: str
    seed: int
    evaluate: EvaluateParams
    windows_per_activity: int
    signals: Signals
    real: Examples
    synthetic: Examples
    window_samples: int
    metrics: Mapping[str, Any]
    counts: Mapping[str, Any]
    confusion: tuple[Mapping[str, Any], ...]
    embedding: tuple[Mapping[str, Any], ...]
    fingerprints: Mapping[str, str]
    versions: Mapping[str, str]
    remarks: tuple[str, ...] = ()
    pipeline: Pipeline | None = None

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


def numbers(rows: Sequence[Mapping[str, Any]], key: str) -> Float[np.ndarray, "row"]:
    """One column of a CSV as numbers; an empty or missing cell is NaN."""
    return np.array([float("nan" if row.get(key) in (None, "") else row[key]) for row in rows])


def signals_of(windows: Windows) -> Signals:
    """What some windows hold."""
    return Signals(windows.classes, windows.channels, windows.units, windows.rate_hz)
