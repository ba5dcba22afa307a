"""What the scores say, and what the data behind them is, in sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensegen.evaluation.controls import POWER
from sensegen.params import Params
from sensegen.params.windowing import InTimeSplit, KFoldSplit, LeaveOneOutSplit, SplitParams
from sensegen.reporting.measures import Measure, find
from sensegen.reporting.tables import classifiers, judges
from sensegen.reporting.telling import CHEATS, Told, power_sentence, right, told
from sensegen.reporting.usefulness import name_of, no_skill

PEOPLE_APART = (
    "Nobody in the validation or test split is also in the fit split: neighbouring windows overlap, so people are kept "
    "apart."
)


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
class Card:
    """The numbers of one classifier or judge, and what it means."""

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


def scorecards(metrics: Mapping[str, Any], windows: int) -> list[Card]:
    """A card a classifier (usefulness) and a judge (detection) that was shown at most so many windows of a side."""
    return [_usefulness(metrics, name) for name in classifiers(metrics)] + [
        _detection(metrics, name, windows) for name in judges(metrics)
    ]


def _usefulness(metrics: Mapping[str, Any], name: str) -> Card:
    real, synthetic = (find(metrics, arm, name, "macro_f1") for arm in ("trtr", "tstr"))
    ratio = find(metrics, "tstr_ratio", name, "macro_f1")
    scores = (
        Score("TRTR", "macro-F1 on real test windows, trained on real windows", real, 1.0),
        Score("TSTR", "the same classifier, trained on synthetic windows alone", synthetic, 1.0),
        Score("TSTR ÷ TRTR", "1 means: as useful as real windows", ratio, 1.25),
    )
    sentence = no_skill(metrics, name) or _usefulness_sentence(name, ratio)
    return Card(f"Usefulness, {name_of(name)} classifier", scores, sentence)


def _usefulness_sentence(name: str, ratio: Measure) -> str:
    if ratio.mean is None:
        return f"The ratio was not measured: {ratio.reason}"
    sentence = (
        f"Trained on synthetic windows alone, the {name_of(name)} reaches {100 * ratio.mean:.1f} % of the macro-F1 "
        "that it reaches when trained on as many real ones"
    )
    if ratio.low is None or ratio.high is None:
        return f"{sentence}."
    if ratio.high < 1:
        return f"{sentence}: less useful than real windows, and by more than the spread over seeds."
    if ratio.low > 1:
        return f"{sentence}: more than real windows give, which asks for an explanation before it is believed."
    return f"{sentence}: the spread over seeds does not tell the two apart."


def _detection(metrics: Mapping[str, Any], name: str, windows: int) -> Card:
    found = told(metrics, name, windows)
    powers = {key: find(metrics, "detection", name, key) for key in POWER}
    scores = (
        Score("Discriminative score", "synthetic against real: 0 is guessing, 0.5 is always right", found.score, 0.5),
        Score("Floor", "the same judge on real against real", found.floor, 0.5),
        Score("Other people", "the same judge on test windows", find(metrics, "detection", name, "floor_test"), 0.5),
        *(
            Score(f"{CHEATS[key][0].upper()}{CHEATS[key][1:]}", f"below {POWER[key]:.2f} it is no judge", power, 0.5)
            for key, power in powers.items()
        ),
    )
    sentence = power_sentence(metrics, found) or _detection_sentence(found)
    return Card(f"Likeness, {name_of(name)} judge", scores, sentence)


def _detection_sentence(found: Told) -> str:
    if found.score.mean is None:
        return f"The discriminative score was not measured: {found.score.reason}"
    if found.floor.mean is None:
        return f"The floor was not measured ({found.floor.reason}), so the score has nothing to be compared with."
    text = f"The judge is right about {right(found.score)} of 100 windows"
    if found.apart:
        return f"{text}: it does tell synthetic windows from real ones, beyond what it finds between real ones."
    if found.open:
        return (
            f"{text}, on average more often than between real ones, but the ranges over seeds meet: more seeds "
            "(evaluate.seeds in params.yaml) would tell."
        )
    return f"{text}, no more than it finds between real windows: this judge does not tell them apart."
