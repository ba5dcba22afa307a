"""Before the alternation: the generator by its own loss, and the discriminator on what that generator makes."""

from dataclasses import replace

import numpy as np

from sensegen.adversarial_step import step_and_batches
from sensegen.batches import CutAnywhere
from sensegen.classifiers.discriminator import Discriminator, Discriminators
from sensegen.generators.generator import Generator, Part
from sensegen.kept_weights import AveragedStep, BestEpoch, LastEpoch, patient
from sensegen.labelling import window_stride
from sensegen.params.models import TrainGeneratorParams
from sensegen.seeding import derived_seed
from sensegen.training import GradientStep, Schedule, cosine, mean_loss
from sensegen.training_run import Training
from sensegen.warm_start import frozen
from sensegen.windows import Windows, WindowShape


def pretrain(generator: Generator, fit: Windows, validation: Windows, training: Training) -> None:
    """Train every part of a generator by its own loss, which is measured on validation people each epoch."""
    params = training.params.train_generator
    generator.settle(fit)
    warm = params.warm_start
    for part in generator.parts(fit):
        unseen = validation_of(generator, validation, part.name)
        if not warm or not warm.frozen:
            train_part(part, unseen, params, training)
            continue
        first = warm.frozen_epochs or params.epochs
        with frozen(part.model, warm.frozen):
            held = replace(part, name=f"{part.name}, some layers held")
            train_part(held, unseen, params.model_copy(update={"epochs": first}), training)
        if rest := params.epochs - first:
            train_part(part, unseen, params.model_copy(update={"epochs": rest}), training)


def train_part(part: Part, validation: Windows, params: TrainGeneratorParams, training: Training) -> None:
    """Train one part on its windows for the epochs of `params`, and leave it as it was after the epoch that validation
    people liked best, or after the last one."""
    stride = window_stride(training.params.window)
    batches = CutAnywhere(
        training.batches(arrays_of(part.windows), params.optimiser, part.name), part.windows.labels, stride
    )
    decay = cosine(params.epochs * batches.epoch_steps)
    step, fed = step_and_batches(training, part.model, batches, params.optimiser, part.name, decay)
    averaged = AveragedStep(step)
    kept = (LastEpoch if params.patience is None else BestEpoch)(
        averaged, averaged.over_average(mean_loss(part.model, arrays_of(validation)))
    )
    schedule = Schedule(params.epochs * fed.epoch_steps, fed.epoch_steps, kept.measure, patient(params.patience))
    training.train(kept, fed, schedule, part.name)
    kept.restore()


def validation_of(generator: Generator, validation: Windows, part: str) -> Windows:
    """The validation windows that one part of a generator answers for: none if its activity was not seen there."""
    none = validation.select(np.empty(0, np.int64))
    return next((other.windows for other in generator.parts(validation) if other.name == part), none)


def validation_loss(generator: Generator, validation: Windows) -> float:
    """The generator's own loss on the validation people: its family says in which unit."""
    parts = generator.parts(validation)
    losses = [mean_loss(part.model, arrays_of(part.windows))() * len(part.windows) for part in parts]
    return sum(losses) / len(validation)


def arrays_of(windows: Windows) -> list[np.ndarray]:
    """A batch's arrays: values and labels. Values that are stored as float32 stay there until a batch takes them."""
    values = windows.values if windows.values.dtype == np.float32 else np.asarray(windows.values, np.float32)
    return [values, windows.labels.astype(np.int32)]


def train_discriminators(generator: Generator, fit: Windows, validation: Windows, training: Training) -> Discriminators:
    """Train a discriminator for every part of a generator: its real windows against as many generated ones."""
    models = {}
    for part in generator.parts(fit):
        generated = sampled(generator, part.windows, training, "fit")
        unseen = _against(generator, validation_of(generator, validation, part.name), training)
        models[part.name] = _train_discriminator(part, generated, unseen, training)
    return Discriminators(models)


def _train_discriminator(
    part: Part, generated: np.ndarray, validation: tuple[np.ndarray, np.ndarray, np.ndarray], training: Training
) -> Discriminator:
    params = training.params.train_discriminator
    shape = part.windows.shape
    model = Discriminator(
        WindowShape(shape.length, shape.channels, part.model.window.classes), params.discriminator, training.params.seed
    )
    real, labels = arrays_of(part.windows)
    batches = training.batches([real, generated, labels], params.optimiser, part.name)
    loss = mean_loss(model, validation)
    schedule = Schedule(
        params.epochs * batches.epoch_steps,
        batches.epoch_steps,
        lambda: {"validation_loss": loss(), "validation_accuracy": model.accuracy(*validation)},
    )
    step: GradientStep = training.step(model, params.optimiser, part.name)
    training.train(step, batches, schedule, part.name)
    return model


def sampled(generator: Generator, like: Windows, training: Training, *name: str | int) -> np.ndarray:
    """As many generated windows as `like` has, of the same activities, drawn under a name."""
    return generator.sample(like.labels, derived_seed(training.params.seed, training.log.stage, *name))


def _against(
    generator: Generator, validation: Windows, training: Training
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    real, labels = arrays_of(validation)
    return real, sampled(generator, validation, training, "validation"), labels
