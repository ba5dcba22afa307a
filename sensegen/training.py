"""One loop trains every model: compiled steps, exact resume, and a return to the last good state on divergence.

A run is a function of its params, its inputs and its seed: the batch and the noise of step `n` depend on `n` alone,
so a run that was killed and goes on from its checkpoint ends with the same weights, bit for bit.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from sensegen.contest import ailment
from sensegen.guard import DivergenceGuard, Row, TrainState, TrainStep, Variables
from sensegen.params import RuntimeParams
from sensegen.params.models import OptimiserParams


class Trainable(Protocol):
    """A Keras model that knows its own loss."""

    trainable_variables: Variables
    variables: Variables

    def batch_loss(self, batch: Any, seed: tf.Tensor) -> tf.Tensor:
        """The scalar to minimise on one batch; `seed` (two integers) feeds stateless draws."""


class Callback(Protocol):
    """What the loop tells the outside."""

    def on_epoch(self, row: Mapping[str, float | int | str]) -> None:
        """An epoch has ended; the model is as it was then."""

    def on_resumed(self, row: Mapping[str, float | int | str]) -> None:
        """An epoch ended before this run went on from a checkpoint; the model is not as it was then."""


def set_up(runtime: RuntimeParams, at_once: int | None = None) -> None:
    """Pin what the numbers depend on besides the seed: threads (of an operation, and where there are to be more, of
    calls `at_once`) and the order of sums. Once, before any tensor."""
    tf.config.threading.set_intra_op_parallelism_threads(runtime.threads)
    tf.config.threading.set_inter_op_parallelism_threads(at_once or runtime.threads)
    tf.config.experimental.enable_op_determinism()
    # Each judge is a model of its own, compiled once; TensorFlow takes that for one model compiled too often.
    tf.get_logger().setLevel("ERROR")


def mean_loss(model: Trainable, arrays: Sequence[np.ndarray], batch_windows: int = 256) -> Callable[[], float]:
    """A function that measures the model's mean loss over all rows of `arrays`, e.g. on validation windows.

    Of no rows it is NaN: a fold may leave an activity, and with it the model of that activity, without any.
    """
    compiled = tf.function(model.batch_loss, reduce_retracing=True)
    seed = tf.zeros(2, tf.int32)
    blocks = [slice(first, first + batch_windows) for first in range(0, len(arrays[0]), batch_windows)]

    def measure() -> float:
        losses = []
        for rows in blocks:
            batch = tuple(tf.constant(array[rows]) for array in arrays)
            losses.append(float(compiled(batch, seed)) * len(batch[0]))
        return sum(losses) / len(arrays[0]) if losses else math.nan

    return measure


Decay = Callable[[int], float]


def constant(step: int) -> float:
    """No decay."""
    return 1.0


def cosine(steps: int) -> Decay:
    """From 1 to 0 along half a cosine (Loshchilov & Hutter, 2017): the last step is a calm one."""
    return lambda step: 0.5 * (1 + math.cos(math.pi * min(step / steps, 1)))


class GradientStep:
    """Adam on one model's loss, with gradients clipped by their global norm (Pascanu et al., 2013)."""

    def __init__(self, model: Trainable, params: OptimiserParams, *, seed: int, xla: bool, decay: Decay = constant):
        import keras

        self.model = model
        self.seed = seed
        self.decay = decay
        self.gradient_norm = params.gradient_norm
        self.peak_rate = tf.Variable(params.learning_rate, trainable=False)
        self.optimiser = keras.optimizers.Adam(params.learning_rate)
        self.optimiser.build(model.trainable_variables)
        self._update = tf.function(self._eager_update, jit_compile=xla)

    @property
    def variables(self) -> Variables:
        return [*self.model.variables, *self.optimiser.variables, self.peak_rate]

    @property
    def kept(self) -> Variables:
        """What stands for each of the model's variables in the end: they themselves."""
        return self.model.variables

    @property
    def learning_rate(self) -> float:
        """The rate before any decay, halved with every rollback."""
        return float(self.peak_rate)

    def halve_learning_rate(self) -> None:
        """What a rollback does."""
        self.peak_rate.assign(self.peak_rate / 2)

    def __call__(self, batch: Any, step: int) -> dict[str, float]:
        self.optimiser.learning_rate.assign(self.peak_rate * self.decay(step))
        report = self._update(batch, tf.constant([self.seed, step], tf.int32))
        return {name: float(value) for name, value in report.items()}

    def _eager_update(self, batch: Any, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        loss, gradients = self.slope(batch, seed)
        variables = self.model.trainable_variables
        gradients, norm = tf.clip_by_global_norm(gradients, self.gradient_norm)
        self.optimiser.apply(gradients, variables)
        # x - x is 0 for finite x and NaN for everything else.
        weights = tf.add_n([tf.reduce_sum(v.value - v.value) for v in variables])
        return {"loss": loss, "gradient_norm": norm, "weights": weights}

    def slope(self, batch: Any, seed: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The loss of a batch, and its gradient: a tensor for each variable that is trained."""
        with tf.GradientTape() as tape:
            loss = self.model.batch_loss(batch, seed)
        return loss, tape.gradient(loss, self.model.trainable_variables)


def never(rows: Sequence[Row]) -> bool:
    """No early end."""
    return False


@dataclass(frozen=True)
class Schedule:
    """How long to train at most, what an epoch is, what to measure at its end, and which rows of epochs are enough."""

    steps: int
    epoch_steps: int
    measure: Callable[[], Mapping[str, float]] = dict
    finished: Callable[[Sequence[Row]], bool] = never


def not_finite(report: Mapping[str, float]) -> str | None:
    """The name of the first number of a step that is not finite."""
    return next((name for name, value in report.items() if not np.isfinite(value)), None)


def train(
    step: TrainStep,
    batches: Callable[[int], Any],
    schedule: Schedule,
    guard: DivergenceGuard,
    callbacks: Sequence[Callback] = (),
) -> TrainState:
    """Run train steps until the schedule ends; checkpoint, roll back on divergence, resume.

    `batches(n)` is the batch of step `n`. The state that comes back holds a row an epoch, and the alerts.

    Raises:
        Diverged: when rolling back has not helped.
    """
    state = guard.resume(step)
    for row, callback in product(state.rows, callbacks):  # whoever listens now has not heard them
        callback.on_resumed(row)
    while state.step < schedule.steps and not schedule.finished(state.rows):
        report = step(batches(state.step), state.step)
        if reason := not_finite(report):
            state = guard.recover(step, state, reason)
            continue
        state.add(report)
        if state.step % schedule.epoch_steps == 0:
            epoch = state.step // schedule.epoch_steps
            row = state.close_epoch(epoch, guard.part, step.learning_rate, schedule.measure())
            for callback in callbacks:
                callback.on_epoch(row)
            if told := ailment(state.rows):
                guard.tell(step, state, told)
        ends = state.step == schedule.steps or schedule.finished(state.rows)
        if state.step % guard.params.snapshot_steps == 0 or ends:
            guard.remember(step, state)
    return state
