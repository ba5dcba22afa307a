"""All measures of one evaluation, over seeds: `metrics.json`.

The judges of a seed and its other measures are two pieces of work, done side by side where `runtime.workers` allows.
Every training and draw has a seed of its own, so no number depends on who did it, or when.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sensegen import distributed
from sensegen.evaluation.controls import POWER
from sensegen.evaluation.detecting import HALVES, SYNTHETIC, TEST, WITHOUT, detect
from sensegen.evaluation.draw import Draw, Judged, Part, work
from sensegen.evaluation.headline import headline
from sensegen.evaluation.interval import is_null, merge, null
from sensegen.evaluation.paired import paired_difference
from sensegen.evaluation.real import Real
from sensegen.evaluation.repetition import measure
from sensegen.guard import Row
from sensegen.params import Params
from sensegen.seeding import derived_seed
from sensegen.training_run import Training
from sensegen.windows import Windows

AUGMENTATION = null("these windows came without the generator, to be trained on few real windows alone")
Told = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """The nested metrics, each test window's actual and predicted class by arm and classifier, and an embedding.

    Predictions and embedding are those of the first seed.
    """

    metrics: Told
    confusion: list[Row]
    embedding: list[Row]


def evaluate(real: Real, judged: Sequence[Judged], training: Training) -> Evaluation:
    """Judge synthetic windows against real ones; a repetition uses one draw of `judged`.

    Floors, the judges' power and the controls are measured in the first `evaluate.control_seeds` repetitions. Where
    the classes cannot carry usefulness, its measures are null with the reason, and all the rest is measured. Alerts of
    all trainings are added to those of `training`.
    """
    draws = [Draw(number, real, one, training.params, training.log.path) for number, one in enumerate(judged)]
    jobs = [(function, draw) for draw in draws for function in (detect, measure)]
    parts = list(distributed.each(work, jobs, training.params.runtime))
    _tell(parts, training)
    detected, measured = ([part.told for part in parts[first::2]] for first in (0, 1))
    found = list(zip(draws, detected, measured, strict=True))
    told = [_judged(*one) for one in found]
    beside = [_beside(*one) for one in found if one[0].controls]
    counts = {name: len(getattr(real, name)) for name in ("fit", "validation", "held_out_time", "test")}
    metrics = {
        **_joined(merge(told), merge(beside)),
        "paired": _paired([of_seed["arms"] for of_seed in measured]),
        "augmentation": AUGMENTATION,
        "windows": {**counts, "synthetic": len(judged[0].synthetic)},
    }
    return Evaluation(metrics, parts[1].confusion, parts[1].embedding)


def draws(sample: Callable[[np.ndarray, int], np.ndarray], like: Windows, params: Params) -> list[Windows]:
    """A set of generated windows for every seed, each with the activities of `like`."""
    seeds = [derived_seed(params.seed, "evaluate", "draw", number) for number in range(params.evaluate.seeds)]
    people = ("",) * len(like)
    return [replace(like, values=sample(like.labels, seed), subjects=people) for seed in seeds]


def with_comparison(metrics: Told, comparison: Mapping[str, Any]) -> Told:
    """The metrics with what the alternation's stage measured of its two generators."""
    alternation: Told = {"generator_steps": comparison["generator_steps"]}
    for name, measured in metrics["alternation"].items():
        alternation[name] = {**measured, "validation_loss": comparison["validation_loss"][name]}
    return {**metrics, "alternation": alternation}


def _tell(parts: Sequence[Part], training: Training) -> None:
    for alert in (alert for part in parts for alert in part.alerts):
        training.alerts.append(alert)
        for listener in training.log.listeners:
            listener.on_alert(alert)


def _judged(draw: Draw, detected: Told, measured: Told) -> Told:
    """What one seed measured of the judged windows."""
    of = measured["rows"][SYNTHETIC]
    kinds = draw.params.evaluate.judges.kinds
    return {
        **measured["arms"],
        "detection": {kind: detected[SYNTHETIC][kind] for kind in kinds},
        **{name: {SYNTHETIC: of[name]} for name in ("fidelity", "physics")},
        **{name: of[name] for name in ("memorisation", "privacy")},
        "forecast": {"predictive_score": of["prediction"], **measured["parity"]},
        "alternation": measured["alternation"],
    }


def _beside(draw: Draw, detected: Told, measured: Told) -> Told:
    """What these are read beside: floors, the power of the judges, and a row of numbers for every control.

    `controls` has the judged windows as its first row, measured in the same way.
    """
    rows = measured["rows"]
    judges = draw.params.evaluate.judges
    table = {
        name: {
            "tstr_ratio": measured["ratios"][name],
            **headline({**row, "detection": {kind: detected[name][kind] for kind in judges.control_kinds}}),
        }
        for name, row in rows.items()
    }
    return {
        "detection": {kind: _floors_and_power(detected, kind) for kind in judges.kinds},
        "fidelity": {name: rows[name]["fidelity"] for name in (HALVES, TEST)},
        "physics": {TEST: rows[TEST]["physics"]},
        "controls": {**table, **measured["impossible"]},
        **_alternation(detected, judges.kinds[0]),
    }


def _floors_and_power(detected: Told, kind: str) -> Told:
    proofs = {"floor": HALVES, "floor_test": TEST, **{name: name for name in POWER if name in detected}}
    scores = {key: detected[name][kind]["discriminative_score"] for key, name in proofs.items()}
    return {**scores, "floor_auc": detected[HALVES][kind]["auc"]}


def _alternation(detected: Told, judge: str) -> Told:
    """Detection with and without the alternation by one judge, where there are windows without."""
    if WITHOUT not in detected:
        return {}
    sets = {"with": SYNTHETIC, "without": WITHOUT}
    key = "discriminative_score"
    return {"alternation": {arm: {key: detected[name][judge][key]} for arm, name in sets.items()}}


def _joined(told: Told, beside: Told) -> Told:
    """Two nested mappings as one; where both have a key they are folders."""
    both = {key: _joined(told[key], beside[key]) for key in told if key in beside}
    return {**told, **beside, **both}


def _paired(arms: Sequence[Told]) -> Told:
    """By classifier, the macro-F1 of synthetic, and of both, less that of real: above 0 is better than real alone."""
    if is_null(arms[0]["trtr"]):
        return arms[0]["trtr"]
    told = {}
    for kind in arms[0]["trtr"]:
        f1 = {arm: [of_seed[arm][kind]["macro_f1"] for of_seed in arms] for arm in ("trtr", "tstr", "tstr_plus_real")}
        told[kind] = {f"{arm}_less_trtr": paired_difference(f1[arm], f1["trtr"]) for arm in ("tstr", "tstr_plus_real")}
    return told
