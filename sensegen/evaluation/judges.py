"""Three judges that tell synthetic windows from real ones: convolutions, a recurrent network, and spectral features.

What one overlooks another may see: the convolutions look at shapes of a few samples, the GRU (as in Yoon et al., 2019)
at their order, and logistic regression at spectra, moments and correlations of the whole window.

A network is trained until its loss on a fifth of its own training windows has not fallen for `patience` epochs, and is
taken from the epoch where that loss was lowest. Of few windows an epoch is counted as `FEWEST_STEPS` steps, so that a
judge of ten windows a side still gets `patience` times that many, and `epochs` times at most.

Both networks see windows beside their texture (`textured`). Of 1,500 UCI HAR windows a side against phase-randomised
surrogates a CNN of 64 filters without it scored 0.20 and one of 32 with it 0.37, the GRU with it 0.32, and logistic
regression on spectral features 0.46 (one run each).
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from jaxtyping import Float

from sensegen.classifiers.activity import ActivityClassifier
from sensegen.evaluation.spectral_features import spectral_features
from sensegen.evaluation.usefulness import GradientParams, build_classifier
from sensegen.guard import Row
from sensegen.kept_weights import BestEpoch, patient
from sensegen.params.models import JudgesParams
from sensegen.seeding import rng
from sensegen.training import Schedule
from sensegen.training_run import Training
from sensegen.windows import Windows

STOP_SHARE = 0.2
FEWEST_STEPS = 20
ENOUGH = 0.005  # nats: hardly a window is taken for what it is not
INVERSE_PENALTY = 0.1  # of 225 standardised features, with a few windows up to thousands
REAL = 1  # the label of real windows; others have 0
Values = Float[np.ndarray, "window time channel"]
LogOdds = Callable[[Values], Float[np.ndarray, "window"]]
Judge = Callable[[Windows, Training, str], LogOdds]


def judges(params: JudgesParams) -> dict[str, Judge]:
    """The judges by name. Each is trained on windows labelled 1 (real) and 0, and answers with the log odds of "real".

    A judge's draws are those of the name that it is given.
    """
    return {
        "cnn": partial(network_judge, "textured_cnn", params.cnn, params.patience),
        "gru": partial(network_judge, "gru", params.gru, params.patience),
        "spectral": spectral_judge,
    }


def network_judge(
    kind: str, params: GradientParams, patience: int, windows: Windows, training: Training, name: str
) -> LogOdds:
    """A network trained until it gets no better."""
    model: ActivityClassifier = build_classifier(kind, windows.shape, params, training.seed_of(name))
    held_out = held_out_rows(windows.labels, training.seed_of(name))
    learned, unseen = windows.select(~held_out), windows.select(held_out)
    batches = training.batches([learned.values, learned.labels.astype(np.int32)], params.optimiser, name)
    epoch_steps = max(batches.epoch_steps, FEWEST_STEPS)
    best = BestEpoch(training.step(model, params.optimiser, name), partial(_cross_entropy, model, unseen))
    schedule = Schedule(params.epochs * epoch_steps, epoch_steps, best.measure, _enough(patience))
    training.train(best, batches, schedule, name)
    best.restore()
    return partial(_log_odds, model)


def spectral_judge(windows: Windows, training: Training, name: str) -> LogOdds:
    """Logistic regression on the spectral features: convex, so it draws nothing and always arrives."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    del training, name  # nothing is drawn
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=1000))
    regression.fit(spectral_features(windows.values), windows.labels)
    return lambda values: regression.decision_function(spectral_features(values))


def held_out_rows(labels: np.ndarray, seed: int) -> np.ndarray:
    """A mask of a fifth of the windows of each side, at least one of each: where a judge sees when to stop."""
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = rng(seed, "stop", int(label)).permutation(np.flatnonzero(labels == label))
        mask[rows[: max(1, int(STOP_SHARE * len(rows)))]] = True
    return mask


def _cross_entropy(model: ActivityClassifier, windows: Windows) -> float:
    """In nats: 0 is best, 0.69 a coin."""
    signs = np.where(windows.labels == REAL, 1.0, -1.0)
    return float(np.mean(np.logaddexp(0, -signs * _log_odds(model, windows.values))))


def _enough(patience: int) -> Callable[[Sequence[Row]], bool]:
    """Whether the loss has not fallen for `patience` epochs, or is as good as none."""
    no_better = patient(patience)
    return lambda rows: no_better(rows) or bool(rows and float(rows[-1]["validation_loss"]) < ENOUGH)


def _log_odds(model: ActivityClassifier, values: Values) -> Float[np.ndarray, "window"]:
    """The log odds that each window is real."""
    logits = model.logits(values)
    return logits[:, REAL] - logits[:, 1 - REAL]
