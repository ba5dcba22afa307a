"""Empatica E4: what the wristband measures, and the text files of its export.

Each stream is a file of its own: the first line is when it starts (Unix time), the second its rate in Hz, then comes a
line a sample; acceleration has three columns in 1/64 g. Streams of one session start and end at different times (the
heart rate begins 10 s later), so each keeps its own. `IBI.csv` (beat intervals) and `tags.csv` (the button) are events
without a rate: they are no signals and are not read.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sensegen import delimited
from sensegen.recording import InvalidRecording, Signal
from sensegen.source import Bounds

# What the sensors give: acceleration of 2 g in 8 bits, skin conductance up to 100 uS. The pulse wave has no published
# unit; artefacts of 2,562 were seen. Temperature is bounded by skin and air, which a thermometer in Fahrenheit is not.
SIGNALS = {
    "bvp": Bounds(("bvp",), "a.u.", 64.0, low=-5000.0, high=5000.0),
    "acc": Bounds(("acc_x", "acc_y", "acc_z"), "g", 32.0, low=-2.0, high=2.0, gravity=True),
    "eda": Bounds(("eda",), "uS", 4.0, low=0.0, high=100.0),
    "temperature": Bounds(("temperature",), "Celsius", 4.0, low=10.0, high=45.0),
    "heart_rate": Bounds(("heart_rate",), "bpm", 1.0, low=30.0, high=220.0),
}
FILES = {"bvp": "BVP", "acc": "ACC", "eda": "EDA", "temperature": "TEMP", "heart_rate": "HR"}
COUNTS_PER_G = 64.0
HEADER_LINES = 2
HIGHEST_RATE_HZ = 10_000.0
MOST_SAMPLES = 1 << 25  # six days of the fastest stream; a file that holds more is no session


@dataclass(frozen=True)
class Stream:
    """One file of an export: its numbers as written, regular from `start_s` (Unix time) on."""

    start_s: float
    rate_hz: float
    values: Float[np.ndarray, "time channel"]

    @property
    def end_s(self) -> float:
        """Unix time of the last sample."""
        return self.start_s + (len(self.values) - 1) / self.rate_hz


def read_session(folder: Path) -> tuple[float, dict[str, Signal]]:
    """When a session starts (Unix time, s), and its signals in seconds since then.

    NaN and infinite values are passed on: whether they may be is for `validate` to say.

    Raises:
        InvalidRecording: naming the file and line of a stream that is missing, cut off or no E4 export; streams that
            are not of one session, since one ends before another starts.
    """
    streams = {name: read_stream(folder / f"{file}.csv", SIGNALS[name].channels) for name, file in FILES.items()}
    first_to_end = min(streams, key=lambda name: streams[name].end_s)
    last_to_start = max(streams, key=lambda name: streams[name].start_s)
    if streams[first_to_end].end_s < streams[last_to_start].start_s:
        raise InvalidRecording(
            f"{folder / FILES[last_to_start]}.csv, line 1: starts at {streams[last_to_start].start_s:.0f}, when "
            f"{FILES[first_to_end]}.csv has ended. The streams of a session must overlap."
        )
    start_s = min(stream.start_s for stream in streams.values())
    return start_s, {name: _signal(name, stream, start_s) for name, stream in streams.items()}


def _signal(name: str, stream: Stream, start_s: float) -> Signal:
    bounds = SIGNALS[name]
    times_s = (stream.start_s - start_s) + np.arange(len(stream.values)) / stream.rate_hz
    return Signal(in_unit(name, stream.values), times_s, stream.rate_hz, bounds.unit, bounds.channels)


def in_unit(name: str, values: Float[np.ndarray, "time channel"]) -> Float[np.ndarray, "time channel"]:
    """The numbers of a file in the unit of the signal: acceleration is written in 1/64 g."""
    return values / COUNTS_PER_G if name == "acc" else values


def read_stream(path: Path, channels: tuple[str, ...]) -> Stream:
    """One file of an export.

    Raises:
        InvalidRecording: missing or empty; start or rate missing; a rate that is not above zero; a line with a word or
            with another number of values; a last line that does not end.
    """
    start_s, rate_hz = _header(path, len(channels))
    layout = delimited.Layout(
        columns=dict.fromkeys(channels, "float"),
        has_header=False,
        variants=(channels,),
        skipped_lines=HEADER_LINES,
        ends_with_newline=True,
    )
    batches, samples = [], 0
    for batch in delimited.read_columns(path, layout):
        batches.append(np.stack([column.to_numpy() for column in batch.columns], axis=1))
        samples += len(batches[-1])
        if samples > MOST_SAMPLES:
            raise InvalidRecording(
                f"{path} holds more than {MOST_SAMPLES:,} samples, which is no session. Leave it out."
            )
    return Stream(start_s, rate_hz, np.concatenate(batches))


def _header(path: Path, columns: int) -> tuple[float, float]:
    """Start and rate."""
    try:
        with path.open("rb") as file:
            lines = [file.readline(delimited.LONGEST_LINE_BYTES) for _ in range(HEADER_LINES)]
    except FileNotFoundError:
        needed = ", ".join(f"{name}.csv" for name in FILES.values())
        raise InvalidRecording(f"{path} is missing, but a session needs {needed}.") from None
    start_s, rate_hz = (_one_number(path, number, line, columns) for number, line in enumerate(lines, start=1))
    # An export without header begins with samples, and none is as large as a Unix time of this century.
    if not 9e8 < start_s < 1e10:
        raise InvalidRecording(
            f"{path}, line 1: the header must begin with the start in Unix seconds, but this is {start_s:g}. Is the "
            "header missing?"
        )
    if not 0 < rate_hz <= HIGHEST_RATE_HZ:
        raise InvalidRecording(f"{path}, line 2: the rate must be above 0 Hz, but is {rate_hz:g}.")
    return start_s, rate_hz


def _one_number(path: Path, number: int, line: bytes, columns: int) -> float:
    """The number in a line of the header, which stands there once a column."""
    text = line.decode(errors="replace").strip()
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != columns or len({*numbers}) != 1 or not math.isfinite(numbers[0]):
        what = "start in Unix seconds" if number == 1 else "rate in Hz"
        raise InvalidRecording(
            f"{path}, line {number}: the header must hold the {what}, once a column ({columns}), but this is "
            f"{text[:80]!r}. Is the header missing, or the file empty?"
        )
    return numbers[0]
