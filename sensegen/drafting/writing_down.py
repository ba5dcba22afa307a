"""A guess as the text of a description that loads; what must be decided by a person is said in comments."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sensegen import description, units
from sensegen.description.columns import Csv
from sensegen.drafting.guessing import Guess, SensorGuess
from sensegen.drafting.profile import Profile

IN_G = ("g/64", "mg")  # what nobody computes in
UNKNOWN_RATE_HZ = 50.0


def draft(seen: Profile, found: Guess, target: Path) -> str:
    """The text of a description of this file, to be written to `target`.

    Raises:
        ValueError: if there is no signal to describe.
    """
    if not found.sensors:
        raise ValueError(f"{seen.path} holds no column that looks like a signal, so there is nothing to describe.")
    text = "\n".join(_lines(seen, found, target)) + "\n"
    description.parse(text, str(target))
    return text


def _lines(seen: Profile, found: Guess, target: Path) -> Iterator[str]:
    folder = os.path.relpath(seen.path.resolve().parent, target.resolve().parent)
    yield f"# Drafted by `sensegen inspect {seen.path.name}` from {seen.rows:,} rows. Every line is a guess: read it."
    yield "# What each key may hold: docs/your_own_files.md"
    for remark in [*found.remarks, *([seen.stopped] if seen.stopped else [])]:
        yield f"# note: {remark}"
    yield "citation: unknown            # who recorded it, as the report shall say"
    yield "licence: unknown             # who may use it"
    yield f"folder: {_quoted(Path(folder).as_posix())}  # relative to this file"
    yield f"files: {_quoted(seen.path.name)}  # or a pattern, such as '*{seen.path.suffix}' or '**/*{seen.path.suffix}'"
    yield f"format: {_format(seen)}"
    yield from _recording(seen, found)
    yield from _activity(seen, found)
    yield from _time(seen, found)
    yield "signals:"
    for sensor in found.sensors:
        yield from _signal(sensor, bool(found.clocks))
    for column, why in found.ignored.items():
        yield f"# not used: {column!r} ({why})"


def _format(seen: Profile) -> str:
    format_ = seen.sniffed.format
    if not isinstance(format_, Csv):
        return "{kind: parquet}"
    fields = {"kind": "csv", "separator": format_.separator}
    given = format_.model_dump(exclude_defaults=True)
    return json.dumps(fields | {key: value for key, value in given.items() if value is not None}, ensure_ascii=False)


def _recording(seen: Profile, found: Guess) -> Iterator[str]:
    columns = [column for column in (found.subject, *found.devices) if column and _several(seen, column)]
    if columns:
        yield f"recording: {{kind: columns, columns: {_quoted(columns)}}}"
    else:
        yield "recording: {kind: file}      # or {kind: columns, columns: [...]}: rows with the same values there"
    if found.subject:
        yield f"subject: {{kind: column, column: {_quoted(found.subject)}}}"
    else:
        yield "subject: {kind: constant, name: p1}  # or {kind: file_name, pattern: 'subject(?P<subject>\\d+)'}"


def _several(seen: Profile, column: str) -> bool:
    return len(seen.words.get(column, ())) > 1 or len(np.unique(seen.numbers.get(column, np.empty(0))[:100_000])) > 1


def _activity(seen: Profile, found: Guess) -> Iterator[str]:
    if found.label:
        yield f"activity: {{kind: column, column: {_quoted(found.label)}}}"
        if found.label in seen.words and not seen.stopped:
            yield f"labels: {_quoted(sorted(seen.words[found.label]))}"
    else:
        yield "activity: {kind: none}       # or column, file_name, intervals, sample_intervals"


def _time(seen: Profile, found: Guess) -> Iterator[str]:
    if not found.clocks:
        rate_hz = seen.sniffed.rate_hz
        unknown = "" if rate_hz else "  # nothing in the file tells it: correct it here and below"
        yield f"time: {{kind: fixed_rate, rate_hz: {rate_hz or UNKNOWN_RATE_HZ:g}}}{unknown}"
        return
    clock = found.clocks[0]
    sure = "" if clock.sure else "  # the unit is a guess"
    yield f"time: {{kind: column, column: {_quoted(clock.column)}, unit: {_quoted(clock.unit)}}}{sure}"
    if disordered := clock.backward + clock.repeated:
        share = min(0.99, 1.5 * disordered / clock.steps)
        yield f"disordered_share: {_number(share, 2)}  # {disordered:,} of {clock.steps:,} steps do not go on"
    for other in found.clocks[1:]:
        yield f"# another clock: {{kind: column, column: {_quoted(other.column)}, unit: {_quoted(other.unit)}}}"


def _signal(sensor: SensorGuess, clocks: bool) -> Iterator[str]:
    to_unit = "g" if sensor.unit in IN_G else sensor.unit
    limits = np.array([sensor.low, sensor.high])
    if sensor.unit and to_unit:
        limits = units.convert(limits, sensor.unit, to_unit)
    yield f"  {sensor.name}:"
    yield f"    columns: {_quoted(list(sensor.columns))}"
    if any(not column.replace("_", "").isalnum() for column in sensor.columns):
        yield f"    channels: {_quoted([f'{sensor.name}_{number}' for number in range(1, len(sensor.columns) + 1)])}"
    yield f"    unit: {sensor.unit or 'arbitrary'}  # {sensor.why}"
    if to_unit != sensor.unit:
        yield f"    to_unit: {to_unit}"
    if sensor.rate_hz or not clocks:
        yield f"    rate_hz: {_number(sensor.rate_hz or UNKNOWN_RATE_HZ)}"
    else:
        yield "    # rate_hz is measured: it differs from recording to recording"
    yield f"    low: {_number(limits[0])}"
    yield f"    high: {_number(limits[1])}  # of the sensor, in {to_unit or 'arbitrary'}"
    if sensor.gravity:
        yield "    gravity: true"


def _number(value: float, digits: int = 6) -> str:
    """A number that YAML takes for one: 2e+09 it does not."""
    text = f"{float(value):.{digits}g}"
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _quoted(value: object) -> str:
    """JSON, which YAML reads as it is meant: no word becomes a number, a date or a truth value."""
    return json.dumps(value, ensure_ascii=False)
