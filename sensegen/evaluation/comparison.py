"""May two sets of windows be compared: what must agree, and what may differ but has to be said.

A judge of windows of any source must not answer with a number where the question makes no sense. Channels are matched
by name and never by place; a rate, a length or a label that real windows do not have is refused; what only weakens an
answer (a class that is missing, few windows, values as if in another unit) becomes a remark that stands on the page.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sensegen import units
from sensegen.scaling import Scaling
from sensegen.windows import Windows

SAME_RATE = 0.01  # relative
FEW = 50  # windows of a class; below, intervals are wide and a judge sees little
SPREADS_APART = 3.0  # times the real standard deviation: a bad generator may be that wrong, and a unit is
KNOWN_FACTORS = {9.80665: "m/s2 for g", 57.2958: "degrees for radians", 1000.0: "thousandths", 64.0: "counts of 1/64"}
NEAR = 1.25  # times a known factor


@dataclass(frozen=True)
class Comparable:
    """Windows in the channels, classes and scale of the real ones, and what must be said about them."""

    windows: Windows
    remarks: tuple[str, ...]


def comparable(real: Windows, scaling: Scaling, other: Windows) -> Comparable:
    """Windows given in physical units, made comparable with scaled real ones.

    Raises:
        ValueError: naming everything that makes them windows of something else.
    """
    if problems := list(_problems(real, other)):
        raise ValueError("These windows cannot be compared with the real ones:\n  " + "\n  ".join(problems))
    order = [other.channels.index(name) for name in real.channels]
    values, told = _in_units(real, np.asarray(other.values, np.float32)[:, :, order], [other.units[at] for at in order])
    labels = np.array([real.classes.index(name) for name in other.classes])[other.labels]
    windows = replace(
        real,
        values=scaling.apply(values).astype(np.float32),
        labels=labels,
        subjects=other.subjects,
    )
    remarks = [*_about_channels(real, other), *told, *_about_spread(real, windows), *_about_classes(real, windows)]
    return Comparable(windows, tuple(remarks))


def _problems(real: Windows, other: Windows) -> Iterator[str]:
    if missing := [name for name in real.channels if name not in other.channels]:
        yield f"channels {', '.join(missing)} are missing; there are {', '.join(other.channels)}"
    if abs(other.rate_hz / real.rate_hz - 1) > SAME_RATE:
        yield f"the rate must be {real.rate_hz:g} Hz, but is {other.rate_hz:g} Hz; resample them first"
    if other.values.shape[1] != real.values.shape[1]:
        yield f"a window must have {real.values.shape[1]} samples, but has {other.values.shape[1]}; cut them again"
    if not len(other):
        yield "there is no window"
    finite = np.isfinite(other.values).all(axis=(1, 2))
    if not finite.all():
        first = int(np.argmin(finite)) + 1
        yield f"{int((~finite).sum())} windows hold NaN or infinite values, the first is window {first}"
    if unknown := [name for name in other.classes if name not in real.classes]:
        yield f"labels {', '.join(unknown)} are none of the real ones ({', '.join(real.classes)})"


def _in_units(real: Windows, values: np.ndarray, came: list[str]) -> tuple[np.ndarray, list[str]]:
    """The values in the real windows' units, where both units are told and known."""
    told = []
    for at, (channel, unit, wanted) in enumerate(zip(real.channels, came, real.units, strict=True)):
        if not unit or not wanted or unit == wanted:
            continue
        try:
            values[:, :, at] = units.convert(values[:, :, at], unit, wanted)
            told.append(f"{channel} was converted from {unit} to {wanted}")
        except ValueError:
            told.append(f"{channel} is given in {unit}, the real one in {wanted}, and neither is converted")
    return values, told


def _about_channels(real: Windows, other: Windows) -> Iterator[str]:
    if extra := [name for name in other.channels if name not in real.channels]:
        yield f"channels {', '.join(extra)} are not among the real ones and were left out"
    common = [name for name in other.channels if name in real.channels]
    if common != list(real.channels):
        yield f"channels came as {', '.join(common)} and were put in the order {', '.join(real.channels)}"


def _about_spread(real: Windows, other: Windows) -> Iterator[str]:
    """Scaled, real fit windows spread about 1; a channel that spreads far from that may be in another unit."""
    spread = other.values.std(axis=(0, 1)) / np.asarray(real.values).std(axis=(0, 1)).clip(1e-9)
    for channel, ratio in zip(real.channels, spread.tolist(), strict=True):
        if 1 / SPREADS_APART <= ratio <= SPREADS_APART:
            continue
        guess = next(
            (f", as if {words} had been taken" for factor, words in KNOWN_FACTORS.items()
             if 1 / NEAR < max(ratio, 1 / max(ratio, 1e-12)) / factor < NEAR),
            "",
        )  # fmt: skip
        yield f"{channel} spreads {ratio:.3g} times as far as in real windows{guess}: is it in another unit?"


def _about_classes(real: Windows, other: Windows) -> Iterator[str]:
    counts = np.bincount(other.labels, minlength=len(real.classes))
    asked = np.unique(real.labels)
    if missing := [real.classes[label] for label in asked if not counts[label]]:
        yield f"no window is of {', '.join(missing)}: measures by class leave them out, and classifiers never see them"
    if few := [f"{real.classes[label]} {counts[label]}" for label in asked if 0 < counts[label] < FEW]:
        yield f"few windows ({', '.join(few)}): what is measured of them is uncertain"
