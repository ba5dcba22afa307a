"""The Wasserstein GAN as first published: the critic's weights are clipped (Arjovsky et al., 2017, Algorithm 1).

The algorithm's numbers are RMSProp at 0.00005 for both networks, clipping at 0.01, batches of 64, five updates of the
critic for one of the generator; here gradients are clipped by their norm beside that. Clipping drives many weights to a
bound (`saturation`) and lets the slope of a critic of several layers fall towards nought (Gulrajani et al., 2017,
section 3): `wgan_gp` is the better one.
"""

import keras

from sensegen.generators.conditional import Conditional
from sensegen.generators.wasserstein import Wasserstein
from sensegen.params.adversarial import WGANParams
from sensegen.seeding import derived_seed
from sensegen.windows import WindowShape


class Clipped(Wasserstein):
    """Every weight of the critic lies within `clip` of nought."""

    def __init__(self, shape: WindowShape, params: WGANParams):
        super().__init__(shape, params, "wgan")
        self.bound = params.clip

    def new_optimiser(self, learning_rate: float) -> keras.optimizers.Optimizer:
        return keras.optimizers.RMSprop(learning_rate)


class WGAN(Conditional):
    """One pair of networks, told the activity."""

    kind = "wgan"


def build(shape: WindowShape, params: WGANParams, seed: int) -> WGAN:
    """A generator with new weights."""
    keras.utils.set_random_seed(derived_seed(seed, WGAN.kind))
    return WGAN(shape, params, Clipped(shape, params))
