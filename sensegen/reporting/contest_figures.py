"""How a critic and the maker that it is trained against are doing, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sensegen.contest import COLLAPSED
from sensegen.reporting import drawing
from sensegen.reporting.results import numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEFT, TOP, WIDTH, HEIGHT, BETWEEN, BELOW = 0.45, 0.32, 1.42, 1.5, 0.48, 0.45  # inches
PANELS = {
    "wasserstein": "critic: real less made",
    "output_gradient": "slope at what is made",
    "diversity": "diversity, real windows 1",
    "saturation": "share of clipped weights",
}
FROM_NOUGHT = ("output_gradient", "diversity", "saturation")


def draw_contest(rows: Sequence[Mapping[str, str]], theme: drawing.Theme) -> "Figure":
    """A panel for each of what tells a healthy contest from a dead one, by step."""
    drawn = drawing.figure(TOP + HEIGHT + BELOW)
    steps = numbers(rows, "step")
    for place, (name, title) in enumerate(PANELS.items()):
        axes = drawing.place(drawn, LEFT + place * (WIDTH + BETWEEN), TOP, WIDTH, HEIGHT)
        axes.set_title(title, loc="left", size=8)
        marker = "o" if len(steps) < 3 else ""  # one point makes no line
        axes.plot(steps, numbers(rows, name), color=theme.line(0)[0], marker=marker, markersize=3)
        if name in FROM_NOUGHT:
            axes.set_ylim(bottom=0)
        if name == "diversity":
            axes.axhline(COLLAPSED, color=theme.muted, linewidth=1, linestyle=(0, (2, 2)))
        axes.set_xlabel("step")
        axes.locator_params(axis="x", nbins=3, integer=True)
    return drawn
