"""From what stands in a file to what it means: clock, rate, signals and units, labels, people, devices.

Every guess is a heuristic, said as such: names of columns first, then what their values can be.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int

from sensegen.description.places import TIME_UNITS
from sensegen.drafting import clocks, unit_guessing
from sensegen.drafting.clocks import Clock, near_usual, rate
from sensegen.drafting.profile import Profile

LABELS = re.compile(
    r"^(gt|y|label|labels|class|activity|activities|state|condition|emotion|target|annotation)$|label|activ", re.I
)
SUBJECTS = re.compile(r"^(user|subject|subj|participant|person|volunteer|pid|uid|who)(_?(id|name|no|number))?$", re.I)
DEVICES = re.compile(r"^(device|model|phone|watch|sensor|node|mac|serial|imu)(_?(id|name|no|number))?$", re.I)
AXIS = re.compile(r"^(?P<stem>.*?)[ _.\-]?(?P<axis>[xyz])$", re.I)
MOST_LABELS = 100
SHORTEST_RUN = 5  # rows, of a label that nothing names, on average
TWO_CLOCKS_SHARE = 0.1
UNNAMED = "sensor"


@dataclass(frozen=True)
class SensorGuess:
    """Columns that belong together, the unit they seem to be in and why; None where nothing tells."""

    name: str
    columns: tuple[str, ...]
    unit: str | None
    why: str
    low: float
    high: float
    gravity: bool
    rate_hz: float | None


@dataclass
class Guess:
    """All that is guessed of a file."""

    clocks: list[Clock] = field(default_factory=list)  # the best first
    sensors: list[SensorGuess] = field(default_factory=list)
    label: str | None = None
    subject: str | None = None
    devices: list[str] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)  # column -> why
    remarks: list[str] = field(default_factory=list)


def guess(seen: Profile) -> Guess:
    """Look at what was gathered from every side."""
    found = Guess(remarks=list(seen.sniffed.remarks))
    _guess_words(seen, found)
    groups = _groups(seen, found)
    for column in [*seen.numbers, *seen.texts]:
        if clock := clocks.clock_in(seen, column, groups):
            found.clocks.append(clock)
    found.clocks = clocks.agreeing(seen, found.clocks, groups)
    found.clocks.sort(key=lambda clock: (clock.repeated + clock.backward, -clock.sure))
    taken = {clock.column for clock in found.clocks}
    for column in seen.texts:
        if column not in taken:
            found.ignored[column] = "text"
    for clock in found.clocks[1:]:
        found.ignored[clock.column] = "another clock"
    rest = [column for column in seen.numbers if column not in taken and column not in (found.label, found.subject)]
    for column in [column for column in rest if _is_index(column, seen.numbers[column])]:
        rest.remove(column)
        found.ignored[column] = "counts rows"
    for column in [column for column in rest if np.isnan(seen.numbers[column]).all()]:
        rest.remove(column)
        found.ignored[column] = "holds no number"
    _guess_sensors(seen, rest, groups, found)
    _remark_on_clocks(found)
    return found


# --- words


def _guess_words(seen: Profile, found: Guess) -> None:
    few = {column: counts for column, counts in seen.words.items() if 0 < len(counts) <= MOST_LABELS}
    numeric = {
        column: np.unique(values[~np.isnan(values)][:100_000])
        for column, values in seen.numbers.items()
        if LABELS.search(column) or SUBJECTS.match(column) or DEVICES.match(column)
    }
    whole = [column for column, values in numeric.items() if len(values) <= MOST_LABELS and (values % 1 == 0).all()]
    for column in [*few, *whole]:
        if SUBJECTS.match(column) and found.subject is None:
            found.subject = column
        elif DEVICES.match(column):
            found.devices.append(column)
        elif LABELS.search(column) and found.label is None:
            found.label = column
    others = [column for column in few if column not in (found.label, found.subject, *found.devices)]
    if found.label is None and (unnamed := next((column for column in others if _comes_in_runs(seen, column)), None)):
        found.label = unnamed
        found.remarks.append(f"Column {unnamed!r} is taken for the label, since its few words come in runs.")
        others.remove(unnamed)
    found.ignored |= dict.fromkeys(others, "words")
    found.ignored |= {column: "many words" for column in seen.words if column not in few}


def _comes_in_runs(seen: Profile, column: str) -> bool:
    """Whether a column holds a few words, which are no numbers, each for many rows."""
    codes = seen.codes[column]
    runs = 1 + int((np.diff(codes) != 0).sum())
    numbers = sum(word.replace(".", "", 1).isdecimal() for word in seen.words[column])
    return len(seen.words[column]) >= 2 and len(codes) >= SHORTEST_RUN * runs and numbers * 2 < len(seen.words[column])


def _groups(seen: Profile, found: Guess) -> Int[np.ndarray, "row"]:
    """Which recording each of the rows kept belongs to: same person, same device."""
    group = np.zeros(len(next(iter([*seen.numbers.values(), *seen.codes.values()]), np.empty(0))), np.int64)
    for column in [name for name in (found.subject, *found.devices) if name]:
        values = seen.codes[column] if column in seen.codes else np.nan_to_num(seen.numbers[column], nan=-1)
        group = group * 1009 + np.unique(values, return_inverse=True)[1]
    return np.unique(group, return_inverse=True)[1]


def _remark_on_clocks(found: Guess) -> None:
    if not found.clocks:
        found.remarks.append("No column looks like a clock: set time to a fixed rate.")
        return
    best = found.clocks[0]
    if best.backward + best.repeated > TWO_CLOCKS_SHARE * best.steps:
        found.remarks.append(
            f"{best.column} does not go on in {best.backward + best.repeated:,} of {best.steps:,} steps. Are there two "
            "devices in the file, or have the times been rounded? Name what tells devices apart in recording.columns."
        )


def _is_index(column: str, values: Float[np.ndarray, "row"]) -> bool:
    steps = np.diff(values)
    return len(steps) > 0 and (bool(clocks.INDEX.match(column)) or bool((steps == 1).mean() > 0.99))


# --- signals


def _guess_sensors(seen: Profile, columns: list[str], groups: Int[np.ndarray, "row"], found: Guess) -> None:
    for name, members in _together(columns).items():
        values = np.stack([seen.numbers[column] for column in members], axis=1)
        hint = f"{name} {' '.join(members)} {seen.path.stem}"
        unit, why, gravity = unit_guessing.unit(hint, values)
        if re.fullmatch(f"{UNNAMED}|{UNNAMED}_1|column_1", name) and len(columns) in (1, 3):
            name = unit_guessing.NAMES.get(unit or "", _identifier(seen.path.stem, ()))
        elif len(name) <= 2 and unit in unit_guessing.NAMES:
            name = _identifier(unit_guessing.NAMES[unit], [sensor.name for sensor in found.sensors])
        low, high = unit_guessing.bounds(unit, gravity, values)
        rate_hz = _rate_hz(values, groups, found.clocks[0] if found.clocks else None, seen)
        found.sensors.append(SensorGuess(name, tuple(members), unit, why, low, high, gravity, rate_hz))
    _doubt_second_unit_of_gravity(found)


def _doubt_second_unit_of_gravity(found: Guess) -> None:
    """No file holds accelerations in m/s2 and in g: a norm near one is that of something normalised, or chance."""
    if not any(sensor.unit == "m/s2" for sensor in found.sensors):
        return
    for at, sensor in enumerate(found.sensors):
        if sensor.unit == "g" and sensor.gravity:
            why = "the median norm is near 1, but no acceleration in g: others are in m/s2; normalised, perhaps"
            found.sensors[at] = replace(sensor, unit=None, why=why, gravity=False)


def _together(columns: list[str]) -> dict[str, list[str]]:
    """Columns named x, y, z behind the same word are one sensor, and threes without names; others stand alone."""
    numbered = [column for column in columns if re.fullmatch(r"column_\d+", column)]
    if len(numbered) == len(columns) and len(columns) % 3 == 0:
        return {f"sensor_{at // 3 + 1}": columns[at : at + 3] for at in range(0, len(columns), 3)}
    stems: dict[str, list[str]] = {}
    for column in columns:
        axis = AXIS.match(column)
        stems.setdefault(axis["stem"] if axis else f"={column}", []).append(column)
    groups: dict[str, list[str]] = {}
    for stem, members in stems.items():
        if stem.startswith("=") or len(members) != 3:
            groups |= {_identifier(column, groups): [column] for column in members}
        else:
            groups[_identifier(stem or UNNAMED, groups)] = members
    return groups


def _identifier(text: str, taken: Iterable[str]) -> str:
    name = re.sub(r"\W+", "_", text).strip("_").lower() or "signal"
    name = name if name.isidentifier() else f"signal_{name}"
    return name if name not in taken else f"{name}_{len(list(taken)) + 1}"


def _rate_hz(
    values: Float[np.ndarray, "row channel"], groups: Int[np.ndarray, "row"], clock: Clock | None, seen: Profile
) -> float | None:
    """The rate of the rows that hold this signal; None where the rates of recordings differ."""
    if clock is None:
        return seen.sniffed.rate_hz
    present = ~np.isnan(values).all(axis=1)
    if present.all():
        rates_hz = [near_usual(clock.rate_hz)]
        if clock.column in seen.numbers:
            times_s = seen.numbers[clock.column] * TIME_UNITS[clock.unit]
            rates_hz = [near_usual(rate(times_s[groups == group])) for group in np.unique(groups)[:200]]
    elif clock.column in seen.numbers:
        rates_hz = [near_usual(rate((seen.numbers[clock.column] * TIME_UNITS[clock.unit])[present]))]
    else:
        return None
    return rates_hz[0] if max(rates_hz) - min(rates_hz) <= 0.03 * max(rates_hz) else None
