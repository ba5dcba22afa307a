"""What was recorded and what was drawn in its place, as one picture."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from sensegen.artifacts import writing
from sensegen.reporting import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sensegen.completion.files import Completed

MOST_CHANNELS, MOST_SAMPLES = 8, 400
TITLE, PANEL, GAP, LEFT, FOOTER = 0.5, 1.0, 0.14, 0.75, 0.45  # inches
FEW_DOTS = 200  # samples that were recorded are drawn as dots


def picture(path: Path, completed: "Completed") -> None:
    """A panel a channel, of the stretch around the longest gap; a PNG, whole or not at all."""
    theme, recorded = drawing.LIGHT, completed.recorded
    channels, rows = range(min(MOST_CHANNELS, len(recorded.channels))), _around_longest_gap(recorded.stretch.known)
    with drawing.themed(theme):
        drawn = drawing.figure(TITLE + len(channels) * (PANEL + GAP) + FOOTER)
        drawing.write(drawn, LEFT, 0.22, f"{recorded.name}: recorded, median of draws, middle 90 %", weight="bold")
        quantiles = [completed.quantile(share)[rows] for share in (0.05, 0.5, 0.95)]
        for channel in channels:
            width = drawing.WIDTH_INCHES - LEFT - 0.1
            axes = drawing.place(drawn, LEFT, TITLE + channel * (PANEL + GAP), width, PANEL)
            known = recorded.stretch.known[rows, channel]
            _panel(axes, completed.times_s[rows], [part[:, channel] for part in quantiles], known)
            axes.set_ylabel(f"{recorded.channels[channel]}\n{recorded.units[channel]}")
            if channel < channels[-1]:
                axes.tick_params(labelbottom=False)
            else:
                axes.set_xlabel("time (s)")
        with writing(path) as temporary:
            temporary.write_bytes(drawing.png(drawn))


def _panel(
    axes: "Axes", times_s: Float[np.ndarray, "time"], quantiles: list[Float[np.ndarray, "time"]], known: np.ndarray
) -> None:
    low, middle, high = quantiles
    theme = drawing.LIGHT
    axes.fill_between(times_s, low, high, color=theme.line(0)[0], alpha=0.25, linewidth=0)
    axes.plot(times_s, middle, color=theme.line(0)[0])
    lone = known & ~(np.r_[False, known[:-1]] | np.r_[known[1:], False])
    axes.plot(times_s, np.where(known, middle, np.nan), color=theme.ink)
    if lone.sum() <= FEW_DOTS:
        axes.plot(times_s[lone], middle[lone], ".", color=theme.ink, markersize=2.5)
    axes.set_xlim(times_s[0], times_s[-1])


def _around_longest_gap(known: np.ndarray) -> slice:
    missing = np.flatnonzero(~known.all(axis=1))
    longest = max(np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1), key=len)
    first = int(np.clip(longest[0] - MOST_SAMPLES // 2, 0, max(0, len(known) - MOST_SAMPLES)))
    return slice(first, first + MOST_SAMPLES)
