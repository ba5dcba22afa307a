"""The samples of one kind of signal in a shard: a Parquet file with a row a sample, written and read in order.

Columns are recording, time_s and one a channel; the unit stands in the schema. Both ways stream: a row group holds many
short recordings, or a part of a long one, and no more than one of them is in memory beside the recording at hand.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sensegen.recording import InvalidRecording, Signal

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROW_GROUP_SAMPLES = 1 << 17


class SignalWriter:
    """Collects samples of one kind of signal and writes them in large row groups, beside whoever makes the next."""

    def __init__(self, path: Path, first: Signal):
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.layout = (first.channels, first.unit)
        # Not one value is null, and where that is said readers need not look for it: a third of their time.
        fields = [pa.field(name, pa.float64(), nullable=False) for name in ("time_s", *first.channels)]
        number = pa.field("recording", pa.int32(), nullable=False)
        self.schema = pa.schema([number, *fields], metadata={"unit": first.unit})
        # Sensor values hardly repeat, so a dictionary of them only costs; their bytes by place compress well, and with
        # LZ4 nearly as well as with Zstandard, in two thirds of the time and at half the cost of reading.
        self.file = pq.ParquetWriter(
            path,
            self.schema,
            compression="lz4",
            use_dictionary=["recording"],
            use_byte_stream_split=["time_s", *first.channels],
            write_statistics=["recording"],
        )
        self.waiting: list[tuple[int, Signal]] = []
        self.samples = 0
        self.thread = ThreadPoolExecutor(1)
        self.under_way: list[Future[None]] = []

    def __enter__(self) -> "SignalWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        try:
            if kind is None:
                self._flush()
                self._catch_up()
        finally:
            self.thread.shutdown()
            self.file.close()

    def add(self, number: int, name: str, signal: Signal) -> None:
        """Take the samples of one recording."""
        layout = (signal.channels, signal.unit)
        if layout != self.layout:
            raise InvalidRecording(
                f"Recording {name}: a signal has (channels, unit) = {layout}, but in the recordings before it had "
                f"{self.layout}. All recordings of a dataset need the same."
            )
        self.waiting.append((number, signal))
        self.samples += len(signal.times_s)
        if self.samples >= ROW_GROUP_SAMPLES:
            self._flush()

    def _catch_up(self) -> None:
        for write in self.under_way:
            write.result()
        self.under_way = []

    def _flush(self) -> None:
        if not self.samples:
            return
        table = self._table()
        self.waiting, self.samples = [], 0
        self._catch_up()
        self.under_way = [self.thread.submit(self.file.write_table, table, row_group_size=ROW_GROUP_SAMPLES)]

    def _table(self) -> "pa.Table":
        import pyarrow as pa

        numbers = [np.full(len(signal.times_s), number, np.int32) for number, signal in self.waiting]
        columns = [_end_to_end(numbers), _end_to_end([signal.times_s for _, signal in self.waiting])]
        for at in range(len(self.layout[0])):
            columns.append(_end_to_end([signal.values[:, at] for _, signal in self.waiting]))
        arrays = [pa.array(column, type=kind) for column, kind in zip(columns, self.schema.types, strict=True)]
        return pa.Table.from_arrays(arrays, schema=self.schema)


def _end_to_end(arrays: list[np.ndarray]) -> np.ndarray:
    """As `np.concatenate`, which would copy the column of a long recording too."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


class SignalReader:
    """Gives the samples of one kind of signal, recording by recording, from recording `first` on."""

    def __init__(self, path: Path, first: int):
        import pyarrow.parquet as pq

        self.file = pq.ParquetFile(path)
        schema = self.file.schema_arrow
        self.channels = tuple(schema.names[2:])
        self.unit = schema.metadata[b"unit"].decode()
        groups = range(_first_group(self.file.metadata, first), self.file.metadata.num_row_groups)
        self.batches = self.file.iter_batches(ROW_GROUP_SAMPLES, row_groups=groups, use_threads=False)
        self.numbers: np.ndarray = np.empty(0, np.int32)
        self.columns: list[np.ndarray] = [np.empty(0)] * (1 + len(self.channels))

    def __enter__(self) -> "SignalReader":
        return self

    def __exit__(self, *details: object) -> None:
        self.file.close()

    def take(self, number: int, rate_hz: float) -> Signal:
        """The signal of a recording; numbers must be asked for in their order."""
        pieces = []
        while True:
            # As int32: a number of another type makes NumPy convert the whole array at each call.
            begin, end = (int(np.searchsorted(self.numbers, np.int32(number), side)) for side in ("left", "right"))
            pieces.append([column[begin:end] for column in self.columns])
            if end < len(self.numbers) or not self._next():
                break
        times, *columns = zip(*pieces, strict=True)
        times_s = np.concatenate(times)
        values = np.empty((len(columns), len(times_s)))
        for row, column in zip(values, columns, strict=True):
            np.concatenate(column, out=row)
        return Signal(values.T, times_s, rate_hz, self.unit, self.channels)

    def _next(self) -> bool:
        batch = next(self.batches, None)
        if batch is None:
            return False
        # The same as `to_numpy`, which would import all of pandas, in each worker anew.
        self.numbers, *self.columns = (np.from_dlpack(column) for column in batch.columns)
        return True


def _first_group(metadata: "pq.FileMetaData", number: int) -> int:
    """The first row group that may hold a recording or one after it."""
    for group in range(metadata.num_row_groups):
        if metadata.row_group(group).column(0).statistics.max >= number:
            return group
    return int(metadata.num_row_groups)
