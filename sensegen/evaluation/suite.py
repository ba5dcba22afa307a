"""All measures of one evaluation, over seeds: `metrics.json`.

Every number stands beside its floors (real halves, other real people) and beside the same number of the controls, as a
number alone proves nothing: copies are useful, noise is private, and a dead judge finds everything perfect.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sensegen.evaluation.arms import Arms, Predicted, of_no_use
from sensegen.evaluation.controls import CONTROLS
from sensegen.evaluation.headline import headline
from sensegen.evaluation.interval import is_null, merge, null
from sensegen.evaluation.paired import paired_difference
from sensegen.evaluation.real import Real
from sensegen.evaluation.usefulness import obstacle
from sensegen.evaluation.yardstick import Yardstick
from sensegen.guard import Row
from sensegen.params import Params
from sensegen.seeding import derived_seed, rng
from sensegen.training_run import Training
from sensegen.windows import Windows

AUGMENTATION = null("not measured: it needs generators trained on a few windows each, which a flow of its own trains")
ALTERNATION = ("with", "without")
PAIRS = {"tstr_less_trtr": ("tstr", "trtr"), "tstr_plus_real_less_trtr": ("tstr_plus_real", "trtr")}


@dataclass(frozen=True)
class Evaluation:
    """The nested metrics, and each test window's actual and predicted class by arm and classifier (first seed)."""

    metrics: dict[str, Any]
    confusion: list[Row]


def evaluate(
    real: Real, synthetic: Sequence[Windows], without_alternation: Sequence[Windows] | None, training: Training
) -> Evaluation:
    """Judge synthetic windows against the real ones; one repetition uses one draw of each sequence.

    `synthetic[seed]` should hold as many windows as `real.fit`, of the same activities. Where the classes cannot carry
    usefulness, its measures are null with the reason, the confusion is empty, and all else is measured all the same.
    """
    reason = obstacle(real.fit, real.test)
    told, confusion, controls = [], list[Row](), dict[str, Any]()
    for seed, drawn in enumerate(synthetic):
        once = _Repetition(Yardstick.of(real, _named(training, seed)), drawn, reason)
        told.append(once.measures(without_alternation[seed] if without_alternation else None))
        if not seed:
            confusion, controls = list(_confusion(real.test, once.arms.predicted)), once.controls()
    metrics = {
        **merge(told),
        "paired": paired(told, reason),
        "augmentation": AUGMENTATION,
        "controls": controls,
        "windows": {"fit": len(real.fit), "test": len(real.test), "synthetic": len(synthetic[0])},
    }
    return Evaluation(metrics, confusion)


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


def paired(told: Sequence[Mapping[str, Any]], reason: str | None) -> dict[str, Any]:
    """Differences of macro-F1 between arms, seed by seed: above 0 the first arm is better."""
    if reason:
        return dict.fromkeys(PAIRS, null(reason))
    return {
        name: {
            kind: {
                "macro_f1": paired_difference(
                    *([one[arm][kind]["macro_f1"] for one in told] for arm in (first, second))
                )
            }
            for kind in told[0][first]
        }
        for name, (first, second) in PAIRS.items()
    }


def _named(training: Training, seed: int) -> Training:
    params = training.params.model_copy(update={"seed": training.params.seed + 1_000 * (seed + 1)})
    return replace(training, params=params)


