"""Training of two networks against each other: several updates of the critic and one of the maker are one step.

A step is one graph. Beside the losses it tells how the two are doing: the critic's mean over real windows
less that over made ones (`wasserstein`), the slope of the maker's loss at what it made (`output_gradient`: none, and
the maker learns nothing), the share of clipped weights (`saturation`), and how much windows of one activity differ
from each other, real ones 1 (`diversity`: none, and the maker makes one window again and again).
"""

from typing import Any

import numpy as np
import tensorflow as tf

from sensegen.generators.adversarial import Contenders
from sensegen.guard import Variables
from sensegen.params.models import OptimiserParams
from sensegen.training import Decay, GradientStep, constant
from sensegen.training_run import Training


class AdversarialStep:
    """Both networks' updates, each with gradients clipped by their global norm. The maker is kept in the end."""

    def __init__(self, contenders: Contenders, params: OptimiserParams, *, seed: int, xla: bool):
        self.contenders = contenders
        self.model = contenders.maker
        self.seed = seed
        self.gradient_norm = params.gradient_norm
        self.rates = [
            tf.Variable(rate, trainable=False) for rate in (params.learning_rate, contenders.critic_learning_rate)
        ]
        self.maker, self.critic = (contenders.new_optimiser(float(rate)) for rate in self.rates)
        self.maker.build(contenders.maker.trainable_variables)
        self.critic.build(contenders.critic.trainable_variables)
        self._update = tf.function(self._eager_update, jit_compile=xla and contenders.compilable)

    @property
    def variables(self) -> Variables:
        return [*self.contenders.variables, *self.maker.variables, *self.critic.variables, *self.rates]

    @property
    def kept(self) -> Variables:
        """What stands for each of the maker's variables in the end: they themselves."""
        return self.model.variables

    @property
    def learning_rate(self) -> float:
        """The maker's; the critic's is halved with it."""
        return float(self.rates[0])

    def halve_learning_rate(self) -> None:
        """What a rollback does."""
        for rate in self.rates:
            rate.assign(rate / 2)

    def __call__(self, batch: tuple[np.ndarray, np.ndarray], step: int) -> dict[str, float]:
        """Update once, on (critic step, batch, time, channel) values and (critic step, batch) labels."""
        for optimiser, rate in zip((self.maker, self.critic), self.rates, strict=True):
            optimiser.learning_rate.assign(rate)
        report = self._update(*(tf.constant(part) for part in batch), tf.constant([self.seed, step], tf.int32))
        return {name: float(value) for name, value in report.items()}

    def _eager_update(self, values: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        seeds = tf.random.split(seed, self.contenders.critic_steps + 1)
        told = {"critic_loss": tf.zeros(()), "critic_gradient_norm": tf.zeros(())}
        for at in tf.range(self.contenders.critic_steps):
            told = self._update_critic(values[at], labels[at], seeds[at])
        told |= self._update_maker(values[-1], labels[-1], seeds[-1])
        # x - x is 0 for finite x and NaN for everything else.
        weights = [tf.reduce_sum(v.value - v.value) for v in self.contenders.trainable_variables]
        return told | {"saturation": self.contenders.saturation(), "weights": tf.add_n(weights)}

    def _update_critic(self, real: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        made_seed, loss_seed = tf.unstack(tf.random.split(seed, 2))
        made = self.contenders.made(labels, made_seed, training=True)
        variables = self.contenders.critic.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.contenders.critic_loss(real, made, labels, loss_seed)
        gradients, norm = tf.clip_by_global_norm(tape.gradient(loss, variables), self.gradient_norm)
        self.critic.apply(gradients, variables)
        self.contenders.bound_critic()
        return {"critic_loss": loss, "critic_gradient_norm": norm}

    def _update_maker(self, real: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        made_seed, loss_seed = tf.unstack(tf.random.split(seed, 2))
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            made = self.contenders.made(labels, made_seed, training=True)
            loss = self.contenders.maker_loss(made, labels, loss_seed)
        slope, *gradients = tape.gradient(loss, [made, *variables])
        gradients, norm = tf.clip_by_global_norm(gradients, self.gradient_norm)
        self.maker.apply(gradients, variables)
        means = [tf.reduce_mean(self.contenders.judged(side, labels, loss_seed)) for side in (real, made)]
        return {
            "loss": loss,
            "gradient_norm": norm,
            "wasserstein": means[0] - means[1],
            "output_gradient": len(labels) * tf.reduce_mean(tf.sqrt(tf.reduce_sum(tf.square(slope), axis=(1, 2)))),
            "diversity": diversity(made, real, labels, max(self.contenders.window.classes, 1)),
        }

    def fed(self, batches: Any) -> "SeveralAStep":
        """Batches as a step takes them: one for each update of the critic."""
        return SeveralAStep(batches, self.contenders.critic_steps)


class SeveralAStep:
    """So many batches of arrays stacked in one."""

    def __init__(self, batches: Any, count: int):
        self.batches, self.count = batches, count
        self.epoch_steps = max(1, batches.epoch_steps // count)

    def __call__(self, step: int) -> tuple[np.ndarray, ...]:
        parts = [self.batches(step * self.count + at) for at in range(self.count)]
        return tuple(np.stack(arrays) for arrays in zip(*parts, strict=True))


def diversity(made: tf.Tensor, real: tf.Tensor, labels: tf.Tensor, classes: int) -> tf.Tensor:
    """The spread of made windows (batch, time, channel) about the mean of their activity, as a share of real ones'."""
    activity = tf.one_hot(labels, classes)
    spreads = [tf.sqrt(tf.reduce_mean(tf.square(_about_mean(side, activity)))) for side in (made, real)]
    return tf.math.divide_no_nan(*spreads)


def _about_mean(values: tf.Tensor, activity: tf.Tensor) -> tf.Tensor:
    flat = tf.reshape(values, (-1, values.shape[1] * values.shape[2]))
    sums = tf.matmul(activity, flat, transpose_a=True)
    means = sums / tf.maximum(tf.reduce_sum(activity, axis=0), 1.0)[:, None]
    return flat - tf.matmul(activity, means)


def step_and_batches(
    training: Training, model: Any, batches: Any, optimiser: OptimiserParams, name: str, decay: Decay = constant
) -> tuple[GradientStep | AdversarialStep, Any]:
    """How a model is trained, and the batches as its step takes them; the algorithms of two networks know no decay."""
    if not isinstance(model, Contenders):
        return training.step(model, optimiser, name, decay), batches
    step = AdversarialStep(model, optimiser, seed=training.seed_of(name), xla=training.params.runtime.xla)
    return step, step.fed(batches)
