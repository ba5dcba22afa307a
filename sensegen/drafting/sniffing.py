"""How an unknown file is laid out: Parquet or text, separator, header, lines above it, and what its columns hold."""

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sensegen.delimited import Kind
from sensegen.description.columns import Csv, Format, Parquet
from sensegen.recording import InvalidRecording

if TYPE_CHECKING:
    import pyarrow as pa

HEAD_BYTES = 1 << 18
SEPARATORS = (",", "\t", ";", "|", " ")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
QUOTED = re.compile(r'"[^"]*"')
LOST = ("", "NA", "N/A", "null", "NULL", "None", "-", "?")


@dataclass(frozen=True)
class Sniffed:
    """How to read a file: `columns` are all of it; `remarks` what a person should know of the guess."""

    format: Format
    columns: dict[str, Kind]
    remarks: tuple[str, ...] = ()
    rate_hz: float | None = None  # where the file itself tells one


@dataclass
class _Lines:
    """The first lines of a text, split; `number` is that of the first, counted from 1."""

    words: list[list[str]]
    number: int = 1
    remarks: list[str] = field(default_factory=list)


def sniff(path: Path) -> Sniffed:
    """Look at the beginning of a file.

    Raises:
        InvalidRecording: if it is missing, empty, no text, or has no columns.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise InvalidRecording(f"{path} cannot be read: {error.strerror}.") from None
    if not head:
        raise InvalidRecording(f"{path} is empty.")
    return _parquet(path) if head.startswith(b"PAR1") else _text(path, head)


def _parquet(path: Path) -> Sniffed:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise InvalidRecording(f"{path} begins as a Parquet file, but is none, or was cut off: {error}") from None
    return Sniffed(Parquet(kind="parquet"), {one.name: _kind_of(one.type) for one in schema})


def _kind_of(type_: "pa.DataType") -> Kind:
    import pyarrow as pa

    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "float"
    return "text" if pa.types.is_temporal(type_) else "category"


def _text(path: Path, head: bytes) -> Sniffed:
    whole = len(head) < HEAD_BYTES
    if b"\0" in head:
        raise InvalidRecording(f"{path} is neither text nor Parquet: it holds null bytes.")
    try:
        text = (head if whole else head[: head.rfind(b"\n") + 1]).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = head[: error.start].count(b"\n") + 1
        raise InvalidRecording(f"{path}, line {line}: {head[error.start : error.end]!r} is no UTF-8.") from None
    lines = [line.rstrip("\r") for line in text.split("\n") if line.strip()]
    if len(lines) < 2:
        raise InvalidRecording(f"{path} holds {len(lines)} line(s) in its first {HEAD_BYTES:,} bytes; nothing to tell.")
    separator, quoted = _separator(lines[:200]), any('"' in line for line in lines[:200])
    found = _Lines([_words(line, separator) for line in lines])
    decimal_point = _decimal_point(found.words, separator)
    rate_hz = _skip_empatica(found)
    trailing = _cut_trailing_separator(found.words)
    if rate_hz is None:
        _skip_above_header(found)
    header, rows = _header(found.words, decimal_point), found.words
    names = tuple(header or [f"column_{number}" for number in range(1, len(rows[0]) + 1)])
    rows = [row for row in rows[1 if header else 0 :] if len(row) == len(names)]
    columns, missing = _kinds(names, rows, decimal_point)
    if not header:
        found.remarks.append("There is no header: the columns are numbered. Name them in format.columns.")
    format_ = Csv(
        kind="csv",
        separator=separator,
        columns=None if header else list(names),
        skipped_lines=found.number - 1,
        trailing_separator=trailing,
        decimal_point="," if decimal_point == "," else ".",
        quoted=quoted,
        missing=missing,
    )
    return Sniffed(format_, columns, tuple(found.remarks), rate_hz)


def _separator(lines: list[str]) -> str:
    """The one that gives most lines the same number of words, and more than one."""
    best, score = ",", (0.0, 0)
    lines = [QUOTED.sub("", line) for line in lines]
    for separator in SEPARATORS:
        ((count, often),) = Counter(line.count(separator) for line in lines).most_common(1)
        if count and (round(often / len(lines), 1), count) > score:
            best, score = separator, (round(often / len(lines), 1), count)
    return best


def _words(line: str, separator: str) -> list[str]:
    words = next(csv.reader([line], delimiter=separator)) if '"' in line else line.split(separator)
    return [word.strip() for word in words]


def _decimal_point(rows: list[list[str]], separator: str) -> str:
    sample = [word for row in rows[1:50] for word in row]
    commas = sum(bool(DECIMAL_COMMA.fullmatch(word)) for word in sample)
    return "," if separator != "," and commas * 2 > len(sample) else "."


def _skip_empatica(found: _Lines) -> float | None:
    """An Empatica E4 export has the start in Unix seconds in line 1 and the rate in line 2."""
    first, second = found.words[0], found.words[1]
    same = len(set(first)) == len(set(second)) == 1 and all(NUMBER.fullmatch(word) for word in (first[0], second[0]))
    if not same or not 1e9 < float(first[0]) < 4e9 or not 0 < float(second[0]) <= 1000 or len(found.words) < 3:
        return None
    found.words, found.number = found.words[2:], 3
    found.remarks.append(f"Laid out as an Empatica E4 export: starts at Unix time {first[0]}, {second[0]} Hz.")
    return float(second[0])


def _skip_above_header(found: _Lines) -> None:
    """Lines above the header have another number of words than most."""
    ((usual, _),) = Counter(len(row) for row in found.words).most_common(1)
    above = next((at for at, row in enumerate(found.words[:50]) if len(row) == usual), 0)
    if above:
        found.words, found.number = found.words[above:], above + 1
        found.remarks.append(f"The first {above} line(s) have another number of words and are skipped.")


def _cut_trailing_separator(rows: list[list[str]]) -> bool:
    """Whether lines end with one more separator; the header need not."""
    ((usual, _),) = Counter(len(row) for row in rows).most_common(1)
    ending = [row for row in rows[1:] if len(row) == usual]
    if usual < 2 or not ending or any(row[-1] for row in ending):
        return False
    for row in rows:
        if len(row) == usual and not row[-1]:
            row.pop()
    return True


def _header(rows: list[list[str]], decimal_point: str) -> list[str] | None:
    """The first row, if its words are no numbers while there are numbers below, or if each is another word."""
    first, below = rows[0], rows[1:20]
    words = [word for word in first if word]
    if not words or sum(_is_number(word, decimal_point) for word in words) * 2 >= len(words):
        return None
    numeric = any(all(_is_number(row[at], decimal_point) for row in below if at < len(row)) for at in range(len(first)))
    return first if numeric or len(set(words)) == len(words) else None


def _kinds(names: tuple[str, ...], rows: list[list[str]], decimal_point: str) -> tuple[dict[str, Kind], list[str]]:
    """What each column holds, and the words that stand for lost numbers."""
    kinds: dict[str, Kind] = {}
    missing: set[str] = set()
    for at, name in enumerate(names):
        column = [row[at] for row in rows]
        lost = {word for word in column if word in LOST}
        present = [word for word in column if word not in LOST]
        if present and all(_is_number(word, decimal_point) for word in present):
            kinds[name] = "float"
            missing |= lost
        else:
            kinds[name] = "text" if len(set(present)) > max(50, len(present) // 2) else "category"
    return kinds, sorted(missing)


def _is_number(word: str, decimal_point: str) -> bool:
    return bool(NUMBER.fullmatch(word.replace(",", ".") if decimal_point == "," else word))
