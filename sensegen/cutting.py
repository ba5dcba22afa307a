"""From recordings to windows: brought to one rate, cut inside activities, scaled, and written as a window folder."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sensegen.artifacts import write_text, writing
from sensegen.params.windowing import WindowParams
from sensegen.recording import Activity, InvalidRecording, Recording
from sensegen.resampling import Segment, resample
from sensegen.scaling import Scaling
from sensegen.source import Source
from sensegen.windows import gather


@dataclass(frozen=True)
class WindowIndex:
    """Where each window stands: its first sample, class, person, and its begin in that person's time."""

    start: Int[np.ndarray, "window"]
    label: Int[np.ndarray, "window"]
    subject: Int[np.ndarray, "window"]
    begin_s: Float[np.ndarray, "window"]

    def __len__(self) -> int:
        return len(self.start)

    def rows(self, chosen: Int[np.ndarray, "chosen"]) -> Int[np.ndarray, "chosen column"]:
        """The stored form of some windows: start sample, label, subject."""
        return np.stack([self.start[chosen], self.label[chosen], self.subject[chosen]], axis=1)


@dataclass(frozen=True)
class Cut:
    """Recordings brought to one rate and cut: the signals end to end in their units, and the windows in them."""

    signals: Float[np.ndarray, "sample channel"]
    index: WindowIndex
    units: tuple[str, ...]


def cut(recordings: Iterable[Recording], params: WindowParams, source: Source) -> Cut:
    """Resample every recording and cut it into windows that lie wholly inside one activity.

    Raises:
        InvalidRecording: if no window is left.
    """
    stride_s = _stride_seconds(params, source)
    clocks: dict[str, float] = {}
    signals, rows, samples = [], [], 0
    for recording in recordings:
        subject = source.subjects.index(recording.subject)
        begin_s = clocks.get(recording.subject, 0.0)
        segments = resample(recording, params.channels, rate_hz=params.rate_hz, max_gap_seconds=params.max_gap_seconds)
        for segment in segments:
            for start, label in _labelled_starts(segment, recording.activities, params):
                window_begin_s = begin_s + segment.start_s + start / params.rate_hz
                rows.append((samples + start, source.labels.index(label), subject, window_begin_s))
            signals.append(segment.values)
            samples += len(segment.values)
        clocks[recording.subject] = begin_s + (stride_s or max((s.times_s[-1] for s in segments), default=0.0))
    if not rows:
        raise InvalidRecording(
            f"No window of {params.window_seconds} s lies inside one activity and between gaps. "
            "Shorten window.window_seconds or raise window.max_gap_seconds in params.yaml."
        )
    index = WindowIndex(*(np.array(column) for column in zip(*rows, strict=True)))
    return Cut(np.concatenate(signals), index, _units(params, source))


def window_length(params: WindowParams) -> int:
    """Samples in a window."""
    return round(params.window_seconds * params.rate_hz)


def window_stride(params: WindowParams) -> int:
    """Samples from the start of a window to the start of the next."""
    return max(1, round(window_length(params) * (1 - params.overlap)))


def _stride_seconds(params: WindowParams, source: Source) -> float | None:
    """From one published window to the next in a person's time; None for continuous recordings."""
    published = source.published_windows
    return published.stride_samples / params.rate_hz if published else None


def _labelled_starts(
    segment: Segment, activities: Sequence[Activity], params: WindowParams
) -> Iterable[tuple[int, str]]:
    """First sample and label of each window that one activity covers."""
    times_s = segment.times_s
    for activity in activities:
        first, last = np.searchsorted(times_s, [activity.start_s, activity.end_s])
        for start in range(int(first), int(last) - window_length(params) + 1, window_stride(params)):
            yield start, activity.label


def _units(params: WindowParams, source: Source) -> tuple[str, ...]:
    unit_of = {channel: bounds.unit for bounds in source.signals.values() for channel in bounds.channels}
    return tuple(unit_of[channel] for channel in params.channels)


def write(
    folder: Path, whole: Cut, splits: Mapping[str, Int[np.ndarray, "window"]], params: WindowParams, source: Source
) -> Scaling:
    """Scale by the fit windows and write the window folder; gives the scaling."""
    scaling = Scaling.fit(
        gather(whole.signals, whole.index.start[splits["fit"]], window_length(params)).reshape(-1, len(params.channels))
    )
    with writing(folder / "signals.npy") as path, path.open("wb") as file:
        np.save(file, scaling.apply(whole.signals).astype(np.float32))
    for split, chosen in splits.items():
        with writing(folder / f"{split}.npy") as path, path.open("wb") as file:
            np.save(file, whole.index.rows(chosen).astype(np.int64))
    write_text(folder / "windows.json", json.dumps(_meaning(whole, scaling, params, source), indent=2) + "\n")
    return scaling


def _meaning(whole: Cut, scaling: Scaling, params: WindowParams, source: Source) -> dict[str, Any]:
    return {
        "channels": params.channels,
        "units": whole.units,
        "rate_hz": params.rate_hz,
        "length": window_length(params),
        "classes": source.labels,
        "subjects": source.subjects,
        "scaling": {"mean": scaling.mean.tolist(), "stddev": scaling.stddev.tolist()},
    }
