"""Rows to recordings: gathered by recording, given out whole or in consecutive pieces, never more than a few in memory.

Rows of several recordings may lie between each other. When too many rows wait, the recording that was touched longest
ago is given out as far as it has come; what follows of it is `name#2`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from sensegen.datasets import file_labels, file_rows
from sensegen.datasets.file_pieces import Gathered, Part, give_out, in_name, key_of
from sensegen.datasets.file_rows import Words
from sensegen.description.places import (
    ColumnsAreRecording,
    Constant,
    FixedRate,
    InColumn,
    InFileName,
    Intervals,
    SampleIntervals,
)
from sensegen.recording import InvalidRecording, Recording

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 4_000_000  # that wait in memory
MOST_VALUES = 40_000_000  # and of files with many columns
TWO_CLOCKS_SHARE = 0.1  # of time steps that do not go on: no clock of one device does that


def read(part: Part) -> Iterator[Recording]:
    """The recordings of one file.

    Raises:
        InvalidRecording: naming file, line and column of what cannot be used.
    """
    yield from _Reader(part).recordings()


class _Reader:
    """Gathers the rows of one file. Labels are kept as places in `label_names`."""

    def __init__(self, part: Part):
        self.part, self.description = part, part.description
        self.columns = file_rows.kinds(part.description, part.path)
        self.signals = {
            name: signal
            for name, signal in part.description.signals.items()
            if set(signal.columns) <= self.columns.keys()
        }
        self.label_names: list[str] = []
        self.open: dict[str, Gathered] = {}  # the one touched last stands last
        self.row = 0
        self.most_rows = min(MOST_ROWS, MOST_VALUES // len(self.columns))

    def recordings(self) -> Iterator[Recording]:
        """Each recording when it is complete, or too large to wait."""
        for batch in file_rows.batches(self.part.path, self.description.format, self.columns):
            self._gather(batch)
            self.row += batch.num_rows
            while sum(one.rows for one in self.open.values()) > self.most_rows:
                waiting = next(one for one in self.open.values() if one.rows)
                yield give_out(waiting, self.part)
        for one in self.open.values():
            self._check_whole(one)
            if one.rows:
                yield give_out(one, self.part)

    def _gather(self, batch: "pa.RecordBatch") -> None:
        times_s = self._times_s(batch)
        labels = self._labels(batch)
        values = {
            name: np.stack([file_rows.numbers(batch, column) for column in signal.columns], axis=1)
            for name, signal in self.signals.items()
        }
        for key, chosen in self._recordings_in(batch):
            one = self._opened(key, batch, chosen)
            rows = slice(None) if chosen.all() else chosen
            count = int(chosen.sum())
            if times_s is None:
                at = one.before + one.rows + np.arange(count)
                own_s = at / self.description.time.rate_hz  # type: ignore[union-attr]
            else:
                own_s = times_s[rows]
            self._follow_clock(one, own_s, np.flatnonzero(chosen))
            one.times_s.append(own_s)
            for name, array in values.items():
                one.values.setdefault(name, []).append(array[rows])
            if labels is not None:
                one.labels.append(labels[rows])
            one.rows += count

    def _times_s(self, batch: "pa.RecordBatch") -> Float[np.ndarray, "row"] | None:
        time = self.description.time
        if isinstance(time, FixedRate):
            return None
        times_s = file_rows.epoch_seconds(batch[time.column], time.unit)
        if len(lost := np.flatnonzero(~np.isfinite(times_s))):
            got = batch[time.column][int(lost[0])].as_py()
            where = f"{self._place(int(lost[0]))}, column {time.column}"
            raise InvalidRecording(f"{where}: a time in {time.unit} must stand here, but {got!r} does.")
        return times_s

    def _labels(self, batch: "pa.RecordBatch") -> Int[np.ndarray, "row"] | None:
        if not isinstance(self.description.activity, InColumn):
            return None
        words = file_rows.words(batch, self.description.activity.column)
        places = []
        for word in words.known:
            label = self.description.renamed(word)
            if label not in self.label_names:
                self.label_names.append(label)
            places.append(self.label_names.index(label))
        return np.array([*places, -1], np.int32)[words.codes]  # -1, no word, takes the last

    def _recordings_in(self, batch: "pa.RecordBatch") -> Iterator[tuple[str, Bool[np.ndarray, "row"]]]:
        if not isinstance(self.description.recording, ColumnsAreRecording):
            yield key_of(self.part.name, self.description), np.ones(batch.num_rows, bool)
            return
        columns = [file_rows.words(batch, column) for column in self.description.recording.columns]
        for column, name in zip(columns, self.description.recording.columns, strict=True):
            self._refuse_empty(column, name)
        codes = np.stack([column.codes for column in columns], axis=1)
        found, firsts, inverse = np.unique(codes, axis=0, return_index=True, return_inverse=True)
        for number in np.argsort(firsts):
            values = (column.known[code] for column, code in zip(columns, found[number], strict=True))
            yield "/".join(values), inverse.reshape(-1) == number

    def _opened(self, key: str, batch: "pa.RecordBatch", chosen: Bool[np.ndarray, "row"]) -> Gathered:
        subject = self._subject(batch, chosen)
        one = self.open.pop(key, None) or self._new(key, subject, int(np.argmax(chosen)))
        self.open[key] = one
        if one.subject != subject:
            raise self._two_subjects(one.subject, subject, int(np.argmax(chosen)))
        return one

    def _new(self, key: str, subject: str, row: int) -> Gathered:
        return Gathered(key, subject, self.row + row, self.signals, self.label_names)

    def _subject(self, batch: "pa.RecordBatch", chosen: Bool[np.ndarray, "row"]) -> str:
        subject = self.description.subject
        if isinstance(subject, Constant):
            return subject.name
        if isinstance(subject, InFileName):
            return in_name(self.part.name, subject.pattern, "subject")
        words = file_rows.words(batch, subject.column)
        self._refuse_empty(words, subject.column)
        codes = words.codes[chosen]
        if len(other := np.flatnonzero(codes != codes[0])):
            row = int(np.flatnonzero(chosen)[other[0]])
            raise self._two_subjects(words.known[codes[0]], words.known[codes[other[0]]], row)
        return words.known[codes[0]]

    def _two_subjects(self, first: str, second: str, row: int) -> InvalidRecording:
        return InvalidRecording(
            f"{self._place(row)}: a recording is of one person, but {second!r} follows {first!r}. "
            "Name the column of the person in recording.columns too."
        )

    def _refuse_empty(self, words: Words, column: str) -> None:
        if len(empty := np.flatnonzero(words.codes < 0)):
            raise InvalidRecording(f"{self._place(int(empty[0]))}, column {column}: a name must stand here.")

    def _follow_clock(self, one: Gathered, times_s: Float[np.ndarray, "row"], rows: Int[np.ndarray, "row"]) -> None:
        steps = np.diff(times_s, prepend=one.last_s)
        back = np.flatnonzero(steps <= 0)  # the first step of all is NaN
        if len(back) and one.first_step_back < 0:
            one.first_step_back = self.row + int(rows[back[0]])
        one.steps_back += len(back)
        one.last_s = float(times_s[-1])
        if np.isnan(one.zero_s):
            one.zero_s = float(times_s[0])

    def _check_whole(self, one: Gathered) -> None:
        """What can be said of a recording only when all of it was seen."""
        count = one.before + one.rows
        if one.steps_back > max(TWO_CLOCKS_SHARE, self.description.disordered_share) * (count - 1):
            where = file_rows.place(self.part.path, self.description.format, one.first_step_back)
            raise InvalidRecording(
                f"{where}: the time does not go on here, nor in {one.steps_back:,} of {count - 1:,} steps of recording "
                f"{one.key}. Two devices in one file? Name the column that tells them apart in recording.columns. "
                "If it is one clock that is so coarse or disordered, raise disordered_share."
            )
        own = self.part.intervals.get(one.key, [])
        file_labels.check(own)
        if isinstance(self.description.activity, SampleIntervals):
            file_labels.check_end(own, count, f"recording {one.key} of {self.part.name}, in samples,")
        elif isinstance(self.description.activity, Intervals):
            zero_s = one.zero_s if self.description.activity.counted_from == "start" else 0.0
            end_s = one.last_s - zero_s + self._longest_period_s()
            file_labels.check_end(own, end_s, f"recording {one.key} of {self.part.name}, in seconds,")

    def _longest_period_s(self) -> float:
        rates_hz = [signal.rate_hz for signal in self.signals.values() if signal.rate_hz]
        return 1 / min(rates_hz, default=1.0)

    def _place(self, row_in_batch: int) -> str:
        return file_rows.place(self.part.path, self.description.format, self.row + row_in_batch)
