"""What stands in a file, gathered while it streams by: the first rows whole, counts of words and steps of the clocks
over all rows. Memory is bounded by the rows kept, whatever the size of the file."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from sensegen.datasets import file_rows
from sensegen.description.columns import Csv
from sensegen.drafting.sniffing import Sniffed
from sensegen.recording import InvalidRecording

if TYPE_CHECKING:
    import pyarrow as pa

KEPT_ROWS = 1_000_000
MOST_ROWS = 200_000_000  # looked at; a larger file is judged by its beginning
MOST_WORDS = 1000  # told apart in a column; more are an identifier of something else
KEPT_VALUES = 16_000_000  # of all columns together


@dataclass
class Profile:
    """What was seen: `numbers` and `codes` of the rows kept, `words` counted over all rows.

    `stopped` says why not all rows were looked at, or is empty.
    """

    path: Path
    sniffed: Sniffed
    rows: int = 0
    numbers: dict[str, Float[np.ndarray, "row"]] = field(default_factory=dict)
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    codes: dict[str, Int[np.ndarray, "row"]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    words: dict[str, Counter[str]] = field(default_factory=dict)
    stopped: str = ""

    @property
    def kept(self) -> int:
        """How many rows were kept."""
        return min(self.rows, KEPT_ROWS)


def profile(path: Path, sniffed: Sniffed) -> Profile:
    """Read a file to its end, or to where it cannot be read any more."""
    seen = Profile(path, sniffed)
    seen.words = {name: Counter() for name, kind in sniffed.columns.items() if kind == "category"}
    seen.names = {name: [] for name in seen.words}
    keep = min(KEPT_ROWS, KEPT_VALUES // max(1, len(sniffed.columns)))
    pieces: dict[str, list[np.ndarray]] = {name: [] for name in sniffed.columns}
    texts: dict[str, list[pa.Array]] = {name: [] for name, kind in sniffed.columns.items() if kind == "text"}
    try:
        for batch in file_rows.batches(path, sniffed.format, sniffed.columns):
            _add(seen, batch, pieces, texts, keep - seen.rows)
            seen.rows += batch.num_rows
            if seen.rows >= MOST_ROWS:
                seen.stopped = f"only the first {seen.rows:,} rows were looked at"
                break
    except InvalidRecording as error:
        if not seen.rows:
            raise
        seen.stopped = f"the file cannot be read further: {error}"
    for name, kind in sniffed.columns.items():
        if kind == "float":
            seen.numbers[name] = np.concatenate(pieces[name]) if pieces[name] else np.empty(0)
        elif kind == "category":
            seen.codes[name] = np.concatenate(pieces[name]) if pieces[name] else np.empty(0, np.int32)
        else:
            seen.texts[name] = [word for array in texts[name] for word in array.to_pylist()]
    return seen


def _add(
    seen: Profile,
    batch: "pa.RecordBatch",
    pieces: dict[str, list[np.ndarray]],
    texts: dict[str, list["pa.Array"]],
    room: int,
) -> None:
    kept = batch.slice(0, max(0, room))
    for name, kind in seen.sniffed.columns.items():
        if kind == "float":
            if room > 0:
                pieces[name].append(file_rows.numbers(kept, name))
        elif kind == "category":
            codes = _count(seen, name, file_rows.words(batch, name))
            if room > 0:
                pieces[name].append(codes[: max(0, room)])
        elif room > 0 and sum(map(len, texts[name])) < 10_000:
            texts[name].append(kept[name].slice(0, 10_000))


def _count(seen: Profile, name: str, words: file_rows.Words) -> Int[np.ndarray, "row"]:
    """The words of a batch as places in `names`; -1 for none, and for more words than are told apart."""
    names, places = seen.names[name], []
    counts = np.bincount(words.codes[words.codes >= 0], minlength=len(words.known))
    for word, count in zip(words.known, counts, strict=True):
        if word not in seen.words[name] and len(names) < MOST_WORDS:
            names.append(word)
        known = word in seen.words[name] or len(seen.words[name]) < MOST_WORDS
        if known and count:
            seen.words[name][word] += int(count)
        places.append(names.index(word) if known and word in names else -1)
    return np.array([*places, -1], np.int32)[words.codes]


def lost(seen: Profile) -> str:
    """The words for lost numbers, as a person reads them."""
    format_ = seen.sniffed.format
    words = format_.missing if isinstance(format_, Csv) else []
    return ", ".join(repr(word) for word in words)
