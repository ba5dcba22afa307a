"""A recording while it is gathered from the rows of a file, and how what waits of it is given out."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float, Int

from sensegen import units
from sensegen.datasets import file_labels, file_rows
from sensegen.datasets.file_labels import Interval, Stretch
from sensegen.description import Description
from sensegen.description.columns import SignalColumns
from sensegen.description.places import UNLABELLED, ColumnsAreRecording, FixedRate, InColumn, InFileName, NoLabels
from sensegen.recording import Activity, InvalidRecording, Recording, Signal

UNIX_SINCE_S = 1e8  # 1973: a clock that is beyond counts Unix time, which all recordings of a person share
LONGEST_GAP_S, LONGEST_GAP_SAMPLES = 1.0, 10  # nobody knows whether a label still held after a longer one


@dataclass(frozen=True)
class Part:
    """A file, by its path below the folder, with the description of all files and the label intervals by recording."""

    folder: Path
    name: str
    description: Description
    intervals: dict[str, list[Interval]]

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.folder / self.name


@dataclass
class Gathered:
    """A recording that is being gathered: `rows` wait, `before` were given out already.

    `signals` are those its file has; `labels` holds places in `label_names`, which all recordings of a file share.
    """

    key: str
    subject: str
    first_row: int
    signals: Mapping[str, SignalColumns]
    label_names: list[str]
    zero_s: float = float("nan")
    last_s: float = float("nan")
    rows: int = 0
    before: int = 0
    pieces: int = 0
    steps_back: int = 0
    first_step_back: int = -1
    times_s: list[Float[np.ndarray, "row"]] = field(default_factory=list)
    values: dict[str, list[Float[np.ndarray, "row channel"]]] = field(default_factory=dict)
    labels: list[Int[np.ndarray, "row"]] = field(default_factory=list)
    rates_hz: dict[str, float] = field(default_factory=dict)


def give_out(one: Gathered, part: Part) -> Recording:
    """What waits of a recording, as one; nothing of it waits after that.

    Raises:
        InvalidRecording: if a rate is to be measured and cannot be.
    """
    times_s = np.concatenate(one.times_s)
    signals = {
        name: piece for name, signal in one.signals.items() if (piece := _signal(one, part, name, times_s)) is not None
    }
    zero_s = next((float(signal.times_s[0]) for signal in signals.values()), float(times_s[0]))
    stretch = Stretch(times_s, one.before, _end_s(signals, times_s, part.description), one.zero_s)
    activities = tuple(
        Activity(label, start - zero_s, end - zero_s) for label, start, end in _activities(one, part, stretch)
    )
    moved = {
        name: Signal(other.values, other.times_s - zero_s, other.rate_hz, other.unit, other.channels)
        for name, other in signals.items()
    }
    begins_s = zero_s if zero_s > UNIX_SINCE_S else None
    recording = Recording(_name(one, part), one.subject, moved, activities, begins_s)
    one.before, one.rows, one.pieces = one.before + one.rows, 0, one.pieces + 1
    one.times_s, one.values, one.labels = [], {}, []
    return recording


def _signal(one: Gathered, part: Part, name: str, times_s: Float[np.ndarray, "row"]) -> Signal | None:
    signal = one.signals[name]
    values = np.concatenate(one.values[name])
    lost = np.isnan(values).all(axis=1)
    if lost.any():  # a slower sensor has no sample in this row
        values, times_s = values[~lost], times_s[~lost]
    if not len(values):
        return None
    rate_hz = _rate_hz(one, part, name, times_s)
    if signal.to_unit:
        values = units.convert(values, signal.unit, signal.to_unit)
    return Signal(values, times_s, rate_hz, signal.final_unit, signal.names)


def _rate_hz(one: Gathered, part: Part, name: str, times_s: Float[np.ndarray, "time"]) -> float:
    """As described, or else as the clock of the recording's first piece says."""
    signal = one.signals[name]
    if signal.rate_hz is not None and signal.highest_rate_hz is None:
        return signal.rate_hz
    if name not in one.rates_hz:
        steps = np.diff(times_s)
        period_s = float(np.median(steps[steps > 0])) if (steps > 0).any() else float("nan")
        if not period_s > 0:
            raise InvalidRecording(
                f"{file_rows.place(part.path, part.description.format, one.first_row)}: the rate of {name} "
                f"must be above zero, but recording {one.key} holds {len(times_s)} samples of it at one time. "
                f"Correct the time column, or set signals.{name}.rate_hz."
            )
        one.rates_hz[name] = 1 / period_s
    return one.rates_hz[name]


def _end_s(signals: dict[str, Signal], times_s: Float[np.ndarray, "row"], description: Description) -> float:
    fastest_hz = max((signal.rate_hz for signal in signals.values()), default=0.0)
    if isinstance(description.time, FixedRate):
        fastest_hz = description.time.rate_hz
    return float(times_s.max()) + (1 / fastest_hz if fastest_hz else 0.0)


def _activities(one: Gathered, part: Part, stretch: Stretch) -> Iterator[tuple[str, float, float]]:
    activity, start_s = part.description.activity, float(stretch.times_s.min())
    if isinstance(activity, NoLabels):
        yield UNLABELLED, start_s, stretch.end_s
    elif isinstance(activity, InFileName):
        label = part.description.renamed(in_name(part.name, activity.pattern, "activity"))
        yield label, start_s, stretch.end_s
    elif isinstance(activity, InColumn):
        yield from _runs(one, stretch)
    else:
        for found in file_labels.clipped(part.intervals.get(one.key, []), stretch, part.description):
            yield found.label, found.start_s, found.end_s


def _runs(one: Gathered, stretch: Stretch) -> Iterator[tuple[str, float, float]]:
    """Runs of one label in the order of time; a run ends where another begins, or where samples are lacking."""
    times_s, codes = stretch.times_s, np.concatenate(one.labels)
    if (np.diff(times_s) < 0).any():
        order = np.argsort(times_s, kind="stable")
        times_s, codes = times_s[order], codes[order]
    period_s = stretch.end_s - float(times_s[-1])
    breaks = (np.diff(codes) != 0) | (np.diff(times_s) > max(LONGEST_GAP_S, LONGEST_GAP_SAMPLES * period_s))
    firsts = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    lasts = np.append(firsts[1:], len(codes)) - 1
    following_s = np.append(times_s[firsts[1:]], stretch.end_s)
    for first, last, next_s in zip(firsts, lasts, following_s, strict=True):
        end_s = min(float(next_s), float(times_s[last]) + period_s)
        if codes[first] >= 0 and times_s[first] < end_s:
            yield one.label_names[codes[first]], float(times_s[first]), end_s


def _name(one: Gathered, part: Part) -> str:
    several = isinstance(part.description.recording, ColumnsAreRecording)
    name = f"{part.name}:{one.key}" if several else part.name
    return name if not one.pieces else f"{name}#{one.pieces + 1}"


def key_of(name: str, description: Description) -> str:
    """The key of the one recording in a file.

    Raises:
        InvalidRecording: if the description's pattern finds none in its path.
    """
    pattern = getattr(description.recording, "pattern", None)
    return in_name(name, pattern, "recording") if pattern else PurePosixPath(name).stem


def in_name(name: str, pattern: str, group: str) -> str:
    """What a pattern finds in a file's path.

    Raises:
        InvalidRecording: if it finds nothing.
    """
    found = re.search(pattern, name)
    if not found or not found[group]:
        raise InvalidRecording(f"{name}: {group}.pattern {pattern!r} finds no {group} in this path.")
    return found[group]
