"""The weights of the epoch that did best on windows which training does not see, kept beside the present ones."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sensegen.guard import Row, Variables
from sensegen.training import GradientStep

NONE_YET = float(np.finfo(np.float64).max)  # finite, as all that a checkpoint holds


class BestEpoch:
    """A train step that also holds the best epoch's weights, so that checkpoints and rollbacks know them.

    `loss` is measured at the end of each epoch; less is better. Where there is nothing to measure it is NaN, no epoch
    is the best, and the last one stays.
    """

    def __init__(self, step: GradientStep, loss: Callable[[], float]):
        self.step = step
        self.loss = loss
        self.present: Variables = step.model.variables
        self.best = [tf.Variable(variable, trainable=False) for variable in self.present]
        self.lowest = tf.Variable(NONE_YET, trainable=False, dtype=tf.float64)

    @property
    def variables(self) -> Variables:
        return [*self.step.variables, *self.best, self.lowest]

    @property
    def learning_rate(self) -> float:
        """The step's."""
        return self.step.learning_rate

    def halve_learning_rate(self) -> None:
        """What a rollback does."""
        self.step.halve_learning_rate()

    def __call__(self, batch: Any, step: int) -> dict[str, float]:
        return self.step(batch, step)

    def measure(self) -> Mapping[str, float]:
        """The loss of the epoch that ends."""
        loss = self.loss()
        if loss < float(self.lowest):
            self.lowest.assign(loss)
            _assign(self.best, self.present)
        return {"validation_loss": loss}

    def restore(self) -> None:
        """Go back to the best epoch."""
        if float(self.lowest) < NONE_YET:
            _assign(self.present, self.best)


def patient(patience: int | None) -> Callable[[Sequence[Row]], bool]:
    """Whether the validation loss has not fallen for `patience` epochs; None waits for ever."""

    def finished(rows: Sequence[Row]) -> bool:
        losses: list[Any] = [row["validation_loss"] for row in rows]
        if patience is None or len(losses) <= patience:
            return False
        return min(losses[-patience:]) >= min(losses[:-patience])

    return finished


def _assign(variables: Variables, values: Variables) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
