"""Which windows are shown, and how they are laid out: one figure a group of channels, one band an activity.

Where many channels stand by themselves (a county each, say), it is one figure an activity and one band a channel.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from sensegen.reporting.results import Examples, Results, Signals
from sensegen.seeding import rng

SIDES = ("real", "synthetic")
FEW_ALONE = 6  # channels of one unit without companions that still get a figure each
MOST_BANDS = 72  # of all figures of a page
BEYOND = 0.5  # share of the real range that the axes leave on either side for synthetic values


@dataclass(frozen=True)
class Band:
    """A row of panels: windows of one activity, with the channels that share the panels."""

    title: str
    label: int
    channels: tuple[int, ...]


@dataclass(frozen=True)
class Sheet:
    """One figure; bands of the same channels have one y range, so that activities can be compared."""

    name: str
    unit: str
    bands: tuple[Band, ...]

    @property
    def channels(self) -> tuple[int, ...]:
        """Every channel of the figure once."""
        return tuple(dict.fromkeys(channel for band in self.bands for channel in band.channels))

    def compared(self, band: Band) -> tuple[Band, ...]:
        """The bands that share the y range of one of them."""
        return tuple(other for other in self.bands if other.channels == band.channels)


@dataclass(frozen=True)
class Choice:
    """The windows to show: by side and activity, the rows of that side's array."""

    rows: Mapping[tuple[str, int], tuple[int, ...]]


def sheets(signals: Signals, labels: Sequence[int]) -> tuple[Sheet, ...]:
    """A figure a sensor with a band for each of the labels, or for many channels of one unit, one an activity."""
    groups = channel_groups(signals)
    alone = Counter(unit for (_, unit), members in groups.items() if len(members) == 1)
    made: dict[str, Sheet] = {}
    for (name, unit), members in groups.items():
        if len(members) > 1 or alone[unit] <= FEW_ALONE:
            bands = tuple(Band(signals.classes[label], label, members) for label in labels)
            made.setdefault(f"{name} {unit}", Sheet(name, unit, bands))
            continue
        for label in labels:
            title = signals.classes[label]
            before = made.get(f"{title} {unit}", Sheet(title, unit, ()))
            band = Band(signals.channels[members[0]], label, members)
            made[f"{title} {unit}"] = replace(before, bands=(*before.bands, band))
    return tuple(made.values())


def channel_groups(signals: Signals) -> dict[tuple[str, str], tuple[int, ...]]:
    """Channels by name and unit, in the order of their first; `acc_x`, `acc_y`, `acc_z` in one unit are `acc`."""
    groups: dict[tuple[str, str], tuple[int, ...]] = {}
    for index, (channel, unit) in enumerate(zip(signals.channels, signals.units, strict=True)):
        stem, _, axis = channel.rpartition("_")
        key = (stem if axis in ("x", "y", "z") and stem else channel, unit)
        groups[key] = (*groups.get(key, ()), index)
    return groups


def few_enough(made: Sequence[Sheet]) -> tuple[Sheet, ...]:
    """The first figures, at least one, that together are not more than a page can hold."""
    bands = np.cumsum([len(sheet.bands) for sheet in made])
    return tuple(made[: max(1, int(np.sum(bands <= MOST_BANDS)))])


def choose(results: Results) -> Choice:
    """Windows drawn at random for each activity and side: nobody picks the pretty ones."""
    wanted, rows = results.windows_per_activity, {}
    for side in SIDES:
        labels = np.asarray(examples(results, side).labels)
        for label, name in enumerate(results.signals.classes):
            candidates = np.flatnonzero(labels == label)
            stream = rng(results.seed, "report", side, name)
            chosen = stream.choice(candidates, size=min(wanted, len(candidates)), replace=False)
            rows[side, label] = tuple(int(row) for row in np.sort(chosen))
    return Choice(rows)


def examples(results: Results, side: str) -> Examples:
    """The windows of one side."""
    return results.real if side == "real" else results.synthetic


def shown_values(results: Results, choice: Choice, side: str, bands: Sequence[Band]) -> Float[np.ndarray, "value"]:
    """Every finite value that some bands show on one side."""
    values = examples(results, side).values
    shown = [np.asarray(values[row][:, band.channels]).ravel() for band in bands
             for row in choice.rows[side, band.label]]  # fmt: skip
    flat = np.concatenate(shown) if shown else np.zeros(0)
    return flat[np.isfinite(flat)]


def axis_limits(results: Results, choice: Choice, bands: Sequence[Band]) -> tuple[float, float]:
    """One y range for some bands: all real values, and synthetic ones up to half a range beyond them.

    A generator that runs off does not flatten the real windows; its lines leave the axes.
    """
    real, synthetic = (shown_values(results, choice, side, bands) for side in SIDES)
    basis = real if real.size else synthetic
    if not basis.size:
        return -1.0, 1.0
    low, high = float(basis.min()), float(basis.max())
    room = BEYOND * (high - low or 1.0)
    if synthetic.size:
        low = min(low, max(float(synthetic.min()), low - room))
        high = max(high, min(float(synthetic.max()), high + room))
    margin = 0.06 * (high - low or 1.0)
    return low - margin, high + margin


def share_beyond(results: Results, choice: Choice, sheet: Sheet) -> float:
    """The share of shown synthetic values that the axes cut off."""
    cut, total = 0, 0
    for band in sheet.bands:
        synthetic = shown_values(results, choice, "synthetic", [band])
        low, high = axis_limits(results, choice, sheet.compared(band))
        cut, total = cut + int(np.sum((synthetic < low) | (synthetic > high))), total + synthetic.size
    return cut / total if total else 0.0
