"""Can a judge tell synthetic from real: the discriminative score (Yoon et al., 2019), and the area under its curve.

0 is best (a coin), 0.5 is worst; of the area 0.5 is best and 1 is worst. Neither means anything unless the same judge
catches noise and its floor, real against real, is shown beside it.
"""

import hashlib

import numpy as np
from jaxtyping import Float

from sensegen.classifiers.activity import CNNClassifier
from sensegen.evaluation.interval import Null, null
from sensegen.evaluation.judges import Judge
from sensegen.evaluation.usefulness import fit_classifier
from sensegen.seeding import rng
from sensegen.training_run import Training
from sensegen.windows import Windows, WindowShape

TRAIN_SHARE = 0.7
FEWEST = 10  # windows of a side; three of them to test on
Values = Float[np.ndarray, "window time channel"]
Judged = dict[str, float]


def discriminative_score(real: Values, other: Values, training: Training, name: str) -> float | Null:
    """|accuracy - 0.5| of a judge on windows it has not seen; the two sides are cut to the same number.

    Null where a side has fewer than ten windows.
    """
    if reason := too_few(real, other):
        return reason
    train, test = _split(real, other, training.seed_of(name))
    params = training.params.evaluate.judge
    shape = WindowShape(real.shape[1], real.shape[2], classes=2)
    judge = CNNClassifier(shape, params, training.seed_of(name))
    fit_classifier(judge, train, params, training, name)
    return abs(float(np.mean(judge.predict_labels(test.values) == test.labels)) - 0.5)


def judgement(real: Values, other: Values, judge: Judge, training: Training, name: str) -> Judged | Null:
    """What a judge (`judges.judges`) says of windows it has not seen; the two sides are cut to the same number.

    `discriminative_score` is |accuracy - 0.5|: 0 is best, 0.5 worst. `auc` is the share of pairs of a real and another
    window of which the real one is taken for more real: 0.5 is best, 1 worst. It sees what lies on one side of the
    judge's threshold. Null where a side has fewer than ten windows.
    """
    from sklearn.metrics import roc_auc_score

    if reason := too_few(real, other):
        return reason
    train, test = _split(real, other, training.seed_of(name))
    log_odds = judge(train, training, name)(test.values)
    accuracy = float(np.mean((log_odds > 0) == test.labels))
    return {"discriminative_score": abs(accuracy - 0.5), "auc": float(roc_auc_score(test.labels, log_odds))}


def too_few(real: Values, other: Values) -> Null | None:
    """Why no judge can be trained and tested on these windows; None where one can."""
    if min(len(real), len(other)) >= FEWEST:
        return None
    return null(f"a judge needs {FEWEST} windows of either side, but there are {len(real)} and {len(other)}")


def distinct(values: Values) -> Values:
    """The windows without repetitions: of an oversampled class, no copy may stand on both sides of a judge."""
    first: dict[bytes, int] = {}
    for at in range(len(values)):  # one at a time: they may be stored, and need not fit into memory
        first.setdefault(hashlib.blake2b(np.asarray(values[at]).tobytes(), digest_size=16).digest(), at)
    return values if len(first) == len(values) else values[np.array([*first.values()])]


def halves(values: Values, seed: int) -> tuple[Values, Values]:
    """The windows in two random halves."""
    order = rng(seed, "halves").permutation(len(values))
    middle = len(values) // 2
    return values[order[:middle]], values[order[middle : 2 * middle]]


def noise_like(values: Values, seed: int) -> Values:
    """Independent Gaussian noise with each channel's mean and standard deviation: what any judge must catch."""
    stream = rng(seed, "noise")
    noise = stream.normal(values.mean(axis=(0, 1)), values.std(axis=(0, 1)), size=values.shape)
    return noise.astype(np.float32)


def _split(real: Values, other: Values, seed: int) -> tuple[Windows, Windows]:
    """Windows to train and to test a judge on, as many of one side as of the other."""
    count = min(len(real), len(other))
    stream = rng(seed, "judge")
    sides = [side[stream.permutation(len(side))[:count]] for side in (real, other)]
    cut = int(TRAIN_SHARE * count)
    return _labelled(sides[0][:cut], sides[1][:cut]), _labelled(sides[0][cut:], sides[1][cut:])


def _labelled(real: Values, other: Values) -> Windows:
    values = np.concatenate([real, other])
    labels = np.repeat([1, 0], [len(real), len(other)])
    channels = tuple(f"channel {at}" for at in range(values.shape[2]))
    return Windows(values, labels, ("",) * len(values), channels, ("other", "real"), 1.0, ("",) * len(channels))
