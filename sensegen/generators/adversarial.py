"""A network that makes windows out of noise, and the critic that it is trained against; what they have in common.

A generator of this family has no likelihood. Its two networks are trained in turn (`sensegen.adversarial_step`); what
each of them minimises is said by the families `mlp_gan`, `wgan` and `wgan_gp`.
"""

import math
from abc import ABC, abstractmethod
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from sensegen.generators.activities import one_hot
from sensegen.generators.energy_distance import energy_distance
from sensegen.generators.sampling import Sampler
from sensegen.params.adversarial import NoiseParams
from sensegen.windows import Windows, WindowShape


class Contenders(keras.Model, ABC):
    """Abstract: `maker` makes windows, `critic` gives each a number, and both are told the activity.

    `critic_steps` updates of the critic go before each of the maker, whose rate is `critic_learning_rate`. A step of
    networks that are not `compilable` has its loops compiled one by one: all in one program would take minutes.
    """

    maker: keras.Model
    critic: keras.Model
    critic_steps: int
    critic_learning_rate: float
    bound: float = math.inf
    compilable: bool = True

    def __init__(self, shape: WindowShape, name: str):
        super().__init__(name=name)
        self.window = shape
        self._draw_batch, self._make_batch = tf.function(self._eager_draw), tf.function(self._eager_make)

    def create_variables(self) -> None:
        """Make the weights; they depend on the global Keras seed only."""
        labels = tf.zeros((1,), tf.int32)
        self.judged(self.made(labels, tf.zeros(2, tf.int32), training=False), labels, tf.zeros(2, tf.int32))

    def settle(self, windows: Windows) -> None:
        """Nothing is taken from the training windows but by training."""

    @abstractmethod
    def new_optimiser(self, learning_rate: float) -> keras.optimizers.Optimizer:
        """What either network is updated by."""

    @abstractmethod
    def noise(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """What windows of these labels are made of, without the labels: (batch, ...)."""

    @abstractmethod
    def made_of(self, noise: tf.Tensor, labels: tf.Tensor, training: bool) -> tf.Tensor:
        """Windows (batch, time, channel) out of noise."""

    @abstractmethod
    def judged(self, values: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The critic's numbers, more for what it takes for real; `seed` is for what it leaves out."""

    @abstractmethod
    def critic_loss(self, real: tf.Tensor, made: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """What the critic minimises."""

    @abstractmethod
    def maker_loss(self, made: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """What the maker minimises."""

    def bound_critic(self) -> None:
        """What follows an update of the critic: its weights are brought within `bound`, where there is one."""
        for variable in self.critic.trainable_variables if math.isfinite(self.bound) else []:
            variable.assign(tf.clip_by_value(tf.convert_to_tensor(variable), -self.bound, self.bound))

    def saturation(self) -> tf.Tensor:
        """The share of the critic's weights that are at the bound."""
        sizes = [tf.abs(tf.reshape(tf.convert_to_tensor(each), (-1,))) for each in self.critic.trainable_variables]
        return tf.reduce_mean(tf.cast(tf.concat(sizes, axis=0) >= self.bound, tf.float32))

    def made(self, labels: tf.Tensor, seed: tf.Tensor, training: bool) -> tf.Tensor:
        """Windows of labels."""
        return self.made_of(self.noise(labels, seed), labels, training)

    def batch_loss(self, batch: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
        """By what training is watched, not what it minimises: the energy distance of windows with their activities from
        as many made ones."""
        values, labels = batch
        activity = one_hot(labels, max(self.window.classes, 1))
        sides = (tf.reshape(side, (-1, self.size)) for side in (values, self.made(labels, seed, training=False)))
        return energy_distance(*(tf.concat([side, self.size**0.5 * activity], axis=1) for side in sides))

    @property
    def size(self) -> int:
        """How many numbers a window has."""
        return self.window.length * self.window.channels

    def sampler(self, temperature: float) -> Sampler:
        """Of windows; noise is taken times `temperature`."""
        return Sampler(partial(self._draw_batch, tf.constant(temperature, tf.float32)), self._make_batch)

    def _eager_draw(self, temperature: tf.Tensor, seed: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor]:
        return (temperature * self.noise(labels, seed),)

    def _eager_make(self, labels: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        return self.made_of(noise, labels, training=False)


class Noise:
    """Normal numbers of a whole window, and of each of its samples, which follow each other with a correlation.

    The numbers of samples are a stationary autoregression of order one: each by itself is standard normal.
    """

    def __init__(self, params: NoiseParams, length: int):
        self.params, self.length = params, length
        lags = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
        self.root = np.linalg.cholesky(np.power(float(params.correlation), lags)).astype(np.float32)

    def __call__(self, count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(window, time, number)."""
        of_window, of_sample = tf.unstack(tf.random.split(seed, 2))
        whole = tf.random.stateless_normal((count, 1, self.params.a_window), of_window)
        each = tf.random.stateless_normal((count, self.length, self.params.a_sample), of_sample)
        return tf.concat([tf.repeat(whole, self.length, axis=1), tf.linalg.matmul(self.root, each)], axis=-1)


def beside(values: tf.Tensor, labels: tf.Tensor, classes: int) -> tf.Tensor:
    """`values` (batch, time, number) beside the activity, one-hot at every sample; alone where there is but one."""
    if classes < 2:
        return values
    return tf.concat([values, tf.repeat(one_hot(labels, classes)[:, None], values.shape[1], axis=1)], axis=-1)
