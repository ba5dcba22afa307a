"""The first lines of a delimited text file: which columns it has."""

from pathlib import Path
from typing import BinaryIO

from sensegen.delimited.faults import LONGEST_LINE_BYTES, too_long
from sensegen.delimited.layout import AFTER_LAST, Head, Layout, hint, is_number, shown, words_of
from sensegen.recording import InvalidRecording


def read_head(file: BinaryIO, path: Path, layout: Layout) -> Head:
    """The columns of a file that is at its begin; leaves it at the first row.

    Raises:
        InvalidRecording: the file is empty, or the header is none of the known ones.
    """
    for number in range(1, layout.skipped_lines + 1):
        _line(file, path, number)
    line = layout.skipped_lines + 1
    names = tuple(layout.columns) if not layout.variants else layout.variants[0]
    if layout.has_header:
        names = _header(_line(file, path, line), f"{path}, line {line}", layout)
        line += 1
    start = file.tell()
    words = words_of(_line(file, path, line, empty="holds a header and no rows").decode(errors="replace"), layout)
    file.seek(start)
    if layout.trailing_separator and len(words) == len(names) + 1 and not words[-1]:
        names = (*names, AFTER_LAST)
    return Head(names, line)


def _line(file: BinaryIO, path: Path, number: int, empty: str = "is empty") -> bytes:
    line = file.readline(LONGEST_LINE_BYTES + 1)
    if not line:
        raise InvalidRecording(f"{path} {empty}: it ends before line {number}.")
    if len(line) > LONGEST_LINE_BYTES:
        raise too_long(path, number)
    return line.rstrip(b"\r\n")


def _header(line: bytes, where: str, layout: Layout) -> tuple[str, ...]:
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRecording(f"{where}: the header {line[:80]!r} is no UTF-8. Save the file as UTF-8.") from None
    names = tuple(word.strip() for word in words_of(text, layout))
    if layout.trailing_separator and names[-1:] == ("",):
        names = names[:-1]
    known = names in layout.variants if layout.variants else set(layout.columns) <= set(names)
    if known:
        if len(set(names)) == len(names):
            return names
        raise InvalidRecording(f"{where}: the header {shown(text)} names a column twice.")
    if sum(is_number(name, layout) for name in names) * 2 >= len(names):
        problem = f"a header must stand here, but {shown(text)} looks like a row: it is missing"
    else:
        problem = f"the header {shown(text)} is another one{hint(text, layout)}"
    must = f"Known are {layout.known}." if layout.variants else f"It must name {list(layout.columns)}."
    raise InvalidRecording(f"{where}: {problem}. {must}")
