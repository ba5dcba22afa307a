"""Delimited text (CSV and its relatives): streamed in bounded memory, on all cores, with errors that say where.

Whole lines are taken together in chunks; pyarrow turns several chunks into columns at once. Where it refuses one, a
slow look at that chunk finds the line and the column. Lines are counted from 1, the first line of the file.
"""

import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sensegen.delimited.faults import LONGEST_LINE_BYTES, Chunk, diagnosis, too_long
from sensegen.delimited.header import read_head
from sensegen.delimited.layout import AFTER_LAST, Head, Kind, Layout, shown
from sensegen.recording import InvalidRecording

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LONGEST_LINE_BYTES", "Kind", "Layout", "columns_of", "line_of_row", "read_columns"]

CHUNK_BYTES = 4 << 20


def read_columns(path: Path, layout: Layout) -> Iterator["pa.RecordBatch"]:
    """The wanted columns, some ten thousand rows at a time, in file order.

    Memory is bounded by a few chunks whatever the size of the file or of a line.

    Raises:
        InvalidRecording: the file is missing, empty or cut off; its header is not known; a line has another number of
            columns, a word where a number must be, bytes that are no UTF-8, or more than `LONGEST_LINE_BYTES`.
    """
    rows = 0
    with _opened(path) as file:
        head = read_head(file, path, layout)
        for batch in _parsed(file, path, layout, head):
            rows += batch.num_rows
            yield batch
    if not rows:
        raise InvalidRecording(f"{path} is empty below line {head.line - 1}, but must hold rows.")


def columns_of(path: Path, layout: Layout) -> tuple[str, ...]:
    """The names of all columns of a file, in their order.

    Raises:
        InvalidRecording: as `read_columns`, for the first lines.
    """
    with _opened(path) as file:
        return tuple(name for name in read_head(file, path, layout).names if name != AFTER_LAST)


def line_of_row(path: Path, layout: Layout, row: int) -> int:
    """The number of the line that holds a row, counted from 0; slow, for messages."""
    with _opened(path) as file:
        head = read_head(file, path, layout)
        for chunk in _chunks(file, path, layout, head.line):
            for at, line in enumerate(chunk.text.split(b"\n")):
                row -= bool(line.rstrip(b"\r"))
                if row < 0:
                    return chunk.line + at
    raise ValueError(f"{path} has fewer rows than were read from it; it was changed meanwhile.")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise InvalidRecording(f"{path} is missing.") from None
    with file:
        yield file


def _chunks(file: BinaryIO, path: Path, layout: Layout, line: int) -> Iterator[Chunk]:
    rest = b""
    while block := file.read(CHUNK_BYTES):
        first, last = block.find(b"\n"), block.rfind(b"\n")
        if len(rest) + (first if first >= 0 else len(block)) > LONGEST_LINE_BYTES:
            raise too_long(path, line)
        if last < 0:
            rest += block
            continue
        text, rest = rest + block[: last + 1], block[last + 1 :]
        yield Chunk(text, line)
        line += text.count(b"\n")
    if rest and layout.ends_with_newline:
        cut = shown(rest.decode(errors="replace"))
        raise InvalidRecording(f"{path}, line {line}: the file ends within the line {cut}: it was cut off.")
    if rest:
        yield Chunk(rest, line)


def _parsed(file: BinaryIO, path: Path, layout: Layout, head: Head) -> Iterator["pa.RecordBatch"]:
    """Batches of the chunks in their order, while the next chunks are being worked on."""
    import pyarrow as pa

    threads = os.cpu_count() or 1
    options = _options(layout, head)
    with ThreadPoolExecutor(threads) as pool:
        waiting = deque()  # type: ignore[var-annotated]
        chunks = _chunks(file, path, layout, head.line)
        while True:
            while len(waiting) <= threads and (chunk := next(chunks, None)):
                waiting.append((pool.submit(_columns, chunk.text, layout, options), chunk))
            if not waiting:
                return
            future, chunk = waiting.popleft()
            try:
                batch = future.result()
            except pa.ArrowInvalid as error:
                raise InvalidRecording(diagnosis(path, chunk, layout, head, f"{error}")) from error
            if batch is not None:
                yield batch


def _options(layout: Layout, head: Head) -> dict[str, object]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    kinds = {
        "float": pa.float64(),
        "integer": pa.int64(),
        "text": pa.string(),
        "category": pa.dictionary(pa.int32(), pa.string()),
    }
    types = {name: kinds[kind] for name, kind in layout.columns.items()}
    trailing = {AFTER_LAST: pa.string()} if AFTER_LAST in head.names else {}
    return {
        "parse_options": arrow_csv.ParseOptions(
            delimiter=layout.separator, quote_char='"' if layout.quoted else False, ignore_empty_lines=True
        ),
        "convert_options": arrow_csv.ConvertOptions(
            column_types=types | trailing,
            include_columns=[*types, *trailing],
            null_values=list(layout.missing),
            strings_can_be_null=False,
            decimal_point=layout.decimal_point,
        ),
        # The whole chunk is one block: one batch comes out, and no second layer of threads is wanted.
        "read_options": arrow_csv.ReadOptions(
            column_names=list(head.names), block_size=CHUNK_BYTES + LONGEST_LINE_BYTES + 1, use_threads=False
        ),
    }


def _columns(text: bytes, layout: Layout, options: Mapping[str, object]) -> "pa.RecordBatch | None":
    import pyarrow as pa
    from pyarrow import compute
    from pyarrow import csv as arrow_csv

    if not text.strip(b"\r\n"):
        return None
    table = arrow_csv.read_csv(pa.BufferReader(text), **options)
    if AFTER_LAST in table.column_names:
        if compute.any(compute.not_equal(table[AFTER_LAST], "")).as_py():
            raise pa.ArrowInvalid("There is a word after the last separator.")
        table = table.drop_columns([AFTER_LAST])
    (batch,) = table.combine_chunks().to_batches()
    return batch
