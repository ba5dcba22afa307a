"""Numbers measured over seeds, with what they leave uncertain."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Measured = dict[str, float | int]
Null = dict[str, str | None]


def null(reason: str) -> Null:
    """What stands in place of a number that cannot be measured, or not yet."""
    return {"value": None, "reason": reason}


def over_seeds(values: Sequence[float]) -> Measured:
    """Mean and 95 % interval of the mean (Student's t), from at least two repetitions.

    The interval is about the seeds alone: the data and the people are the same in every repetition.
    """
    from scipy.stats import t

    count = len(values)
    mean = float(np.mean(values))
    half = float(t.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count))
    return {"mean": mean, "low": mean - half, "high": mean + half, "seeds": count}


def is_null(node: Any) -> bool:
    """Whether this is a null with its reason, and no number or folder of numbers."""
    return isinstance(node, dict) and "reason" in node


def merge(repetitions: Sequence[Any]) -> Any:
    """The same nested mapping of numbers, once a seed, as one mapping of means and intervals; nulls stay nulls.

    What is null in one repetition is null: an interval over the others would hide that it cannot be relied on. What is
    said alike in every repetition and is no number of a seed (a count, a name) stays as it is. One repetition has no
    interval: its numbers stay plain.
    """
    first = repetitions[0]
    if nulls := [node for node in repetitions if is_null(node)]:
        return nulls[0]
    if isinstance(first, dict):
        return {key: merge([repetition[key] for repetition in repetitions]) for key in first}
    if isinstance(first, str | int | list):
        return first
    return over_seeds(repetitions) if len(repetitions) > 1 else first
