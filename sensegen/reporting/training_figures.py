"""Losses by optimiser step with every alert marked, and the rounds of the alternation."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sensegen.reporting import drawing
from sensegen.reporting.results import Curve, is_control, numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, TOP, WIDTH, HEIGHT, BETWEEN, BELOW = 0.55, 0.32, 3.3, 2.1, 0.7, 0.45  # inches
LEGEND_LINE, LEGEND_COLUMNS = 0.17, 3  # height in inches; entries beside each other below a single panel
FEW_PARTS = 3  # of more, the rounds show only what was measured on validation windows
WIDE = 40.0  # a loss this many times its usual spread away goes on a logarithmic axis

Alerts = Sequence[Mapping[str, Any]]


def split_curves(curves: Sequence[Curve]) -> dict[str, list[Curve]]:
    """The curves of one stage by what is on one scale: generators' losses, discriminators' losses."""
    kinds = {"generator": [c for c in curves if not c.of_discriminator],
             "discriminator": [c for c in curves if c.of_discriminator]}  # fmt: skip
    return {kind: members for kind, members in kinds.items() if members}


def alerts_of(alerts: Alerts, curves: Sequence[Curve]) -> list[Mapping[str, Any]]:
    """The alerts of one panel. Both models of the alternation stop and go back together, at a step they share."""
    like = curves[0]
    own = [alert for alert in alerts if alert["stage"] == like.stage and is_control(alert["part"]) == like.of_control]
    return [alert for alert in own if like.of_discriminator or not alert["part"].startswith("discriminator")]


def draw_losses(curves: Sequence[Curve], alerts: Alerts, theme: drawing.Theme) -> "Figure":
    """The losses of one stage: a panel for generators, one for discriminators, alerts as dashed verticals."""
    panels = split_curves(curves)
    columns = LEGEND_COLUMNS if len(panels) == 1 else 1
    entries = max(len(members) for members in panels.values()) + 2  # and: validation, alerts
    drawn = drawing.figure(TOP + HEIGHT + BELOW + LEGEND_LINE * -(-entries // columns))
    for position, (kind, members) in enumerate(panels.items()):
        axes = _axes(drawn, position, len(panels))
        axes.set_title(f"{kind} loss", loc="left", size=9)
        for index, curve in enumerate(members):
            _draw_curve(axes, curve, index, (len(members) == 1, theme))
        _scale(axes, members)
        _mark(axes, alerts_of(alerts, members), theme)
        axes.set_xlabel("optimiser step")
        _legend(axes, columns)
    return drawn


def draw_rounds(rounds: Sequence[Mapping[str, str]], theme: drawing.Theme) -> "Figure":
    """Discriminator accuracy by round beside the 0.5 of guessing, and the generator's losses by round."""
    parts = list(dict.fromkeys(row["part"] for row in rounds))
    entries = (2 if len(parts) <= FEW_PARTS else 1) * len(parts) + 1
    drawn = drawing.figure(TOP + HEIGHT + BELOW + LEGEND_LINE * entries + 0.05)
    accuracy, loss = _axes(drawn, 0, 2), _axes(drawn, 1, 2)
    accuracy.set_title("discriminator accuracy by round", loc="left", size=9)
    _draw_by_round(accuracy, rounds, {"discriminator_validation_accuracy": "validation"}, theme)
    accuracy.axhline(0.5, color=theme.muted, linewidth=1, linestyle=(0, (2, 2)), label="guessing (0.5)")
    accuracy.set_ylim(-0.03, 1.03)
    loss.set_title("generator loss by round", loc="left", size=9)
    losses = {"generator_validation_loss": "validation", "generator_loss": "training"}
    _draw_by_round(loss, rounds, losses, theme)
    for axes in (accuracy, loss):
        axes.set_xlabel("round")
        axes.locator_params(axis="x", integer=True)
        _legend(axes, columns=1)
    return drawn


