"""Sections of `params.yaml` about what is trained, how, and how it is judged."""

from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sensegen.params.adversarial import MLPGANParams, Temperature, WGANGPParams, WGANParams
from sensegen.params.section import Epochs, Layers, PositiveInt, Section


class OptimiserParams(Section):
    """Adam, on gradients clipped by their global norm."""

    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False, description="of Adam")]
    batch_windows: Annotated[PositiveInt, Field(description="windows of a step")]
    gradient_norm: Annotated[float, Field(gt=0, description="global norm above which gradients are scaled down")]


class LogStddevBounds(Section):
    """Bounds of the log standard deviation of each Gaussian, in scaled units."""

    low: Annotated[float, Field(ge=-20, le=5, description="keeps densities finite")]
    high: Annotated[float, Field(ge=-5, le=20, description="above low")]

    @model_validator(mode="after")
    def _low_below_high(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"log_stddev.low must be below log_stddev.high, but got {self.low} and {self.high}.")
        return self


Precision = Annotated[
    Literal["float32", "bfloat16"], Field(description="of products; float32 where the processor has no bfloat16")
]


class MDNRNNParams(Section):
    """Mixture-density recurrent generator, conditional on the activity, over all channels at once."""

    kind: Literal["mdn_rnn"]
    cell: Annotated[Literal["lstm", "gru"], Field(description="of the recurrent layers")]
    layers: Layers
    units: Annotated[int, Field(gt=0, description="recurrent units a layer")]
    hidden: Annotated[int, Field(gt=0, description="units of the dense layer before the mixture")]
    mixtures: Annotated[int, Field(gt=0, description="Gaussian components")]
    samples_a_step: Annotated[int, Field(gt=0, description="drawn together; windows must hold a multiple of them")]
    log_stddev: LogStddevBounds
    precision: Precision
    temperature: Temperature


class SenseGenPaperParams(Section):
    """SenseGen as in the paper: 3 x LSTM 256, dense 128, 24 Gaussians; one channel, one model an activity."""

    kind: Literal["sensegen_paper"]
    log_stddev: LogStddevBounds


class CSE555Params(Section):
    """SenseGen as in the CSE-555 report: the paper's generator with a further dense layer of 24."""

    kind: Literal["cse555"]
    log_stddev: LogStddevBounds


class FlowMatchingParams(Section):
    """Flow matching by a convolutional network over whole windows, conditional on the activity."""

    kind: Literal["flow_matching"]
    width: Annotated[int, Field(gt=0, multiple_of=8, description="of the first layer; four times as many at the last")]
    heads: Annotated[int, Field(gt=0, description="of attention; four times the width must be a multiple of it")]
    precision: Precision
    sampling_steps: Annotated[int, Field(ge=1, le=1000, description="evaluations of the network a window")]
    temperature: Temperature

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if 4 * self.width % self.heads:
            raise ValueError(
                f"four times the width must be a multiple of heads, but they are {4 * self.width} and {self.heads}."
            )
        return self


ConditionalParams = MDNRNNParams | FlowMatchingParams | MLPGANParams | WGANParams | WGANGPParams
GeneratorParams = Annotated[ConditionalParams | SenseGenPaperParams | CSE555Params, Field(discriminator="kind")]


class WarmStartParams(Section):
    """The model that the generator begins with, and what stays as it is at first."""

    model: Annotated[str, Field(min_length=1, description="its folder, in the project's folder")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="of its config.json and weights.safetensors")]
    frozen: Annotated[list[str], Field(description="layers that are not trained at first")]
    frozen_epochs: Annotated[int | None, Field(gt=0, description="first epochs without them; null: all")]

    @model_validator(mode="after")
    def _inside_the_project(self) -> Self:
        if PurePath(self.model).is_absolute() or ".." in PurePath(self.model).parts:
            raise ValueError(
                f"train_generator.warm_start.model must be a folder in the project's folder, but is {self.model}."
            )
        return self


class TrainGeneratorParams(Section):
    """Pretraining of the generator by its own loss."""

    generator: GeneratorParams
    warm_start: WarmStartParams | None
    optimiser: OptimiserParams
    epochs: Annotated[int, Field(gt=0, description="at most")]
    patience: Annotated[
        int | None,
        Field(
            gt=0,
            description="epochs without a better loss on validation people before it ends, and the best one is kept; "
            "null: all epochs, and the last one is kept",
        ),
    ]

    @model_validator(mode="after")
    def _frozen_epochs_are_some_of_all(self) -> Self:
        frozen = self.warm_start.frozen_epochs if self.warm_start else None
        if frozen is not None and frozen >= self.epochs:
            raise ValueError(
                f"train_generator.warm_start.frozen_epochs must be fewer than train_generator.epochs ({self.epochs}), "
                f"but are {frozen}. For all of them, write null."
            )
        return self


class DiscriminatorParams(Section):
    """SenseGen's discriminator: LSTM, dense, one logit."""

    units: Annotated[PositiveInt, Field(description="of the LSTM")]
    hidden: Annotated[PositiveInt, Field(description="of the dense layer")]


class TrainDiscriminatorParams(Section):
    """Training of the discriminator on real windows against generated ones."""

    discriminator: DiscriminatorParams
    optimiser: OptimiserParams
    epochs: Epochs


