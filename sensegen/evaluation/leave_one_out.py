"""Leave one subject out: each person is told by a classifier that has seen everybody else, and nobody knows them.

Mean and population standard deviation over the people, as the lecture on K-EmoCon and PAMAP2 has it: the spread is that
of these people, and no interval for others; of two to four people nothing is significant. Beside each score stands
the majority vote, which says the commonest class of everybody else: where classes are skewed, or a person has one
class only, it scores well without looking at a signal. On K-EmoCon's 21 people, by the results of its owners (Park et
al., 2020), it is right for 0.677 (arousal) and 0.803 (valence) of the windows, their classifier for 0.570 and 0.774.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from sensegen.balancing import class_counts
from sensegen.evaluation.usefulness import scores
from sensegen.scaling import Scaling
from sensegen.windows import Windows

# What a classifier trained on the first windows says of each of the second; the name is the person left out.
Predict = Callable[[Windows, Windows, str], Int[np.ndarray, "test_window"]]
BLOCK_WINDOWS = 1024


@dataclass(frozen=True)
class Told:
    """What is so, what was said, and what the majority vote says, of each window of one person who was left out."""

    subject: str
    actual: Int[np.ndarray, "window"]
    predicted: Int[np.ndarray, "window"]
    majority: Int[np.ndarray, "window"]


@dataclass(frozen=True)
class Scores:
    """All from 0 to 1, 1 is best; over the classes that the person has."""

    macro_f1: float
    balanced_accuracy: float
    majority_balanced_accuracy: float


def leave_one_out(windows: Windows, predict: Predict) -> Iterator[Told]:
    """Each person of the windows in turn, in the order in which they occur."""
    for subject in dict.fromkeys(windows.subjects):
        yield leave_out(windows, subject, predict)


def leave_out(windows: Windows, subject: str, predict: Predict) -> Told:
    """One person told by the others.

    Raises:
        ValueError: if nobody of that name is there, or nobody else.
    """
    fit, test = apart(windows, subject)
    return beside_majority(subject, fit, test, predict(fit, test, subject))


def beside_majority(subject: str, fit: Windows, test: Windows, predicted: Int[np.ndarray, "test_window"]) -> Told:
    """What was said of a person's windows, with what the majority vote of `fit` says of them."""
    return Told(subject, test.labels, predicted, np.full(len(test), majority(fit)))


def apart(windows: Windows, subject: str) -> tuple[Windows, Windows]:
    """The windows of everybody else and those of one person, each channel z-normalised by everybody else's alone.

    Windows that were scaled before, by whomever, come out as if they had not been: nothing of the person is left.

    Raises:
        ValueError: if nobody of that name is there, or nobody else.
    """
    own = np.array([each == subject for each in windows.subjects], bool)
    if own.all() or not own.any():
        raise ValueError(
            f"Leaving {subject} out takes windows of {subject} and of somebody else, but the windows are of "
            f"{sorted(set(windows.subjects))}."
        )
    fit, test = windows.select(~own), windows.select(own)
    blocks = (np.asarray(fit.values[first : first + BLOCK_WINDOWS]) for first in range(0, len(fit), BLOCK_WINDOWS))
    samples = (block.reshape(-1, block.shape[-1]).astype(float) for block in blocks)
    scaling = Scaling.fit((block, np.ones(len(block), np.int64)) for block in samples)
    return _scaled(fit, scaling), _scaled(test, scaling)


def majority(windows: Windows) -> int:
    """The commonest label; the smaller of two that are equally common."""
    return int(np.argmax(class_counts(windows.labels, len(windows.classes))))


def balanced_accuracy(actual: Int[np.ndarray, "window"], predicted: Int[np.ndarray, "window"]) -> float:
    """Mean over the classes that occur of the share of their windows told right, 0 to 1; 1 is best.

    With all its classes there, a vote that looks at nothing has 1 / classes; with one class there, it has 0 or 1.
    """
    from sklearn.metrics import recall_score

    return float(recall_score(actual, predicted, labels=np.unique(actual), average="macro", zero_division=0.0))


def judged(told: Told, classes: tuple[str, ...]) -> Scores:
    """The scores of one person, or of several put together by `pooled`."""
    return Scores(
        macro_f1=scores(told.actual, told.predicted, classes)["macro_f1"],
        balanced_accuracy=balanced_accuracy(told.actual, told.predicted),
        majority_balanced_accuracy=balanced_accuracy(told.actual, told.majority),
    )


def pooled(told: Sequence[Told]) -> Told:
    """Everybody's windows as if they were one person's: the only balanced score where a person has one class."""
    parts = [(one.actual, one.predicted, one.majority) for one in told]
    return Told("everybody", *(np.concatenate(part) for part in zip(*parts, strict=True)))


def over_subjects(values: Sequence[float]) -> dict[str, float | int]:
    """Mean and population standard deviation (divided by the people, not by one less), as the lecture defines them."""
    return {"mean": float(np.mean(values)), "stddev": float(np.std(values)), "subjects": len(values)}


def summary(told: Sequence[Told], classes: tuple[str, ...]) -> dict[str, Any]:
    """Each score over subjects (`mean`, `stddev`, `subjects`), and of all windows pooled under `pooled`."""
    each = [asdict(judged(one, classes)) for one in told]
    by_person = {name: over_subjects([one[name] for one in each]) for name in each[0]}
    return by_person | {"pooled": asdict(judged(pooled(told), classes))}


def _scaled(windows: Windows, scaling: Scaling) -> Windows:
    values = scaling.apply(np.asarray(windows.values)).astype(np.float32)
    return Windows(
        *(values, windows.labels, windows.subjects, windows.channels),
        *(windows.classes, windows.rate_hz, windows.units),
    )
