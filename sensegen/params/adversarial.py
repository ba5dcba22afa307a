"""Sections of `params.yaml` about generators that are trained against a critic."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sensegen.params.section import Layers, PositiveInt, Section

Norm = Annotated[Literal["none", "layer", "batch"], Field(description="of each layer's outputs")]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False, description="of the critic; the generator's is optimiser's")]
Temperature = Annotated[float, Field(gt=0, le=2, description="how much of its noise windows are drawn with; 1: all")]


class GRUNetworkParams(Section):
    """Gated recurrent units over the time of a window."""

    kind: Literal["gru"]
    layers: Layers
    units: Annotated[PositiveInt, Field(description="of a layer")]
    norm: Norm


class ConvolutionNetworkParams(Section):
    """Convolutions over time at halved and halved rates."""

    kind: Literal["convolution"]
    width: Annotated[int, Field(gt=0, description="at the full rate; up to four times as many below it")]
    halvings: Annotated[int, Field(ge=1, le=8, description="of the rate")]
    norm: Norm


NetworkParams = Annotated[GRUNetworkParams | ConvolutionNetworkParams, Field(discriminator="kind")]


class NoiseParams(Section):
    """The normal numbers that a window is made of."""

    a_window: Annotated[int, Field(ge=0, description="numbers that stay as they are for a whole window")]
    a_sample: Annotated[int, Field(ge=0, description="numbers of every sample")]
    correlation: Annotated[float, Field(ge=0, lt=1, description="of a sample's numbers with those of the one before")]

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.a_window + self.a_sample:
            raise ValueError("noise must have numbers: noise.a_window or noise.a_sample must be above 0.")
        return self


class WassersteinParams(Section):
    """What both ways of holding a critic's slope have in common."""

    network: NetworkParams
    critic: NetworkParams
    noise: NoiseParams
    critic_steps: Annotated[int, Field(ge=1, le=100, description="updates of the critic for one of the generator")]
    critic_learning_rate: Rate
    temperature: Temperature


class WGANParams(WassersteinParams):
    """Wasserstein GAN with clipped weights (Arjovsky et al., 2017)."""

    kind: Literal["wgan"]
    clip: Annotated[float, Field(gt=0, description="largest size of a weight of the critic")]


class WGANGPParams(WassersteinParams):
    """Wasserstein GAN with a gradient penalty (Gulrajani et al., 2017)."""

    kind: Literal["wgan_gp"]
    penalty: Annotated[float, Field(gt=0, description="weight of the critic's distance from slope 1")]

    @model_validator(mode="after")
    def _no_window_says_anything_of_another(self) -> Self:
        if self.critic.norm == "batch":
            raise ValueError(
                "critic.norm must be none or layer, but is batch: the penalty is on the slope at each window by "
                "itself, and batch norm makes a window's value depend on the others."
            )
        return self


class MLPGANParams(Section):
    """GAN of dense layers over a few samples at a time (Goodfellow et al., 2014), as DowGAN has it."""

    kind: Literal["mlp_gan"]
    width: Annotated[int, Field(gt=0, description="of the generator's first layer; elsewhere up to eight times")]
    samples_a_step: Annotated[int, Field(gt=0, description="made together; windows must hold a multiple of them")]
    dropout: Annotated[float, Field(ge=0, lt=1, description="share of the discriminator's units left out in training")]
    critic_learning_rate: Rate
    temperature: Temperature
