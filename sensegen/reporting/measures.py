"""The numbers of `metrics.json`: a mean with its interval, a plain value, or a null with its reason."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

UNMEASURED = "not in metrics.json"
SMALL = 0.0005  # what three digits behind the point would call zero
UNEXPLAINED = "no reason was recorded"


@dataclass(frozen=True)
class Measure:
    """One number; `mean` is None where it was not measured, and then `reason` says why."""

    mean: float | None
    low: float | None = None
    high: float | None = None
    seeds: int | None = None
    reason: str = ""

    @property
    def text(self) -> str:
        """The mean, readable; a dash where there is none."""
        return "–" if self.mean is None else number(self.mean)

    @property
    def interval(self) -> str:
        """`0.905 to 0.919`, or nothing where the number has no interval."""
        if self.low is None or self.high is None:
            return ""
        if max(abs(self.low), abs(self.high)) >= SMALL:  # an end near zero is written like the other
            return " to ".join("0.000" if abs(end) < SMALL else number(end) for end in (self.low, self.high))
        return f"{number(self.low)} to {number(self.high)}"

    @property
    def least(self) -> float:
        """The lower end of the interval, or the number itself where it has none; only of what was measured."""
        return self._value if self.low is None else self.low

    @property
    def most(self) -> float:
        """The upper end of the interval, or the number itself where it has none; only of what was measured."""
        return self._value if self.high is None else self.high

    @property
    def _value(self) -> float:
        if self.mean is None:
            raise ValueError(f"A number that was not measured ({self.reason}) has no bounds.")
        return self.mean

    @property
    def whole(self) -> str:
        """Mean and interval in one string, for sentences."""
        return f"{self.text} [{self.interval}]" if self.interval else self.text


def number(value: float) -> str:
    """Three digits behind the point around one, fewer for larger numbers, powers of ten for the very small."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) >= 1000):
        return f"{int(value):,}".replace(",", "\u202f").replace("-", "−")
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "not a number")
    if value != 0 and (abs(value) < SMALL or abs(value) >= 1e6):
        return f"{value:.2e}".replace("-", "−")
    digits = 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1
    return f"{value:.{digits}f}".replace("-", "−")


def measure(node: Any) -> Measure:
    """The measure that a node of `metrics.json` holds.

    Raises:
        ValueError: if the node is a folder of further metrics.
    """
    if node is None or isinstance(node, int | float):
        return Measure(node, reason="" if node is not None else UNEXPLAINED)
    if not is_measure(node):
        raise ValueError(f"A metric is a number, a mean with its interval, or a null with a reason, but got {node!r}.")
    mean = node["mean"] if "mean" in node else node["value"]
    if mean is None:
        reason = str(node.get("reason") or UNEXPLAINED)
        return Measure(None, reason=reason.removeprefix("not measured: "))  # the page says so already
    return Measure(mean, _end(node.get("low")), _end(node.get("high")), _count(node.get("seeds")))


def _end(end: Any) -> float | None:
    """An end of an interval; one repetition has none."""
    return None if end is None or not math.isfinite(end) else end


def _count(seeds: Any) -> int | None:
    return len(seeds) if isinstance(seeds, list) else seeds


def is_measure(node: Any) -> bool:
    """Whether a node of `metrics.json` is a number and no folder."""
    return (
        node is None
        or isinstance(node, int | float)
        or (isinstance(node, Mapping) and ("mean" in node or "value" in node))
    )


def find(metrics: Mapping[str, Any], *path: str) -> Measure:
    """The measure at a path; where a folder above it is null, that folder's reason."""
    node: Any = metrics
    for key in path:
        if is_measure(node):
            return measure(node)
        if not isinstance(node, Mapping) or key not in node:
            return Measure(None, reason=UNMEASURED)
        node = node[key]
    return measure(node) if is_measure(node) else Measure(None, reason=UNMEASURED)


def flatten(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Measure]]:
    """Every measure with its path, in the file's order; `per_class` is left to its own table."""
    if is_measure(node):
        yield path, measure(node)
    elif isinstance(node, Mapping):
        for key, child in node.items():
            if key != "per_class":
                yield from flatten(child, (*path, str(key)))
