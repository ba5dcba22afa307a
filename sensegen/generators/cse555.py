"""SenseGen as re-implemented in the CSE-555 report: the paper's network and a further dense 24; 1,358,752 parameters.

The report gives the further 24 outputs no use. Here they are added to the logits of the 24 Gaussians: the mixture's
72 numbers, scales included, so have a say in its weights, and every parameter takes part in the loss.
"""

from typing import ClassVar

import keras
import tensorflow as tf

from sensegen.generators.mixture import Mixture, to_mixture
from sensegen.generators.sensegen_paper import MIXTURES, PaperModel, SenseGenPaper
from sensegen.params.models import CSE555Params, LogStddevBounds
from sensegen.windows import WindowShape


class CSE555Model(PaperModel):
    """The report's network for one channel."""

    def __init__(self, shape: WindowShape, log_stddev: LogStddevBounds):
        super().__init__(shape, log_stddev)
        self.further = keras.layers.Dense(MIXTURES, name="further")

    def to_mixture(self, hidden: tf.Tensor) -> Mixture:
        """The mixture that (..., hidden) stands for, its logits moved by the further layer."""
        parameters = self.head(hidden)
        mixture = to_mixture(parameters, self.mixtures, self.window.channels, self.bounds)
        return mixture._replace(logits=mixture.logits + self.further(parameters))


class CSE555(SenseGenPaper):
    """The report's generator, one model an activity."""

    kind: ClassVar[str] = "cse555"
    network: ClassVar[type[PaperModel]] = CSE555Model


def build(shape: WindowShape, params: CSE555Params, seed: int) -> CSE555:
    """A generator with new weights."""
    return CSE555(shape, params, seed)
