"""A frozen encoder of windows: what distances between sets of windows and their pictures are measured in.

A convolutional network is trained on real windows and frozen; a window's features are the means over time of what its
last layer sees, a number a filter. Distances of such features see what matters to the activity and forget what does
not (Context-FID: Jeha et al., 2022, who train theirs by contrast instead). Numbers of two encoders do not compare.

Where windows have labels of at least two classes it learns to tell these. Elsewhere it learns to tell which of some
fixed transformations a window went through, as in Saeed, Ozcelebi and Lukkien (2019), whose eight tasks it shares but
for the rotation, which needs to know which channels are axes of one sensor; there each is a task of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from sensegen.classifiers.activity import CNNClassifier
from sensegen.evaluation.usefulness import fit_classifier
from sensegen.params.models import CNNClassifierParams
from sensegen.seeding import rng
from sensegen.training_run import Training
from sensegen.windows import Windows

LARGEST = 20_000  # transformed windows: enough to learn the task from, and they fit into memory
PIECES = 4
Values = Float[np.ndarray, "window time channel"]
Transformation = Callable[[Values, np.random.Generator], Values]


@dataclass(frozen=True)
class Encoder:
    """A trained network, and what it was trained to tell: the class of a window, or its transformation."""

    network: CNNClassifier
    task: Literal["class", "transformation"]

    def features(self, values: Values) -> Float[np.ndarray, "window filter"]:
        """The features of each window, at least 0, without a unit."""
        return self.network.features(np.asarray(values, np.float32))


def fit_encoder(windows: Windows, params: CNNClassifierParams, training: Training, name: str) -> Encoder:
    """An encoder of real windows, by their classes where there are at least two, else by transformations."""
    by_class = len(np.unique(windows.labels)) > 1
    learned = windows if by_class else transformed(windows, training.seed_of(name))
    network = CNNClassifier(learned.shape, params, training.seed_of(name))
    fit_classifier(network, learned, params, training, name)
    return Encoder(network, "class" if by_class else "transformation")


def transformed(windows: Windows, seed: int) -> Windows:
    """Windows that went through one of the transformations each, labelled by it; every window through several."""
    names = [name for name in TRANSFORMATIONS if windows.shape.channels > 1 or name != "shuffled_channels"]
    copies = min(len(names), max(1, LARGEST // len(windows)))
    order = rng(seed, "order").permutation(len(windows))[:LARGEST]
    parts, labels = [], []
    for label, name in enumerate(names):
        rows = np.sort(order[np.isin((np.arange(len(order)) - label) % len(names), np.arange(copies))])
        values = np.asarray(windows.values[rows], np.float32)
        parts.append(TRANSFORMATIONS[name](values, rng(seed, name)).astype(np.float32))
        labels.append(np.full(len(rows), label))
    values = np.concatenate(parts)
    people = ("",) * len(values)
    return replace(windows, values=values, labels=np.concatenate(labels), subjects=people, classes=tuple(names))


def _as_is(values: Values, stream: np.random.Generator) -> Values:
    return values


def _noisy(values: Values, stream: np.random.Generator) -> Values:
    return values + stream.normal(0, 0.1, values.shape)


def _scaled(values: Values, stream: np.random.Generator) -> Values:
    return values * 2 ** stream.choice([-1.0, 1.0], (len(values), 1, 1))


def _negated(values: Values, stream: np.random.Generator) -> Values:
    return -values


def _reversed(values: Values, stream: np.random.Generator) -> Values:
    return values[:, ::-1]


def _permuted(values: Values, stream: np.random.Generator) -> Values:
    """Pieces of time in another order, the same for all windows of a call but never their own."""
    pieces = np.array_split(np.arange(values.shape[1]), PIECES)
    turned = np.roll(np.arange(PIECES), int(stream.integers(1, PIECES)))
    return values[:, np.concatenate([pieces[at] for at in turned])]


def _warped(values: Values, stream: np.random.Generator) -> Values:
    """Time that runs fast at first and slowly later."""
    time = np.linspace(0, 1, values.shape[1])
    nearest = np.rint((values.shape[1] - 1) * np.sqrt(time)).astype(int)
    return values[:, nearest]


def _shuffled_channels(values: Values, stream: np.random.Generator) -> Values:
    """Each window's channels moved round, by at least one place."""
    channels = values.shape[2]
    moved = (np.arange(channels) + stream.integers(1, channels, (len(values), 1))) % channels
    return np.take_along_axis(values, moved[:, None], axis=2)


TRANSFORMATIONS: dict[str, Transformation] = {
    "as_is": _as_is,
    "noisy": _noisy,
    "scaled": _scaled,
    "negated": _negated,
    "reversed": _reversed,
    "permuted": _permuted,
    "warped": _warped,
    "shuffled_channels": _shuffled_channels,
}
