"""What `sensegen inspect` prints: the layout, the columns with a small plot each, clocks, signals, labels."""

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from sensegen.description.columns import Csv
from sensegen.drafting.clocks import Clock
from sensegen.drafting.guessing import Guess
from sensegen.drafting.profile import Profile

if TYPE_CHECKING:
    from rich.console import Console

BARS = "▁▂▃▄▅▆▇█"
PLOT_WIDTH, NARROWEST_PLOT = 32, 12
TABLE_WIDTH = 60  # of what stands beside the longest name and the plot
PLOT_ROWS = 2048
MOST_SHOWN = 12
COLUMNS = ("column", "taken for", "least", "median", "most", "lost", "first rows")
NUMBERS = ("least", "median", "most", "lost")


def show(console: "Console", seen: Profile, found: Guess) -> None:
    """Print all of it."""
    console.print(f"{seen.path}: {_layout(seen)}, {seen.rows:,} rows", markup=False, highlight=False, soft_wrap=True)
    if seen.stopped:
        console.print(f"  {seen.stopped}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if seen.kept < seen.rows:
        console.print(
            f"  numbers below are of the first {_kept(seen):,} rows; words and rows are counted over all",
            soft_wrap=True,
        )
    _show_columns(console, seen, found)
    for clock in found.clocks:
        console.print(f"clock {clock.column}: {_clock(clock)}", markup=False, highlight=False, soft_wrap=True)
    for sensor in found.sensors:
        rate = f"{sensor.rate_hz:g} Hz" if sensor.rate_hz else "rate unknown" if not found.clocks else "several rates"
        text = (
            f"signal {sensor.name} ({', '.join(sensor.columns)}): {sensor.unit or 'unit unknown'}, {rate}; {sensor.why}"
        )
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    for role, column in (
        ("label", found.label),
        ("subject", found.subject),
        *(("device", one) for one in found.devices),
    ):
        if column:
            counts = _counts(seen, column)
            console.print(f"{role} {column}: {counts}", markup=False, highlight=False, soft_wrap=True)
    for remark in found.remarks:
        console.print(f"note: {remark}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def sparkline(values: Float[np.ndarray, "row"], width: int = PLOT_WIDTH) -> str:
    """The course of a signal in one line of text: each sign the mean of a stretch, from least to most."""
    values = values[:PLOT_ROWS]
    if not np.isfinite(values).any():
        return ""
    pieces = np.array_split(values, min(width, len(values)))
    means = np.array([np.mean(own) if len(own := piece[np.isfinite(piece)]) else np.nan for piece in pieces])
    low, high = np.nanmin(means), np.nanmax(means)
    if high <= low:
        return BARS[0] * len(means)
    heights = np.nan_to_num((means - low) / (high - low) * (len(BARS) - 1), nan=-1).round().astype(int)
    return "".join(BARS[height] if height >= 0 else " " for height in heights)


def _layout(seen: Profile) -> str:
    format_ = seen.sniffed.format
    if not isinstance(format_, Csv):
        return "Parquet"
    separator = {"\t": "tab", " ": "space"}.get(format_.separator, format_.separator)
    header = "no header" if format_.columns else f"header in line {format_.skipped_lines + 1}"
    return f"text separated by {separator}, {header}"


def _kept(seen: Profile) -> int:
    return max((len(values) for values in (*seen.numbers.values(), *seen.codes.values())), default=0)


def _show_columns(console: "Console", seen: Profile, found: Guess) -> None:
    from rich.table import Table

    roles = _roles(found)
    names = max(map(len, (*seen.sniffed.columns, *roles.values())), default=0)
    width = min(PLOT_WIDTH, max(NARROWEST_PLOT, console.width - TABLE_WIDTH - names))
    rows = [(column, roles.get(column, "?"), *_cells(seen, column, width)) for column in seen.sniffed.columns]
    table = Table(box=None, pad_edge=False)
    for at, title in enumerate(COLUMNS):
        if title != "lost" or any(row[at] for row in rows):
            table.add_column(title, justify="right" if title in NUMBERS else "left", no_wrap=True)
        else:
            rows = [(*row[:at], *row[at + 1 :]) for row in rows]
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _roles(found: Guess) -> dict[str, str]:
    roles = {column: sensor.name for sensor in found.sensors for column in sensor.columns}
    roles |= {column: f"({why})" for column, why in found.ignored.items()}
    roles |= dict.fromkeys(found.devices, "device")
    roles |= {column: role for role, column in (("label", found.label), ("subject", found.subject)) if column}
    return roles | ({found.clocks[0].column: "clock"} if found.clocks else {})


def _cells(seen: Profile, column: str, width: int) -> tuple[str, ...]:
    if column not in seen.numbers:
        words = seen.texts.get(column) or list(seen.words.get(column, ()))
        return "", "", "", "", ", ".join(str(word) for word in words[:3])[:width]
    values = seen.numbers[column]
    known = values[np.isfinite(values)]
    if not len(known):
        return "", "", "", f"{len(values):,}", ""
    least, median, most = (f"{value:.4g}" for value in (known.min(), np.median(known), known.max()))
    lost = len(values) - len(known)
    return least, median, most, f"{lost:,}" if lost else "", sparkline(values, width)


def _clock(clock: Clock) -> str:
    unit = clock.unit if clock.sure else f"{clock.unit} (a guess)"
    gaps = f"{clock.gaps:,} gaps, the longest {clock.longest_gap_s:.4g} s" if clock.gaps else "no gaps"
    return (
        f"in {unit}; {clock.rate_hz:.4g} Hz by the median step, {clock.mean_rate_hz:.4g} Hz on average; "
        f"{clock.seconds:.6g} s; {gaps}; {clock.repeated:,} repeated and {clock.backward:,} backward steps"
    )


def _counts(seen: Profile, column: str) -> str:
    counts = seen.words.get(column) or Counter(f"{value:g}" for value in seen.numbers[column][:1_000_000])
    shown = ", ".join(f"{word} {count:,}" for word, count in counts.most_common(MOST_SHOWN))
    return shown if len(counts) <= MOST_SHOWN else f"{shown}, and {len(counts) - MOST_SHOWN} more"
