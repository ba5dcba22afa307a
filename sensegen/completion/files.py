"""A recording of anybody as a stretch on a regular grid, and what was drawn of it as tables.

A table (`table_files`) has the column `time_s` and one a channel; a cell may be empty, and rows may be left out. Other
files are read by their description, as `sensegen inspect FILE --write` drafts it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sensegen import delimited, table_files, timestamps
from sensegen.artifacts import writing
from sensegen.completion.stretches import Stretch
from sensegen.recording import Recording, Signal
from sensegen.table_files import TIME, Provenance, heading, numbers

MISSING = ("", "NA", "NaN", "nan", "null")
MOST_SAMPLES = 10_000_000  # of a grid: times that are years apart by mistake must not fill the memory


@dataclass(frozen=True)
class Recorded:
    """A recording on a regular grid."""

    name: str
    stretch: Stretch
    rate_hz: float
    channels: tuple[str, ...]
    units: tuple[str, ...]

    def among(self, channels: tuple[str, ...]) -> Float[np.ndarray, "time channel"]:
        """Some channels, in that order."""
        return self.stretch.values[:, [self.channels.index(name) for name in channels]]


def read_table(path: Path) -> Recording:
    """The recording of a table.

    Raises:
        ValueError: the ending is unknown, there is no `time_s`, or a word stands where a number must.
        OSError: the file cannot be read.
    """
    import pyarrow as pa

    if path.suffix.lower() == ".csv":
        names = delimited.columns_of(path, delimited.Layout({TIME: "float"}, quoted=True))
        layout = delimited.Layout(dict.fromkeys(names, "float"), variants=(names,), quoted=True, missing=MISSING)
        table = pa.Table.from_batches(delimited.read_columns(path, layout))
    elif path.suffix.lower() == ".parquet":
        table = table_files.read_parquet(path)
    else:
        raise ValueError(f"{path} must end with one of {', '.join(table_files.WRITERS)}, or have a --description.")
    if TIME not in table.column_names or len(table.column_names) < 2:
        raise ValueError(f"{path} must have the column {TIME} and one a channel, but has {table.column_names}.")
    times_s = numbers(path, table, TIME)
    if not len(times_s) or not np.isfinite(times_s).all():
        raise ValueError(f"{path}, column {TIME}: every row must have its time.")
    signals: dict[str, Signal] = {}
    for column in table.column_names:
        if column == TIME:
            continue
        channel, unit = table_files.channel_and_unit(column)
        if channel in signals:
            raise ValueError(f"{path} must have one column a channel, but has several of {channel}.")
        values = numbers(path, table, column)[:, None]
        signals[channel] = Signal(values, times_s, _rate_hz(path.name, times_s), unit, (channel,))
    return Recording(path.name, "", signals, ())


def on_grid(recording: Recording) -> Recorded:
    """Each sample at the nearest point of a grid of the rate of the fastest signal; of two at one point, the mean.

    Raises:
        ValueError: if there are too few samples, or they do not lie near a grid.
    """
    signals = list(recording.signals.values())
    orders = [timestamps.ordered(signal.times_s, np.asarray(signal.values, np.float64)) for signal in signals]
    rate_hz = max(_rate_hz(recording.name, times_s) for times_s, _ in orders)
    start_s = min(float(times_s[0]) for times_s, _ in orders)
    places = [np.round((times_s - start_s) * rate_hz).astype(int) for times_s, _ in orders]
    length = max(int(place[-1]) for place in places) + 1
    if length > MOST_SAMPLES:
        raise ValueError(
            f"{recording.name}: from its first to its last time there would be {length:,} samples at {rate_hz:g} Hz; "
            f"at most {MOST_SAMPLES:,} are taken. Correct the times, or cut it."
        )
    columns = []
    for place, (_, values) in zip(places, orders, strict=True):
        if len(np.unique(place)) < len(place) * 0.99:
            raise ValueError(f"{recording.name}: its times do not lie near a grid of {rate_hz:g} Hz.")
        columns.append(_means(place, values, length))
    return Recorded(
        recording.name,
        Stretch(np.concatenate(columns, axis=1), start_s),
        rate_hz,
        tuple(name for signal in signals for name in signal.channels),
        tuple(signal.unit for signal in signals for _ in signal.channels),
    )


def _means(
    place: Int[np.ndarray, "sample"], values: Float[np.ndarray, "sample channel"], length: int
) -> Float[np.ndarray, "time channel"]:
    """At each place the mean of the known values there; NaN where there is none."""
    known, sums, counts = ~np.isnan(values), np.zeros((length, values.shape[1])), np.zeros((length, values.shape[1]))
    np.add.at(sums, place, np.where(known, values, 0.0))
    np.add.at(counts, place, known)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


@dataclass(frozen=True)
class Completed:
    """Draws (time, draw, channel) of a recording, and what of it was known."""

    recorded: Recorded
    draws: Float[np.ndarray, "time draw channel"]

    @property
    def times_s(self) -> Float[np.ndarray, "time"]:
        """The time of each sample."""
        return self.recorded.stretch.start_s + np.arange(len(self.draws)) / self.recorded.rate_hz

    def quantile(self, share: float) -> Float[np.ndarray, "time channel"]:
        """Of the draws; of what is known, itself."""
        found = np.quantile(self.draws, share, axis=1)
        return np.where(self.recorded.stretch.known, self.recorded.stretch.values, found)


def write(path: Path, completed: list[Completed], provenance: Provenance) -> None:
    """A row a sample: of each channel the median, the ends of the middle 90 %, and whether it was known.

    Raises:
        ValueError: if the ending is unknown.
    """
    _write(path, [_intervals(one) for one in completed], provenance)


def write_draws(path: Path, completed: list[Completed], provenance: Provenance) -> None:
    """A row a sample of a draw, of which each is a `window` as `sensegen evaluate` and others read it.

    Raises:
        ValueError: if the ending is unknown.
    """
    _write(path, [_draws(one) for one in completed], provenance)


def _write(path: Path, columns: list[dict[str, Any]], provenance: Provenance) -> None:
    import pyarrow as pa

    check_ending(path)
    table = pa.concat_tables([pa.table(part) for part in columns])
    with writing(path) as temporary:
        table_files.WRITERS[path.suffix.lower()](temporary, table, provenance)


def check_ending(path: Path) -> None:
    """Raises:
    ValueError: if nobody knows how to write the file.
    """
    if path.suffix.lower() not in table_files.WRITERS:
        raise ValueError(f"{path} must end with one of {', '.join(table_files.WRITERS)}, which say how to write it.")


def _intervals(one: Completed) -> dict[str, Any]:
    low, middle, high = (one.quantile(share) for share in (0.05, 0.5, 0.95))
    columns: dict[str, Any] = {"recording": [one.recorded.name] * len(middle), TIME: one.times_s}
    for at, name in enumerate(_headings(one.recorded)):
        columns |= {name: middle[:, at], f"{name} 5 %": low[:, at], f"{name} 95 %": high[:, at]}
        columns[f"{name} recorded"] = one.recorded.stretch.known[:, at]
    return columns


def _draws(one: Completed) -> dict[str, Any]:
    length, count, _ = one.draws.shape
    columns: dict[str, Any] = {
        "window": np.repeat([f"{one.recorded.name} {draw}" for draw in range(count)], length),
        TIME: np.tile(one.times_s - one.times_s[0], count),
    }
    for at, name in enumerate(_headings(one.recorded)):
        columns[name] = one.draws[:, :, at].T.ravel()
    return columns


def _headings(recorded: Recorded) -> list[str]:
    return list(map(heading, recorded.channels, recorded.units))


def _rate_hz(name: str, times_s: Float[np.ndarray, "sample"]) -> float:
    period_s = float(np.median(np.diff(np.sort(times_s)))) if len(times_s) > 1 else 0.0
    if not period_s > 0:
        raise ValueError(f"{name}: it takes two samples with different times to tell a rate.")
    return 1 / period_s
