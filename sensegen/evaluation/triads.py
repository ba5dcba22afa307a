"""Which channels are the x, y and z of one sensor, by their names and units: `total_acc_x`, `torso_acc_x`.

Which accelerometers feel gravity is told by the real windows, not by names: the mean vector of a body acceleration is
near 0, and that of an accelerometer at about 1 g, whoever moves.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sensegen.units import SPELLINGS, UNITS, convert
from sensegen.windows import Windows

AXES = ("x", "y", "z")
NAMED = re.compile(r"(?P<name>.+)_(?P<axis>[xyz])")
FEELS_GRAVITY_G = 0.5  # half way between the mean of a body acceleration and that of an accelerometer
STILL_G = 0.05
BLOCK_WINDOWS = 1024

Vectors = Float[np.ndarray, "window time axis"]
PerWindow = Float[np.ndarray, "window"]


@dataclass(frozen=True)
class Triad:
    """A sensor with three axes: its name, its unit, and where its x, y and z are among the channels."""

    name: str
    unit: str
    columns: tuple[int, int, int]

    def blocks_g(self, windows: Windows) -> Iterator[Vectors]:
        """The vectors in g of an acceleration, some windows at a time."""
        for start in range(0, len(windows), BLOCK_WINDOWS):
            block = np.asarray(windows.values[start : start + BLOCK_WINDOWS])[:, :, list(self.columns)]
            yield convert(block.astype(np.float64), self.unit, "g")


def accelerations(windows: Windows) -> list[Triad]:
    """The accelerometers among the channels, in their order."""
    return [triad for triad in triads(windows) if _quantity(triad.unit) == "acceleration"]


def triads(windows: Windows) -> list[Triad]:
    """The sensors of which all three axes are there, in one unit."""
    places: dict[tuple[str, str], dict[str, int]] = {}
    for at, (channel, unit) in enumerate(zip(windows.channels, windows.units, strict=True)):
        if named := NAMED.fullmatch(channel):
            places.setdefault((named["name"], unit), {})[named["axis"]] = at
    return [
        Triad(name, unit, (axes["x"], axes["y"], axes["z"]))
        for (name, unit), axes in places.items()
        if all(axis in axes for axis in AXES)
    ]


def feels_gravity(triad: Triad, real: Windows) -> bool:
    """Whether the mean vector of half of the real windows is longer than 0.5 g."""
    lengths = [np.linalg.norm(block.mean(axis=1), axis=1) for block in triad.blocks_g(real)]
    return bool(lengths) and float(np.median(np.concatenate(lengths))) > FEELS_GRAVITY_G


def with_gravity(real: Windows) -> list[Triad]:
    """The accelerometers that feel gravity."""
    return [triad for triad in accelerations(real) if feels_gravity(triad, real)]


def still_classes(real: Windows, triad: Triad) -> Bool[np.ndarray, "class"]:
    """Which classes are still: those of half of whose real windows the vector's length varies by less than 0.05 g.

    Of people who sit or lie it varies by 0.004 g within a window, of those who walk by 0.2 g. A class without real
    windows is not still.
    """
    spread = length_moments(triad, real)[1]
    of_class = [spread[real.labels == label] for label in range(len(real.classes))]
    return np.array([bool(len(of)) and float(np.median(of)) < STILL_G for of in of_class])


def length_moments(triad: Triad, windows: Windows) -> tuple[PerWindow, PerWindow]:
    """Mean and standard deviation of the vector's length within each window, in g."""
    moments = [_length_moments(block) for block in triad.blocks_g(windows)]
    mean, spread = zip(*moments, strict=True) if moments else ([np.empty(0)], [np.empty(0)])
    return np.concatenate(mean), np.concatenate(spread)


def _length_moments(block: np.ndarray) -> tuple[PerWindow, PerWindow]:
    lengths = np.linalg.norm(block, axis=2)
    return lengths.mean(axis=1), lengths.std(axis=1)


def _quantity(unit: str) -> str:
    unit = SPELLINGS.get(unit, unit)
    return UNITS[unit].quantity if unit in UNITS else ""
