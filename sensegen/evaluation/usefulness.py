"""Is synthetic data useful: train on real or on synthetic, test on real people never seen (Esteban et al., 2017).

Every arm gets the same number of windows and of steps, and is scored at the last epoch, never at the best on test.
It takes classes that can be learned and tested: where they are not there, `obstacle` says why.
"""

from typing import Any, Protocol

import numpy as np
from jaxtyping import Int

from sensegen.balancing import class_weights
from sensegen.classifiers.activity import ActivityClassifier
from sensegen.classifiers.classifier import Classifier
from sensegen.classifiers.encoded import EncodedClassifier
from sensegen.classifiers.kinds import KINDS
from sensegen.params.models import OptimiserParams
from sensegen.training import Schedule, cosine
from sensegen.training_run import Training
from sensegen.windows import Windows, WindowShape


class GradientParams(Protocol):
    """The section of a classifier that is trained by gradient."""

    @property
    def optimiser(self) -> OptimiserParams: ...

    @property
    def epochs(self) -> int: ...


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
    model: ActivityClassifier,
    windows: Windows,
    params: GradientParams,
    training: Training,
    name: str,
    like: int | None = None,
) -> ActivityClassifier:
    """Train a classifier on windows for its number of epochs, or for as many steps as those of `like` windows take.

    The rate decays to 0: at a constant one the seed system's accuracy swings by five points between epochs.
    """
    if training.params.evaluate.class_weights == "balanced":
        model.weigh_classes(class_weights(windows.labels, len(windows.classes)))
    arrays = [np.asarray(windows.values, np.float32), windows.labels.astype(np.int32)]
    batches = training.batches(arrays, params.optimiser, name)
    steps = params.epochs * max(1, (like or len(windows)) // batches.size)
    schedule = Schedule(steps, batches.epoch_steps)
    step = training.step(model, params.optimiser, name, cosine(schedule.steps))
    training.train(step, batches, schedule, name)
    return model


def predictions(
    kind: str, train: Windows, test: Windows, training: Training, name: str
) -> Int[np.ndarray, "test_window"]:
    """What a classifier trained on `train` says of each window of `test`."""
    params = getattr(training.params.evaluate, kind)
    return fitted_classifier(kind, train, params, training, name).predict_labels(test.values)


def fitted_classifier(
    kind: str, train: Windows, params: Any, training: Training, name: str, like: int | None = None
) -> Classifier:
    """A classifier of any kind, trained on windows; `params` is the section of its kind, `like` as `fit_classifier`."""
    model = build_classifier(kind, train.shape, params, training.seed_of(name))
    if isinstance(model, ActivityClassifier):
        return fit_classifier(model, train, params, training, name, like)
    if isinstance(model, EncodedClassifier):
        fit_classifier(model.encoder, train, params.encoder, training, name, like)
    balanced = training.params.evaluate.class_weights == "balanced"
    model.fit(train, class_weights(train.labels, len(train.classes)) if balanced else None)
    return model


def build_classifier(kind: str, shape: WindowShape, params: Any, seed: int) -> Any:
    """A classifier of a kind, with new weights."""
    return KINDS[kind](shape, params, seed)


def scores(
    actual: Int[np.ndarray, "window"], predicted: Int[np.ndarray, "window"], classes: tuple[str, ...]
) -> dict[str, Any]:
    """Accuracy, macro-F1, balanced accuracy, and precision, recall and F1 of each class that occurs.

    All in 0 to 1, 1 is best. Balanced accuracy is the mean of the recalls (Brodersen et al., 2010), so that a class
    counts as much as any other however few its windows. A class that is never predicted has precision 0; one without
    windows has no scores and no part in the means.
    """
    from sklearn.metrics import precision_recall_fscore_support

    ids = np.unique(actual)
    precision, recall, f1, _ = precision_recall_fscore_support(actual, predicted, labels=ids, zero_division=0.0)
    per_class = {
        classes[label]: {"precision": float(precision[at]), "recall": float(recall[at]), "f1": float(f1[at])}
        for at, label in enumerate(ids.tolist())
    }
    accuracy, macro_f1, balanced_accuracy = np.mean(actual == predicted), np.mean(f1), np.mean(recall)
    return {
        "accuracy": float(accuracy),
        "macro_f1": float(macro_f1),
        "balanced_accuracy": float(balanced_accuracy),
        "per_class": per_class,
    }


def majority(
    fit_labels: Int[np.ndarray, "fit_window"], test_labels: Int[np.ndarray, "window"], classes: tuple[str, ...]
) -> dict[str, Any]:
    """The scores of who calls every test window by the commonest class of fit: the floor of usefulness.

    Of classes that are equally common, the first. Its balanced accuracy is 1 / classes wherever that class is tested.
    """
    commonest = np.argmax(np.bincount(fit_labels))
    return scores(test_labels, np.full_like(test_labels, commonest), classes)
