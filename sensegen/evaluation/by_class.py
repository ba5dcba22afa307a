"""Windows drawn class by class: of every class as many as are wanted, in the order they are wanted in.

Every class draws from a stream of its own, so that a class that is added or left out moves no other's windows.
Whatever goes over many windows goes in blocks, so that no more than a block of them is ever held in double precision.
"""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, Int

from sensegen.evaluation.blocks import BLOCK_NUMBERS
from sensegen.seeding import rng
from sensegen.windows import Windows

Labels = Int[np.ndarray, "wanted"]
Values = Float[np.ndarray, "window time channel"]
Draw = Callable[[int], Values]
ClassModel = Callable[[Windows, np.random.Generator], Draw]


def slices(count: int, values_each: int) -> Iterator[slice]:
    """The places 0 to `count` in slices, of windows that hold `values_each` numbers each."""
    step = max(1, BLOCK_NUMBERS // max(1, values_each))
    return (slice(first, min(first + step, count)) for first in range(0, count, step))


def matched_rows(fit: Windows, labels: Labels, seed: int) -> Int[np.ndarray, "wanted"]:
    """A row of `fit` for every wanted label, of that class, drawn with replacement.

    Raises:
        ValueError: if `fit` has no window of a wanted class.
    """
    rows = np.empty(len(labels), np.int64)
    for label in wanted_classes(fit, labels):
        places = np.flatnonzero(labels == label)
        rows[places] = rng(seed, "control", "rows", label).choice(np.flatnonzero(fit.labels == label), len(places))
    return rows


def drawn_by_class(name: str, model: ClassModel, fit: Windows, labels: Labels, seed: int) -> Values:
    """Windows of the wanted classes, drawn from a model fitted to each class's windows alone.

    Raises:
        ValueError: if `fit` has no window of a wanted class, or the model needs more than it has.
    """
    drawn = np.empty((len(labels), *fit.values.shape[1:]), np.float32)
    for label in wanted_classes(fit, labels):
        places = np.flatnonzero(labels == label)
        draw = model(fit.select(fit.labels == label), rng(seed, "control", name, label))
        for block in slices(len(places), drawn[0].size):
            drawn[places[block]] = draw(len(places[block]))
    return drawn


def wanted_classes(fit: Windows, labels: Labels) -> list[int]:
    """The classes that are wanted, each once.

    Raises:
        ValueError: if `fit` has no window of one of them.
    """
    wanted = np.unique(labels)
    if len(missing := np.setdiff1d(wanted, fit.labels)):
        names = [fit.classes[label] if 0 <= label < len(fit.classes) else str(label) for label in missing.tolist()]
        raise ValueError(
            f"A control is made from the fit windows of each wanted class, but there is none of {', '.join(names)}. "
            "Ask for the classes that occur in fit."
        )
    return wanted.tolist()
