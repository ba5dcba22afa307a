"""Figures in a light and a dark theme, as PNG of the same bytes for the same content."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 144
WIDTH_INCHES = 8.0
PALETTE_COLOURS = 128  # lines, text and their smoothed edges need no more; a third of the size of true colour


@dataclass(frozen=True)
class Theme:
    """Colours of a figure; `lines` can be told apart by colour-blind people (Okabe and Ito, 2008)."""

    name: str
    background: str
    ink: str
    muted: str
    grid: str
    alert: str
    lines: tuple[str, ...]

    def line(self, index: int) -> tuple[str, str | tuple[int, tuple[int, ...]]]:
        """Colour and dashes of the index-th line; colours repeat with other dashes."""
        dashes: tuple[str | tuple[int, tuple[int, ...]], ...] = ("-", (0, (1, 1)), (0, (4, 1, 1, 1)))
        return self.lines[index % len(self.lines)], dashes[index // len(self.lines) % len(dashes)]


LIGHT = Theme(
    "light", "#ffffff", "#1b2430", "#5b6776", "#dfe4ea", "#c2410c",
    ("#0072b2", "#d55e00", "#009e73", "#b0548a", "#b07d00", "#3a9bd6", "#1b2430"),
)  # fmt: skip
DARK = Theme(
    "dark", "#171c22", "#e6eaef", "#9aa6b4", "#323b46", "#ff8a5c",
    ("#56b4e9", "#f0893a", "#35c29a", "#d98fbb", "#e9c93f", "#8fa8ff", "#e6eaef"),
)  # fmt: skip


@contextmanager
def themed(theme: Theme) -> Iterator[None]:
    """Draw with matplotlib's own defaults and a theme, whatever a matplotlibrc on this machine says."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({
            "figure.facecolor": theme.background, "axes.facecolor": theme.background,
            "savefig.facecolor": theme.background, "text.color": theme.ink, "axes.labelcolor": theme.muted,
            "xtick.color": theme.muted, "ytick.color": theme.muted, "axes.edgecolor": theme.grid,
            "grid.color": theme.grid, "grid.linewidth": 0.6, "axes.grid": True, "axes.axisbelow": True,
            "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
            "font.size": 8.0, "xtick.labelsize": 7.0, "ytick.labelsize": 7.0, "lines.linewidth": 1.1,
            "text.parse_math": False,  # a label with a dollar sign is a name, not a formula
        })  # fmt: skip
        yield


def figure(height_inches: float) -> "Figure":
    """An empty figure of the page's width; it needs no window and no global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DOTS_PER_INCH)


def png(drawn: "Figure") -> bytes:
    """The figure as a PNG of few colours and no metadata."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas, content = FigureCanvasAgg(drawn), BytesIO()
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    image.quantize(PALETTE_COLOURS, dither=Image.Dither.NONE).save(content, format="png", optimize=True)
    return content.getvalue()


def place(drawn: "Figure", left: float, top: float, width: float, height: float) -> "Axes":
    """Axes at a place given in inches from the figure's upper left corner."""
    across, down = drawn.get_size_inches()
    return drawn.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))


def write(drawn: "Figure", left: float, top: float, text: str, **style: object) -> None:
    """Text at a place given in inches from the figure's upper left corner."""
    across, down = drawn.get_size_inches()
    drawn.text(left / across, 1 - top / down, text, **style)  # type: ignore[arg-type]
