"""The schema of `params.yaml`: names, types and ranges of everything a person may change.

There are no defaults here: the values stand in `params.yaml` and nowhere else. What a dataset can or cannot
do is checked beside the datasets (`sensegen.datasets.check`), since this module knows no dataset.
"""

from pathlib import Path, PurePath
from typing import Annotated, Literal, Self, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from sensegen.params import errors
from sensegen.params.datasets import DatasetParams
from sensegen.params.export import ExportParams
from sensegen.params.models import (
    AlternateParams,
    AugmentParams,
    EvaluateParams,
    TrainDiscriminatorParams,
    TrainGeneratorParams,
)
from sensegen.params.section import Section
from sensegen.params.windowing import DownloadParams, ValidateParams, WindowParams

UNIVARIATE = ("sensegen_paper", "cse555")  # generators of one channel, as they were published
AGAINST_A_CRITIC = ("mlp_gan", "wgan", "wgan_gp")


class RuntimeParams(Section):
    """How the machine is used; threads and xla are part of what makes two runs give the same bytes."""

    threads: Annotated[int, Field(ge=1, le=256, description="threads of one tensor operation")]
    xla: Annotated[
        bool, Field(description="whether train steps are compiled by XLA; loops of GRUs and LSTMs are anyway")
    ]
    engine: Annotated[Literal["local", "ray"], Field(description="where shards of recordings are worked on")]
    workers: Annotated[int, Field(ge=1, le=1024, description="shards at once; results do not depend on it")]


class DivergenceParams(Section):
    """What happens when a loss, a gradient norm or a weight leaves the finite numbers."""

    max_rollbacks: Annotated[int, Field(ge=0, description="returns to the last good state before giving up")]
    snapshot_steps: Annotated[int, Field(gt=0, description="steps between two good states (and checkpoints)")]


class PromotionParams(Section):
    """What a model must be to take the place of the one in use, all on validation people (`sensegen.promotion`)."""

    model: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_-]+$",
            description="name in MLflow's registry; models of other channels or rates need another one",
        ),
    ]
    seeds: Annotated[int, Field(ge=2, le=100, description="draws of champion and challenger that are scored in pairs")]
    gain: Annotated[
        float,
        Field(
            ge=-1,
            le=1,
            description="what the lower end of the 95 % interval of the challenger's score less the champion's must be "
            "above",
        ),
    ]
    leak: Annotated[float, Field(ge=0, le=0.5, description="by which the AUC of membership attacks may rise at most")]
    least_score: Annotated[
        float,
        Field(ge=-1, le=1, description="of the first champion: useful (macro-F1) less how well it is told apart"),
    ]
    most_leak: Annotated[
        float, Field(ge=0.5, le=1, description="AUC of membership attacks on the first champion, at most")
    ]


class RetrainParams(Section):
    """When the flow `retrain` takes in new recordings and trains again."""

    inbox: Annotated[str, Field(min_length=1, description="folder of new batches, in the project's folder")]
    drift: Annotated[
        float, Field(ge=0, description="population stability index of a channel above which to train again")
    ]
    most_drift: Annotated[float, Field(gt=0, description="that index above which a batch is set aside")]

    @model_validator(mode="after")
    def _inside_the_project(self) -> Self:
        place = PurePath(self.inbox)
        if place.is_absolute() or not place.parts or ".." in place.parts:
            raise ValueError(f"retrain.inbox must be a folder in the project's folder, but is {self.inbox}.")
        return self


class ReportParams(Section):
    """What the page shows."""

    windows_per_activity: Annotated[int, Field(ge=1, le=8, description="drawn of each activity, real and synthetic")]


class Params(Section):
    """All of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, lt=2**31, description="of every random draw")]
    runtime: RuntimeParams
    divergence: DivergenceParams
    dataset: DatasetParams
    download: DownloadParams
    validate_: Annotated[ValidateParams, Field(alias="validate")]
    window: WindowParams
    train_generator: TrainGeneratorParams
    train_discriminator: TrainDiscriminatorParams
    alternate: AlternateParams
    augment: AugmentParams
    evaluate: EvaluateParams
    report: ReportParams
    export: ExportParams
    promotion: PromotionParams
    retrain: RetrainParams

    @model_validator(mode="after")
    def _univariate_generators_get_one_channel(self) -> Self:
        kind, channels = self.train_generator.generator.kind, self.window.channels
        if kind in UNIVARIATE and len(channels) != 1:
            raise ValueError(
                f"train_generator.generator.kind {kind} models one channel, but window.channels names "
                f"{len(channels)} ({channels}). Keep one of them, or use kind mdn_rnn."
            )
        return self

    @model_validator(mode="after")
    def _who_has_a_critic_does_not_alternate(self) -> Self:
        kind, rounds = self.train_generator.generator.kind, self.alternate.rounds
        if kind in AGAINST_A_CRITIC and rounds:
            raise ValueError(
                f"alternate.rounds must be 0 for a generator of kind {kind}, which has no likelihood to train by there "
                f"and trains in turn with its critic in train_generator, but is {rounds}."
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
        lines = [errors.explain(dict(details), known_keys()) for details in error.errors()]
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
