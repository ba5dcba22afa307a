"""Low or high arousal, or valence, of people never seen: the lecture's LSTM on K-EmoCon (Park et al., 2020).

The LSTM takes a window second by second (5 steps of 64 samples for a pulse at 64 Hz, 5 of 4 x 4 for four signals at
4 Hz); classes are weighed against their skew; each person is left out in turn, beside the majority vote. What to beat
on K-EmoCon's 21 people, by its owners with gradient boosting: a balanced accuracy of 0.539 for arousal and 0.603 for
valence (AUROC 0.46 and 0.52: chance). Their 0.730 and 0.647 come from a split that puts neighbouring windows of one
person on both sides. The data is given out on request and was not at hand: on it, nothing was measured here.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from sensegen.classifiers.arrangement import in_seconds
from sensegen.evaluation.leave_one_out import Predict, Told, leave_one_out
from sensegen.evaluation.usefulness import predictions
from sensegen.training_run import Training
from sensegen.windows import Windows

LEVELS = 2


def told_by_lstm(windows: Windows, training: Training) -> Sequence[Told]:
    """What the LSTM of `evaluate.lstm` says of everybody's windows; `leave_one_out.summary` makes scores of it.

    Windows must be whole seconds, of two classes.

    Raises:
        ValueError: if there are not two classes, or fewer than two people.
    """
    if len(windows.classes) != LEVELS:
        raise ValueError(f"Affect has two classes, low and high, but the windows have {windows.classes}.")
    return list(leave_one_out(in_seconds(windows), lstm(training)))


def lstm(training: Training) -> Predict:
    """Trains an LSTM on some people, in whose loss every class counts alike, and asks it about another."""
    balanced = training.params.evaluate.model_copy(update={"class_weights": "balanced"})
    params = training.params.model_copy(update={"evaluate": balanced})
    weighed = Training(params, training.log, None, training.callbacks, training.rows, training.alerts)

    def predict(fit: Windows, test: Windows, subject: str) -> Int[np.ndarray, "test_window"]:
        return predictions("lstm", fit, test, weighed, f"without_{subject}")

    return predict
