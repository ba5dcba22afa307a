"""Can a judge tell synthetic from real: the discriminative score (Yoon et al., 2019), and the area under its curve.

0 is best (a coin), 0.5 is worst; of the area 0.5 is best and 1 is worst. Neither means anything unless the same judge
catches noise and its floor, real against real, is shown beside it.
"""

import hashlib

import numpy as np
from jaxtyping import Float

from sensegen.evaluation.interval import Null, null
from sensegen.evaluation.judges import Judge
from sensegen.seeding import rng
from sensegen.training_run import Training
from sensegen.windows import Windows

TRAIN_SHARE = 0.7
FEWEST = 10  # windows of a side; three of them to test on
Values = Float[np.ndarray, "window time channel"]
Judgement = dict[str, float | Null]


def judgement(real: Values, other: Values, judge: Judge, training: Training, name: str) -> Judgement:
    """What a judge (`judges.judges`) says of windows it has not seen; the two sides are cut to the same number.

    `discriminative_score` is |accuracy - 0.5|: 0 is best, 0.5 worst. `auc` is the share of pairs of a real and another
    window of which the real one is taken for more real: 0.5 is best, 1 worst. It sees what lies on one side of the
    judge's threshold. Both are null where a side has fewer than ten windows.
    """
    from sklearn.metrics import roc_auc_score

    if reason := too_few(real, other):
        return {"discriminative_score": reason, "auc": reason}
    train, test = _split(real, other, training.seed_of(name))
    log_odds = judge(train, training, name)(test.values)
    accuracy = float(np.mean((log_odds > 0) == test.labels))
    return {"discriminative_score": abs(accuracy - 0.5), "auc": float(roc_auc_score(test.labels, log_odds))}


def too_few(real: Values, other: Values) -> Null | None:
    """Why no judge can be trained and tested on these windows; None where one can."""
    if min(len(real), len(other)) >= FEWEST:
        return None
    return null(f"a judge needs {FEWEST} windows of either side, but there are {len(real)} and {len(other)}")


def distinct(windows: Windows) -> Windows:
    """The windows without repetitions: of an oversampled class, no copy may stand on both sides of a judge."""
    first: dict[bytes, int] = {}
    for at in range(len(windows)):  # one at a time: they may be stored, and need not fit into memory
        digest = hashlib.blake2b(np.asarray(windows.values[at]).tobytes(), digest_size=16).digest()
        first.setdefault(digest, at)
    return windows if len(first) == len(windows) else windows.select(np.array([*first.values()]))


def halves(windows: Windows, seed: int) -> tuple[Windows, Windows]:
    """The windows in two random halves."""
    order = rng(seed, "halves").permutation(len(windows))
    middle = len(windows) // 2
    return windows.select(order[:middle]), windows.select(order[middle : 2 * middle])


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
