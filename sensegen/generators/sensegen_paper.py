"""SenseGen's generator as the paper has it (Alzantot et al., 2017): 1,357,000 parameters for one channel.

3 x LSTM 256, dense 128 (sigmoid), dense 72 read as 24 Gaussians. Unconditional and univariate: one model an
activity. Departures: log standard deviations are bounded, gradients clipped, and the series are windows along
time; the published code transposes the data (see `mixture_rnn`).
"""

from typing import ClassVar

import keras

from sensegen.generators.mixture_rnn import MixtureRNN
from sensegen.generators.per_activity import PerActivity
from sensegen.params.models import CSE555Params, LogStddevBounds, MDNRNNParams, SenseGenPaperParams
from sensegen.seeding import derived_seed
from sensegen.windows import WindowShape

MIXTURES = 24


def paper_network(log_stddev: LogStddevBounds) -> MDNRNNParams:
    """The paper's layers, as params of the general model."""
    return MDNRNNParams(
        kind="mdn_rnn",
        cell="lstm",
        layers=3,
        units=256,
        hidden=128,
        mixtures=MIXTURES,
        samples_a_step=1,
        precision="float32",
        log_stddev=log_stddev,
        temperature=1.0,
    )


class PaperModel(MixtureRNN):
    """The paper's network for one channel."""

    def __init__(self, shape: WindowShape, log_stddev: LogStddevBounds):
        unconditional = WindowShape(shape.length, shape.channels, classes=0)
        super().__init__(unconditional, paper_network(log_stddev), hidden_activation="sigmoid")


class SenseGenPaper(PerActivity):
    """The paper's generator, one model an activity."""

    kind: ClassVar[str] = "sensegen_paper"
    network: ClassVar[type[PaperModel]] = PaperModel

    def __init__(self, shape: WindowShape, params: SenseGenPaperParams | CSE555Params, seed: int):
        keras.utils.set_random_seed(derived_seed(seed, self.kind))
        models = [self.network(shape, params.log_stddev) for _ in range(shape.classes)]
        for model in models:
            model.create_variables()
        super().__init__(shape, params, models)


def build(shape: WindowShape, params: SenseGenPaperParams, seed: int) -> SenseGenPaper:
    """A generator with new weights."""
    return SenseGenPaper(shape, params, seed)
