"""Recordings on disk: Parquet, one file a kind of signal, the same bytes for the same recordings.

`<signal>.parquet` holds a row a sample (recording, time_s, one column a channel), with rate and unit in its schema;
`recordings.parquet` holds a row a recording. Both ways stream: a row group holds many short recordings, or a part of
a long one, and no more than one of them a signal is in memory beside the recording at hand.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sensegen.artifacts import writing
from sensegen.recording import Activity, InvalidRecording, Recording, Signal

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_SAMPLES = 1 << 17
INDEX = "recordings"


def write(recordings: Iterable[Recording], folder: Path) -> None:
    """Write recordings in their order; the folder appears whole or not at all. Values are kept as float64.

    Raises:
        InvalidRecording: if a signal's channels, unit or rate are not those it had in the recordings before.
    """
    import pyarrow.parquet as pq

    index: dict[str, list[Any]] = {"name": [], "subject": [], "signals": [], "activities": []}
    with writing(folder) as temporary, ExitStack() as files:
        temporary.mkdir()
        writers: dict[str, _SignalWriter] = {}
        for number, recording in enumerate(recordings):
            for name, signal in recording.signals.items():
                if name not in writers:
                    writers[name] = files.enter_context(_SignalWriter(temporary / f"{_safe(name)}.parquet", signal))
                writers[name].add(number, recording.name, signal)
            _append(index, recording)
        pq.write_table(_index_table(index), temporary / f"{INDEX}.parquet")


def read(folder: Path) -> Iterator[Recording]:
    """The recordings that `write` wrote, in their order.

    Raises:
        FileNotFoundError: if the folder holds no recordings.
    """
    import pyarrow.parquet as pq

    path = folder / f"{INDEX}.parquet"
    if not path.is_file():
        raise FileNotFoundError(2, "There are no recordings; the stage validate writes them", str(path))
    readers: dict[str, _SignalReader] = {}
    with ExitStack() as files:
        for row in pq.read_table(path).to_pylist():
            for name in row["signals"]:
                if name not in readers:
                    readers[name] = files.enter_context(_SignalReader(folder / f"{name}.parquet"))
            signals = {name: readers[name].take(row["recording"]) for name in row["signals"]}
            activities = tuple(Activity(**activity) for activity in row["activities"])
            yield Recording(row["name"], row["subject"], signals, activities)


class _SignalWriter:
    """Collects samples of one kind of signal and writes them in large row groups."""

    def __init__(self, path: Path, first: Signal):
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.layout = (first.channels, first.unit, first.rate_hz)
        self.schema = pa.schema(
            [("recording", pa.int32()), ("time_s", pa.float64()), *((name, pa.float64()) for name in first.channels)],
            metadata={"rate_hz": float(first.rate_hz).hex(), "unit": first.unit},
        )
        # Sensor values hardly repeat, so a dictionary of them only costs; their bytes by place compress well.
        self.file = pq.ParquetWriter(
            path,
            self.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=["recording"],
            use_byte_stream_split=["time_s", *first.channels],
            write_statistics=["recording"],
        )
        self.waiting: list[tuple[int, Signal]] = []
        self.samples = 0

    def __enter__(self) -> "_SignalWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        if kind is None:
            self._flush()
        self.file.close()

    def add(self, number: int, name: str, signal: Signal) -> None:
        """Take the samples of one recording."""
        layout = (signal.channels, signal.unit, signal.rate_hz)
        if layout != self.layout:
            raise InvalidRecording(
                f"Recording {name}: a signal has (channels, unit, rate_hz) = {layout}, but in the recordings before "
                f"it had {self.layout}. All recordings of a dataset need the same."
            )
        self.waiting.append((number, signal))
        self.samples += len(signal.times_s)
        if self.samples >= ROW_GROUP_SAMPLES:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if not self.samples:
            return
        numbers = [np.full(len(signal.times_s), number, np.int32) for number, signal in self.waiting]
        columns = [np.concatenate(numbers), np.concatenate([signal.times_s for _, signal in self.waiting])]
        columns += list(np.concatenate([signal.values for _, signal in self.waiting]).T)
        arrays = [
            pa.array(np.ascontiguousarray(column), type=kind)
            for column, kind in zip(columns, self.schema.types, strict=True)
        ]
        self.file.write_table(pa.Table.from_arrays(arrays, schema=self.schema), row_group_size=ROW_GROUP_SAMPLES)
        self.waiting, self.samples = [], 0


class _SignalReader:
    """Gives the samples of one kind of signal, recording by recording."""

    def __init__(self, path: Path):
        import pyarrow.parquet as pq

        self.file = pq.ParquetFile(path)
        schema = self.file.schema_arrow
        self.channels = tuple(schema.names[2:])
        self.unit = schema.metadata[b"unit"].decode()
        self.rate_hz = float.fromhex(schema.metadata[b"rate_hz"].decode())
        self.batches = self.file.iter_batches(batch_size=ROW_GROUP_SAMPLES, use_threads=False)
        self.at = 0
        self.numbers, self.samples = np.empty(0, np.int32), np.empty((0, 1 + len(self.channels)))

    def __enter__(self) -> "_SignalReader":
        return self

    def __exit__(self, *details: object) -> None:
        self.file.close()

    def take(self, number: int) -> Signal:
        """The signal of a recording; numbers must be asked for in their order."""
        pieces = []
        while True:
            # As int32: a number of another type makes NumPy convert the whole array at each call.
            end = int(np.searchsorted(self.numbers, np.int32(number), side="right"))
            pieces.append(self.samples[self.at : end])
            self.at = end
            if end < len(self.numbers) or not self._next():
                break
        samples = np.concatenate(pieces)
        values = np.ascontiguousarray(samples[:, 1:])
        return Signal(values, np.ascontiguousarray(samples[:, 0]), self.rate_hz, self.unit, self.channels)

    def _next(self) -> bool:
        batch = next(self.batches, None)
        if batch is None:
            return False
        numbers, *columns = (batch.column(at).to_numpy() for at in range(batch.num_columns))
        self.numbers, self.samples, self.at = numbers, np.column_stack(columns), 0
        return True


def _append(index: Mapping[str, list[Any]], recording: Recording) -> None:
    index["name"].append(recording.name)
    index["subject"].append(recording.subject)
    index["signals"].append(list(recording.signals))
    index["activities"].append(
        [{"label": part.label, "start_s": part.start_s, "end_s": part.end_s} for part in recording.activities]
    )


def _index_table(index: Mapping[str, list[Any]]) -> "pa.Table":
    import pyarrow as pa

    activity = pa.struct([("label", pa.string()), ("start_s", pa.float64()), ("end_s", pa.float64())])
    schema = pa.schema(
        [
            ("recording", pa.int32()),
            ("name", pa.string()),
            ("subject", pa.string()),
            ("signals", pa.list_(pa.string())),
            ("activities", pa.list_(activity)),
        ]
    )
    return pa.table({"recording": range(len(index["name"])), **index}, schema=schema)


def _safe(signal: str) -> str:
    if not signal.isidentifier() or signal == INDEX:
        raise ValueError(f"A signal is named as a file: letters, digits and _, and not {INDEX!r}; but got {signal!r}.")
    return signal
