"""What the headline numbers say, and what they do not say, in sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensegen.params import Params
from sensegen.params.windowing import InTimeSplit, KFoldSplit, LeaveOneOutSplit, SplitParams
from sensegen.reporting.measures import Measure, find
from sensegen.reporting.tables import classifiers, judges

PEOPLE_APART = (
    "Nobody in the validation or test split is also in the fit split: neighbouring windows overlap, so people are kept "
    "apart."
)
POWER = 0.45  # the discriminative score that noise must reach


@dataclass(frozen=True)
class Score:
    """One headline number, drawn on a line from 0 to `full`."""

    label: str
    help: str
    value: Measure
    full: float

    def position(self, value: float | None) -> str:
        """Where a value stands on the line, in per cent of its length."""
        return f"{100 * min(max(value or 0.0, 0.0), self.full) / self.full:.2f}"


@dataclass(frozen=True)
class Verdict:
    """The headline of one classifier or judge, and what it means."""

    title: str
    scores: tuple[Score, ...]
    sentence: str


def split_sentence(split: SplitParams) -> str:
    """Who is kept apart from whom, and which of several folds this is."""
    match split:
        case KFoldSplit():
            return (
                f"{PEOPLE_APART} Test is fold {split.fold} of folds 0 to {split.folds - 1}, and the next one is "
                "validation; only all folds together have tested everybody."
            )
        case LeaveOneOutSplit():
            return (
                f"{PEOPLE_APART} Left out for the test is {split.test_subject}; only when each person in turn is left "
                "out has everybody been tested."
            )
        case InTimeSplit():
            return (
                "The splits are not by people but by time: one follows the other, with at least a whole window between "
                "any two of them."
            )
    return PEOPLE_APART


def split_caveat(split: SplitParams) -> str:
    """What a split in time cannot show; nothing for one by people."""
    if not isinstance(split, InTimeSplit):
        return ""
    return "The test windows are of the same people at a later time, so these numbers prove nothing about new people."


def balance_sentence(params: Params) -> str:
    """What was done about classes of unequal size; nothing if nothing was."""
    sentences = {
        "undersample": "Of the larger classes, fit windows were left out until all are as large as the smallest one.",
        "oversample": "Of the smaller classes, fit windows are repeated until all are as large as the largest one.",
    }
    told = [sentences.get(params.window.balance, "")]
    if params.evaluate.class_weights == "balanced":
        told.append("In the loss of the classifiers every class weighs the same.")
    return " ".join(sentence for sentence in told if sentence)


def verdicts(metrics: Mapping[str, Any]) -> list[Verdict]:
    """A verdict a classifier (usefulness) and a judge (detection)."""
    return [_usefulness(metrics, name) for name in classifiers(metrics)] + [
        _detection(metrics, name) for name in judges(metrics)
    ]


def unmeasured(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The headline numbers that are null as a whole, with their reasons."""
    return [(key.upper() if key != "detection" else "Discriminative score", find(metrics, key).reason)
            for key in ("trtr", "tstr", "detection")
            if not isinstance(metrics.get(key), Mapping) or "reason" in metrics[key]]  # fmt: skip


def _usefulness(metrics: Mapping[str, Any], name: str) -> Verdict:
    real, synthetic = (find(metrics, arm, name, "macro_f1") for arm in ("trtr", "tstr"))
    ratio = find(metrics, "tstr_ratio", name, "macro_f1")
    scores = (
        Score("TRTR", "macro-F1 on real test windows, trained on real windows", real, 1.0),
        Score("TSTR", "the same network, trained on synthetic windows alone", synthetic, 1.0),
        Score("TSTR ÷ TRTR", "1 means: as useful as real windows", ratio, 1.25),
    )
    return Verdict(
        f"Usefulness, {name.upper()} classifier",
        scores,
        _no_skill_sentence(metrics, name, real) or _usefulness_sentence(name, ratio),
    )


def _no_skill_sentence(metrics: Mapping[str, Any], name: str, real: Measure) -> str:
    """What to say of a classifier that learns nothing from real windows: a ratio of two guesses is no measure."""
    if real.mean is None:
        return ""
    classes = len(metrics["trtr"][name]["per_class"])
    if (real.mean if real.low is None else real.low) > 1 / classes:
        return ""
    return (
        f"Trained on real windows the {name.upper()} is no better than a guess among {classes} classes, within the "
        "spread over seeds. What it cannot learn from real windows, synthetic ones cannot teach it: the ratio says "
        "nothing here."
    )


def _usefulness_sentence(name: str, ratio: Measure) -> str:
    if ratio.mean is None:
        return f"The ratio was not measured: {ratio.reason}"
    sentence = (
        f"Trained on synthetic windows alone, the {name.upper()} reaches {100 * ratio.mean:.1f} % of the macro-F1 "
        "that it reaches when trained on as many real ones"
    )
    if ratio.low is None or ratio.high is None:
        return f"{sentence}."
    if ratio.high < 1:
        return f"{sentence}: less useful than real windows, and by more than the spread over seeds."
    if ratio.low > 1:
        return f"{sentence}: more than real windows give, which asks for an explanation before it is believed."
    return f"{sentence}: the spread over seeds does not tell the two apart."


def _detection(metrics: Mapping[str, Any], name: str) -> Verdict:
    measured = (find(metrics, "detection", name, key) for key in ("discriminative_score", "floor", "noise"))
    score, floor, noise = measured
    scores = (
        Score("Discriminative score", "synthetic against real: 0 is guessing, 0.5 is always right", score, 0.5),
        Score("Floor", "the same judge on real against real", floor, 0.5),
        Score("Noise", f"the same judge on noise against real: below {POWER} it is no judge", noise, 0.5),
    )
    sentence = _powerless_sentence(noise) or _detection_sentence(score, floor)
    return Verdict(f"Likeness, {name.upper()} judge", scores, sentence)


def _powerless_sentence(noise: Measure) -> str:
    """What to say of a judge that does not even catch noise: a dead judge answers 0 to everything."""
    if noise.mean is None or noise.mean >= POWER:
        return ""
    return (
        f"This judge proves nothing: even noise it tells from real windows for only {100 * (0.5 + noise.mean):.0f} of "
        "100. Give it more epochs (evaluate.judge in params.yaml) before its score is read."
    )


def _detection_sentence(score: Measure, floor: Measure) -> str:
    if score.mean is None:
        return f"The discriminative score was not measured: {score.reason}"
    if floor.mean is None:
        return f"The floor was not measured ({floor.reason}), so the score has nothing to be compared with."
    right = f"The judge is right about {100 * (0.5 + score.mean):.0f} of 100 windows"
    ceiling = floor.mean if floor.high is None else floor.high
    bottom = score.mean if score.low is None else score.low
    if bottom > ceiling:
        return f"{right}: it does tell synthetic windows from real ones, beyond what it finds between real ones."
    if score.mean > ceiling:
        return (
            f"{right}, on average more often than between real ones, but the ranges over seeds meet: more seeds "
            "(evaluate.seeds in params.yaml) would tell."
        )
    return f"{right}, no more than it finds between real windows: this judge does not tell them apart."
