"""How unequal the classes are, and what can be done about it: weights in a loss, or a balanced choice of windows."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from sensegen.seeding import rng

How = Literal["none", "undersample", "oversample"]


def class_counts(labels: Int[np.ndarray, "window"], classes: int) -> Int[np.ndarray, "class"]:
    """Windows of each class, in the order of the label ids."""
    return np.bincount(labels, minlength=classes)


def skew(counts: Int[np.ndarray, "class"]) -> float:
    """Windows of the largest class for one of the smallest: 1 is balanced, infinity means that a class has none."""
    largest, smallest = (int(found) for found in (max(counts, default=0), min(counts, default=0)))
    if not largest:
        return 1.0
    return largest / smallest if smallest else float("inf")


def class_weights(labels: Int[np.ndarray, "window"], classes: int) -> Float[np.ndarray, "class"]:
    """Weights under which every class that occurs counts alike, with mean 1 over the windows (King & Zeng, 2001).

    A class without windows has weight 0: nothing is ever multiplied by it.
    """
    counts = class_counts(labels, classes)
    occurring = max(1, np.count_nonzero(counts))
    return np.where(counts > 0, len(labels) / (occurring * np.maximum(counts, 1)), 0.0)


def balanced_rows(labels: Int[np.ndarray, "window"], how: How, stream: np.random.Generator) -> Int[np.ndarray, "row"]:
    """Rows, in order, in which every class that occurs is as frequent as the smallest, or as the largest.

    `undersample` leaves windows out; `oversample` repeats them, none more than once oftener than another of its class.
    """
    rows = np.arange(len(labels))
    if how == "none" or not len(labels):
        return rows
    of_class = [rows[labels == label] for label in np.unique(labels)]
    sizes = [len(own) for own in of_class]
    wanted = min(sizes) if how == "undersample" else max(sizes)
    return np.sort(np.concatenate([_as_many(own, wanted, stream) for own in of_class]))


def balance(
    splits: Mapping[str, Int[np.ndarray, "window"]], labels: Int[np.ndarray, "window"], how: How
) -> dict[str, Int[np.ndarray, "window"]]:
    """The splits with the classes of `fit` balanced; what undersampling leaves out goes to `dropped`.

    The other splits stay as they were recorded. The choice depends on no seed: it is part of the data, and runs with
    other seeds are compared on the same windows.
    """
    fit = splits["fit"]
    chosen = fit[balanced_rows(labels[fit], how, rng(0, "balance"))]
    dropped = np.union1d(splits["dropped"], np.setdiff1d(fit, chosen))
    return {**splits, "fit": chosen, "dropped": dropped}


def _as_many(rows: Int[np.ndarray, "row"], wanted: int, stream: np.random.Generator) -> Int[np.ndarray, "wanted"]:
    whole, rest = divmod(wanted, len(rows))
    return np.concatenate([np.tile(rows, whole), stream.permutation(rows)[:rest]])
