"""The first GAN (Goodfellow et al., 2014) as DowGAN has it: dense layers over a few samples at a time.

With b for the width and d numbers a step, the generator is d - b - 2b - d, the discriminator d - 8b - 4b - 2b - 1,
with rectifiers between and dropout behind each hidden layer of the discriminator, which gives a probability (here its
logit). With one sample a step, as there, nothing in a window is made to follow anything else. The generator's output is
linear here, since windows are scaled; it minimises the cross-entropy of being taken for real, which does not fade where
the discriminator is sure.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from sensegen.generators.activities import one_hot
from sensegen.generators.adversarial import Contenders
from sensegen.generators.conditional import Conditional
from sensegen.params.adversarial import MLPGANParams
from sensegen.seeding import derived_seed
from sensegen.windows import WindowShape


class DenseContenders(Contenders):
    """The two networks; a window is its steps, each made and judged by itself.

    Raises:
        ValueError: if windows are no whole number of steps.
    """

    critic_steps = 1

    def __init__(self, shape: WindowShape, params: MLPGANParams):
        super().__init__(shape, "mlp_gan")
        if shape.length % params.samples_a_step:
            raise ValueError(
                f"train_generator.generator.samples_a_step must divide the {shape.length} samples of a window, "
                f"but is {params.samples_a_step}."
            )
        self.steps, self.numbers = shape.length // params.samples_a_step, params.samples_a_step * shape.channels
        self.dropout, self.critic_learning_rate = params.dropout, params.critic_learning_rate
        self.maker = _dense("maker", [params.width, 2 * params.width], self.numbers)
        self.critic = _dense("discriminator", [8 * params.width, 4 * params.width, 2 * params.width], 1)

    def new_optimiser(self, learning_rate: float) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(learning_rate)

    def noise(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_normal((tf.shape(labels)[0], self.steps, self.numbers), seed)

    def made_of(self, noise: tf.Tensor, labels: tf.Tensor, training: bool) -> tf.Tensor:
        steps = self.maker(self.beside(tf.reshape(noise, (-1, self.numbers)), labels), training=training)
        return tf.reshape(steps, (-1, self.window.length, self.window.channels))

    def judged(self, values: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The logit of each step (batch * step)."""
        values = self.beside(tf.reshape(values, (-1, self.numbers)), labels)
        *hidden, last = self.critic.layers
        for layer, of_layer in zip(hidden, tf.unstack(tf.random.split(seed, len(hidden))), strict=True):
            values = tf.nn.experimental.stateless_dropout(layer(values), self.dropout, seed=of_layer)
        return last(values)[:, 0]

    def critic_loss(self, real: tf.Tensor, made: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 2))
        told = [self.judged(side, labels, of_side) for side, of_side in zip((real, made), seeds, strict=True)]
        return tf.reduce_mean(tf.nn.softplus(-told[0]) + tf.nn.softplus(told[1]))

    def maker_loss(self, made: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.nn.softplus(-self.judged(made, labels, seed)))

    def beside(self, steps: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Numbers of steps (batch * step, number) beside the activity, where there are several."""
        if self.window.classes < 2:
            return steps
        return tf.concat([steps, tf.repeat(one_hot(labels, self.window.classes), self.steps, axis=0)], axis=1)


def _dense(name: str, hidden: Sequence[int], out: int) -> keras.Sequential:
    layers = [keras.layers.Dense(width, activation="relu", name=f"hidden_{at}") for at, width in enumerate(hidden)]
    return keras.Sequential([*layers, keras.layers.Dense(out, name="out")], name=name)


class MLPGAN(Conditional):
    """One pair of networks, told the activity."""

    kind = "mlp_gan"


def build(shape: WindowShape, params: MLPGANParams, seed: int) -> MLPGAN:
    """A generator with new weights."""
    keras.utils.set_random_seed(derived_seed(seed, MLPGAN.kind))
    return MLPGAN(shape, params, DenseContenders(shape, params))
