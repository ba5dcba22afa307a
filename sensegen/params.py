"""The schema of `params.yaml`: names, types and ranges of everything a person may change.

There are no defaults here: the values stand in `params.yaml` and nowhere else. What a dataset can or cannot
do is checked beside the datasets (`sensegen.datasets.check`), since this module knows no dataset.
"""

from pathlib import Path
from typing import Annotated, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sensegen import params_errors

PositiveInt = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A mapping in `params.yaml`: every key is needed, none may be added, numbers are not guessed from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RuntimeParams(Section):
    """How the machine is used; part of what makes two runs give the same bytes."""

    threads: Annotated[int, Field(ge=1, le=256, description="threads of one tensor operation")]
    xla: Annotated[bool, Field(description="compile train steps with XLA")]


class DivergenceParams(Section):
    """What happens when a loss, a gradient norm or a weight leaves the finite numbers."""

    max_rollbacks: Annotated[int, Field(ge=0, description="returns to the last good state before giving up")]
    snapshot_steps: Annotated[int, Field(gt=0, description="steps between two good states (and checkpoints)")]


class SimulatedParams(Section):
    """The built-in simulator of a body-worn inertial unit."""

    name: Literal["simulated"]
    seconds_per_activity: Annotated[float, Field(ge=5, le=3600)]


class UciHarParams(Section):
    """UCI HAR as published: windows of 128 samples at 50 Hz."""

    name: Literal["uci_har"]


class DownloadParams(Section):
    """How patiently archives are fetched."""

    attempts: PositiveInt
    timeout_seconds: Seconds


class ValidateParams(Section):
    """How strict the gate is; the bounds themselves are declared by the dataset."""

    in_bounds_share: Annotated[float, Field(gt=0, le=1, description="share of samples inside the sensor's range")]
    rate_tolerance: Annotated[float, Field(gt=0, lt=1, description="allowed relative error of the median rate")]


class WindowParams(Section):
    """Resampling, windows and the four splits."""

    rate_hz: Annotated[float, Field(gt=0, le=10_000)]
    window_seconds: Seconds
    overlap: Annotated[float, Field(ge=0, lt=1, description="share of a window that the next one repeats")]
    max_gap_seconds: Annotated[float, Field(gt=0, description="a longer gap splits the recording")]
    channels: Annotated[list[str], Field(min_length=1)]
    validation_subjects: Annotated[list[str], Field(min_length=1)]
    test_subjects: Annotated[list[str], Field(min_length=1)]
    held_out_time_share: Share

    @model_validator(mode="after")
    def _subjects_are_on_one_side(self) -> Self:
        both = sorted(set(self.validation_subjects) & set(self.test_subjects))
        if both:
            raise ValueError(
                f"window.validation_subjects and window.test_subjects both name {both}; "
                "a person belongs to one split. Remove them from one of the lists."
            )
        for key in ("channels", "validation_subjects", "test_subjects"):
            values = getattr(self, key)
            if repeated := sorted({value for value in values if values.count(value) > 1}):
                raise ValueError(f"window.{key} names {repeated} more than once; name each once.")
        return self


class OptimiserParams(Section):
    """Adam, on gradients clipped by their global norm."""

    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    batch_windows: PositiveInt
    gradient_norm: Annotated[float, Field(gt=0, description="global norm above which gradients are scaled down")]


class LogStddevBounds(Section):
    """Bounds of the log standard deviation of each Gaussian, in scaled units."""

    low: Annotated[float, Field(ge=-20, le=5)]
    high: Annotated[float, Field(ge=-5, le=20)]

    @model_validator(mode="after")
    def _low_below_high(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"log_stddev.low must be below log_stddev.high, but got {self.low} and {self.high}.")
        return self


class MDNRNNParams(Section):
    """Mixture-density recurrent generator, conditional on the activity, over all channels at once."""

    kind: Literal["mdn_rnn"]
    cell: Literal["lstm", "gru"]
    layers: Annotated[int, Field(ge=1, le=8)]
    units: Annotated[int, Field(gt=0, description="recurrent units a layer")]
    hidden: Annotated[int, Field(gt=0, description="units of the dense layer before the mixture")]
    mixtures: Annotated[int, Field(gt=0, description="Gaussian components")]
    log_stddev: LogStddevBounds


class SenseGenPaperParams(Section):
    """SenseGen as in the paper: 3 x LSTM 256, dense 128, 24 Gaussians; one channel, one model an activity."""

    kind: Literal["sensegen_paper"]
    log_stddev: LogStddevBounds


