"""Delimited text (CSV and its relatives): streamed in bounded memory, on all cores, with errors that say where.

Whole lines are taken together in blocks; pyarrow turns several blocks into columns at once. Where it refuses one, a
slow look at that block finds the line and the column. Lines are counted from 1, the first line of the file, and only
for a message: counting them on the way would cost a tenth of the reading.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from sensegen.delimited.blocks import Block, line_at, whole_lines
from sensegen.delimited.faults import LONGEST_LINE_BYTES, Chunk, diagnosis
from sensegen.delimited.header import read_head
from sensegen.delimited.layout import AFTER_LAST, Kind, Layout
from sensegen.delimited.parsing import parser
from sensegen.recording import InvalidRecording

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LONGEST_LINE_BYTES", "BadRow", "Kind", "Layout", "columns_of", "line_of_row", "map_batches", "read_columns"]

Result = TypeVar("Result")


class BadRow(ValueError):
    """A row of a batch, counted from 0, that cannot be meant; the text goes on behind the number of its line."""

    def __init__(self, row: int, text: str):
        super().__init__(text)
        self.row = row


def read_columns(path: Path, layout: Layout) -> Iterator["pa.RecordBatch"]:
    """The wanted columns, some ten thousand rows at a time, in file order.

    Memory is bounded by a few blocks whatever the size of the file or of a line.

    Raises:
        InvalidRecording: the file is missing, empty or cut off; its header is not known; a line has another number of
            columns, a word where a number must be, bytes that are no UTF-8, or more than `LONGEST_LINE_BYTES`.
    """
    return map_batches(path, layout, lambda batch: batch)


def map_batches(path: Path, layout: Layout, function: Callable[["pa.RecordBatch"], Result]) -> Iterator[Result]:
    """What a function makes of each batch of `read_columns`, in file order; it is called by several threads.

    Raises:
        InvalidRecording: as `read_columns`, or the function raised `BadRow`.
    """
    import pyarrow as pa

    rows = 0
    with _opened(path) as file:
        head = read_head(file, path, layout)
        work = partial(_mapped, parser(layout, head), function)
        for block, future in _under_way(work, whole_lines(file, path, layout)):
            try:
                count, made = future.result()
            except pa.ArrowInvalid as error:
                chunk = Chunk(bytes(block.text), line_at(path, block.start))
                raise InvalidRecording(diagnosis(path, chunk, layout, head, f"{error}")) from error
            except BadRow as error:
                line = line_of_row(path, layout, rows + error.row)
                raise InvalidRecording(f"{path}, line {line}{error}") from error
            rows += count
            yield from made
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
        line = read_head(file, path, layout).line
        for text in (text for block in whole_lines(file, path, layout) for text in block.lines()):
            row -= bool(text.rstrip(b"\r"))
            if row < 0:
                return line
            line += 1
    raise ValueError(f"{path} has fewer rows than were read from it; it was changed meanwhile.")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise InvalidRecording(f"{path} is missing.") from None
    with file:
        yield file


def _under_way(
    work: Callable[[memoryview], Result], lines: Iterator[Block]
) -> Iterator[tuple[Block, "Future[Result]"]]:
    """The work on each block, in order, while that on the next ones goes on."""
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[Block, Future[Result]]] = deque()
        for block in lines:
            waiting.append((block, pool.submit(work, block.text)))
            if len(waiting) > 2 * threads:  # so that none waits while what was made is written
                yield waiting.popleft()
        yield from waiting


def _mapped(
    parse: Callable[[memoryview], "pa.RecordBatch | None"],
    function: Callable[["pa.RecordBatch"], Result],
    text: memoryview,
) -> tuple[int, list[Result]]:
    """How many rows a block holds, and what the function makes of them; nothing, where all its lines are blank."""
    batch = parse(text)
    return (0, []) if batch is None else (batch.num_rows, [function(batch)])
