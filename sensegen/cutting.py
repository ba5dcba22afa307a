"""From recordings to windows, in bounded memory: brought to one rate, filtered, cut, scaled, and written.

Runs of recordings are worked on side by side, and each leaves its samples as a file, a piece, in the channels' units.
Only the index of the windows is held as a whole: 24 bytes a window. How the samples were dealt into pieces and blocks
depends on the recordings alone, so the same recordings leave the same bytes with any number of workers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float, Int

from sensegen import distributed, filtering
from sensegen.artifacts import writing
from sensegen.labelling import labelled_windows, window_length
from sensegen.params import RuntimeParams
from sensegen.params.windowing import WindowParams
from sensegen.recording import Activity, InvalidRecording, Recording
from sensegen.recordings import Run, read_run, runs
from sensegen.resampling import Segment, resample
from sensegen.source import Source

RUN_SAMPLES = 1 << 21  # about what a worker takes at once: enough to be worth its start, few enough to share out
WORTH_SAMPLES = 6_000_000  # are cut in the time that a worker process takes to start
BLOCK_SAMPLES = 1 << 16  # scaled at once: few enough to stay in the processor's cache


@dataclass(frozen=True)
class WindowIndex:
    """Where each window stands: its first sample, class, person, and its begin in that person's time: on the clock
    that the person's recordings share, or, where they share none, as if they followed each other."""

    start: Int[np.ndarray, "window"]
    label: Int[np.ndarray, "window"]
    subject: Int[np.ndarray, "window"]
    begin_s: Float[np.ndarray, "window"]

    def __len__(self) -> int:
        return len(self.start)

    def rows(
        self, chosen: Int[np.ndarray, "chosen"], occurring: Int[np.ndarray, "class"]
    ) -> Int[np.ndarray, "chosen column"]:
        """The stored form of some windows: start sample, the place of the label in `occurring`, subject."""
        label = np.searchsorted(occurring, self.label[chosen])
        return np.stack([self.start[chosen], label, self.subject[chosen]], axis=1).astype(np.int64)


@dataclass(frozen=True)
class Cut:
    """Recordings brought to one rate and cut: pieces with the signals end to end, and the windows in them."""

    pieces: tuple[Path, ...]
    samples: int
    index: WindowIndex
    channels: int

    def blocks(self) -> Iterator[Float[np.ndarray, "sample channel"]]:
        """The signals in the channels' units, a block at a time."""
        for piece in self.pieces:
            with piece.open("rb") as file:
                while (block := np.fromfile(file, np.float64, BLOCK_SAMPLES * self.channels)).size:
                    yield block.reshape(-1, self.channels)

    def covered_blocks(
        self, chosen: Int[np.ndarray, "chosen"], length: int
    ) -> Iterator[tuple[Float[np.ndarray, "sample channel"], Int[np.ndarray, "sample"]]]:
        """The blocks, each with how many of the chosen windows cover each of its samples."""
        starts, first = np.sort(self.index.start[chosen]), 0
        for block in self.blocks():
            near = slice(*np.searchsorted(starts, [first - length + 1, first + len(block)]))
            begins = np.clip(starts[near] - first, 0, None)
            ends = np.clip(starts[near] - first + length, None, len(block))
            changes = np.bincount(begins, minlength=len(block) + 1) - np.bincount(ends, minlength=len(block) + 1)
            yield block, np.cumsum(changes[:-1])
            first += len(block)


@dataclass(frozen=True)
class _Job:
    """What one worker needs to cut a run."""

    run: Run
    piece: Path
    params: WindowParams
    source: Source


@dataclass(frozen=True)
class _Piece:
    """What a worker tells of its piece; windows are counted from the begin of the piece and of their recording."""

    samples: int
    start: Int[np.ndarray, "window"]
    label: Int[np.ndarray, "window"]
    begin_s: Float[np.ndarray, "window"]
    recordings: tuple[tuple[int, float | None, float, int], ...]  # subject, its begin, seconds, windows


@dataclass(frozen=True)
class _Laid:
    """The segments of a recording laid end to end: the time of each sample, where segments begin, and the end of all.

    A recording may have thousands of them: the windows of all are found at once, since each look has its price.
    """

    times_s: Float[np.ndarray, "sample"]
    firsts: Int[np.ndarray, "segment"]
    end_s: float

    @staticmethod
    def of(stretches: Sequence[tuple[float, int]], rate_hz: float) -> "_Laid":
        """From where each segment starts, in seconds, and its samples."""
        start_s, samples = np.array([start_s for start_s, _ in stretches]), np.array([n for _, n in stretches], int)
        firsts = np.cumsum(samples) - samples
        within = np.arange(samples.sum()) - np.repeat(firsts, samples)
        times_s = np.repeat(start_s, samples) + within / rate_hz
        return _Laid(times_s, firsts, float(np.max(start_s + samples / rate_hz, initial=0.0)))


