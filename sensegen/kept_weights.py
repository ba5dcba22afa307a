"""Which weights of a training are kept: a mean over its last part, of the epoch that did best on unseen windows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from sensegen.guard import Row, TrainStep, Variables

NONE_YET = float(np.finfo(np.float64).max)  # finite, as all that a checkpoint holds
POWER = 8  # the mean is over about the last ninth of all steps so far, however many these are


class KeptStep(TrainStep, Protocol):
    """A train step of a Keras model, and what stands for each of its variables in the end."""

    model: Any

    @property
    def kept(self) -> Variables: ...


class Wrapped:
    """A train step that passes through to another one what a subclass does not do itself."""

    def __init__(self, step: KeptStep):
        self.step = step
        self.model: Any = step.model

    @property
    def variables(self) -> Variables:
        """All that checkpoints and rollbacks know."""
        return self.step.variables

    @property
    def kept(self) -> Variables:
        """What stands for each of the model's variables in the end."""
        return self.step.kept

    @property
    def learning_rate(self) -> float:
        """The step's."""
        return self.step.learning_rate

    def halve_learning_rate(self) -> None:
        """What a rollback does."""
        self.step.halve_learning_rate()

    def __call__(self, batch: Any, step: int) -> dict[str, float]:
        return self.step(batch, step)


class AveragedStep(Wrapped):
    """A train step that also holds the mean of the weights, so that checkpoints and rollbacks know it.

    Weights of step n count in proportion to n^(POWER - 1) (Karras et al., 2024, equation 126).
    """

    def __init__(self, step: KeptStep):
        super().__init__(step)
        self.present: Variables = step.model.trainable_variables
        self.average = [tf.Variable(variable, trainable=False) for variable in self.present]
        self._update = tf.function(self._eager_update)

    @property
    def variables(self) -> Variables:
        return [*self.step.variables, *self.average]

    @property
    def kept(self) -> Variables:
        means = dict(zip(map(id, self.present), self.average, strict=True))
        return [means.get(id(variable), variable) for variable in self.model.variables]

    def __call__(self, batch: Any, step: int) -> dict[str, float]:
        report = super().__call__(batch, step)
        self._update(tf.constant(1 - (1 - 1 / (step + 1)) ** POWER, tf.float32))
        return report

    def over_average(self, loss: Callable[[], float]) -> Callable[[], float]:
        """A function that measures a loss with the mean in the place of the weights."""

        def measure() -> float:
            present = [variable.numpy() for variable in self.present]
            assign(self.present, self.average)
            try:
                return loss()
            finally:
                assign(self.present, present)

        return measure

    def _eager_update(self, share: tf.Tensor) -> None:
        for average, present in zip(self.average, self.present, strict=True):
            average.assign_add(share * (tf.convert_to_tensor(present) - average))


class LastEpoch(Wrapped):
    """A train step whose weights of the last epoch are kept; `loss` is measured at the end of each epoch."""

    def __init__(self, step: KeptStep, loss: Callable[[], float]):
        super().__init__(step)
        self.loss = loss
        self.present: Variables = step.model.variables

    def measure(self) -> Mapping[str, float]:
        """The loss of the epoch that ends."""
        return {"validation_loss": self.loss()}

    def restore(self) -> None:
        """Put the weights that are kept into the model."""
        assign(self.present, self.step.kept)


class BestEpoch(LastEpoch):
    """It also holds the weights of the epoch with the lowest loss, so that checkpoints and rollbacks know them.

    Where there is nothing to measure the loss is NaN, no epoch is the best, and the last one stays.
    """

    def __init__(self, step: KeptStep, loss: Callable[[], float]):
        super().__init__(step, loss)
        self.best = [tf.Variable(variable, trainable=False) for variable in self.present]
        self.lowest = tf.Variable(NONE_YET, trainable=False, dtype=tf.float64)

    @property
    def variables(self) -> Variables:
        return [*self.step.variables, *self.best, self.lowest]

    def measure(self) -> Mapping[str, float]:
        """The loss of the epoch that ends."""
        loss = self.loss()
        if loss < float(self.lowest):
            self.lowest.assign(loss)
            assign(self.best, self.step.kept)
        return {"validation_loss": loss}

    def restore(self) -> None:
        """Go back to the best epoch."""
        assign(self.present, self.best if float(self.lowest) < NONE_YET else self.step.kept)


def patient(patience: int | None) -> Callable[[Sequence[Row]], bool]:
    """Whether the validation loss has not fallen for `patience` epochs; None waits for ever."""

    def finished(rows: Sequence[Row]) -> bool:
        losses: list[Any] = [row["validation_loss"] for row in rows]
        if patience is None or len(losses) <= patience:
            return False
        return min(losses[-patience:]) >= min(losses[:-patience])

    return finished


def assign(variables: Variables, values: Variables) -> None:
    """Put values into variables, one by one."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
