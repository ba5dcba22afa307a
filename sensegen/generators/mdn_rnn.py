"""SenseGen's family as we use it: one mixture-density recurrent network for every activity, on innovations."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from sensegen.generators.generator import Generator, Part
from sensegen.generators.innovation_rnn import InnovationRNN
from sensegen.keras_weights import assign_arrays, named_arrays
from sensegen.params.models import MDNRNNParams
from sensegen.seeding import derived_seed
from sensegen.windows import Windows, WindowShape


class ConditionalMDNRNN(Generator):
    """One model, told the activity."""

    kind = "mdn_rnn"

    def __init__(self, shape: WindowShape, params: MDNRNNParams, seed: int):
        keras.utils.set_random_seed(derived_seed(seed, self.kind))
        super().__init__(shape, params)
        self.model = InnovationRNN(shape, params)
        self.model.create_variables()

    def settle(self, windows: Windows) -> None:
        self.model.settle(windows)

    def parts(self, windows: Windows) -> Sequence[Part]:
        return [Part("all", self.model, windows)]

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        return self.model.sample_windows(np.asarray(labels), seed)

    def continued(self, prompt: np.ndarray, labels: np.ndarray, length: int, seed: int) -> np.ndarray:
        """As `Sequential` has it."""
        return self.model.continued(prompt, np.asarray(labels), length, seed)

    def arrays(self) -> dict[str, np.ndarray]:
        return named_arrays(self.model)

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        assign_arrays(self.model, arrays)


def build(shape: WindowShape, params: MDNRNNParams, seed: int) -> ConditionalMDNRNN:
    """A generator with new weights."""
    return ConditionalMDNRNN(shape, params, seed)
