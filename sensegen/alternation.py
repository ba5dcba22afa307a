"""Algorithm 1 of SenseGen (Alzantot et al., 2017): discriminator and generator train in turn.

A round draws a minibatch of real windows and as many generated ones, and trains the discriminator for
`discriminator_epochs` passes over that draw; it draws real windows again and trains the generator on them, by
likelihood, for `generator_epochs` passes. The generator is not trained through the discriminator, whose accuracy
on validation people is what the rounds are watched by.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sensegen.batches import EpochBatches
from sensegen.classifiers.discriminator import Discriminator, Discriminators
from sensegen.generators.generator import Generator, Part
from sensegen.guard import Row, Variables
from sensegen.params.models import AlternateParams
from sensegen.pretraining import arrays_of, sampled, validation_of
from sensegen.seeding import derived_seed, rng
from sensegen.training import GradientStep, Schedule, mean_loss
from sensegen.training_run import Training
from sensegen.windows import Windows

ROUND_COLUMNS = (
    "part",
    "round",
    "discriminator_loss",
    "discriminator_validation_accuracy",
    "generator_loss",
    "generator_validation_loss",
)


@dataclass(frozen=True)
class DiscriminatorBatch:
    """Real and generated windows (batch, time, channel) of the same activities."""

    arrays: tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class GeneratorBatch:
    """Real windows (batch, time, channel) and their activities."""

    arrays: tuple[np.ndarray, np.ndarray]


class AlternatingStep:
    """A step of whichever model the batch is for; both are kept and restored together."""

    def __init__(self, generator: GradientStep, discriminator: GradientStep):
        self.generator = generator
        self.discriminator = discriminator

    @property
    def variables(self) -> Variables:
        return [*self.generator.variables, *self.discriminator.variables]

    @property
    def learning_rate(self) -> float:
        """The generator's; the discriminator's is halved with it."""
        return self.generator.learning_rate

    def halve_learning_rate(self) -> None:
        """What a rollback does, to both."""
        self.generator.halve_learning_rate()
        self.discriminator.halve_learning_rate()

    def __call__(self, batch: DiscriminatorBatch | GeneratorBatch, step: int) -> dict[str, float]:
        name = "discriminator" if isinstance(batch, DiscriminatorBatch) else "generator"
        report = getattr(self, name)(batch.arrays, step)
        return {f"{name}_{key}": value for key, value in report.items()}


class AlternatingBatches:
    """The batches of Algorithm 1 for one part. A draw depends on its round, and on the generator as it stands then."""

    def __init__(self, part: Part, generator: Generator, training: Training):
        self.part = part
        self.generator = generator
        self.training = training
        self.params = training.params.alternate
        self.windows = min(self.params.minibatch_windows, len(part.windows))
        self.discriminator_steps = self._steps(self.params.discriminator_epochs, self.params.discriminator_optimiser)
        self.generator_steps = self._steps(self.params.generator_epochs, self.params.generator_optimiser)
        self._drawn: tuple[int, str] | None = None
        self._batches: EpochBatches

    @property
    def round_steps(self) -> int:
        """Steps of both models in a round."""
        return self.discriminator_steps + self.generator_steps

    def __call__(self, step: int) -> DiscriminatorBatch | GeneratorBatch:
        number, at = divmod(step, self.round_steps)
        if at < self.discriminator_steps:
            return DiscriminatorBatch(self._of(number, "discriminator")(at))
        return GeneratorBatch(self._of(number, "generator")(at - self.discriminator_steps))

    def draw(self, number: int, model: str) -> Windows:
        """The real windows that a round draws for one of the models."""
        stream = rng(self.training.params.seed, "alternate", self.part.name, number, model)
        return self.part.windows.select(np.sort(stream.choice(len(self.part.windows), self.windows, replace=False)))

    def _of(self, number: int, model: str) -> Any:
        if self._drawn != (number, model):
            self._drawn = (number, model)
            self._batches = self._draw_batches(number, model)
        return self._batches

    def _draw_batches(self, number: int, model: str) -> EpochBatches:
        drawn = self.draw(number, model)
        real, labels = arrays_of(drawn)
        name = f"{self.part.name} round {number} {model}"
        if model == "generator":
            return self.training.batches([real, labels], self.params.generator_optimiser, name)
        generated = sampled(self.generator, drawn, self.training, name)
        return self.training.batches([real, generated, labels], self.params.discriminator_optimiser, name)

    def _steps(self, epochs: int, optimiser: Any) -> int:
        return epochs * (self.windows // min(optimiser.batch_windows, self.windows))


def alternate(
    generator: Generator, discriminators: Discriminators, fit: Windows, validation: Windows, training: Training
) -> list[Row]:
    """Run the rounds of Algorithm 1 on every part of a generator; gives a row a round."""
    rows: list[Row] = []
    for part in generator.parts(fit):
        rounds = _Rounds(part, generator, discriminators[part.name], validation, training)
        rows.extend(rounds.run())
    return rows


class _Rounds:
    """The alternation of one part."""

    def __init__(
        self, part: Part, generator: Generator, discriminator: Discriminator, validation: Windows, training: Training
    ):
        self.training = training
        self.part = part
        self.generator = generator
        self.discriminator = discriminator
        self.batches = AlternatingBatches(part, generator, training)
        self.validation = validation_of(generator, validation, part.name)
        self.validation_loss = mean_loss(part.model, arrays_of(self.validation))

    def run(self) -> list[Row]:
        params: AlternateParams = self.training.params.alternate
        step = AlternatingStep(
            self.training.step(self.part.model, params.generator_optimiser, f"{self.part.name} generator"),
            self.training.step(self.discriminator, params.discriminator_optimiser, f"{self.part.name} discriminator"),
        )
        schedule = Schedule(params.rounds * self.batches.round_steps, self.batches.round_steps, self._measure)
        state = self.training.train(step, self.batches, schedule, self.part.name)
        return [{**row, "round": row["epoch"]} for row in state.rows]

    def _measure(self) -> dict[str, float]:
        real, labels = arrays_of(self.validation)
        seed = derived_seed(self.training.params.seed, "alternate", self.part.name, "validation")
        generated = self.generator.sample(labels, seed)
        return {
            "discriminator_validation_accuracy": self.discriminator.accuracy(real, generated, labels),
            "generator_validation_loss": self.validation_loss(),
        }


def without_alternation(generator: Generator, fit: Windows, validation: Windows, training: Training) -> int:
    """The control: the same number of generator steps, on batches of all windows; gives that number."""
    params = training.params.alternate
    total = 0
    for part in generator.parts(fit):
        steps = params.rounds * AlternatingBatches(part, generator, training).generator_steps
        name = f"{part.name} without alternation"
        batches = training.batches(arrays_of(part.windows), params.generator_optimiser, name)
        measured = mean_loss(part.model, arrays_of(validation_of(generator, validation, part.name)))
        epoch_steps = min(batches.epoch_steps, steps)
        schedule = Schedule(steps, max(1, epoch_steps), partial(_as_validation_loss, measured))
        training.train(training.step(part.model, params.generator_optimiser, name), batches, schedule, name)
        total += steps
    return total


def _as_validation_loss(measured: Callable[[], float]) -> dict[str, float]:
    return {"validation_loss": measured()}
