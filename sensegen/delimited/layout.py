"""How a delimited text file is laid out, and what its words mean."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["float", "integer", "stamp", "text", "category"]

SEPARATORS = (",", ";", "\t", "|", " ")
AFTER_LAST = "(after the last separator)"


@dataclass(frozen=True)
class Layout:
    """How a delimited text file is laid out, and what of it is wanted.

    `columns` are those wanted, in the order they are given back: `category` is text that repeats (an Arrow
    dictionary), `stamp` a time that is a whole number in most files, and comes as int64 or float64. `variants` are the
    known orders of all columns of a file: with a header, the first line must be one of them, or, where none is given,
    name at least the wanted columns; without a header there is exactly one. `missing` are words that stand for a lost
    number and become null; NaN is a number. Blank lines are skipped. A word never holds a line end, quoted or not.

    Raises:
        ValueError: if the parts do not fit each other.
    """

    columns: Mapping[str, Kind]
    separator: str = ","
    has_header: bool = True
    variants: tuple[tuple[str, ...], ...] = ()
    skipped_lines: int = 0  # lines above the header (or above the first row)
    trailing_separator: bool = False  # whether lines may end with one more separator
    ends_with_newline: bool = False  # whether a last line without an end is taken for cut off
    missing: tuple[str, ...] = ()
    decimal_point: str = "."
    quoted: bool = False  # whether words may stand in double quotes

    def __post_init__(self) -> None:
        if len(self.separator) != 1 or self.separator == self.decimal_point:
            raise ValueError(f"A separator is one character, not the decimal point, but is {self.separator!r}.")
        if not self.has_header and len(self.variants) > 1:
            raise ValueError(f"Without a header there is one order of columns, but got {len(self.variants)}.")
        for variant in self.variants:
            if absent := set(self.columns) - set(variant):
                raise ValueError(f"Columns {sorted(absent)} are wanted, but a variant has only {variant}.")

    @property
    def known(self) -> str:
        """The known headers, for messages."""
        return " or ".join(f"'{self.separator.join(variant)}'" for variant in self.variants)


@dataclass(frozen=True)
class Head:
    """The columns of a file in their order, and the number of the first line that is a row."""

    names: tuple[str, ...]
    line: int


def words_of(text: str, layout: Layout) -> list[str]:
    """The words of a line."""
    if layout.quoted and '"' in text:
        return next(csv.reader([text], delimiter=layout.separator))
    return text.split(layout.separator)


def is_number(word: str, layout: Layout) -> bool:
    """Whether a word is a number, NaN and infinity included."""
    try:
        float(word if layout.decimal_point == "." else word.replace(".", "x").replace(layout.decimal_point, "."))
    except ValueError:
        return False
    return "_" not in word  # Python reads 1_000, no data format does


def hint(text: str, layout: Layout) -> str:
    """What a message adds where separators are the likely reason that a line does not fit."""
    if text.endswith(layout.separator):
        return "; the line ends with a separator"
    others = [other for other in SEPARATORS if other not in (layout.separator, layout.decimal_point) and other in text]
    return f"; it holds {others[0]!r} beside the separator {layout.separator!r}" if others else ""


def shown(text: str) -> str:
    """A line or a word as a message shows it."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
