"""HHAR's streams: one file holds the rows of many people and devices, each device with clocks of its own.

Rows are sorted out to a temporary file a stream, so that only a piece of one stream is in memory, and the two clocks of
a row become seconds: `arrival` (Unix ms, when the application got it; it comes in bursts) and `creation` (stamped by
the device; its zero and unit differ, it may run backwards, and on some devices it stands still while they sleep).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from sensegen import sensor_faults, timestamps
from sensegen.delimited import BadRow, Layout, map_batches
from sensegen.recording import Activity, InvalidRecording

if TYPE_CHECKING:
    import pyarrow as pa

PIECE_SAMPLES = 1 << 21
MOST_STREAMS = 500  # each is an open file
PAUSE_SECONDS = 1.0  # a device that slept shorter is taken to have been late
TICK_SAMPLES = 1 << 16  # minutes of any device, and enough to tell a millisecond from a microsecond
MS = 1e-3

Stream = tuple[str, str]  # user, device
Span = tuple[float, float]
Clock = Literal["creation", "arrival"]


@dataclass(frozen=True)
class Table:
    """Some rows of one stream, each column by itself; the label is the number of a class."""

    arrival_ms: Float[np.ndarray, "sample"]
    creation: Float[np.ndarray, "sample"]  # in ticks
    values: Float[np.ndarray, "axis sample"] | list[Float[np.ndarray, "sample"]]  # x, y, z
    label: Int[np.ndarray, "sample"]  # one byte each

    def __len__(self) -> int:
        return len(self.label)

    @property
    def columns(self) -> list[np.ndarray]:
        """All columns, in the order in which they lie on disk."""
        return [self.arrival_ms, self.creation, *self.values, self.label]

    @staticmethod
    def empty(rows: int) -> "Table":
        """A table to be filled."""
        return Table(np.empty(rows), np.empty(rows), np.empty((3, rows)), np.empty(rows, np.int8))

    def rows(self, chosen: slice | Bool[np.ndarray, "sample"]) -> "Table":
        """The chosen rows."""
        arrival_ms, creation, *values, label = (column[chosen] for column in self.columns)
        return Table(arrival_ms, creation, values, label)


ROW_BYTES = sum(column.itemsize for column in Table.empty(0).columns)


@dataclass(frozen=True)
class Spool:
    """The rows of one stream on disk, block after block, in each of them column after column."""

    path: Path
    blocks: list[int]  # how many rows each has


def sorted_out(
    path: Path, layout: Layout, labels: Sequence[str], folder: Path, known: Mapping[Stream, Span]
) -> dict[Stream, Spool]:
    """The rows of a file sorted out to one file in `folder` a stream, in the order of their names.

    Rows that arrived within the `known` span of their stream (Unix ms, both ends included) are left out.

    Raises:
        InvalidRecording: as `read_columns`; a label is not known, a time is not finite, there are too many streams.
    """
    spools: dict[Stream, Spool] = {}
    with ExitStack() as files:
        writers: dict[Stream, BinaryIO] = {}
        for stream, table in streams(path, layout, labels):
            if stream not in writers:
                if len(writers) == MOST_STREAMS:
                    raise InvalidRecording(f"{path} must hold at most {MOST_STREAMS} pairs of user and device.")
                spools[stream] = Spool(folder / f"{len(writers)}", [])
                writers[stream] = files.enter_context(spools[stream].path.open("xb"))
            if stream in known:
                first, last = known[stream]
                table = table.rows((table.arrival_ms < first) | (table.arrival_ms > last))
            spools[stream].blocks.append(len(table))
            for column in table.columns:
                writers[stream].write(column.data)
    return {stream: spools[stream] for stream in sorted(spools)}


def spans(path: Path, layout: Layout, labels: Sequence[str]) -> dict[Stream, Span]:
    """The first and the last arrival of each stream of a file, in Unix ms."""
    found: dict[Stream, Span] = {}
    for stream, table in streams(path, layout, labels):
        first, last = found.get(stream, (np.inf, -np.inf))
        found[stream] = (min(first, float(table.arrival_ms.min())), max(last, float(table.arrival_ms.max())))
    return found


def streams(path: Path, layout: Layout, labels: Sequence[str]) -> Iterator[tuple[Stream, Table]]:
    """Tables of a few ten thousand rows, each of one user and device, in file order within a stream."""
    return chain.from_iterable(map_batches(path, layout, partial(_by_stream, labels=labels)))


def _by_stream(batch: "pa.RecordBatch", labels: Sequence[str]) -> list[tuple[Stream, Table]]:
    table = tabled(batch, _label_numbers(batch.column("gt"), labels))
    users, devices = batch.column("User"), batch.column("Device")
    if len(users.dictionary) == len(devices.dictionary) == 1:
        return [((users[0].as_py(), devices[0].as_py()), table)]
    keys = users.indices.to_numpy().astype(np.int64) * len(devices.dictionary) + devices.indices.to_numpy()
    found = []
    for key in np.unique(keys):
        user, device = divmod(int(key), len(devices.dictionary))
        stream = (users.dictionary[user].as_py(), devices.dictionary[device].as_py())
        found.append((stream, table.rows(keys == key)))
    return found


def _label_numbers(column: "pa.DictionaryArray", labels: Sequence[str]) -> Int[np.ndarray, "sample"] | int:
    known = [labels.index(name) if name in labels else -1 for name in column.dictionary.to_pylist()]
    if len(known) == 1 and known[0] >= 0:
        return known[0]
    numbers = np.array(known, np.int8)[column.indices.to_numpy()]
    if min(known) < 0 and (numbers < 0).any():
        at = int(np.argmin(numbers))
        must = f"it must be one of {', '.join(labels)}"
        raise BadRow(at, f", column gt: {must}, but is {column[at].as_py()!r}.")
    return numbers


def tabled(batch: "pa.RecordBatch", label: Int[np.ndarray, "sample"] | int) -> Table:
    """A batch as a table.

    Raises:
        BadRow: a time is not finite.
    """
    columns = [batch.column(name).to_numpy() for name in ("Arrival_Time", "Creation_Time", "x", "y", "z")]
    for name, times in zip(("Arrival_Time", "Creation_Time"), columns, strict=False):
        if not np.isfinite(times).all():
            at = int(np.argmin(np.isfinite(times)))
            raise BadRow(at, f", column {name}: a time must be finite, but is {times[at]}.")
    arrival_ms, creation, *values = columns
    return Table(arrival_ms.astype(float), creation.astype(float), values, np.full(len(creation), label, np.int8))


def piece_rows(left: int) -> int:
    """How many rows the next piece takes: what is left, where a piece more would hold next to nothing."""
    return left if left <= PIECE_SAMPLES + PIECE_SAMPLES // 16 else PIECE_SAMPLES


def pieces(tables: Iterator[Table]) -> Iterator[Table]:
    """The same rows, about `PIECE_SAMPLES` at once."""
    waiting: list[Table] = []
    for table in tables:
        waiting.append(table)
        while (left := sum(map(len, waiting))) != (rows := piece_rows(left)):
            whole = _joined(waiting)
            yield whole.rows(slice(rows))
            waiting = [whole.rows(slice(rows, None))]
    yield _joined(waiting)


def _joined(tables: list[Table]) -> Table:
    whole, stop = Table.empty(sum(map(len, tables))), 0
    for table in tables:
        start, stop = stop, stop + len(table)
        for place, column in zip(whole.columns, table.columns, strict=True):
            place[start:stop] = column
    return whole


class Spooled:
    """The rows of a stream on disk, taken from their begin to their end; `left` are still to come."""

    def __init__(self, spool: Spool):
        self.file = spool.path.open("rb")
        self.bounds = list(accumulate(spool.blocks, initial=0))
        self.at = 0

    def __enter__(self) -> "Spooled":
        return self

    def __exit__(self, *details: object) -> None:
        self.file.close()

    @property
    def left(self) -> int:
        """How many rows have not been taken."""
        return self.bounds[-1] - self.at

    def take(self, before_ms: float = np.inf) -> Table:
        """The next rows, about `PIECE_SAMPLES`, up to the first that arrived at `before_ms` or later."""
        table = self._next(piece_rows(self.left))
        late = table.arrival_ms >= before_ms
        if late.any():
            table = table.rows(slice(int(np.argmax(late))))
        self.at += len(table)
        return table

    def arrives_ms(self) -> float:
        """When the next row arrived; infinity behind the last."""
        return float(self._next(1).arrival_ms[0]) if self.left else np.inf

    def _next(self, rows: int) -> Table:
        table, stop = Table.empty(rows), self.at + rows
        for begin, end in pairwise(self.bounds):
            first, last, place = max(begin, self.at), min(end, stop), begin * ROW_BYTES
            for column in table.columns if first < last else ():
                self.file.seek(place + (first - begin) * column.itemsize)
                self.file.readinto(column[first - self.at : last - self.at].data)
                place += (end - begin) * column.itemsize
        return table


# --- clocks


def seconds_per_tick(table: Table) -> float:
    """How long a tick of the creation clock is: 1 ns, 1 us, 1 ms or 1 s.

    Its span is compared to that of the arrivals, both without the steps in which the device may have slept.

    Raises:
        ValueError: if no unit fits.
    """
    first = table.rows(slice(TICK_SAMPLES))
    arrival_s, creation = np.diff(first.arrival_ms) * MS, np.diff(first.creation)
    awake = (arrival_s >= 0) & (arrival_s < PAUSE_SECONDS)
    return timestamps.seconds_per_tick(np.cumsum(creation * awake), np.cumsum(arrival_s * awake))


def times_s(tables: Sequence[Table], clock: Clock, tick_s: float) -> list[Float[np.ndarray, "sample"]]:
    """The times of the sensors of one device, which share its clocks; the first sample of the first is at 0 s.

    The creation clock is set forward by as long as the device slept, so that no window bridges that.
    """
    first = tables[0]
    arrival_s = [(table.arrival_ms - first.arrival_ms[0]) * MS for table in tables]
    if clock == "arrival":
        return arrival_s
    clock_s = [(table.creation - first.creation[0]) * tick_s for table in tables]
    awake_s = _awake(np.concatenate(arrival_s), np.concatenate(clock_s))
    return np.split(awake_s - awake_s[0], np.cumsum([len(table) for table in tables])[:-1])


def begins_s(table: Table) -> float:
    """When the first sample arrived, in Unix time: the clock on which what several devices sent at once is together."""
    return float(table.arrival_ms[0]) * MS


def _awake(arrival_s: Float[np.ndarray, "sample"], clock_s: Float[np.ndarray, "sample"]) -> Float[np.ndarray, "sample"]:
    """A clock that stood still set forward, whatever the order of its samples."""
    if np.ptp(arrival_s - clock_s) < PAUSE_SECONDS:  # nearly always, and told at a glance
        return clock_s
    if (arrival_s[1:] >= arrival_s[:-1]).all():
        return clock_s + slept(arrival_s, clock_s)
    order = np.argsort(arrival_s, kind="stable")
    slept_s = np.empty(len(order))
    slept_s[order] = slept(arrival_s[order], clock_s[order])
    return clock_s + slept_s


def slept(arrival_s: Float[np.ndarray, "sample"], clock_s: Float[np.ndarray, "sample"]) -> Float[np.ndarray, "sample"]:
    """How long a clock has stood still before each sample, in seconds, by the clock of their arrivals.

    What is only late catches up: of a growing lag, that part is sleep which is never made good again.
    """
    lag_s = arrival_s - clock_s
    lasting_s = np.minimum.accumulate(lag_s[::-1])[::-1]
    steps_s = np.diff(lasting_s, prepend=lasting_s[:1])
    return np.cumsum(np.where(steps_s >= PAUSE_SECONDS, steps_s, 0.0))


def rate_hz(times_s: Float[np.ndarray, "sample"]) -> float:
    """The measured median rate, as validation measures it; the mean rate where time mostly stands still."""
    measured = sensor_faults.median_rate_hz(times_s)
    return measured if measured > 0 else len(times_s) / max(float(np.ptp(times_s)), MS)


def activities(
    times_s: Float[np.ndarray, "sample"], label: Int[np.ndarray, "sample"], labels: Sequence[str], rate_hz: float
) -> tuple[Activity, ...]:
    """One activity a run of rows with the same label; it ends a sample after its last, or where the next begins."""
    firsts = np.flatnonzero(np.append(True, label[1:] != label[:-1]))
    latest_s = np.maximum.accumulate(np.maximum.reduceat(times_s, firsts))
    starts_s = np.maximum(times_s[firsts], [-np.inf, *latest_s[:-1]])
    ends_s = latest_s + 1 / rate_hz
    ends_s[:-1] = np.minimum(ends_s[:-1], starts_s[1:])
    names = [labels[number] for number in label[firsts]]
    runs = zip(names, starts_s.tolist(), ends_s.tolist(), strict=True)
    return tuple(Activity(name, start_s, end_s) for name, start_s, end_s in runs if end_s > start_s)
