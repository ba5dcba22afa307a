"""What is wrong in a delimited text file: a slow look at lines that are known to be bad."""

from dataclasses import dataclass
from pathlib import Path

from sensegen.delimited.layout import AFTER_LAST, Head, Layout, hint, is_number, shown, words_of
from sensegen.recording import InvalidRecording

LONGEST_LINE_BYTES = 1 << 20


@dataclass(frozen=True)
class Chunk:
    """Whole lines, and the number of the first."""

    text: bytes
    line: int


def diagnosis(path: Path, chunk: Chunk, layout: Layout, head: Head, otherwise: str) -> str:
    """Where and what the first fault in a chunk is; `otherwise`, where none is found."""
    lines = chunk.text.split(b"\n")
    for number, line in enumerate(lines, start=chunk.line):
        if len(line) > LONGEST_LINE_BYTES:
            return f"{too_long(path, number)}"
        if fault := _fault(line.rstrip(b"\r"), layout, head):
            at_end = number - chunk.line == len(lines) - 1  # after the last newline
            cut = " The file ends within this line: it seems to have been cut off." if at_end else ""
            return f"{path}, line {number}{fault}{cut}"
    return f"{path}, lines {chunk.line} to {chunk.line + len(lines) - 1}: {otherwise}"


def _fault(line: bytes, layout: Layout, head: Head) -> str | None:
    """What is wrong in a line, if anything is."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        at = line[: error.start].count(layout.separator.encode())
        return f", {_column(at, head)}: {line[error.start : error.end]!r} is no UTF-8. Save the file as UTF-8."
    if not text:
        return None
    words = words_of(text, layout)
    if len(words) != len(head.names):
        counted = f"a row must have {len(head.names)} columns, but has {len(words)}"
        return f", column {min(len(words), len(head.names) + 1)}: {counted}{hint(text, layout)}: {shown(text)}."
    for at, (name, word) in enumerate(zip(head.names, words, strict=True)):
        kind = "nothing" if name == AFTER_LAST else layout.columns.get(name, "text")
        if not _fits(word.strip(" \t"), kind, layout):
            what = {"integer": "no whole number", "nothing": "one word too many"}.get(kind, "no number")
            return f", {_column(at, head)}: {shown(word)} is {what}."
    return None


def _fits(word: str, kind: str, layout: Layout) -> bool:
    if kind in ("text", "category") or (word in layout.missing and kind != "nothing"):
        return True
    if kind == "integer":
        digits = word.removeprefix("-")
        return digits.isascii() and digits.isdigit() and -(1 << 63) <= int(word) < 1 << 63
    return is_number(word, layout) if kind in ("float", "stamp") else not word


def _column(at: int, head: Head) -> str:
    return f"column {at + 1} ({head.names[at]})" if at < len(head.names) else f"column {at + 1}"


def too_long(path: Path, number: int) -> InvalidRecording:
    """The refusal of a line that memory need not hold."""
    return InvalidRecording(
        f"{path}, line {number}, column 1: a line must not be longer than {LONGEST_LINE_BYTES:,} bytes, but this one "
        "is. It is no text, or its line ends are lost."
    )
