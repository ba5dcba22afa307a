"""The Wasserstein GAN with a gradient penalty: the critic's slope is held near 1 (Gulrajani et al., 2017, Algorithm 1).

The penalty is at places drawn evenly between a real window and a made one of the same activity. Adam without momentum
and with a memory of ten gradients' squares, as there.
"""

import keras
import tensorflow as tf

from sensegen.generators.conditional import Conditional
from sensegen.generators.wasserstein import Wasserstein
from sensegen.params.adversarial import WGANGPParams
from sensegen.seeding import derived_seed
from sensegen.windows import WindowShape

EPSILON = 1e-12


class Penalised(Wasserstein):
    """A slope other than 1 costs the critic `penalty` times the square of the difference."""

    def __init__(self, shape: WindowShape, params: WGANGPParams):
        super().__init__(shape, params, "wgan_gp")
        self.penalty = params.penalty

    def new_optimiser(self, learning_rate: float) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(learning_rate, beta_1=0.0, beta_2=0.9)

    def critic_loss(self, real: tf.Tensor, made: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        off = self.off_slope(real, made, labels, seed)
        return super().critic_loss(real, made, labels, seed) + self.penalty * off

    def off_slope(self, real: tf.Tensor, made: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The mean square of the slope less 1, somewhere between each real and made window."""
        share = tf.random.stateless_uniform((tf.shape(labels)[0], 1, 1), seed)
        between = share * real + (1 - share) * made
        with tf.GradientTape() as tape:
            tape.watch(between)
            values = self.judged(between, labels, seed)
        gradient = tape.gradient(values, between)
        # Epsilon inside the root: where the critic is flat, the root's own gradient is infinite.
        slope = tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=(1, 2)) + EPSILON)
        return tf.reduce_mean(tf.square(slope - 1))


class WGANGP(Conditional):
    """One pair of networks, told the activity."""

    kind = "wgan_gp"


def build(shape: WindowShape, params: WGANGPParams, seed: int) -> WGANGP:
    """A generator with new weights."""
    keras.utils.set_random_seed(derived_seed(seed, WGANGP.kind))
    return WGANGP(shape, params, Penalised(shape, params))
