"""Damage that recordings, files and splits take in practice, and which expectation or error must catch each kind.

Every recording-level damage turns a good simulated recording into a bad one; `caught_by` is the whole set of
expectations that must fail then, and no other may. File-level damage is done to bytes of a good file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sensegen.delimited import Layout, read_columns
from sensegen.recording import Activity, Recording, Signal

GRAVITY_MS2 = 9.80665
ACC = tuple(f"acceleration.acc_{axis}" for axis in "xyz")
GYRO = tuple(f"gyroscope.gyro_{axis}" for axis in "xyz")


@dataclass(frozen=True)
class Damage:
    """One kind of damage to a recording, and all that must fail because of it."""

    name: str
    change: Callable[[Recording], Recording]
    caught_by: tuple[str, ...]


@dataclass(frozen=True)
class FileDamage:
    """One kind of damage to the bytes of a delimited file, and what the reader's error must say (a pattern)."""

    name: str
    change: Callable[[bytes], bytes]
    says: str


def signal(name: str, change: Callable[[Signal], Signal]) -> Callable[[Recording], Recording]:
    """Change one signal of a recording."""
    return lambda one: replace(one, signals={**one.signals, name: change(one.signals[name])})


def values(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Recording], Recording]:
    """Change the values of a signal; they are copied first."""
    return signal(name, lambda one: replace(one, values=change(one.values.copy())))


def times(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Recording], Recording]:
    """Change the times of a signal; they are copied first."""
    return signal(name, lambda one: replace(one, times_s=change(one.times_s.copy())))


