"""Recordings on disk: shards of Parquet, one file a kind of signal, the same bytes for the same recordings.

In a shard `<signal>.parquet` holds the samples of a kind of signal (`sensegen.signal_files`), and `recordings.parquet`
a row a recording, with the rate and the number of samples of each of its signals, since devices differ. A run is what
one worker takes: consecutive recordings of a shard, read without the ones before them.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensegen.artifacts import writing
from sensegen.recording import Activity, Recording
from sensegen.signal_files import SignalReader, SignalWriter

if TYPE_CHECKING:
    import pyarrow as pa

INDEX = "recordings"


@dataclass(frozen=True)
class Run:
    """The recordings `first` up to, not including, `stop` of a shard, with so many samples of all signals together."""

    shard: Path
    first: int
    stop: int
    samples: int


def write(recordings: Iterable[Recording], shard: Path) -> None:
    """Write recordings in their order; the shard appears whole or not at all. Values are kept as float64.

    Raises:
        InvalidRecording: if a signal's channels or unit are not those it had in the recordings before.
    """
    import pyarrow.parquet as pq

    index: dict[str, list[Any]] = {"name": [], "subject": [], "begins_s": [], "signals": [], "activities": []}
    with writing(shard) as temporary, ExitStack() as files:
        temporary.mkdir()
        writers: dict[str, SignalWriter] = {}
        for number, recording in enumerate(recordings):
            for name, signal in recording.signals.items():
                if name not in writers:
                    writers[name] = files.enter_context(SignalWriter(temporary / f"{_safe(name)}.parquet", signal))
                writers[name].add(number, recording.name, signal)
            _append(index, recording)
        pq.write_table(_index_table(index), temporary / f"{INDEX}.parquet")


def shards(folder: Path) -> list[Path]:
    """The shards of a folder, in their order: its subfolders with a number for a name, or the folder itself.

    Raises:
        FileNotFoundError: if the folder holds no recordings.
    """
    if (folder / f"{INDEX}.parquet").is_file():
        return [folder]
    numbered = [path for path in folder.glob("*") if path.name.isdecimal() and (path / f"{INDEX}.parquet").is_file()]
    if not numbered:
        raise FileNotFoundError(2, "There are no recordings; the stage validate writes them", str(folder))
    return sorted(numbered, key=lambda path: (int(path.name), path.name))


def read(folder: Path) -> Iterator[Recording]:
    """The recordings of all shards, in their order.

    Raises:
        FileNotFoundError: if the folder holds no recordings.
    """
    for shard in shards(folder):
        for run in _runs(shard, sys.maxsize):
            yield from read_run(run)


def runs(folder: Path, samples: int) -> list[Run]:
    """All recordings in runs of at least so many samples, the last run of each shard excepted.

    Raises:
        FileNotFoundError: if the folder holds no recordings.
    """
    return [run for shard in shards(folder) for run in _runs(shard, samples)]


def read_run(run: Run) -> Iterator[Recording]:
    """The recordings of a run, in their order."""
    readers: dict[str, SignalReader] = {}
    with ExitStack() as files:
        for number, row in enumerate(_rows(run.shard)[run.first : run.stop], start=run.first):
            signals = {}
            for signal in row["signals"]:
                name = signal["name"]
                if name not in readers:
                    readers[name] = files.enter_context(SignalReader(run.shard / f"{name}.parquet", number))
                signals[name] = readers[name].take(number, signal["rate_hz"])
            activities = tuple(Activity(**activity) for activity in row["activities"])
            yield Recording(row["name"], row["subject"], signals, activities, row["begins_s"])


def _runs(shard: Path, samples: int) -> Iterator[Run]:
    first, gathered = 0, 0
    rows = _rows(shard)
    for stop, row in enumerate(rows, start=1):
        gathered += sum(signal["samples"] for signal in row["signals"])
        if gathered >= samples or stop == len(rows):
            yield Run(shard, first, stop, gathered)
            first, gathered = stop, 0


def _rows(shard: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    # Not `pq.read_table`, nor an array's `to_numpy`: they import all of pandas, in each worker anew.
    with pq.ParquetFile(shard / f"{INDEX}.parquet") as file:
        rows: list[dict[str, Any]] = file.read().to_pylist()
    return rows


def _append(index: Mapping[str, list[Any]], recording: Recording) -> None:
    index["name"].append(recording.name)
    index["subject"].append(recording.subject)
    index["begins_s"].append(recording.begins_s)
    index["signals"].append(
        [
            {"name": name, "rate_hz": float(signal.rate_hz), "samples": len(signal.times_s)}
            for name, signal in recording.signals.items()
        ]
    )
    index["activities"].append(
        [{"label": part.label, "start_s": part.start_s, "end_s": part.end_s} for part in recording.activities]
    )


def _index_table(index: Mapping[str, list[Any]]) -> "pa.Table":
    import pyarrow as pa

    activity = pa.struct([("label", pa.string()), ("start_s", pa.float64()), ("end_s", pa.float64())])
    signal = pa.struct([("name", pa.string()), ("rate_hz", pa.float64()), ("samples", pa.int64())])
    schema = pa.schema(
        [
            ("recording", pa.int32()),
            ("name", pa.string()),
            ("subject", pa.string()),
            ("begins_s", pa.float64()),
            ("signals", pa.list_(signal)),
            ("activities", pa.list_(activity)),
        ]
    )
    return pa.table({"recording": range(len(index["name"])), **index}, schema=schema)


def _safe(signal: str) -> str:
    if not signal.isidentifier() or signal == INDEX:
        raise ValueError(f"A signal is named as a file: letters, digits and _, and not {INDEX!r}; but got {signal!r}.")
    return signal
