"""Whole lines of a text file, some megabytes at a time."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sensegen.delimited.faults import LONGEST_LINE_BYTES, too_long
from sensegen.delimited.layout import Layout, shown
from sensegen.recording import InvalidRecording

CHUNK_BYTES = 4 << 20


@dataclass(frozen=True)
class Block:
    """Whole lines, and at which byte of the file they begin."""

    text: memoryview
    start: int

    def lines(self) -> list[bytes]:
        """The lines without their ends."""
        return bytes(self.text).removesuffix(b"\n").split(b"\n")


def whole_lines(file: BinaryIO, path: Path, layout: Layout) -> Iterator[Block]:
    """The lines from where the file stands to its end.

    Raises:
        InvalidRecording: a line is longer than `LONGEST_LINE_BYTES`, or the last one was cut off.
    """
    start, wanted = file.tell(), CHUNK_BYTES
    while True:
        file.seek(start)
        read = file.read(wanted)
        if not read:
            return
        first, end = read.find(b"\n"), read.rfind(b"\n") + 1
        if (first if end else len(read)) > LONGEST_LINE_BYTES:
            raise too_long(path, line_at(path, start))
        at_end = start + len(read) == os.fstat(file.fileno()).st_size
        if not end and not at_end:
            wanted *= 2
            continue
        if not end and layout.ends_with_newline:
            where, cut = f"{path}, line {line_at(path, start)}", shown(read.decode(errors="replace"))
            raise InvalidRecording(f"{where}: the file ends within the line {cut}: it was cut off.")
        # What stands behind the last line end is read again: that copies less than joining it to the next block.
        yield Block(memoryview(read)[: end or len(read)], start)
        start, wanted = start + (end or len(read)), CHUNK_BYTES


def line_at(path: Path, start: int) -> int:
    """The number of the line that begins at a byte; slow, for messages."""
    line = 1
    with path.open("rb") as file:
        while start > 0 and (read := file.read(min(start, CHUNK_BYTES))):
            line += read.count(b"\n")
            start -= len(read)
    return line
