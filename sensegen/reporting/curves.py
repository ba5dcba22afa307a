"""Real and synthetic over each other in one axis, by activity and channel: windows, spectra, autocorrelation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sensegen.evaluation.fidelity import autocorrelation
from sensegen.evaluation.spectrum import Spectra, spectra
from sensegen.reporting.bands import ratio_in_words
from sensegen.reporting.charts import Axes, Chart, Drawn, Range, around
from sensegen.reporting.clock import TIME_UNITS, Clock
from sensegen.reporting.results import Results
from sensegen.reporting.sides import Pair, Sides, Values

MOST_PANELS = 240  # of a page: about 2 MB
WINDOWS = ((60, 5), (120, 3), (MOST_PANELS, 2))  # up to so many panels, so many windows of a side in each
BEYOND = 0.5  # of the real range, that synthetic windows may leave it by before they are cut
DECIMAL = np.log(10)


@dataclass(frozen=True)
class Panel:
    """The charts of one activity and channel."""

    activity: str
    channel: str
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class Gallery:
    """The panels, the channels with the most different spectrum first, and which channels were left out."""

    activities: tuple[str, ...]
    channels: tuple[str, ...]
    panels: tuple[Panel, ...]
    undrawn: tuple[str, ...]
    windows: int


def gallery(results: Results, sides: Sides) -> Gallery:
    """Panels of every activity, and of as many channels as a page can hold."""
    activities = {label: results.signals.classes[label] for label in sides.pairs}
    order, room = sides.by_distance, max(1, MOST_PANELS // max(1, len(activities)))
    shown = order[:room]
    windows = next((few for most, few in WINDOWS if len(shown) * len(activities) <= most), 1)
    drawn = [label for label, pair in sides.pairs.items() if len(pair.real) or len(pair.synthetic)]
    panels = tuple(panel for label in drawn for panel in _panels(results, sides.pairs[label], (label, shown), windows))
    return Gallery(
        activities=tuple(activities.values()),
        channels=tuple(results.signals.channels[at] for at in shown),
        panels=panels,
        undrawn=tuple(results.signals.channels[at] for at in order[room:]),
        windows=windows,
    )


def _panels(results: Results, pair: Pair, which: tuple[int, Sequence[int]], windows: int) -> Iterator[Panel]:
    signals, (label, shown) = results.signals, which
    clock = Clock.of(signals.rate_hz, results.window_samples)
    both = spectra(pair.real, pair.synthetic, signals.rate_hz) if pair.complete and results.window_samples > 1 else None
    lags = {kind: autocorrelation(side) for kind, side in vars(pair).items() if len(side)}
    for at in shown:
        of = f"{signals.channels[at]}, {signals.classes[label]}"
        charts = [_windows_chart(pair, at, (of, signals.units[at], clock), windows)]
        if both is not None:
            charts.append(_spectrum_chart(both, at, (of, signals.units[at], clock)))
        charts.append(_lag_chart({kind: side[:, at] for kind, side in lags.items()}, of, clock))
        yield Panel(signals.classes[label], signals.channels[at], tuple(charts))


def _windows_chart(pair: Pair, at: int, words: tuple[str, str, Clock], windows: int) -> Chart:
    of, unit, clock = words
    sides = {"real": pair.real[:windows, :, at], "synthetic": pair.synthetic[:windows, :, at]}
    times = np.arange(max(pair.real.shape[1], 2)) * clock.step
    axes = Axes((0.0, float(times[-1])), _limits(*sides.values()))
    lines = [Drawn(kind, axes.line(times[: len(window)], window)) for kind, side in sides.items() for window in side]
    alt = f"{len(sides['real'])} real and {len(sides['synthetic'])} synthetic windows of {of}, over each other."
    return Chart("Windows", alt, f"time ({clock.unit})", unit or "value", axes.x_ticks(), axes.y_ticks(), tuple(lines))


def _limits(real: Values, synthetic: Values) -> Range:
    """The range of the real windows, and of synthetic ones up to half of it beyond."""
    if not len(real) or not len(synthetic):
        return around(np.concatenate([real, synthetic]).ravel())
    low, high = around(real.ravel())
    room = BEYOND * (high - low)
    return max(min(low, around(synthetic.ravel())[0]), low - room), min(
        max(high, around(synthetic.ravel())[1]), high + room
    )


def _spectrum_chart(both: Spectra, at: int, words: tuple[str, str, Clock]) -> Chart:
    """Mean power by frequency, with the band shaded in which the two differ most."""
    of, unit, clock = words
    seconds = TIME_UNITS[clock.unit]
    per = both.frequency_hz * seconds
    sides = {"real": both.real[:, at] / DECIMAL, "synthetic": both.synthetic[:, at] / DECIMAL}
    axes = Axes((0.0, float(per[-1])), around(np.concatenate([*sides.values()])))
    lines = tuple(Drawn(kind, axes.line(per, levels)) for kind, levels in sides.items())
    band = both.worst_bands()[at]
    shade = (axes.across(band.from_hz * seconds), axes.across(band.to_hz * seconds))
    x_label = "frequency (Hz)" if clock.unit == "s" else f"frequency (1/{clock.unit})"
    squared = f"{unit}²" if unit.isalpha() else f"({unit})²"
    density = f"power ({squared}/Hz)" if unit else "power (1/Hz)"
    alt = f"Mean power spectra of {of}: synthetic windows have at worst {ratio_in_words(band)}, in the shaded band."
    return Chart("Spectrum", alt, x_label, density, axes.x_ticks(), axes.power_ticks(), lines, shade)


def _lag_chart(sides: dict[str, np.ndarray], of: str, clock: Clock) -> Chart:
    longest = max(len(side) for side in sides.values())
    lags = np.arange(max(longest, 2)) * clock.step
    axes = Axes((0.0, float(lags[-1])), around([*np.concatenate([*sides.values()]), 0.0]))
    lines = tuple(Drawn(kind, axes.line(lags[: len(side)], side)) for kind, side in sides.items())
    alt = f"Mean autocorrelation of {of} by lag, real and synthetic."
    return Chart("Autocorrelation", alt, f"lag ({clock.unit})", "", axes.x_ticks(), axes.y_ticks(), lines)
