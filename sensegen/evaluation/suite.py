"""All measures of one evaluation, over seeds: `metrics.json`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int

from sensegen.evaluation.detection import discriminative_score, distinct, halves, noise_like
from sensegen.evaluation.interval import Null, merge, null
from sensegen.evaluation.usefulness import CLASSIFIERS, obstacle, predictions, scores
from sensegen.guard import Row
from sensegen.params import Params
from sensegen.seeding import derived_seed
from sensegen.training_run import Training
from sensegen.windows import Windows

NOT_MEASURED = {
    key: null("not measured: part of the full evaluation suite, which is not built yet")
    for key in ("trts", "tstr_plus_real", "augmentation", "fidelity", "physics", "memorisation", "privacy", "controls")
}
ALTERNATION = ("with", "without")
Predicted = dict[tuple[str, str], Int[np.ndarray, "test_window"]]


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
    same activities; one repetition uses one draw. Where the classes cannot carry usefulness, its measures are null
    with the reason, the confusion is empty, and detection is measured all the same.
    """
    reason = obstacle(fit, test)
    repetitions = []
    confusion: list[Row] = []
    for seed, (drawn, drawn_control) in enumerate(zip(synthetic, control, strict=True)):
        repetition = _Repetition(fit, test, drawn, drawn_control, _named(training, seed))
        useful = _of_no_use(reason) if reason else repetition.usefulness()
        repetitions.append(repetition.measures(useful))
        confusion = confusion or list(_confusion(test, useful.predicted))
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


@dataclass(frozen=True)
class _Usefulness:
    """TRTR, TSTR and their ratio; the TSTR macro-F1 with and without alternation; what each classifier said."""

    arms: dict[str, Any]
    alternation: dict[str, float | Null]
    predicted: Predicted


def _of_no_use(reason: str) -> _Usefulness:
    """Nulls where the classes cannot carry usefulness."""
    arms, alternation = (dict.fromkeys(keys, null(reason)) for keys in (("trtr", "tstr", "tstr_ratio"), ALTERNATION))
    return _Usefulness(arms, {**alternation}, {})


@dataclass(frozen=True)
class _Repetition:
    """The measures of one seed: one draw of the generator and one of its control."""

    fit: Windows
    test: Windows
    synthetic: Windows
    control: Windows
    training: Training

    def usefulness(self) -> _Usefulness:
        """What classifiers trained on real and on synthetic windows say of the test windows, and how well."""
        predicted = {
            (arm, kind): self._predictions(kind, windows, f"{arm} {kind}")
            for arm, windows in (("trtr", self.fit), ("tstr", self.synthetic))
            for kind in CLASSIFIERS
        }
        arms: dict[str, Any] = {"trtr": {}, "tstr": {}}
        for (arm, kind), labels in predicted.items():
            arms[arm][kind] = self._scores(labels)
        f1 = {arm: {kind: scored["macro_f1"] for kind, scored in kinds.items()} for arm, kinds in arms.items()}
        ratio = {kind: {"macro_f1": f1["tstr"][kind] / max(f1["trtr"][kind], 1e-9)} for kind in CLASSIFIERS}
        control = self._scores(self._predictions("cnn", self.control, "tstr cnn without alternation"))
        alternation = {"with": f1["tstr"]["cnn"], "without": control["macro_f1"]}
        return _Usefulness({**arms, "tstr_ratio": ratio}, alternation, predicted)

    def measures(self, useful: _Usefulness) -> dict[str, Any]:
        """All measures, those of usefulness as they were found."""
        detection = self._detection()
        scored = {"with": detection["discriminative_score"], "without": self._control_score()}
        alternation = {
            arm: {"tstr_macro_f1": useful.alternation[arm], "discriminative_score": scored[arm]} for arm in ALTERNATION
        }
        return {**useful.arms, "detection": {"cnn": detection}, "alternation": alternation}

    def _predictions(self, kind: str, train: Windows, name: str) -> Int[np.ndarray, "test_window"]:
        return predictions(kind, train, self.test, self.training, name)

    def _scores(self, predicted: Int[np.ndarray, "test_window"]) -> dict[str, Any]:
        return scores(self.test.labels, predicted, self.test.classes)

    def _detection(self) -> dict[str, float | Null]:
        seed = self.training.params.seed
        real, other_half = halves(distinct(self.fit.values), seed)
        others = {
            "discriminative_score": (self.synthetic.values, "judge of synthetic"),
            "floor": (other_half, "judge of real halves"),
            "floor_test": (self.test.values, "judge of other people"),
            "noise": (noise_like(real, seed), "judge of noise"),
        }
        return {key: discriminative_score(real, values, self.training, name) for key, (values, name) in others.items()}

    def _control_score(self) -> float | Null:
        real, _ = halves(distinct(self.fit.values), self.training.params.seed)
        return discriminative_score(real, self.control.values, self.training, "judge of the control")


def _confusion(test: Windows, predicted: Predicted) -> Iterator[Row]:
    for (arm, kind), labels in predicted.items():
        for actual, told in zip(test.labels, labels, strict=True):
            yield {"arm": arm, "classifier": kind, "actual": test.classes[actual], "predicted": test.classes[told]}
