"""A search at a glance: how much each param matters, and the score of each trial by what it tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sensegen.reporting import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, TOP, BETWEEN, HEIGHT, BAR = 0.5, 0.35, 0.55, 1.3, 0.2  # inches
COLUMNS = 3
NAMES = 2.0  # inches for the names of params beside the bars


@dataclass(frozen=True)
class Tried:
    """What a trial tried, by param, and its score: more is better."""

    params: Mapping[str, float | str]
    score: float


def draw_search(
    trials: Sequence[Tried], importance: Mapping[str, float], logarithmic: Sequence[str], theme: drawing.Theme
) -> "Figure":
    """Bars of importance (shares of 1; none drawn where there are none), and below them a panel a param.

    The best trial is marked. `logarithmic` names the params whose axis is.
    """
    names = sorted({name for trial in trials for name in trial.params}, key=lambda name: -importance.get(name, 0.0))
    bars = TOP + BAR * len(importance) + BETWEEN if importance else 0.0
    rows = -(-len(names) // COLUMNS)
    drawn = drawing.figure(bars + TOP + rows * (HEIGHT + BETWEEN))
    if importance:
        _draw_importance(drawn, importance, theme)
    width = (drawing.WIDTH_INCHES - LEFT) / COLUMNS - BETWEEN / 2
    for place, name in enumerate(names):
        row, column = divmod(place, COLUMNS)
        left, top = LEFT + column * (width + BETWEEN / 2), bars + TOP + row * (HEIGHT + BETWEEN)
        axes = drawing.place(drawn, left, top, width, HEIGHT)
        _draw_slice(axes, name, trials, theme)
        axes.tick_params(labelleft=column == 0)
        if name in logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")  # its own way are formulae
            axes.xaxis.set_minor_formatter("")
    return drawn


def _draw_importance(drawn: "Figure", importance: Mapping[str, float], theme: drawing.Theme) -> None:
    ranked = sorted(importance.items(), key=lambda one: one[1])
    width = drawing.WIDTH_INCHES - NAMES - BETWEEN
    axes = drawing.place(drawn, NAMES, TOP, width, BAR * len(ranked))
    axes.barh([_short(name) for name, _ in ranked], [share for _, share in ranked], color=theme.line(0)[0])
    axes.set_title("importance for the score", loc="left", size=9)


def _draw_slice(axes: "Axes", name: str, trials: Sequence[Tried], theme: drawing.Theme) -> None:
    there = [trial for trial in trials if name in trial.params]
    best = max(there, key=lambda trial: trial.score)
    axes.plot([trial.params[name] for trial in there], [trial.score for trial in there], "o", color=theme.line(0)[0])
    axes.plot([best.params[name]], [best.score], "o", color=theme.alert)
    axes.set_title(_short(name), loc="left", size=8)


def _short(name: str) -> str:
    """A key without the sections that all of them are in."""
    return name.removeprefix("train_generator.").removeprefix("generator.")
