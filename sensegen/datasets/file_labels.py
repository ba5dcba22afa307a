"""Label files of a user's own recordings: a row an interval, checked against each other and against the recording."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sensegen.datasets import file_rows
from sensegen.delimited import Kind
from sensegen.description import Description
from sensegen.description.columns import Format
from sensegen.description.places import TIME_UNITS, Intervals, SampleIntervals
from sensegen.recording import Activity, InvalidRecording


@dataclass(frozen=True)
class Interval:
    """What somebody did, from `start` up to, not including, `end`: seconds or samples, as the description says."""

    label: str
    start: float
    end: float
    path: Path
    format: Format
    row: int

    @property
    def place(self) -> str:
        """The file and line it was read from; slow, for messages."""
        return file_rows.place(self.path, self.format, self.row)


@dataclass(frozen=True)
class Stretch:
    """A piece of a recording: the clock of its samples in seconds, the number of the first one, and when it ends.

    `clock_zero_s` is the first sample of the whole recording on that clock.
    """

    times_s: Float[np.ndarray, "time"]
    first: int
    end_s: float
    clock_zero_s: float


def intervals(folder: Path, description: Description) -> dict[str, list[Interval]]:
    """The intervals of every recording by its key, in the order of time.

    Raises:
        InvalidRecording: a label file that is missing, empty or cannot be read, naming file, line and column.
    """
    found: dict[str, list[Interval]] = defaultdict(list)
    if isinstance(description.activity, Intervals | SampleIntervals):
        paths = sorted(folder.glob(description.activity.files))
        if not paths:
            raise InvalidRecording(
                f"activity.files is {description.activity.files!r}, but {folder} holds no such file."
            )
        for path in paths:
            for key, interval in _rows(path, description.activity, description):
                found[key].append(interval)
    return {key: sorted(rows, key=lambda row: (row.start, row.end)) for key, rows in found.items()}


def check(of_one: Sequence[Interval]) -> None:
    """Whether the intervals of one recording can be believed.

    Raises:
        InvalidRecording: if one ends before it begins, or overlaps the one before.
    """
    for interval in of_one:
        if not interval.start < interval.end:
            raise InvalidRecording(
                f"{interval.place}: an interval must end after it begins, but {interval.label} goes from "
                f"{interval.start:.10g} to {interval.end:.10g}."
            )
    for before, after in pairwise(of_one):
        if after.start < before.end:
            raise InvalidRecording(
                f"{after.place}: {after.label} begins at {after.start:.10g}, before {before.label} of {before.place} "
                f"ends at {before.end:.10g}. Intervals of one recording must not overlap."
            )


def check_end(of_one: Sequence[Interval], end: float, what: str) -> None:
    """Whether every interval lies inside its recording, which ends at `end`; `what` names recording and unit.

    Raises:
        InvalidRecording: naming the first that goes beyond.
    """
    for interval in of_one:
        if interval.end > end:
            raise InvalidRecording(
                f"{interval.place}: {interval.label} ends at {interval.end:.10g}, but {what} ends at {end:.10g}."
            )


def clipped(of_one: Sequence[Interval], stretch: Stretch, description: Description) -> Iterator[Activity]:
    """The activities of a piece of a recording, on the clock of its samples."""
    for interval in of_one:
        start_s, end_s = _on_the_clock(interval, stretch, description)
        start_s, end_s = max(start_s, float(stretch.times_s[0])), min(end_s, stretch.end_s)
        if start_s < end_s:
            yield Activity(interval.label, start_s, end_s)


def _on_the_clock(interval: Interval, stretch: Stretch, description: Description) -> tuple[float, float]:
    if isinstance(description.activity, Intervals):
        zero_s = stretch.clock_zero_s if description.activity.counted_from == "start" else 0.0
        return interval.start + zero_s, interval.end + zero_s
    edges = [round(edge) - stretch.first for edge in (interval.start, interval.end)]
    times_s = np.append(stretch.times_s, stretch.end_s)
    start, end = np.clip(edges, 0, len(times_s) - 1)
    return float(times_s[start]), float(times_s[end])


def _rows(
    path: Path, activity: Intervals | SampleIntervals, description: Description
) -> Iterator[tuple[str, Interval]]:
    first, last = (activity.start, activity.end) if isinstance(activity, Intervals) else (activity.first, activity.last)
    unit = activity.unit if isinstance(activity, Intervals) else "s"  # samples are numbers too
    number: Kind = "float" if unit in TIME_UNITS else "text"
    columns: dict[str, Kind] = dict.fromkeys((*activity.recording, activity.label), "category")
    columns |= {first: number, last: number}
    file_rows.columns_of(path, activity.format, columns)
    row = 0
    for batch in file_rows.batches(path, activity.format, columns):
        edges = [file_rows.epoch_seconds(batch[column], unit) for column in (first, last)]
        if isinstance(activity, SampleIntervals):
            edges = [edges[0] - activity.counted_from, edges[1] - activity.counted_from + 1]
        keys = [_column(file_rows.words(batch, column)) for column in activity.recording]
        labels = _column(file_rows.words(batch, activity.label))
        for at, label in enumerate(labels):
            start, end = float(edges[0][at]), float(edges[1][at])
            if label is None or any(key[at] is None for key in keys) or not np.isfinite([start, end]).all():
                place = file_rows.place(path, activity.format, row + at)
                raise InvalidRecording(f"{place}: recording, {first}, {last} and {activity.label} must all stand here.")
            interval = Interval(description.renamed(label), start, end, path, activity.format, row + at)
            yield "/".join(str(key[at]) for key in keys), interval
        row += batch.num_rows


def _column(words: file_rows.Words) -> list[str | None]:
    return [words.known[code] if code >= 0 else None for code in words.codes.tolist()]
