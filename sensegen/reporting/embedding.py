"""The embedding as a chart: dots by set and activity, so that sets can be switched on and off."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sensegen.reporting.charts import Axes, around
from sensegen.reporting.control_table import ROWS
from sensegen.reporting.results import Results, numbers

SIDES = ("real", "synthetic")
ROOM = 0.12  # of the range of real and synthetic, that controls may leave it by before they are cut


@dataclass(frozen=True)
class Dots:
    """The dots of one set and activity, as the `d` of an SVG path."""

    activity: str
    path: str


@dataclass(frozen=True)
class Set:
    """One set of windows: its name, how many dots it has, and whether it is shown at first."""

    key: str
    label: str
    count: int
    dots: tuple[Dots, ...]

    @property
    def is_side(self) -> bool:
        """Whether it is real or synthetic, and no control."""
        return self.key in SIDES


@dataclass(frozen=True)
class Embedding:
    """The sets, and how many dots of each lie outside of the axes."""

    sets: tuple[Set, ...]
    activities: tuple[str, ...]
    outside: tuple[tuple[str, int], ...]


def embedding(results: Results) -> Embedding | None:
    """The chart of `embedding.csv`; None where there is no dot."""
    rows = [row for row in results.embedding if np.isfinite(_place(row)).all()]
    if not rows:
        return None
    axes = _axes(rows)
    names = sorted({str(row["set"]) for row in rows}, key=_order)
    sets = tuple(_set(name, [row for row in rows if row["set"] == name], axes) for name in names)
    outside = Counter(_label(str(row["set"])) for row in rows if _is_outside(row, axes))
    return Embedding(sets, tuple(dict.fromkeys(str(row["activity"]) for row in rows)), tuple(outside.items()))


def _axes(rows: list[Mapping[str, Any]]) -> Axes:
    """Room for real and synthetic dots; equal units on both axes would waste half of a phone's screen."""
    basis = [row for row in rows if row["set"] in SIDES] or rows
    return Axes(around(numbers(basis, "x"), ROOM), around(numbers(basis, "y"), ROOM))


def _set(name: str, rows: list[Mapping[str, Any]], axes: Axes) -> Set:
    dots = []
    for activity in dict.fromkeys(str(row["activity"]) for row in rows):
        own = [row for row in rows if row["activity"] == activity and not _is_outside(row, axes)]
        dots.append(Dots(activity, axes.dots(numbers(own, "x"), numbers(own, "y"))))
    return Set(name, _label(name), len(rows), tuple(dots))


def _label(name: str) -> str:
    return name if name in SIDES else ROWS.get(name, name.replace("_", " "))


def _order(name: str) -> tuple[int, str]:
    known = [*SIDES, *ROWS]
    return (known.index(name) if name in known else len(known), name)


def _place(row: Mapping[str, Any]) -> np.ndarray:
    return np.array([float(row["x"]), float(row["y"])])


def _is_outside(row: Mapping[str, Any], axes: Axes) -> bool:
    x, y = _place(row)
    return not (axes.x[0] <= x <= axes.x[1] and axes.y[0] <= y <= axes.y[1])