def put(where: Any, what: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Write into an array, and give it back."""

    def change(array: np.ndarray) -> np.ndarray:
        array[where] = what
        return array

    return change


def activities(change: Callable[[Sequence[Activity]], Sequence[Activity]]) -> Callable[[Recording], Recording]:
    """Change what the person is said to have done."""
    return lambda one: replace(one, activities=tuple(change(one.activities)))


def first_activity(**changed: Any) -> Callable[[Recording], Recording]:
    """Change the first activity."""
    return activities(lambda them: [replace(them[0], **changed), *them[1:]])


def last_activity(**changed: Any) -> Callable[[Recording], Recording]:
    """Change the last activity."""
    return activities(lambda them: [*them[:-1], replace(them[-1], **changed)])


def without(name: str) -> Callable[[Recording], Recording]:
    """Lose a signal."""
    return lambda one: replace(one, signals={key: kept for key, kept in one.signals.items() if key != name})


def cut(one: Signal, samples: int) -> Signal:
    """The first samples of a signal."""
    return replace(one, values=one.values[:samples], times_s=one.times_s[:samples])


def frozen_from(share: float) -> Callable[[np.ndarray], np.ndarray]:
    """The first channel keeps its value from a share of the recording on."""

    def change(array: np.ndarray) -> np.ndarray:
        at = int(share * len(array))
        array[at:, 0] = array[at, 0]
        return array

    return change


def clipped(array: np.ndarray) -> np.ndarray:
    """The first channel cannot leave the middle 80 % of its values."""
    array[:, 0] = np.clip(array[:, 0], *np.quantile(array[:, 0], [0.1, 0.9]))
    return array


def swapped(at: int) -> Callable[[np.ndarray], np.ndarray]:
    """Two neighbours change places."""
    return lambda array: put([at, at + 1], array[[at + 1, at]])(array)


def gyroscope_from_acceleration(one: Recording) -> Recording:
    """One file was written twice, under two names."""
    original = one.signals["acceleration"]
    copy = replace(one.signals["gyroscope"], values=original.values, times_s=original.times_s)
    return replace(one, signals={**one.signals, "gyroscope": copy})


def extra_signal(one: Recording) -> Recording:
    """A signal that nobody declared."""
    return replace(one, signals={**one.signals, "barometer": one.signals["heart_rate"]})


def slower_clock(one: Recording) -> Recording:
    """The device's clock runs 10 % fast, and so do its labels."""
    late = {name: replace(kept, times_s=kept.times_s * 1.1) for name, kept in one.signals.items()}
    spans = [replace(kept, start_s=kept.start_s * 1.1, end_s=kept.end_s * 1.1) for kept in one.activities]
    return replace(one, signals=late, activities=tuple(spans))


MISSING = [f"{channel}.missing" for channel in ACC]
OUTSIDE = [f"{channel}.outside" for channel in ACC]
RATES = tuple(f"{name}.median_rate_hz" for name in ("acceleration", "gyroscope", "heart_rate"))

RECORDINGS: tuple[Damage, ...] = (
    Damage("one sample is NaN", values("acceleration", put((70, 1), np.nan)), (MISSING[1],)),
    Damage("a channel is NaN throughout", values("gyroscope", put((slice(None), 2), np.nan)), (f"{GYRO[2]}.missing",)),
    Damage("one sample is infinite", values("acceleration", put((70, 0), np.inf)), (f"{ACC[0]}.infinite",)),
    Damage(
        "1 % of a channel is out of range", values("acceleration", put((slice(0, None, 100), 0), 7.5)), (OUTSIDE[0],)
    ),
    Damage(
        "heart rate of a belt that lost contact",
        values("heart_rate", put(slice(5, 9), 0.0)),
        ("heart_rate.heart_rate.outside",),
    ),
    Damage(
        "m/s2 in a column of g",
        values("acceleration", lambda array: array * GRAVITY_MS2),
        ("acceleration.gravity", OUTSIDE[0], OUTSIDE[2]),
    ),
    Damage(
        "raw counts of 1/64 g in a column of g",
        values("acceleration", lambda array: array * 64),
        ("acceleration.gravity", *OUTSIDE),
    ),
    Damage(
        "raw counts of 1/16384 g in a column of g",
        values("acceleration", lambda array: np.round(array * 16384)),
        ("acceleration.gravity", *OUTSIDE),
    ),
    Damage(
        "g divided by 9.81 once too often",
        values("acceleration", lambda array: array / GRAVITY_MS2),
        ("acceleration.gravity",),
    ),
    Damage(
        "acceleration without gravity",
        values("acceleration", lambda array: array - np.median(array, axis=0)),
        ("acceleration.gravity",),
    ),
    Damage(
        "degrees/s in a column of rad/s",
        values("gyroscope", np.rad2deg),
        tuple(f"{channel}.outside" for channel in GYRO),
    ),
    Damage(
        "another unit is declared",
        signal("acceleration", lambda one: replace(one, unit="m/s2")),
        ("acceleration.unit",),
    ),
    Damage(
        "a channel is missing",
        signal("acceleration", lambda one: replace(one, values=one.values[:, :2], channels=one.channels[:2])),
        ("acceleration.channels",),
    ),
    Damage(
        "channels in another order",
        signal("acceleration", lambda one: replace(one, channels=one.channels[::-1])),
        ("acceleration.channels",),
    ),
    Damage("a signal is missing", without("gyroscope"), ("recordings.signals",)),
    Damage("a signal that nobody declared", extra_signal, ("recordings.signals",)),
    Damage("a sensor stopped after one sample", signal("gyroscope", lambda one: cut(one, 1)), ("gyroscope.samples",)),
    Damage("a sensor gave nothing", signal("gyroscope", lambda one: cut(one, 0)), ("gyroscope.samples",)),
    Damage("time runs backwards once", times("acceleration", swapped(80)), ("acceleration.disordered",)),
    Damage(
        "a time stamp is repeated",
        times("acceleration", lambda array: put(81, array[80])(array)),
        ("acceleration.disordered",),
    ),
    Damage("a time stamp is NaN", times("acceleration", put(81, np.nan)), ("acceleration.disordered",)),
    Damage(
        "milliseconds taken for seconds",
        times("acceleration", lambda array: array * 1000),
        ("acceleration.median_rate_hz",),
    ),
    Damage(
        "every second sample is lost",
        signal("acceleration", lambda one: replace(one, values=one.values[::2], times_s=one.times_s[::2])),
        ("acceleration.median_rate_hz",),
    ),
    Damage(
        "another rate is declared",
        signal("acceleration", lambda one: replace(one, rate_hz=100.0)),
        ("acceleration.rate_hz",),
    ),
    Damage("the clock runs 10 % fast", slower_clock, RATES),
    Damage("a channel is dead from the start", values("gyroscope", frozen_from(0)), (f"{GYRO[0]}.dead",)),
    Damage("a channel freezes in the middle", values("gyroscope", frozen_from(0.4)), (f"{GYRO[0]}.dead",)),
    Damage("an amplifier clips", values("gyroscope", clipped), (f"{GYRO[0]}.saturated",)),
    Damage(
        "a sensor stands at its limits",
        values("gyroscope", lambda array: np.clip(array * 200, -8.73, 8.73)),
        tuple(f"{channel}.saturated" for channel in GYRO),
    ),
    Damage("an unknown label", first_activity(label="JUGGLING"), ("activities.label",)),
    Damage("a label without duration", first_activity(end_s=0.0), ("activities.seconds",)),
    Damage(
        "a label that ends before it begins",
        activities(lambda them: [Activity("SITTING", 2.0, 1.0), *them[1:]]),
        ("activities.seconds",),
    ),
    Damage("a label without an end", last_activity(end_s=np.nan), ("activities.seconds",)),
    Damage("a label beyond the end of the recording", last_activity(end_s=75.0), ("activities.outside_s",)),
    Damage("a label before the recording begins", first_activity(start_s=-20.0), ("activities.outside_s",)),
    Damage("labels that overlap", first_activity(end_s=12.0), ("activities.overlap_s",)),
    Damage(
        "labels in milliseconds",
        activities(lambda them: [replace(one, start_s=one.start_s * 1000, end_s=one.end_s * 1000) for one in them]),
        ("activities.outside_s",),
    ),
    Damage("an unknown person", lambda one: replace(one, subject="S99"), ("recordings.subject",)),
    Damage(
        "one sensor's file under another's name",
        gyroscope_from_acceleration,
        ("acceleration.repeats", "gyroscope.repeats"),
    ),
)
"""Each is applied to a recording of its own, among good ones."""

COPIES: Mapping[str, tuple[Callable[[Recording], Recording], tuple[str, ...], bool]] = {
    "a session copied under another name": (
        lambda one: replace(one, name=f"{one.name} (copy)"),
        ("acceleration.repeats", "gyroscope.repeats", "heart_rate.repeats"),
        False,
    ),
    "a session copied to another person": (
        lambda one: replace(one, name="S16:session", subject="S16"),
        ("acceleration.repeats", "gyroscope.repeats", "heart_rate.repeats"),
        True,
    ),
}
"""What is done to a copy that stands beside its original; the last says whether the original is refused as well."""

LAYOUT = Layout({"time": "integer", "x": "float", "y": "float"}, ends_with_newline=True)
GOOD_FILE = b"time,x,y\n" + b"".join(b"%d,%d.25,-0.5\n" % (at * 20, at % 7) for at in range(50))


def line(number: int, text: bytes) -> Callable[[bytes], bytes]:
    """Replace one line, counted from 1."""

    def change(whole: bytes) -> bytes:
        lines = whole.split(b"\n")
        lines[number - 1] = text
        return b"\n".join(lines)

    return change


FILES: tuple[FileDamage, ...] = (
    FileDamage("an empty file", lambda whole: b"", "is empty"),
    FileDamage("text that is not UTF-8", line(10, b"160,1.25,\xff"), "line 10"),
    FileDamage("a word where a number must be", line(10, b"160,one,-0.5"), "line 10.*x"),
    FileDamage("a row with a column too few", line(10, b"160,1.25"), "line 10"),
    FileDamage("a row with a column too many", line(10, b"160,1.25,-0.5,7"), "line 10"),
    FileDamage("another separator in one row", line(10, b"160;1.25;-0.5"), "line 10"),
    FileDamage("a header in another language", line(1, b"Zeit,x,y"), "line 1"),
    FileDamage("no header", lambda whole: whole.split(b"\n", 1)[1], "line 1"),
    FileDamage("a file cut off in the middle of a row", lambda whole: whole[:-4], "line 51"),
    FileDamage("a number cut off at the end of the file", lambda whole: whole[:-1], "line 51"),
)


def read_file(folder: Path, text: bytes) -> int:
    """Rows of a file with these bytes.

    Raises:
        InvalidRecording: from the reader.
    """
    path = folder / "signal.csv"
    path.write_bytes(text)
    return sum(batch.num_rows for batch in read_columns(path, LAYOUT))