class _Repetition:
    """The measures of one seed: one draw of the generator."""

    def __init__(self, yardstick: Yardstick, synthetic: Windows, reason: str | None):
        self.yardstick, self.synthetic = yardstick, synthetic
        self.real, self.training = yardstick.real, yardstick.training
        self.params = self.training.params.evaluate
        self.arms = (
            of_no_use(self.real, self.training, reason)
            if reason
            else Arms.measured(self.real, synthetic, self.training)
        )

    def measures(self, without: Windows | None) -> dict[str, Any]:
        """All measures of the synthetic windows, with their floors."""
        kinds = self.params.judges.kinds
        found = self.yardstick.measures(self.synthetic, "synthetic", kinds)
        return {
            **self.arms.scores,
            **found,
            "detection": self._beside_floors(found["detection"]),
            "fidelity": self._fidelity_beside_floors(found["fidelity"]),
            "alternation": self._alternation(found, without),
        }

    def _beside_floors(self, detection: Mapping[str, Any]) -> dict[str, Any]:
        """What each judge finds between real halves and in other people, and whether it catches cheats at all."""
        kinds = self.params.judges.kinds
        fit, seed = self.real.fit, self.yardstick.seed
        beside = {
            "floor": self.yardstick.floors(kinds),
            "floor_test": self.yardstick.detection(self.real.test, "other people", kinds),
        }
        for name in ("noise", "pca_mixture", "phase_surrogate"):
            cheat = replace(fit, values=CONTROLS[name](fit, fit.labels, seed), subjects=("",) * len(fit))
            beside[name] = self.yardstick.detection(cheat, name, kinds)
        return {
            kind: _scores_of(detection[kind]) | {name: _score(of[kind]) for name, of in beside.items()}
            for kind in kinds
        }

    def _fidelity_beside_floors(self, fidelity: Mapping[str, Any]) -> dict[str, Any]:
        half, other = self._real_halves()
        of_halves, of_test = self.yardstick.fidelity(half, other), self.yardstick.fidelity(self.real.fit, self.real.test)
        return {
            name: {"synthetic": value, "floor_halves": of_halves[name], "floor_test": of_test[name]}
            for name, value in fidelity.items()
        }

    def _real_halves(self) -> tuple[Windows, Windows]:
        order = rng(self.yardstick.seed, "halves", "windows").permutation(len(self.real.fit))
        middle = len(order) // 2
        return self.real.fit.select(np.sort(order[:middle])), self.real.fit.select(np.sort(order[middle : 2 * middle]))

    def _alternation(self, found: Mapping[str, Any], without: Windows | None) -> dict[str, Any]:
        kind = self.params.judges.kinds[0]
        scores = {"with": _score(found["detection"][kind])}
        f1: dict[str, Any] = {"with": self.arms.headline_f1("tstr")}
        if without is None:
            absent = null("the windows come from no alternation")
            f1["without"] = scores["without"] = absent
        else:
            scores["without"] = _score(self.yardstick.detection(without, "control", [kind])[kind])
            f1["without"] = self.arms.tstr_of(without, "tstr without alternation")
        return {arm: {"tstr_macro_f1": f1[arm], "discriminative_score": scores[arm]} for arm in ALTERNATION}

    def controls(self) -> dict[str, Any]:
        """The headline numbers of each control, of real halves and of other people, and of the synthetic windows."""
        fit, kinds = self.real.fit, self.params.judges.control_kinds
        rows = {
            "synthetic": self.synthetic,
            **{
                name: replace(fit, values=control(fit, fit.labels, self.yardstick.seed), subjects=("",) * len(fit))
                for name, control in CONTROLS.items()
            },
            "real_test": self.real.test,
        }
        return {
            name: headline(self.yardstick.measures(windows, f"control {name}", kinds))
            | {"tstr_ratio": self.arms.ratio_of(windows, f"control {name}")}
            for name, windows in rows.items()
        }


def _score(judged: Any) -> Any:
    return judged if is_null(judged) else judged["discriminative_score"]


def _scores_of(judged: Any) -> dict[str, Any]:
    return {"discriminative_score": judged, "auc": judged} if is_null(judged) else dict(judged)


def _confusion(test: Windows, predicted: Predicted) -> Iterator[Row]:
    for (arm, kind), labels in predicted.items():
        for actual, said in zip(test.labels, labels, strict=True):
            yield {"arm": arm, "classifier": kind, "actual": test.classes[actual], "predicted": test.classes[said]}
