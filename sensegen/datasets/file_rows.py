"""The rows of a file as a description explains them: clock, numbers and words of each batch, in bounded memory."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from sensegen import delimited
from sensegen.delimited import Kind, Layout
from sensegen.description import Description
from sensegen.description.columns import Csv, Format, Parquet
from sensegen.description.places import TIME_UNITS, InColumn, TimeColumn
from sensegen.recording import InvalidRecording

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET_BATCH_ROWS = 1 << 16
NANOSECOND = 1e-9


@dataclass(frozen=True)
class Words:
    """A column of words that repeat: the places of each row's word in `known`; -1 where there is none."""

    codes: Int[np.ndarray, "row"]
    known: tuple[str, ...]


def batches(path: Path, format_: Format, columns: Mapping[str, Kind]) -> Iterator["pa.RecordBatch"]:
    """The named columns of a file, some ten thousand rows at a time.

    Raises:
        InvalidRecording: naming the file, the line (of text) and the column that cannot be read.
    """
    if isinstance(format_, Csv):
        yield from delimited.read_columns(path, layout(format_, columns))
    else:
        yield from _parquet_batches(path, columns)


def layout(format_: Csv, columns: Mapping[str, Kind]) -> Layout:
    """What the reader of delimited text is told."""
    return Layout(
        columns=columns,
        separator=format_.separator,
        has_header=format_.columns is None,
        variants=(tuple(format_.columns),) if format_.columns else (),
        skipped_lines=format_.skipped_lines,
        trailing_separator=format_.trailing_separator,
        missing=tuple(format_.missing),
        decimal_point=format_.decimal_point,
        quoted=format_.quoted,
    )


def place(path: Path, format_: Format, row: int) -> str:
    """Where a row, counted from 0, stands; for messages."""
    if isinstance(format_, Parquet):
        return f"{path}, row {row + 1}"
    return f"{path}, line {delimited.line_of_row(path, layout(format_, {}), row)}"


def kinds(description: Description, path: Path) -> dict[str, Kind]:
    """The columns that a description needs of a file, and what they hold; those of optional signals if they are there.

    Raises:
        InvalidRecording: if one is not there that is not of an optional signal.
    """
    needed: dict[str, Kind] = dict.fromkeys(_word_columns(description), "category")
    if isinstance(description.time, TimeColumn):
        needed[description.time.column] = "float" if description.time.unit in TIME_UNITS else "text"
    for signal in description.signals.values():
        if not signal.optional:
            needed |= dict.fromkeys(signal.columns, "float")
    present = columns_of(path, description.format, needed)
    for signal in description.signals.values():
        if signal.optional and set(signal.columns) <= set(present):
            needed |= dict.fromkeys(signal.columns, "float")
    return needed


def columns_of(path: Path, format_: Format, needed: Mapping[str, Kind]) -> tuple[str, ...]:
    """All columns of a file, once it is known that the needed ones are among them.

    Raises:
        InvalidRecording: if they are not, or the beginning of the file cannot be read.
    """
    if isinstance(format_, Csv) and format_.columns is None:
        return delimited.columns_of(path, layout(format_, needed))
    if isinstance(format_, Csv):
        present = tuple(format_.columns or ())
    else:
        with _parquet(path) as file:
            present = tuple(file.schema_arrow.names)
    for column in needed:
        if column not in present:
            near = difflib.get_close_matches(column, present, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise InvalidRecording(f"{path} has no column {column!r}, but {', '.join(present)}.{hint}")
    return present


def _word_columns(description: Description) -> list[str]:
    owners = (description.subject, description.activity)
    return [
        *getattr(description.recording, "columns", ()),
        *(owner.column for owner in owners if isinstance(owner, InColumn)),
    ]


def numbers(batch: "pa.RecordBatch", column: str) -> Float[np.ndarray, "row"]:
    """A column as float64; NaN where a number is missing."""
    import pyarrow as pa

    return batch[column].cast(pa.float64()).to_numpy(zero_copy_only=False)


def words(batch: "pa.RecordBatch", column: str) -> Words:
    """A column of words; an empty one is none."""
    import pyarrow as pa

    array = batch[column]
    if not pa.types.is_dictionary(array.type):
        array = array.cast(pa.string()).dictionary_encode()
    known = tuple(word.strip() for word in array.dictionary.cast(pa.string()).to_pylist())
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    empty = [code for code, word in enumerate(known) if not word]
    return Words(np.where(np.isin(codes, empty), np.int32(-1), codes) if empty else codes, known)


def epoch_seconds(array: "pa.Array", unit: str) -> Float[np.ndarray, "row"]:
    """Times as seconds since the clock's zero; NaN where there is none, or where a text is no time.

    Unix nanoseconds keep a quarter of a microsecond: what float64 holds.
    """
    import pyarrow as pa

    if unit in TIME_UNITS and not pa.types.is_timestamp(array.type):
        return array.cast(pa.float64()).to_numpy(zero_copy_only=False) * TIME_UNITS[unit]
    nanoseconds = _as_timestamps(array, unit).cast(pa.timestamp("ns")).cast(pa.int64())
    return nanoseconds.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) * NANOSECOND


def _as_timestamps(array: "pa.Array", unit: str) -> "pa.Array":
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return array.cast(pa.timestamp("ns"))
    text = array.cast(pa.string())
    if "%" in unit:
        return compute.strptime(text, format=unit, unit="us", error_is_null=True)
    for kind in (pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            return text.cast(kind)
        except pa.ArrowInvalid:
            continue
    return pa.array([_timestamp(word) for word in text.to_pylist()], pa.timestamp("ns"))


def _timestamp(word: str | None) -> "pa.TimestampScalar | None":
    """One time at a time: only for a batch in which some word is none."""
    import pyarrow as pa

    for kind in (pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            return pa.scalar(word, pa.string()).cast(kind).cast(pa.timestamp("ns"))
        except pa.ArrowInvalid:
            continue
    return None


def _parquet(path: Path) -> "pa.parquet.ParquetFile":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except FileNotFoundError:
        raise InvalidRecording(f"{path} is missing.") from None
    except (pa.ArrowException, OSError) as error:
        raise InvalidRecording(f"{path} is no Parquet file, or was cut off: {error}") from error


def _parquet_batches(path: Path, columns: Mapping[str, Kind]) -> Iterator["pa.RecordBatch"]:
    import pyarrow as pa

    types = pa.types
    numeric = (types.is_integer, types.is_floating, types.is_decimal, types.is_timestamp, types.is_boolean)
    with _parquet(path) as file:
        schema = file.schema_arrow
        for name, kind in columns.items():
            type_ = schema.field(name).type
            if kind == "float" and not any(is_one(type_) for is_one in numeric):
                raise InvalidRecording(f"{path}, column {name}: numbers must stand here, but it holds {type_}.")
        if not file.metadata.num_rows:
            raise InvalidRecording(f"{path} is empty, but must hold rows.")
        try:
            yield from file.iter_batches(PARQUET_BATCH_ROWS, columns=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise InvalidRecording(f"{path} is damaged: {error}") from error
