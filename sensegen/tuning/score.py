"""How good a trial's windows are, by validation people: useful, and not told apart. No test person is looked at.

Both measures take seconds, since there are many trials: the classifier is that of random convolutions, the judge is
logistic regression on spectral features.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from sensegen.evaluation.detection import judgement
from sensegen.evaluation.interval import is_null
from sensegen.evaluation.judges import judges
from sensegen.evaluation.usefulness import obstacle, predictions, scores
from sensegen.params import Params
from sensegen.seeding import derived_seed, rng
from sensegen.training_run import Training
from sensegen.windows import Windows

CLASSIFIER, JUDGE = "random_convolution", "spectral"


@dataclass(frozen=True)
class Score:
    """`useful`: macro-F1 on validation people of a classifier that saw made windows alone, None where there are no
    classes to learn, 1 is best; `told_apart`: the discriminative score against fit windows, 0 is best, 0.5 worst."""

    useful: float | None
    told_apart: float

    @property
    def total(self) -> float:
        """The one number: more is better, 1 is best."""
        return (1.0 if self.useful is None else self.useful) - self.told_apart


def drawn(
    sample: Callable[[Int[np.ndarray, "window"], int], Float[np.ndarray, "window time channel"]],
    fit: Windows,
    params: Params,
) -> tuple[Windows, Windows]:
    """As many windows of a generator as there are fit windows, at most `evaluate.judges.windows`, and fit windows of
    the same activities."""
    rows = rng(params.seed, "tune").permutation(len(fit))[: params.evaluate.judges.windows]
    real = fit.select(np.sort(rows))
    values = sample(real.labels, derived_seed(params.seed, "tune", "draw"))
    return replace(real, values=values, subjects=("",) * len(real)), real


def score(made: Windows, real: Windows, validation: Windows, training: Training) -> Score:
    """Judge windows that were made beside the fit windows that were drawn with them.

    Raises:
        ValueError: if there are too few windows for a judge.
    """
    judge = judges(training.params.evaluate.judges)[JUDGE]
    values = np.asarray(made.values)
    told_apart = judgement(np.asarray(real.values), values, judge, training, "judge")["discriminative_score"]
    if is_null(told_apart):
        raise ValueError(f"A score needs windows to judge by: {told_apart['reason']}.")  # type: ignore[index]
    return Score(_useful(made, validation, training), float(told_apart))  # type: ignore[arg-type]


def _useful(made: Windows, validation: Windows, training: Training) -> float | None:
    if obstacle(made, validation):
        return None
    predicted = predictions(CLASSIFIER, made, validation, training, CLASSIFIER)
    return scores(validation.labels, predicted, validation.classes)["macro_f1"]
