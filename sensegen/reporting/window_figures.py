"""Real beside synthetic windows, drawn: a sheet is a figure, its bands stand below each other."""

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from sensegen.reporting import drawing
from sensegen.reporting.clock import Clock
from sensegen.reporting.results import Examples, Results, Signals
from sensegen.reporting.sheets import SIDES, Band, Choice, Sheet, axis_limits, examples

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 2  # windows of one side beside each other
HEADER, FOOTER, BAND, PANEL, GAP, BETWEEN, LEFT, RIGHT = 0.6, 0.42, 0.36, 0.74, 0.12, 0.22, 0.5, 0.08  # inches


def draw_windows(results: Results, choice: Choice, sheet: Sheet, theme: drawing.Theme) -> "Figure":
    """Real windows on the left half, synthetic ones on the right; bands of the same channels on one y range."""
    count = results.windows_per_activity
    lines = -(-count // COLUMNS)
    band_height = BAND + lines * (PANEL + GAP)
    drawn = drawing.figure(HEADER + FOOTER + band_height * len(sheet.bands))
    _write_header(drawn, results.signals, sheet, theme)
    clock = Clock.of(results.signals.rate_hz, results.window_samples)
    for at, band in enumerate(sheet.bands):
        top = HEADER + at * band_height
        limits = axis_limits(results, choice, sheet.compared(band))
        drawing.write(drawn, LEFT, top + BAND - 0.13, band.title, weight="bold", va="bottom", size=8.5)
        for side, position in product(SIDES, range(count)):
            axes = _panel(drawn, (side, position), count, top + BAND)
            axes.set_ylim(limits)
            for row in choice.rows[side, band.label][position : position + 1]:
                _draw_window(axes, examples(results, side), row, (band, clock, theme))
    _write_time_label(drawn, clock)
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


def _write_header(drawn: "Figure", signals: Signals, sheet: Sheet, theme: drawing.Theme) -> None:
    """The unit, a legend of the channels that share panels, and the titles of the two halves."""
    names = [signals.channels[index] for index in sheet.bands[0].channels]
    if len(sheet.bands[0].channels) < len(sheet.channels):
        names = []  # each band has a channel of its own, and says so
    axes = drawing.place(drawn, LEFT, 0.02, drawing.WIDTH_INCHES - LEFT - RIGHT, 0.3)
    axes.set_axis_off()
    handles = [axes.plot([], color=theme.line(index)[0], label=f" {name}")[0] for index, name in enumerate(names)]
    if handles:
        axes.legend(handles=handles, loc="center left", ncols=len(names), title=None, handlelength=1.2)
    unit = f"unit: {sheet.unit}" if sheet.unit else "no unit"
    drawing.write(drawn, drawing.WIDTH_INCHES - RIGHT, 0.17, unit, ha="right", va="center", color=theme.muted)
    for side in SIDES:
        drawing.write(
            drawn, _left_of(side) + _half_width() / 2, HEADER - 0.12, side.upper(), ha="center", color=theme.muted
        )


def _draw_window(axes: "Axes", shown: Examples, row: int, look: tuple[Band, Clock, drawing.Theme]) -> None:
    band, clock, theme = look
    window = np.asarray(shown.values[row])[:, band.channels]  # (time, channel)
    times = np.arange(len(window)) * clock.step
    for index, values in enumerate(window.T):
        axes.plot(times, values, color=theme.line(index)[0], linewidth=0.9)
    axes.set_xlim(0, max(times[-1], clock.step))
    person = shown.subjects[row] if shown.subjects else ""
    axes.set_title(person, loc="right", y=1.0, size=6.5, color=theme.muted, pad=1.5)  # at a fixed y: drawn far faster


def _write_time_label(drawn: "Figure", clock: Clock) -> None:
    """Times below the lowest panels, which are the last ones of each column."""
    panels = [axes for axes in drawn.axes if axes.axison]
    lowest = min(axes.get_position().y0 for axes in panels)
    for axes in panels:
        if axes.get_position().y0 < lowest + 1e-6:
            axes.tick_params(labelbottom=True)
            axes.locator_params(axis="x", nbins=5)
    height = drawn.get_size_inches()[1]
    label = f"time ({clock.unit})"
    drawing.write(drawn, drawing.WIDTH_INCHES / 2, height - 0.06, label, ha="center", va="bottom")