class CSE555Params(Section):
    """SenseGen as in the CSE-555 report: the paper's generator with a further dense layer of 24."""

    kind: Literal["cse555"]
    log_stddev: LogStddevBounds


GeneratorParams = Annotated[MDNRNNParams | SenseGenPaperParams | CSE555Params, Field(discriminator="kind")]


class TrainGeneratorParams(Section):
    """Pretraining of the generator by maximum likelihood."""

    generator: GeneratorParams
    optimiser: OptimiserParams
    epochs: PositiveInt


class DiscriminatorParams(Section):
    """SenseGen's discriminator: LSTM, dense, one logit."""

    units: PositiveInt
    hidden: PositiveInt


class TrainDiscriminatorParams(Section):
    """Training of the discriminator on real windows against generated ones."""

    discriminator: DiscriminatorParams
    optimiser: OptimiserParams
    epochs: PositiveInt


class AlternateParams(Section):
    """Algorithm 1 of SenseGen. An epoch here is a pass over the minibatch that the round drew."""

    rounds: Annotated[int, Field(ge=0)]
    minibatch_windows: PositiveInt
    discriminator_epochs: PositiveInt
    generator_epochs: PositiveInt
    generator_optimiser: OptimiserParams
    discriminator_optimiser: OptimiserParams


class LSTMClassifierParams(Section):
    """The two-layer LSTM of the UCI HAR seed system."""

    units: PositiveInt
    l2: Annotated[float, Field(ge=0)]
    optimiser: OptimiserParams
    epochs: PositiveInt


class CNNClassifierParams(Section):
    """A small 1-D convolutional network."""

    filters: PositiveInt
    optimiser: OptimiserParams
    epochs: PositiveInt


class EvaluateParams(Section):
    """Classifiers and judges; every arm gets the same number of windows and of steps."""

    seeds: Annotated[int, Field(ge=2, description="repetitions behind each interval")]
    lstm: LSTMClassifierParams
    cnn: CNNClassifierParams
    judge: CNNClassifierParams


class ReportParams(Section):
    """What the page shows."""

    windows_per_activity: Annotated[int, Field(ge=1, le=8)]


class Params(Section):
    """All of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    runtime: RuntimeParams
    divergence: DivergenceParams
    dataset: Annotated[SimulatedParams | UciHarParams, Field(discriminator="name")]
    download: DownloadParams
    validate_: Annotated[ValidateParams, Field(alias="validate")]
    window: WindowParams
    train_generator: TrainGeneratorParams
    train_discriminator: TrainDiscriminatorParams
    alternate: AlternateParams
    evaluate: EvaluateParams
    report: ReportParams

    @model_validator(mode="after")
    def _univariate_generators_get_one_channel(self) -> Self:
        kind, channels = self.train_generator.generator.kind, self.window.channels
        if kind != "mdn_rnn" and len(channels) != 1:
            raise ValueError(
                f"train_generator.generator.kind {kind} models one channel, but window.channels names "
                f"{len(channels)} ({channels}). Keep one of them, or use kind mdn_rnn."
            )
        return self


class InvalidParams(ValueError):
    """`params.yaml` cannot be used; the message says which key, what came, and what to do."""


def load(path: Path) -> Params:
    """Read and check a params file.

    Raises:
        InvalidParams: naming every key that is unknown, missing, of a wrong type or out of range.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidParams(f"There is no {path}. Restore it, or run in the project's folder.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidParams(f"{path} is not YAML that can be read: {error}") from None
    return check(document, str(path))


def check(document: object, name: str = "params.yaml") -> Params:
    """The params of a parsed YAML document.

    Raises:
        InvalidParams: as `load` does.
    """
    if not isinstance(document, dict):
        raise InvalidParams(f"{name} must be a mapping of sections, but got {type(document).__name__}.")
    try:
        return Params.model_validate(document)
    except ValidationError as error:
        lines = [params_errors.explain(dict(details), known_keys()) for details in error.errors()]
        raise InvalidParams(f"{name} cannot be used:\n" + "\n".join(f"  {line}" for line in lines)) from None


def known_keys(section: type[BaseModel] = Params, prefix: str = "") -> set[str]:
    """Every dotted key that some valid params file may hold."""
    keys: set[str] = set()
    for name, field in section.model_fields.items():
        key = prefix + (field.alias or name)
        keys.add(key)
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                keys |= known_keys(part, f"{key}.")
    return keys
