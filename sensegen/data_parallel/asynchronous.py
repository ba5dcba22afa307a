"""A worker that sends its gradient to the parameter server and goes on with the weights that come back."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from sensegen.data_parallel.messages import Pushed, Told
from sensegen.data_parallel.sharing import SharedTraining
from sensegen.distributed.actors import Actor
from sensegen.divergence import AlertLog
from sensegen.guard import DivergenceGuard, TrainState, TrainStep, Variables
from sensegen.params.models import OptimiserParams
from sensegen.training import Decay, Schedule, Trainable, constant

WAIT_SECONDS = 0.05


class AsynchronousStep:
    """The gradient is found here, and applied there."""

    def __init__(self, model: Trainable, params: OptimiserParams, name: str, decay: Decay, training: Any):
        self.model, self.name, self.decay = model, name, decay
        self.seed, self.rank, self.server = training.seed_of(name), training.rank, training.server
        self.rate = params.learning_rate
        self._slope = tf.function(self._eager_slope)
        self.take(self.server.call("join", name, [v.numpy() for v in model.trainable_variables], params))

    @property
    def variables(self) -> Variables:
        """The model's; the optimiser's are the server's."""
        return self.model.variables

    @property
    def kept(self) -> Variables:
        """What stands for each of the model's variables in the end: they themselves."""
        return self.model.variables

    @property
    def learning_rate(self) -> float:
        """As the params have it; only the server knows whether it was halved."""
        return self.rate

    def halve_learning_rate(self) -> None:
        """The server has done it."""

    def __call__(self, batch: Any, step: int) -> dict[str, float]:
        loss, gradients = self._slope(batch, tf.constant([self.seed, step], tf.int32))
        arrays = [gradient.numpy() for gradient in gradients]
        pushed = Pushed(self.rank, step, self.version, float(loss), self.decay(step), arrays)
        told: Told = self.server.call("push", self.name, pushed)
        self.take(told)
        return told.report

    def take(self, told: Told) -> None:
        """Go on with the server's weights."""
        self.version = told.version
        for variable, array in zip(self.model.trainable_variables, told.weights, strict=True):
            variable.assign(array)

    def _eager_slope(self, batch: Any, seed: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        own = tf.random.experimental.stateless_fold_in(seed, self.rank) if self.rank else seed
        with tf.GradientTape() as tape:
            loss = self.model.batch_loss(batch, own)
        return loss, [tf.convert_to_tensor(each) for each in tape.gradient(loss, self.model.trainable_variables)]


class ServersGuard(DivergenceGuard):
    """The server guards the weights; a worker that was lost goes on after the last step that the server has of it."""

    def __init__(self, training: "AsynchronousTraining", part: str, begun: int):
        super().__init__(training.params.divergence, AlertLog(training.log.path, training.log.stage), part)
        self.begun = begun

    def resume(self, step: TrainStep) -> TrainState:
        """From where the server has it."""
        del step
        return TrainState(step=self.begun)

    def remember(self, step: TrainStep, state: TrainState) -> None:
        """The server does."""

    def recover(self, step: TrainStep, state: TrainState, reason: str) -> TrainState:
        """The server has gone back, and its weights are here already."""
        del step, reason
        return state


@dataclass(frozen=True, kw_only=True)
class AsynchronousTraining(SharedTraining):
    """The trainings of a worker that waits for nobody; batches are shared out as in the synchronous way."""

    server: Actor
    steps: list[AsynchronousStep] = field(default_factory=list)

    def step(self, model: Trainable, optimiser: OptimiserParams, name: str, decay: Decay = constant) -> Any:
        """A step on the server's weights."""
        self.models.append(model)
        self.steps.append(AsynchronousStep(model, optimiser, name, decay, self))
        return self.steps[-1]

    def train(self, step: TrainStep, batches: Callable[[int], Any], schedule: Schedule, part: str) -> TrainState:
        """Train the part whose step was made last; when all workers have made theirs, all have the same weights."""
        own = self.steps[-1]
        guard = ServersGuard(self, part, self._steps_of(own.name)[self.rank])
        state = self.train_under(guard, step, batches, schedule)
        while min(self._steps_of(own.name)) < schedule.steps:
            time.sleep(WAIT_SECONDS)
        own.take(self.server.call("pull", own.name))
        return state

    def _steps_of(self, name: str) -> Sequence[int]:
        return self.server.call("steps_of", name)
