"""What synthetic windows are worth to who has few real ones: the augmentation curve.

For each amount of real windows a generator is trained on those few and nothing else, and classifiers on the few alone
and on the few with its windows. A generator that had seen all windows would carry what it saw there into the few. Both
arms take as many steps as a classifier takes on all of fit; with synthetic windows, as many of a batch are real as
synthetic, on average. Validation and held-out windows are not touched, and test is read once an arm.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sensegen.adversarial_step import step_and_batches
from sensegen.evaluation.arms import together
from sensegen.evaluation.interval import Null, merge, null
from sensegen.evaluation.paired import paired_difference
from sensegen.evaluation.usefulness import fitted_classifier, obstacle, scores
from sensegen.generators import build_generator
from sensegen.generators.generator import Generator
from sensegen.params.models import AugmentParams
from sensegen.pretraining import arrays_of
from sensegen.seeding import derived_seed, rng
from sensegen.training import Schedule, cosine
from sensegen.training_run import Training
from sensegen.windows import Windows

ARMS = ("real", "with_synthetic")
NOT_ASKED = null("not asked for: `sensegen run --preset augmentation` trains a generator for every amount")


@dataclass(frozen=True)
class Amount:
    """How many real windows there are: so many of each class, or a share of each class."""

    a_class: int | None = None
    share: float | None = None

    @property
    def name(self) -> str:
        """As it stands in `metrics.json`."""
        return f"{self.a_class} a class" if self.share is None else f"{100 * self.share:g} %"

    def of(self, windows: Windows, seed: int) -> Windows:
        """That many windows, at least one of each class that there is, drawn at random."""
        rows = [self._some(np.flatnonzero(windows.labels == label), seed) for label in np.unique(windows.labels)]
        return windows.select(np.sort(np.concatenate(rows)))

    def _some(self, rows: np.ndarray, seed: int) -> np.ndarray:
        count = self.a_class if self.share is None else round(self.share * len(rows))
        return rng(seed, "few", self.name).permutation(rows)[: max(1, count or 0)]


def amounts(params: AugmentParams) -> list[Amount]:
    """Those that are asked for, the fewest windows of a class first."""
    few = [Amount(a_class=count) for count in params.windows_a_class]
    return [*few, *(Amount(share=share) for share in params.shares)]


def curve(fit: Windows, test: Windows, training: Training) -> dict[str, Any] | Null:
    """By amount, how many windows there are, and by classifier the macro-F1 of both arms and of their difference.

    Null where no amount is asked for, or the classes cannot carry usefulness.
    """
    params = training.params.augment
    asked = amounts(params)
    if not asked or (reason := obstacle(fit, test)):
        return NOT_ASKED if not asked else null(str(reason))
    told: dict[str, Any] = {}
    for amount in asked:
        seeds = [dict(_point(amount, fit, test, training, seed)) for seed in range(params.seeds)]
        few = len(amount.of(fit, 0))
        told[amount.name] = {"windows": few, **{kind: _measured(kind, seeds) for kind in seeds[0]}}
    return told


def _measured(kind: str, seeds: list[dict[str, Any]]) -> dict[str, Any]:
    arms = [of_seed[kind] for of_seed in seeds]
    synthetic, real = ([of_seed[arm] for of_seed in arms] for arm in reversed(ARMS))
    return {**merge(arms), "gain": paired_difference(synthetic, real)}


def _point(
    amount: Amount, fit: Windows, test: Windows, training: Training, seed: int
) -> Iterator[tuple[str, Mapping[str, float]]]:
    name = f"{amount.name} seed {seed}"
    few = amount.of(fit, derived_seed(training.params.seed, "augment", seed))
    generator = _trained(few, training, name)
    labels = np.resize(few.labels, len(fit))
    drawn = generator.sample(labels, training.seed_of(f"{name} draw"))
    synthetic = replace(few, values=drawn, labels=labels, subjects=("",) * len(labels))
    repeated = few.select(np.resize(np.arange(len(few)), len(fit)))
    arms = {"real": few, "with_synthetic": together(repeated, synthetic)}
    for kind in training.params.evaluate.classifiers:
        f1 = {arm: _macro_f1(kind, windows, test, training, f"{name} {arm}", len(fit)) for arm, windows in arms.items()}
        yield kind, f1


def _trained(few: Windows, training: Training, name: str) -> Generator:
    """A generator that has seen these windows alone, for `augment.generator_steps` steps a part."""
    params = training.params
    generator = build_generator(few.shape, params.train_generator.generator, training.seed_of(name))
    generator.settle(few)
    optimiser, steps = params.train_generator.optimiser, params.augment.generator_steps
    for part in generator.parts(few):
        part_name = f"{name} {part.name}"
        batches = training.batches(arrays_of(part.windows), optimiser, part_name)
        step, fed = step_and_batches(training, part.model, batches, optimiser, part_name, cosine(steps))
        training.train(step, fed, Schedule(steps, max(1, steps // 10)), part_name)
    return generator


def _macro_f1(kind: str, windows: Windows, test: Windows, training: Training, name: str, like: int) -> float:
    params = getattr(training.params.evaluate, kind)
    model = fitted_classifier(kind, windows, params, training, f"{name} {kind}", like=like)
    return scores(test.labels, model.predict_labels(np.asarray(test.values)), test.classes)["macro_f1"]
