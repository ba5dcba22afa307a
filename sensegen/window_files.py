"""Windows in one file, as anybody may write them: Parquet, CSV or NPZ, in physical units.

A table (Parquet, CSV; `table_files`) has a row a sample: `window` (any name), `time_s` (from the window's begin), a
column a channel, and, where known, `label` and `subject`. The rate is that of `time_s`. An NPZ holds `values` (window,
time, channel), `channels` and `rate_hz`, and, where known, `labels` (names), `subjects`, `units` and, as JSON, where
windows come from (`provenance`). Nothing is unpickled.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from sensegen import delimited, table_files
from sensegen.artifacts import writing
from sensegen.table_files import PROVENANCE, TIME, Provenance, numbers
from sensegen.windows import Windows

if TYPE_CHECKING:
    import pyarrow as pa

WINDOW, LABEL, SUBJECT = "window", "label", "subject"
UNLABELLED = "unlabelled"
REGULAR = 1e-3  # of a period, by which a time may be off its place


@dataclass(frozen=True)
class Columns:
    """The columns of a table, rows of one window behind each other."""

    values: Float[np.ndarray, "row channel"]
    times_s: Float[np.ndarray, "row"]
    words: Mapping[str, np.ndarray]  # window, and where there are, label and subject
    headings: tuple[str, ...]


def read(path: Path) -> Windows:
    """The windows of a file; a unit that is not told is empty, and so is a subject.

    Raises:
        ValueError: the ending is none of the known ones; something is missing; windows differ in length, or times are
            not regular.
        OSError: the file cannot be read.
    """
    kind = READERS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"{path} must end with one of {', '.join(READERS)}, which say how it is to be read.")
    return kind(path)


def write(path: Path, windows: Windows, provenance: Provenance | None = None) -> None:
    """Write windows, given in physical units, and where they come from; in the format of the ending, whole or not.

    Raises:
        ValueError: if the ending is none of the known ones.
    """
    kind = WRITERS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"{path} must end with one of {', '.join(WRITERS)}, which say how to write it.")
    with writing(path) as temporary:
        kind(temporary, windows, provenance or {})


# --- NPZ


def _read_npz(path: Path) -> Windows:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is no NPZ of plain arrays: {error}") from None
    if absent := {"values", "channels", "rate_hz"} - set(arrays):
        raise ValueError(f"{path} must hold the arrays {', '.join(sorted(absent))}, but holds {', '.join(arrays)}.")
    values = arrays["values"]
    if values.ndim != 3 or values.dtype.kind not in "fiu":
        raise ValueError(f"{path}: values must be numbers (window, time, channel), but are {values.shape}.")
    channels = tuple(str(name) for name in arrays["channels"])
    words = {name: arrays[f"{name}s"].astype(str) for name in (LABEL, SUBJECT) if f"{name}s" in arrays}
    units = tuple(str(unit) for unit in arrays.get("units", [""] * len(channels)))
    for name, count, must in (
        ("channels", len(channels), values.shape[2]),
        ("units", len(units), values.shape[2]),
        *((f"{name}s", len(words[name]), len(values)) for name in words),
    ):
        if count != must:
            raise ValueError(f"{path}: {name} must be {must}, as values are {values.shape}, but are {count}.")
    return _windows(values, words, (channels, units), float(arrays["rate_hz"]))


def _write_npz(path: Path, windows: Windows, provenance: Provenance) -> None:
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            values=np.asarray(windows.values, np.float32),
            labels=np.array(windows.classes)[windows.labels],
            subjects=np.array(windows.subjects, str),
            channels=np.array(windows.channels),
            units=np.array(windows.units),
            rate_hz=np.array(windows.rate_hz),
            provenance=np.array(json.dumps(provenance)),
        )


# --- tables


def _read_csv(path: Path) -> Windows:
    import pyarrow as pa

    comments = table_files.comments(path)
    headings = delimited.columns_of(path, delimited.Layout({WINDOW: "text"}, quoted=True, skipped_lines=comments))
    texts = (WINDOW, LABEL, SUBJECT)
    layout = delimited.Layout(
        {name: "category" if name in texts else "float" for name in headings},
        variants=(headings,),
        quoted=True,
        skipped_lines=comments,
    )
    return _of_table(path, pa.Table.from_batches(delimited.read_columns(path, layout)))


def _read_parquet(path: Path) -> Windows:
    return _of_table(path, table_files.read_parquet(path))


def _of_table(path: Path, table: "pa.Table") -> Windows:
    columns = _in_order(path, table)
    codes = np.unique(columns.words[WINDOW], return_inverse=True, return_counts=True)
    names, _, counts = codes
    if len(odd := np.flatnonzero(counts != counts[0])):
        raise ValueError(
            f"{path}: all windows must be of one length, but window {names[0]} has {counts[0]} samples and window "
            f"{names[odd[0]]} has {counts[odd[0]]}."
        )
    length = int(counts[0])
    rate_hz = _rate_hz(path, columns.times_s.reshape(-1, length))
    words = {name: _once(path, name, word.reshape(-1, length)) for name, word in columns.words.items()}
    words.pop(WINDOW)
    channels, units = zip(*map(table_files.channel_and_unit, columns.headings), strict=True)
    return _windows(columns.values.reshape(-1, length, len(channels)), words, (channels, units), rate_hz)


def _in_order(path: Path, table: "pa.Table") -> Columns:
    """The rows of each window together, windows in the order in which they come first, rows in theirs."""
    names = table.column_names
    headings = tuple(name for name in names if name not in (WINDOW, TIME, LABEL, SUBJECT))
    if WINDOW not in names or TIME not in names or not headings:
        raise ValueError(
            f"{path} must have the columns {WINDOW}, {TIME} and one a channel, but has {', '.join(names)}."
        )
    if not table.num_rows:
        raise ValueError(f"{path} must hold windows, but has no row.")
    words = {name: np.asarray(table[name].to_pylist(), str) for name in (WINDOW, LABEL, SUBJECT) if name in names}
    _, first, code = np.unique(words[WINDOW], return_index=True, return_inverse=True)
    order = np.argsort(first[code], kind="stable")
    values = np.column_stack([numbers(path, table, name) for name in headings])
    times_s = numbers(path, table, TIME)
    return Columns(values[order], times_s[order], {name: word[order] for name, word in words.items()}, headings)


def _rate_hz(path: Path, times_s: Float[np.ndarray, "window time"]) -> float:
    period_s = float(np.median(np.diff(times_s, axis=1))) if times_s.shape[1] > 1 else 0.0
    if not period_s > 0:
        raise ValueError(f"{path}: {TIME} must rise within each window, and tell the rate by it.")
    off_s = np.abs(times_s - times_s[:, :1] - period_s * np.arange(times_s.shape[1]))
    if (worst := float(off_s.max())) > REGULAR * period_s * times_s.shape[1]:
        raise ValueError(
            f"{path}: {TIME} must be regular, but a sample is {worst:g} s off a grid of {1 / period_s:g} Hz."
        )
    return round(1 / period_s, 6)


def _once(path: Path, name: str, words: np.ndarray) -> np.ndarray:
    if len(odd := np.flatnonzero((words != words[:, :1]).any(axis=1))):
        raise ValueError(
            f"{path}: a window has one {name}, but window {odd[0] + 1} has {sorted({*words[odd[0]].tolist()})}."
        )
    return words[:, 0]


def _windows(
    values: np.ndarray, words: Mapping[str, np.ndarray], about: tuple[tuple[str, ...], tuple[str, ...]], rate_hz: float
) -> Windows:
    channels, units = about
    names = words.get(LABEL, np.full(len(values), UNLABELLED))
    classes, labels = np.unique(names, return_inverse=True)
    return Windows(
        np.asarray(values, np.float32),
        labels.astype(np.int64),
        tuple(words.get(SUBJECT, np.full(len(values), "")).tolist()),
        channels,
        tuple(classes.tolist()),
        rate_hz,
        units,
    )


def as_table(windows: Windows, first: int = 0) -> "pa.Table":
    """A row a sample; windows are numbered from `first` on."""
    import pyarrow as pa

    count, length, _ = windows.values.shape
    values = np.asarray(windows.values, np.float32)
    columns: dict[str, Any] = {
        WINDOW: np.repeat(np.arange(first, first + count), length),
        TIME: np.tile(np.arange(length) / windows.rate_hz, count),
        LABEL: np.repeat(np.array(windows.classes)[windows.labels], length),
        SUBJECT: np.repeat(np.array(windows.subjects, str), length),
    }
    for at, (channel, unit) in enumerate(zip(windows.channels, windows.units, strict=True)):
        columns[table_files.heading(channel, unit)] = values[:, :, at].reshape(-1)
    return pa.table(columns)


def _write_parquet(path: Path, windows: Windows, provenance: Provenance) -> None:
    table_files.write_parquet(path, as_table(windows), provenance)


def _write_csv(path: Path, windows: Windows, provenance: Provenance) -> None:
    table_files.write_csv(path, as_table(windows), provenance)


# --- where windows come from


def provenance(path: Path) -> dict[str, Any]:
    """What a file that `write` wrote tells of where its windows come from; empty where it tells nothing."""
    if path.suffix.lower() == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return json.loads(str(file[PROVENANCE])) if PROVENANCE in file.files else {}
    if path.suffix.lower() == ".csv":
        return table_files.csv_provenance(path)
    return table_files.parquet_provenance(path)


READERS: Mapping[str, Callable[[Path], Windows]] = {".parquet": _read_parquet, ".csv": _read_csv, ".npz": _read_npz}
WRITERS: Mapping[str, Callable[[Path, Windows, Provenance], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".npz": _write_npz,
}
