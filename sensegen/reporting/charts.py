"""Small charts as numbers for inline SVG: lines in tenths of a pixel, ticks with their places.

The template draws them in the page's own colours, so that one chart serves light and dark.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

WIDTH, HEIGHT = 288, 150  # of the plot, in pixels
MOST_POINTS = 300  # of a line; of a longer one, the lowest and the highest value of each of half as many pieces
LOG_TICKS = 5

Line = Float[np.ndarray, "point"]
Range = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    """A label and its place in pixels."""

    label: str
    place: float


@dataclass(frozen=True)
class Drawn:
    """A line or a heap of dots of one kind (`real`, `synthetic`, ...), as the `d` of an SVG path."""

    kind: str
    path: str


@dataclass(frozen=True)
class Chart:
    """One chart; `shade` is from and to in pixels, `alt` the words for those who do not see it."""

    title: str
    alt: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    drawn: tuple[Drawn, ...]
    shade: tuple[float, float] | None = None


@dataclass(frozen=True)
class Axes:
    """What a chart shows: the ranges of x and y."""

    x: Range
    y: Range

    def across(self, value: float) -> float:
        """Where a value of x stands, in pixels."""
        return round(WIDTH * (value - self.x[0]) / (self.x[1] - self.x[0]), 1)

    def x_ticks(self) -> tuple[Tick, ...]:
        """Ticks at round values of x."""
        return tuple(Tick(label(value), self.across(value)) for value in round_values(self.x))

    def y_ticks(self) -> tuple[Tick, ...]:
        """Ticks at round values of y."""
        return tuple(Tick(label(value), self.down(value)) for value in round_values(self.y))

    def power_ticks(self) -> tuple[Tick, ...]:
        """Ticks at whole powers of ten where y is a decimal logarithm."""
        low, high = math.ceil(self.y[0]), math.floor(self.y[1])
        step = max(1, math.ceil((high - low + 1) / LOG_TICKS))
        return tuple(Tick(f"10{_raised(power)}", self.down(power)) for power in range(low, high + 1, step))

    def line(self, x: Line, y: Line) -> str:
        """A line through points, relative in tenths of a pixel: half the size of an absolute one."""
        points = self._places(*_thinned(x, y))
        steps = np.diff(points, axis=0)
        relative = " ".join(f"{right} {down}" for right, down in steps) or "0 0"
        return f"M{points[0, 0]} {points[0, 1]}l{relative}"

    def dots(self, x: Line, y: Line) -> str:
        """A dot at each point."""
        return "".join(f"M{right} {down}h0" for right, down in self._places(x, y))

    def _places(self, x: Line, y: Line) -> np.ndarray:
        """In tenths of a pixel; what is far beyond the axes is cut to just beyond them."""
        right = (np.asarray(x, float) - self.x[0]) / (self.x[1] - self.x[0])
        down = (self.y[1] - np.asarray(y, float)) / (self.y[1] - self.y[0])
        places = np.stack([right * WIDTH, down * HEIGHT], axis=1) * 10
        return np.rint(np.clip(places, -2000, 2000 + 10 * WIDTH)).astype(int)

    def down(self, value: float) -> float:
        """Where a value of y stands, in pixels from the top."""
        return round(HEIGHT * (self.y[1] - value) / (self.y[1] - self.y[0]), 1)


def around(values: Sequence[float] | Line, share: float = 0.06) -> Range:
    """A range with a margin that holds all values; of one value, one around it."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = share * (high - low) or 0.5 * abs(high) or 1.0
    return low - margin, high + margin


def round_values(within: Range, wanted: int = 4) -> list[float]:
    """About four values with few digits inside a range."""
    low, high = within
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough)
    return [count * step for count in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def label(value: float) -> str:
    """A tick's value, short."""
    return f"{value:.4g}".replace("-", "−") if value else "0"


def _raised(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _thinned(x: Line, y: Line) -> tuple[Line, Line]:
    """Few enough points that still reach every peak."""
    if len(y) <= MOST_POINTS:
        return x, y
    pieces = np.array_split(np.arange(len(y)), MOST_POINTS // 2)
    ends = [sorted((int(piece[np.argmin(y[piece])]), int(piece[np.argmax(y[piece])]))) for piece in pieces]
    rows = np.unique(np.ravel(ends))
    return x[rows], y[rows]
