"""Is synthetic data useful: train on real or on synthetic, test on real people never seen (Esteban et al., 2017).

Every arm gets the same number of windows and of steps, and is scored at the last epoch, never at the best on test.
It takes classes that can be learned and tested: where they are not there, `obstacle` says why.
"""

from typing import Any

import numpy as np
from jaxtyping import Int

from sensegen.balancing import class_weights
from sensegen.classifiers.activity import ActivityClassifier, CNNClassifier, LSTMClassifier
from sensegen.params.models import CNNClassifierParams, FusionClassifierParams, LSTMClassifierParams
from sensegen.training import Schedule, cosine
from sensegen.training_run import Training
from sensegen.windows import Windows, WindowShape

CLASSIFIERS: dict[str, type[ActivityClassifier]] = {"lstm": LSTMClassifier, "cnn": CNNClassifier}
ClassifierParams = LSTMClassifierParams | CNNClassifierParams | FusionClassifierParams


UNLABELLED = "unlabelled"  # the only class of data without labels


def obstacle(fit: Windows, test: Windows) -> str | None:
    """Why the classes of these windows cannot carry train-on-synthetic-test-on-real; None where they can."""
    learned, tested = ({windows.classes[label] for label in np.unique(windows.labels)} for windows in (fit, test))
    if learned | tested == {UNLABELLED}:
        return "the data has no labels, so there is nothing for a classifier to learn"
    if len(learned | tested) < 2:
        return f"all windows are of one class ({', '.join(learned | tested)}), so there is nothing to tell apart"
    mend = "Choose other test subjects (window.split), or name the class in window.dropped_labels"
    if missing := [name for name in fit.classes if name in learned - tested]:
        return f"no test window is of {', '.join(missing)}, so a mean over classes would leave it out. {mend}"
    if missing := [name for name in fit.classes if name in tested - learned]:
        return f"no fit window is of {', '.join(missing)}, so no classifier could learn it. {mend}"
    return None


def fit_classifier(
    model: ActivityClassifier, windows: Windows, params: ClassifierParams, training: Training, name: str
) -> ActivityClassifier:
    """Train a classifier on windows for its number of epochs.

    The rate decays to 0: at a constant one the seed system's accuracy swings by five points between epochs.
    """
    if training.params.evaluate.class_weights == "balanced":
        model.weigh_classes(class_weights(windows.labels, len(windows.classes)))
    arrays = [np.asarray(windows.values, np.float32), windows.labels.astype(np.int32)]
    batches = training.batches(arrays, params.optimiser, name)
    schedule = Schedule(params.epochs * batches.epoch_steps, batches.epoch_steps)
    step = training.step(model, params.optimiser, name, cosine(schedule.steps))
    training.train(step, batches, schedule, name)
    return model


def predictions(
    kind: str, train: Windows, test: Windows, training: Training, name: str
) -> Int[np.ndarray, "test_window"]:
    """What a classifier trained on `train` says of each window of `test`."""
    params: ClassifierParams = getattr(training.params.evaluate, kind)
    model = build_classifier(kind, train.shape, params, training.seed_of(name))
    return fit_classifier(model, train, params, training, name).predict_labels(test.values)


def build_classifier(kind: str, shape: WindowShape, params: Any, seed: int) -> ActivityClassifier:
    """A classifier of a kind, with new weights."""
    constructor: Any = CLASSIFIERS[kind]
    return constructor(shape, params, seed)


def scores(
    actual: Int[np.ndarray, "window"], predicted: Int[np.ndarray, "window"], classes: tuple[str, ...]
) -> dict[str, Any]:
    """Accuracy, macro-F1, and precision, recall and F1 of each class that occurs; all in 0 to 1, 1 is best.

    A class that is never predicted has precision 0; one without windows has no scores and no part in the mean.
    """
    from sklearn.metrics import precision_recall_fscore_support

    ids = np.unique(actual)
    precision, recall, f1, _ = precision_recall_fscore_support(actual, predicted, labels=ids, zero_division=0.0)
    per_class = {
        classes[label]: {"precision": float(precision[at]), "recall": float(recall[at]), "f1": float(f1[at])}
        for at, label in enumerate(ids.tolist())
    }
    return {"accuracy": float(np.mean(actual == predicted)), "macro_f1": float(np.mean(f1)), "per_class": per_class}