class AlternateParams(Section):
    """Algorithm 1 of SenseGen. An epoch here is a pass over the minibatch that the round drew."""

    rounds: Annotated[int, Field(ge=0, description="of discriminator, then generator; 0: none")]
    minibatch_windows: Annotated[PositiveInt, Field(description="real windows that a round draws")]
    discriminator_epochs: Annotated[PositiveInt, Field(description="of a round")]
    generator_epochs: Annotated[PositiveInt, Field(description="of a round")]
    generator_optimiser: OptimiserParams
    discriminator_optimiser: OptimiserParams


class LSTMClassifierParams(Section):
    """The two-layer LSTM of the UCI HAR seed system."""

    units: Annotated[PositiveInt, Field(description="of each of its layers")]
    l2: Annotated[float, Field(ge=0, description="weight of the penalty on the squares of all weights")]
    optimiser: OptimiserParams
    epochs: Epochs


class CNNClassifierParams(Section):
    """A small 1-D convolutional network."""

    filters: Annotated[PositiveInt, Field(description="of the first and the last layer; twice as many between")]
    optimiser: OptimiserParams
    epochs: Epochs


class ResidualLSTMClassifierParams(Section):
    """Residual bidirectional LSTMs."""

    units: Annotated[int, Field(gt=0, multiple_of=2, description="of both directions of a layer together")]
    layers: Layers
    optimiser: OptimiserParams
    epochs: Epochs


class GRUClassifierParams(Section):
    """A small GRU."""

    units: Annotated[PositiveInt, Field(description="of its layer")]
    optimiser: OptimiserParams
    epochs: Epochs


class HHARLSTMClassifierParams(Section):
    """The LSTM of the HHAR seed system; 64 units there."""

    units: Annotated[PositiveInt, Field(description="of each of its layers")]
    optimiser: OptimiserParams
    epochs: Epochs


class FusionClassifierParams(Section):
    """A CNN that fuses several sensors; kernels, filters and pooling are those of `sensegen.classifiers.fusion`."""

    layers: Annotated[Literal[2, 3], Field(description="convolution layers")]
    sensors: Annotated[list[list[int]], Field(min_length=1, description="indices of the channels of each sensor")]
    optimiser: OptimiserParams
    epochs: Epochs


class RandomConvolutionParams(Section):
    """Random convolutions with a ridge."""

    features: Annotated[int, Field(ge=84, description="shares of positive values, in whole multiples of 84")]


class EncoderSVMParams(Section):
    """A support vector machine on features of the CNN."""

    encoder: CNNClassifierParams
    cost: Annotated[float, Field(gt=0, allow_inf_nan=False, description="of a window on the wrong side")]


class EncoderBoostingParams(Section):
    """Gradient boosting on features of the CNN."""

    encoder: CNNClassifierParams
    trees: Annotated[int, Field(gt=0, description="trees a class")]
    learning_rate: Annotated[float, Field(gt=0, le=1, description="what a tree counts")]


class AugmentParams(Section):
    """The augmentation curve; without an amount it is not measured."""

    windows_a_class: Annotated[list[PositiveInt], Field(description="amounts of real windows, of each class")]
    shares: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(description="amounts, as shares of each class")]
    seeds: Annotated[int, Field(ge=2, description="draws of the real windows, each with a generator of its own")]
    generator_steps: Annotated[PositiveInt, Field(description="of the generator that each amount and seed has")]


JudgeKind = Literal["cnn", "gru", "spectral"]


class JudgesParams(Section):
    """The judges of detection; the networks are trained until they get no better, for `epochs` at most."""

    kinds: Annotated[list[JudgeKind], Field(min_length=1, description="of the generator's windows")]
    control_kinds: Annotated[list[JudgeKind], Field(min_length=1, description="of every control too")]
    windows: Annotated[int, Field(ge=10, description="of a side, at most")]
    patience: Annotated[int, Field(gt=0, description="epochs without a better loss on the judge's own held-out part")]
    cnn: CNNClassifierParams
    gru: GRUClassifierParams


ClassifierKind = Literal["cnn", "lstm", "residual_lstm", "random_convolution", "encoder_svm", "encoder_boosting"]


class EvaluateParams(Section):
    """Classifiers and judges; every arm takes the same number of steps."""

    seeds: Annotated[int, Field(ge=2, description="repetitions behind each interval")]
    control_seeds: Annotated[int, Field(ge=1, description="of them, those that measure floors and controls too")]
    class_weights: Annotated[Literal["none", "balanced"], Field(description="of classes in the classifiers' loss")]
    classifiers: Annotated[
        list[ClassifierKind], Field(min_length=1, description="the last, the quickest, judges the controls too")
    ]
    cnn: CNNClassifierParams
    lstm: LSTMClassifierParams
    residual_lstm: ResidualLSTMClassifierParams
    random_convolution: RandomConvolutionParams
    encoder_svm: EncoderSVMParams
    encoder_boosting: EncoderBoostingParams
    encoder: CNNClassifierParams
    judges: JudgesParams

    @model_validator(mode="after")
    def _controls_are_measured_in_repetitions(self) -> Self:
        if self.control_seeds > self.seeds:
            raise ValueError(
                f"evaluate.control_seeds must be at most evaluate.seeds, but they are {self.control_seeds} and "
                f"{self.seeds}."
            )
        return self

    @model_validator(mode="after")
    def _no_name_twice(self) -> Self:
        for key, names in (
            ("classifiers", self.classifiers),
            ("judges.kinds", self.judges.kinds),
            ("judges.control_kinds", self.judges.control_kinds),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"evaluate.{key} must name each kind once, but names {names}.")
        return self
