"""The curves of warm starts: validation loss by epoch, from nothing and warm, a panel a pair."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.uci_har import ROOT
from sensegen.artifacts import writing
from sensegen.evaluation.interval import over_seeds
from sensegen.reporting import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = ROOT / "docs" / "images" / "warm_starts.png"
ACROSS, HEIGHT, WIDTH, LEFT, TOP, GAP = 2, 1.7, 3.0, 0.7, 0.35, 0.8  # inches
Losses = Mapping[str, Sequence[np.ndarray]]  # of an arm, of each seed, by epoch


def draw(pairs: Mapping[str, Losses]) -> None:
    """Means over seeds, with 95 % intervals where there are several; the first epochs are beyond the upper edge."""
    lines = -(-len(pairs) // ACROSS)
    with drawing.themed(drawing.LIGHT):
        drawn = drawing.figure(TOP + lines * (HEIGHT + GAP))
        for at, (name, losses) in enumerate(pairs.items()):
            row, column = divmod(at, ACROSS)
            place = LEFT + column * (WIDTH + GAP), TOP + row * (HEIGHT + GAP)
            axes = drawing.place(drawn, *place, WIDTH, HEIGHT)
            axes.set_title(f"{name} ({len(next(iter(losses.values())))} seeds)", loc="left", size=8)
            _panel(axes, losses)
        with writing(PICTURE) as temporary:
            temporary.write_bytes(drawing.png(drawn))


def _panel(axes: "Axes", losses: Losses) -> None:
    for index, (arm, curves) in enumerate(losses.items()):
        epochs, by_epoch = np.arange(1, len(curves[0]) + 1), np.array(curves).T
        colour = drawing.LIGHT.line(index)[0]
        axes.plot(epochs, by_epoch.mean(axis=1), color=colour, label=arm)
        if len(curves) > 1:
            told = [over_seeds(values.tolist()) for values in by_epoch]
            axes.fill_between(
                epochs, [one["low"] for one in told], [one["high"] for one in told], color=colour, alpha=0.2
            )
    everything = np.concatenate([np.ravel(curves) for curves in losses.values()])
    low, high = everything.min(), np.quantile(everything, 0.9)
    axes.set_ylim(low - 0.05 * (high - low), high)
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation loss")
    axes.legend()
