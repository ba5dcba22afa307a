"""SenseGen's family as we use it: one mixture-density recurrent network for every activity, on innovations."""

import keras
import numpy as np

from sensegen.generators.conditional import Conditional
from sensegen.generators.innovation_rnn import InnovationRNN
from sensegen.params.models import MDNRNNParams
from sensegen.seeding import derived_seed
from sensegen.windows import WindowShape


class ConditionalMDNRNN(Conditional):
    """One recurrent network, told the activity."""

    kind = "mdn_rnn"

    def continued(self, prompt: np.ndarray, labels: np.ndarray, length: int, seed: int) -> np.ndarray:
        """As `Sequential` has it."""
        return self.model.continued(prompt, np.asarray(labels), length, seed, self.temperature)


def build(shape: WindowShape, params: MDNRNNParams, seed: int) -> ConditionalMDNRNN:
    """A generator with new weights."""
    keras.utils.set_random_seed(derived_seed(seed, ConditionalMDNRNN.kind))
    return ConditionalMDNRNN(shape, params, InnovationRNN(shape, params))
