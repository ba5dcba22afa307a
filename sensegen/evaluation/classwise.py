"""Windows of one class, and numbers a class as one number: classes are measured apart and then count alike.

Pooled classes mix: a lying person's windows are much nearer to each other than a walking person's, so a pooled
median or quantile tells which class it comes from and little else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from sensegen.evaluation.interval import Null, null
from sensegen.seeding import rng
from sensegen.windows import Windows

Values = Float[np.ndarray, "window time channel"]


def of_class(windows: Windows, label: int) -> Values:
    """The values of the windows of one class; nothing is copied where all are of it."""
    rows = np.flatnonzero(windows.labels == label)
    return windows.values if len(rows) == len(windows) else windows.select(rows).values


def at_most(values: Values, count: int, seed: int, name: str) -> Values:
    """The windows, or `count` of them drawn without replacement: a share needs no more, and cost stays linear."""
    if len(values) <= count:
        return values
    return values[np.sort(rng(seed, "at most", name).permutation(len(values))[:count])]


def same_classes(*sides: Windows) -> tuple[str, ...]:
    """The classes that all sides are labelled by.

    Raises:
        ValueError: if the sides do not share them.
    """
    if len({side.classes for side in sides}) > 1:
        raise ValueError(
            f"Windows are compared class by class, but their classes are {[side.classes for side in sides]}. "
            "Pass windows of one window folder."
        )
    return sides[0].classes


def too_few(name: str, fewest: int, counts: Mapping[str, int]) -> Null | None:
    """A null that names the sides of a class with fewer windows than it takes; None where all have enough."""
    if min(counts.values()) >= fewest:
        return None
    sides = ", ".join(f"{count} {side}" for side, count in counts.items())
    return null(f"{fewest} windows of each side are needed, but of {name} there are {sides}")


def mean_of(numbers: Sequence[Any]) -> float | Null:
    """The mean of what was measured, nulls left out; null where nothing was."""
    measured = [number for number in numbers if not isinstance(number, dict)]
    return float(np.mean(measured)) if measured else null("no class could be measured")
