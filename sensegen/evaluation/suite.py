"""All measures of one evaluation, over seeds: `metrics.json`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sensegen.evaluation.detection import discriminative_score, halves, noise_like
from sensegen.evaluation.interval import merge
from sensegen.evaluation.usefulness import CLASSIFIERS, predictions, scores
from sensegen.guard import Row
from sensegen.params import Params
from sensegen.seeding import derived_seed
from sensegen.training_run import Training
from sensegen.windows import Windows

NOT_MEASURED = {
    key: {"value": None, "reason": "not measured: part of the full evaluation suite, which is not built yet"}
    for key in ("trts", "tstr_plus_real", "augmentation", "fidelity", "physics", "memorisation", "privacy", "controls")
}


@dataclass(frozen=True)
class Evaluation:
    """The nested metrics, and each test window's actual and predicted class by arm and classifier (first seed)."""

    metrics: dict[str, Any]
    confusion: list[Row]


def evaluate(
    fit: Windows, test: Windows, synthetic: Sequence[Windows], control: Sequence[Windows], training: Training
) -> Evaluation:
    """Judge synthetic windows against the real ones.

    `synthetic[seed]` and `control[seed]` (the generator without alternation) hold as many windows as `fit`, of the
    same activities; one repetition uses one draw.
    """
    repetitions = []
    confusion: list[Row] = []
    for seed, (drawn, drawn_control) in enumerate(zip(synthetic, control, strict=True)):
        measured, predicted = _repetition(fit, test, drawn, drawn_control, _named(training, seed))
        repetitions.append(measured)
        confusion = confusion or list(_confusion(test, predicted))
    merged = merge(repetitions)
    return Evaluation({**merged, "windows": {"fit": len(fit), "test": len(test)}, **NOT_MEASURED}, confusion)


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


def _repetition(
    fit: Windows, test: Windows, synthetic: Windows, control: Windows, training: Training
) -> tuple[dict[str, Any], dict[tuple[str, str], np.ndarray]]:
    predicted = {
        (arm, kind): predictions(kind, windows, test, training, f"{arm} {kind}")
        for arm, windows in (("trtr", fit), ("tstr", synthetic))
        for kind in CLASSIFIERS
    }
    scored: dict[str, Any] = {"trtr": {}, "tstr": {}}
    for (arm, kind), labels in predicted.items():
        scored[arm][kind] = scores(test.labels, labels, test.classes)
    ratio = {
        kind: {"macro_f1": scored["tstr"][kind]["macro_f1"] / max(scored["trtr"][kind]["macro_f1"], 1e-9)}
        for kind in CLASSIFIERS
    }
    detection = _detection(fit, test, synthetic, training)
    alternation = {
        "with": {
            "tstr_macro_f1": scored["tstr"]["cnn"]["macro_f1"],
            "discriminative_score": detection["discriminative_score"],
        },
        "without": _without_alternation(fit, test, control, training),
    }
    return {**scored, "tstr_ratio": ratio, "detection": {"cnn": detection}, "alternation": alternation}, predicted


def _detection(fit: Windows, test: Windows, synthetic: Windows, training: Training) -> dict[str, float]:
    seed = training.params.seed
    real, other_half = halves(fit.values, seed)
    return {
        "discriminative_score": discriminative_score(real, synthetic.values, training, "judge of synthetic"),
        "floor": discriminative_score(real, other_half, training, "judge of real halves"),
        "floor_test": discriminative_score(real, test.values, training, "judge of other people"),
        "noise": discriminative_score(real, noise_like(real, seed), training, "judge of noise"),
    }


def _without_alternation(fit: Windows, test: Windows, control: Windows, training: Training) -> dict[str, float]:
    predicted = predictions("cnn", control, test, training, "tstr cnn without alternation")
    real, _ = halves(fit.values, training.params.seed)
    return {
        "tstr_macro_f1": scores(test.labels, predicted, test.classes)["macro_f1"],
        "discriminative_score": discriminative_score(real, control.values, training, "judge of the control"),
    }


def _confusion(test: Windows, predicted: Mapping[tuple[str, str], np.ndarray]) -> Iterator[Row]:
    for (arm, kind), labels in predicted.items():
        for actual, told in zip(test.labels, labels, strict=True):
            yield {"arm": arm, "classifier": kind, "actual": test.classes[actual], "predicted": test.classes[told]}
