"""All measures of one evaluation, over seeds: `metrics.json`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from sensegen.evaluation import embedding
from sensegen.evaluation.arms import Arms
from sensegen.evaluation.interval import merge, null
from sensegen.evaluation.paired import paired_difference
from sensegen.evaluation.real import Real
from sensegen.evaluation.repetition import Judged, Repetition
from sensegen.guard import Row
from sensegen.params import Params
from sensegen.progress import Progress, reporter
from sensegen.seeding import derived_seed
from sensegen.training_run import Training
from sensegen.windows import Windows

AUGMENTATION = null("these windows came without the generator, to be trained on few real windows alone")


@dataclass(frozen=True)
class Evaluation:
    """The nested metrics, each test window's actual and predicted class by arm and classifier, and an embedding.

    Predictions and embedding are those of the first seed.
    """

    metrics: dict[str, Any]
    confusion: list[Row]
    embedding: list[Row]


def evaluate(real: Real, judged: Sequence[Judged], training: Training) -> Evaluation:
    """Judge synthetic windows against real ones; a repetition uses one draw of `judged`.

    Floors, the judges' power and the controls are measured in the first `evaluate.control_seeds` repetitions. Where
    the classes cannot carry usefulness, its measures are null with the reason, and all the rest is measured.
    """
    from threadpoolctl import threadpool_limits

    # The products of the measures are small: on two busy cores, threads of BLAS and OpenMP waited for each other ten
    # times as long as they worked. TensorFlow's own threads are not touched.
    with threadpool_limits(1):
        return _evaluated(real, judged, training)


def _evaluated(real: Real, judged: Sequence[Judged], training: Training) -> Evaluation:
    show = reporter(training.log.stage)
    with_controls = training.params.evaluate.control_seeds
    told, beside, arms, confusion, points = [], [], [], [], []
    for seed, draw in enumerate(judged):
        repetition = Repetition(real, draw, _named(training, seed), partial(_say, show, seed, len(judged)))
        told.append(repetition.measures())
        arms.append(repetition.arms)
        if seed < with_controls:
            beside.append(repetition.beside())
        if seed == 0:
            confusion, points = list(_confusion(real.test, repetition.arms)), embedding.points(repetition)
    metrics = _joined(merge(told), merge(beside))
    counts = {name: len(getattr(real, name)) for name in ("fit", "validation", "held_out_time", "test")}
    return Evaluation(
        {
            **metrics,
            "paired": _paired(arms),
            "augmentation": AUGMENTATION,
            "windows": {**counts, "synthetic": len(judged[0].synthetic)},
        },
        confusion,
        points,
    )


def _say(show: Progress, seed: int, seeds: int, text: str) -> None:
    show(seed, seeds, f"seed {seed + 1} of {seeds}: {text}")


def draws(sample: Callable[[np.ndarray, int], np.ndarray], like: Windows, params: Params) -> list[Windows]:
    """A set of generated windows for every seed, each with the activities of `like`."""
    seeds = [derived_seed(params.seed, "evaluate", "draw", number) for number in range(params.evaluate.seeds)]
    people = ("",) * len(like)
    return [replace(like, values=sample(like.labels, seed), subjects=people) for seed in seeds]


def with_comparison(metrics: dict[str, Any], comparison: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics with what the alternation's stage measured of its two generators."""
    alternation: dict[str, Any] = {"generator_steps": comparison["generator_steps"]}
    for name, measured in metrics["alternation"].items():
        alternation[name] = {**measured, "validation_nll": comparison["validation_nll"][name]}
    return {**metrics, "alternation": alternation}


def _named(training: Training, seed: int) -> Training:
    params = training.params.model_copy(update={"seed": training.params.seed + 1_000 * (seed + 1)})
    return replace(training, params=params)


def _joined(told: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """Two nested mappings as one; where both have a key they are folders."""
    both = {key: _joined(told[key], beside[key]) for key in told if key in beside}
    return {**told, **beside, **both}


def _paired(arms: Sequence[Arms]) -> dict[str, Any]:
    """By classifier, the macro-F1 of synthetic, and of both, less that of real: above 0 is better than real alone."""
    if reason := arms[0].reason:
        return null(reason)
    f1 = {
        (arm, kind): [of_seed.scores[arm][kind]["macro_f1"] for of_seed in arms]
        for arm in ("trtr", "tstr", "tstr_plus_real")
        for kind in arms[0].scores["trtr"]
    }
    return {
        kind: {
            "tstr_less_trtr": paired_difference(f1["tstr", kind], f1["trtr", kind]),
            "tstr_plus_real_less_trtr": paired_difference(f1["tstr_plus_real", kind], f1["trtr", kind]),
        }
        for kind in arms[0].scores["trtr"]
    }


def _confusion(test: Windows, arms: Arms) -> Iterator[Row]:
    for (arm, kind), labels in arms.predicted.items():
        for actual, told in zip(test.labels, labels, strict=True):
            yield {"arm": arm, "classifier": kind, "actual": test.classes[actual], "predicted": test.classes[told]}