def cut(recordings: Path, pieces: Path, params: WindowParams, source: Source, runtime: RuntimeParams) -> Cut:
    """Resample and filter the recordings in a folder, and cut them into windows of one class; fills `pieces`.

    Raises:
        InvalidRecording: if no window is left.
    """
    dealt = runs(recordings, RUN_SAMPLES)
    jobs = [_Job(run, pieces / f"{number:06d}", params, source) for number, run in enumerate(dealt)]
    done = list(distributed.each(_cut_run, jobs, _worth(runtime, sum(run.samples for run in dealt))))
    index = _joined(done, _stride_seconds(params, source))
    if not len(index):
        raise InvalidRecording(
            f"No window of {params.window_seconds} s lies inside one activity and between gaps. "
            "Shorten window.window_seconds or raise window.max_gap_seconds in params.yaml."
        )
    return Cut(tuple(job.piece for job in jobs), sum(piece.samples for piece in done), index, len(params.channels))


def _worth(runtime: RuntimeParams, samples: int) -> RuntimeParams:
    """No more worker processes than are worth their start."""
    if runtime.engine != "local":
        return runtime
    return runtime.model_copy(update={"workers": min(runtime.workers, max(1, samples // WORTH_SAMPLES))})


def _cut_run(job: _Job) -> _Piece:
    starts, labels, begins, recordings, samples = [], [], [], [], 0
    with writing(job.piece) as path, path.open("wb") as file:
        for recording in read_run(job.run):
            stretches = []
            for segment in _segments(recording, job.params, job.source):
                stretches.append((segment.start_s, len(segment.values)))
                _append(file, segment.values)
            laid = _Laid.of(stretches, job.params.rate_hz)
            start, label = _windows(laid, recording.activities, job.params, job.source.labels)
            starts.append(start + samples)
            labels.append(label)
            begins.append(laid.times_s[start])
            subject = job.source.subjects.index(recording.subject)
            recordings.append((subject, recording.begins_s, laid.end_s, len(start)))
            samples += len(laid.times_s)
    return _Piece(
        samples=samples,
        start=_concatenated(starts, "i8"),
        label=_concatenated(labels, "i4"),
        begin_s=_concatenated(begins, "f8"),
        recordings=tuple(recordings),
    )


def _windows(
    laid: _Laid, activities: Sequence[Activity], params: WindowParams, classes: Sequence[str]
) -> tuple[Int[np.ndarray, "window"], Int[np.ndarray, "window"]]:
    """First sample and class of each window of a recording."""
    if len(laid.times_s) < window_length(params):
        return np.empty(0, np.int64), np.empty(0, np.int32)
    start, label, names = labelled_windows(laid.times_s, activities, params, laid.firsts)
    return start, np.array([classes.index(name) for name in names], np.int32)[label]


def _segments(recording: Recording, params: WindowParams, source: Source) -> Iterator[Segment]:
    inputs = filtering.inputs(params.channels, params.filtering, source)
    for segment in resample(recording, inputs, params):
        yield filtering.filtered(segment, inputs, params)


def _append(file: BinaryIO, values: Float[np.ndarray, "sample channel"]) -> None:
    file.write(np.ascontiguousarray(values, np.float64).data)


def _concatenated(arrays: list[np.ndarray], kind: str) -> np.ndarray:
    return np.concatenate([np.empty(0, kind), *arrays]).astype(kind, copy=False)


def _joined(pieces: list[_Piece], stride_s: float | None) -> WindowIndex:
    """One index: samples are counted through all pieces; recordings without a begin follow each other in time."""
    clocks: dict[int, float] = {}
    before, subjects = [], []
    for subject, begins_s, seconds, _ in (recording for piece in pieces for recording in piece.recordings):
        subjects.append(subject)
        before.append(clocks.get(subject, 0.0) if begins_s is None else begins_s)
        clocks[subject] = before[-1] + (stride_s or seconds)
    windows = [windows for piece in pieces for *_, windows in piece.recordings]
    firsts = np.cumsum([0, *(piece.samples for piece in pieces)])
    return WindowIndex(
        start=_concatenated([piece.start + first for piece, first in zip(pieces, firsts, strict=False)], "i8"),
        label=_concatenated([piece.label for piece in pieces], "i4"),
        subject=np.repeat(np.array(subjects, np.int32), windows),
        begin_s=_concatenated([piece.begin_s for piece in pieces], "f8") + np.repeat(np.array(before), windows),
    )


def _stride_seconds(params: WindowParams, source: Source) -> float | None:
    """From one published window to the next in a person's time; None for continuous recordings."""
    published = source.published_windows
    return published.stride_samples / params.rate_hz if published else None


def classes_without_windows(index: WindowIndex, params: WindowParams, source: Source) -> list[str]:
    """The declared classes that no window is of, those apart that were dropped on purpose."""
    found = {source.labels[label] for label in np.unique(index.label)}
    return [name for name in source.labels if name not in {*found, *params.dropped_labels}]