def draw_transform(shares: Sequence[float], theme: drawing.Theme) -> "Figure":
    """The histogram of the probability integral transform beside the level of an honest one."""
    drawn = drawing.figure(TOP + HEIGHT + BELOW)
    axes = _axes(drawn, 0, 1)
    axes.set_title("share of validation values", loc="left", size=9)
    edges = np.linspace(0, 1, len(shares) + 1)
    axes.bar(edges[:-1], shares, width=0.92 * edges[1], align="edge", color=theme.line(0)[0])
    axes.axhline(1 / len(shares), color=theme.muted, linewidth=1, linestyle=(0, (2, 2)))
    axes.set_xlim(0, 1)
    axes.set_xlabel("probability that the generator gave to less")
    return drawn


def _axes(drawn: "Figure", position: int, panels: int) -> "Axes":
    width = WIDTH if panels > 1 else 2 * WIDTH + BETWEEN
    return drawing.place(drawn, LEFT + position * (WIDTH + BETWEEN), TOP, width, HEIGHT)


def _draw_curve(axes: "Axes", curve: Curve, index: int, look: tuple[bool, drawing.Theme]) -> None:
    """Training solid and validation dashed: in two colours for a single part, in the part's colour for several."""
    alone, theme = look
    color, dashes = theme.line(index)
    marker = "o" if len(curve.steps) < 3 else ""  # one point makes no line
    name = "training" if alone else f" {curve.part}"
    axes.plot(curve.steps, curve.loss, color=color, linestyle=dashes, marker=marker, markersize=3, label=name)
    taken = np.isfinite(curve.validation_loss)
    if taken.any():
        (line,) = axes.plot(curve.steps[taken], curve.validation_loss[taken], linestyle=(0, (4, 2)), marker=marker)
        line.set(color=theme.line(1)[0] if alone else color, markersize=3)
        if alone or index == 0:
            line.set_label("validation" if alone else "validation (dashed, same colours)")


def _scale(axes: "Axes", curves: Sequence[Curve]) -> None:
    """A logarithmic axis when a few losses are so far off that a linear one would show nothing else."""
    losses = np.concatenate([np.r_[curve.loss, curve.validation_loss] for curve in curves])
    losses = losses[np.isfinite(losses)]
    if losses.size:
        low, middle, high = np.quantile(losses, [0.25, 0.5, 0.75])
        spread = max(high - low, 1e-6)
        if np.abs(losses - middle).max() > WIDE * spread:
            axes.set_yscale("symlog", linthresh=max(abs(middle), spread))


def _mark(axes: "Axes", alerts: Alerts, theme: drawing.Theme) -> None:
    for position, alert in enumerate(alerts):
        label = f"alert ({len(alerts)})" if position == 0 else None
        axes.axvline(alert["step"], color=theme.alert, linewidth=1, linestyle=(0, (3, 2)), label=label)
        (head,) = axes.plot([alert["step"]], [1], "v", color=theme.alert, transform=axes.get_xaxis_transform())
        head.set(markersize=5, clip_on=False)


def _legend(axes: "Axes", columns: int) -> None:
    """Below the axes and their label, wherever that is in a figure of this height."""
    handles, labels = axes.get_legend_handles_labels()
    below = -(BELOW - 0.02) / HEIGHT
    axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(0, below), ncols=columns, handlelength=2.4,
                borderaxespad=0, labelspacing=0.25, columnspacing=1.2)  # fmt: skip


def _draw_by_round(
    axes: "Axes", rounds: Sequence[Mapping[str, str]], columns: Mapping[str, str], theme: drawing.Theme
) -> None:
    """Draw columns by round, a colour a part; `columns` gives the name of each, the first dashed as the part is."""
    parts = list(dict.fromkeys(row["part"] for row in rounds))
    for index, part in enumerate(parts):
        own = [row for row in rounds if row["part"] == part]
        when, (color, dashes) = numbers(own, "round"), theme.line(index)
        for place, (column, name) in enumerate(columns.items()):
            if place and len(parts) > FEW_PARTS:
                continue
            style, mark = (":", "o") if place else (dashes, "s")
            (line,) = axes.plot(when, numbers(own, column), mark, color=color, label=f" {part}, {name}")
            line.set(linestyle=style, markersize=3.5)
