"""One part's weights on the parameter server: the optimiser's update of them, under the guard of every training."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sensegen.data_parallel.messages import Pushed, Told
from sensegen.guard import DivergenceGuard, Variables
from sensegen.params.models import OptimiserParams
from sensegen.training import not_finite


class ServedStep:
    """Adam on gradients that come from elsewhere, clipped by their global norm."""

    def __init__(self, weights: Sequence[np.ndarray], params: OptimiserParams, counts: tf.Variable):
        self.weights = [tf.Variable(array) for array in weights]
        self.counts = counts
        self.gradient_norm = params.gradient_norm
        self.peak_rate = tf.Variable(params.learning_rate, trainable=False)
        self.optimiser = keras.optimizers.Adam(params.learning_rate)
        self.optimiser.build(self.weights)
        self._update = tf.function(self._eager_update)

    @property
    def variables(self) -> Variables:
        """All that a checkpoint holds, the steps of each worker included."""
        return [*self.weights, *self.optimiser.variables, self.peak_rate, self.counts]

    @property
    def learning_rate(self) -> float:
        """The rate before any decay."""
        return float(self.peak_rate)

    def halve_learning_rate(self) -> None:
        """What a rollback does."""
        self.peak_rate.assign(self.peak_rate / 2)

    def __call__(self, batch: Pushed, step: int) -> dict[str, float]:
        """Update once, by a gradient in the place of a batch."""
        del step
        self.optimiser.learning_rate.assign(self.peak_rate * batch.decay)
        told = self._update([tf.constant(gradient) for gradient in batch.gradients])
        return {"loss": batch.loss, **{name: float(value) for name, value in told.items()}}

    def _eager_update(self, gradients: list[tf.Tensor]) -> dict[str, tf.Tensor]:
        clipped, norm = tf.clip_by_global_norm(gradients, self.gradient_norm)
        self.optimiser.apply(clipped, self.weights)
        # x - x is 0 for finite x and NaN for everything else.
        return {"gradient_norm": norm, "weights": tf.add_n([tf.reduce_sum(v - v) for v in self.weights])}


class Served:
    """The weights, their guard, and how stale each gradient was."""

    def __init__(self, weights: Sequence[np.ndarray], params: OptimiserParams, workers: int, guard: tuple[Any, ...]):
        self.counts = tf.Variable(np.zeros(workers, np.int64), trainable=False)
        self.step = ServedStep(weights, params, self.counts)
        self.guard = DivergenceGuard(*guard)
        self.state = self.guard.resume(self.step)
        self.version = self.state.step
        self.staleness: list[int] = []

    def told(self, report: dict[str, float]) -> Told:
        """The weights as they are."""
        return Told([variable.numpy() for variable in self.step.weights], self.version, report)

    def push(self, pushed: Pushed) -> Told:
        """Apply a gradient, and count it; one that is not finite is not counted."""
        report = self.step(pushed, self.version)
        if reason := not_finite(report):
            counts = self.counts.numpy()
            self.state = self.guard.recover(self.step, self.state, reason)
            self.counts.assign(counts)  # what was lost of other workers' steps is not done again
            return self.told(report)
        self.staleness.append(self.version - pushed.version)
        self.version += 1
        self.state.add(report)
        self.counts.scatter_nd_update([[pushed.rank]], [pushed.step + 1])
        if self.state.step % self.guard.params.snapshot_steps == 0:
            self.guard.remember(self.step, self.state)
        return self.told(report)
