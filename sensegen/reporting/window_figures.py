"""Real beside synthetic windows: one figure a group of channels, one band an activity."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from sensegen.reporting import drawing
from sensegen.reporting.results import Examples, Results, Signals
from sensegen.seeding import rng

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDES = ("real", "synthetic")
COLUMNS = 2  # windows of one side beside each other
HEADER, FOOTER, BAND, PANEL, GAP, BETWEEN, LEFT, RIGHT = 0.6, 0.42, 0.36, 0.74, 0.12, 0.22, 0.5, 0.08  # inches
BEYOND = 0.5  # share of the real range that the axes leave on either side for synthetic values


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that share a figure and its axes: the x, y and z of one sensor, or a channel by itself."""

    name: str
    unit: str
    channels: tuple[int, ...]


@dataclass(frozen=True)
class Choice:
    """The windows to show: by side and activity, the rows of that side's array."""

    rows: Mapping[tuple[str, int], tuple[int, ...]]


def channel_groups(signals: Signals) -> tuple[ChannelGroup, ...]:
    """Groups in the order of their first channel; `acc_x`, `acc_y`, `acc_z` in one unit are the group `acc`."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index, (channel, unit) in enumerate(zip(signals.channels, signals.units, strict=True)):
        stem, _, axis = channel.rpartition("_")
        groups.setdefault((stem if axis in ("x", "y", "z") and stem else channel, unit), []).append(index)
    return tuple(ChannelGroup(name, unit, tuple(members)) for (name, unit), members in groups.items())


def choose(results: Results) -> Choice:
    """Windows drawn at random for each activity and side: nobody picks the pretty ones."""
    wanted, rows = results.params.report.windows_per_activity, {}
    for side in SIDES:
        labels = np.asarray(examples(results, side).labels)
        for label, name in enumerate(results.signals.classes):
            candidates = np.flatnonzero(labels == label)
            stream = rng(results.params.seed, "report", side, name)
            chosen = stream.choice(candidates, size=min(wanted, len(candidates)), replace=False)
            rows[side, label] = tuple(int(row) for row in np.sort(chosen))
    return Choice(rows)


def examples(results: Results, side: str) -> Examples:
    """The windows of one side."""
    return results.real if side == "real" else results.synthetic


def shown_values(results: Results, choice: Choice, side: str, group: ChannelGroup) -> Float[np.ndarray, "value"]:
    """Every finite value that the figure of a group shows on one side."""
    values = examples(results, side).values
    shown = [np.asarray(values[row][:, group.channels]).ravel() for label in range(len(results.signals.classes))
             for row in choice.rows[side, label]]  # fmt: skip
    flat = np.concatenate(shown) if shown else np.zeros(0)
    return flat[np.isfinite(flat)]


def axis_limits(results: Results, choice: Choice, group: ChannelGroup) -> tuple[float, float]:
    """One y range for a whole figure: all real values, and synthetic ones up to half a range beyond them.

    A generator that runs off does not flatten the real windows; its lines leave the axes.
    """
    real, synthetic = (shown_values(results, choice, side, group) for side in SIDES)
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


def share_beyond(results: Results, choice: Choice, group: ChannelGroup) -> float:
    """The share of shown synthetic values that the axes cut off."""
    synthetic = shown_values(results, choice, "synthetic", group)
    low, high = axis_limits(results, choice, group)
    return float(np.mean((synthetic < low) | (synthetic > high))) if synthetic.size else 0.0


def draw_windows(results: Results, choice: Choice, group: ChannelGroup, theme: drawing.Theme) -> "Figure":
    """A band an activity: real windows on the left half, synthetic ones on the right, all on one y range."""
    count, classes = results.params.report.windows_per_activity, results.signals.classes
    lines = -(-count // COLUMNS)
    band = BAND + lines * (PANEL + GAP)
    drawn = drawing.figure(HEADER + FOOTER + band * len(classes))
    _write_header(drawn, results.signals, group, theme)
    limits = axis_limits(results, choice, group)
    for label, name in enumerate(classes):
        top = HEADER + label * band
        drawing.write(drawn, LEFT, top + BAND - 0.13, name, weight="bold", va="bottom", size=8.5)
        for side, position in product(SIDES, range(count)):
            axes = _panel(drawn, (side, position), count, top + BAND)
            axes.set_ylim(limits)
            for row in choice.rows[side, label][position : position + 1]:
                _draw_window(axes, examples(results, side), row, (group, results.signals.rate_hz, theme))
    _write_time_label(drawn)
    return drawn


def _panel(drawn: "Figure", place: tuple[str, int], count: int, top: float) -> "Axes":
    """The axes of one window of a side; only the outermost ones carry numbers."""
    side, position = place
    columns, line = min(count, COLUMNS), position // COLUMNS
    width = (_half_width() - GAP * (columns - 1)) / columns
    left = _left_of(side) + position % COLUMNS * (width + GAP)
    axes = drawing.place(drawn, left, top + line * (PANEL + GAP), width, PANEL)
    axes.tick_params(length=2, labelleft=side == "real" and position % COLUMNS == 0, labelbottom=False)
    axes.locator_params(axis="y", nbins=4)
    return axes


def _half_width() -> float:
    return (drawing.WIDTH_INCHES - LEFT - RIGHT - BETWEEN) / 2


def _left_of(side: str) -> float:
    return LEFT if side == "real" else LEFT + _half_width() + BETWEEN


def _write_header(drawn: "Figure", signals: Signals, group: ChannelGroup, theme: drawing.Theme) -> None:
    """The unit, a legend of the channels and the titles of the two halves."""
    names = [signals.channels[index] for index in group.channels]
    axes = drawing.place(drawn, LEFT, 0.02, drawing.WIDTH_INCHES - LEFT - RIGHT, 0.3)
    axes.set_axis_off()
    handles = [axes.plot([], color=theme.line(index)[0], label=f" {name}")[0] for index, name in enumerate(names)]
    axes.legend(handles=handles, loc="center left", ncols=len(names), title=None, handlelength=1.2)
    drawing.write(
        drawn, drawing.WIDTH_INCHES - RIGHT, 0.17, f"unit: {group.unit}", ha="right", va="center", color=theme.muted
    )
    for side in SIDES:
        drawing.write(
            drawn, _left_of(side) + _half_width() / 2, HEADER - 0.12, side.upper(), ha="center", color=theme.muted
        )


def _draw_window(axes: "Axes", shown: Examples, row: int, look: tuple[ChannelGroup, float, drawing.Theme]) -> None:
    group, rate_hz, theme = look
    window = np.asarray(shown.values[row])[:, group.channels]  # (time, channel)
    seconds = np.arange(len(window)) / rate_hz
    for index, values in enumerate(window.T):
        axes.plot(seconds, values, color=theme.line(index)[0], linewidth=0.9)
    axes.set_xlim(0, max(seconds[-1], 1 / rate_hz))
    person = shown.subjects[row] if shown.subjects else ""
    axes.set_title(person, loc="right", y=1.0, size=6.5, color=theme.muted, pad=1.5)  # at a fixed y: drawn far faster


def _write_time_label(drawn: "Figure") -> None:
    """Seconds below the lowest panels, which are the last ones of each column."""
    panels = [axes for axes in drawn.axes if axes.axison]
    lowest = min(axes.get_position().y0 for axes in panels)
    for axes in panels:
        if axes.get_position().y0 < lowest + 1e-6:
            axes.tick_params(labelbottom=True)
            axes.locator_params(axis="x", nbins=5)
    height = drawn.get_size_inches()[1]
    drawing.write(drawn, drawing.WIDTH_INCHES / 2, height - 0.06, "time (s)", ha="center", va="bottom")
