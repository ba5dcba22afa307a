"""Measures recordings against what their dataset declares, over every sample, in bounded memory.

A recording becomes a few rows: how many samples are missing or infinite, which share is out of range, where time does
not go on. Great Expectations judges the rows (see `gate`). Handing it every sample instead would cost minutes and
gigabytes for long recordings, and a sample of them would let a single Inf through; counts do neither.
Nothing here knows a limit: an inspection says what is, with notes of where, and `expectations` says what must be.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from jaxtyping import Float

from sensegen import sensor_faults
from sensegen.recording import Recording, Signal
from sensegen.source import Bounds, Source
from sensegen.validation.distributions import counted

EXAMPLES = 3  # noted of each kind of fault in a recording
CHANGES = 50  # a signal that changes less often may equal another by chance
ACTIVITY_TOLERANCE_S = 1.0  # by which labels may reach beyond the samples

Row = dict[str, Any]


class Inspection:
    """What was seen in some recordings, in their order; those of several parts are added up.

    `tables` holds the rows of `recordings`, `activities` and each signal; every row has the `number` of its recording.
    `notes` says by number and expectation, such as `acceleration.acc_x.finite`, where it is. `distributions` counts
    the values of recordings that are laid out as declared.
    """

    def __init__(self, source: Source):
        self.source = source
        self.tables: dict[str, list[Row]] = {
            "recordings": [],
            "activities": [],
            **{name: [] for name in source.signals},
        }
        self.notes: dict[tuple[int, str], list[str]] = defaultdict(list)
        self.distributions = counted(source)

    def look_at(self, recording: Recording) -> bool:
        """Measure a recording, and say whether it is laid out as declared, so that it can be kept beside others."""
        number, declared = len(self.tables["recordings"]), self.source.signals
        amiss = [f"no {name}" for name in declared if not (name in recording.signals or declared[name].optional)]
        amiss += [f"{name}, which is not declared" for name in recording.signals if name not in declared]
        row = {"number": number, "recording": recording.name, "subject": recording.subject, "signals": len(amiss)}
        self.tables["recordings"].append(row)
        self._note(number, "recordings.signals", amiss)
        self._look_at_activities(number, recording)
        for name in declared.keys() & recording.signals.keys():
            self._look_at_signal(number, name, recording)
        if fits := self._is_as_declared(recording):
            for name in self.distributions.keys() & recording.signals.keys():
                self.distributions[name].add(recording.signals[name].values)
        return fits

    def absorb(self, later: "Inspection") -> int:
        """Add what was seen in later recordings; gives the number of the first of them."""
        first = len(self.tables["recordings"])
        for name, rows in later.tables.items():
            for row in rows:
                row["number"] += first
            self.tables[name] += rows
        self.notes |= {(number + first, name): notes for (number, name), notes in later.notes.items()}
        for name, distribution in later.distributions.items():
            distribution.flush()
            self.distributions[name].counts += distribution.counts
        return first

    def forget_values(self, recording: Recording) -> None:
        """Take the values of a recording that was refused out of the distributions."""
        for name in self.distributions.keys() & recording.signals.keys():
            self.distributions[name].take_out(recording.signals[name].values)

    def mark_repeats(self) -> None:
        """Count for each signal how many others have the same values: to be called once, when all have been seen.

        Of copies with the same name of the same person the first is kept. Otherwise nobody knows whose it is, and
        all of them are marked.
        """
        groups: dict[str, list[tuple[str, Row]]] = defaultdict(list)
        for name in self.source.signals:
            for row in self.tables[name]:
                if row["digest"] is not None:
                    groups[row["digest"]].append((name, row))
        for copies in groups.values():
            people = {(name, self.tables["recordings"][row["number"]]["subject"]) for name, row in copies}
            for name, row in copies[1:] if len(people) == 1 else copies if len(copies) > 1 else []:
                row["repeats"] = len(copies) - 1
                other, twin = next((other, twin) for other, twin in copies if twin is not row)
                them = self.tables["recordings"][twin["number"]]
                note = f"the same values as {other} of {them['recording']} (subject {them['subject']})"
                self._note(row["number"], f"{name}.repeats", [note])

    def _is_as_declared(self, recording: Recording) -> bool:
        declared = self.source.signals
        return recording.signals.keys() <= declared.keys() and all(
            (signal.channels, signal.unit) == (declared[name].channels, declared[name].unit)
            and declared[name].rate_hz <= signal.rate_hz <= (declared[name].highest_rate_hz or declared[name].rate_hz)
            for name, signal in recording.signals.items()
        )

    def _look_at_activities(self, number: int, recording: Recording) -> None:
        start_s, end_s = _extent_s(recording.signals.values())
        until_s, before = -np.inf, "nothing"
        for activity in sorted(recording.activities, key=lambda one: (one.start_s, one.end_s)):
            seconds = activity.end_s - activity.start_s
            outside_s = max(0.0, start_s - activity.start_s, activity.end_s - end_s)
            overlap_s = max(0.0, until_s - activity.start_s)
            span = f"{activity.label} from {activity.start_s:g} s to {activity.end_s:g} s"
            self._note(number, "activities.seconds", [span] if not seconds > 0 else [])
            room = f"{span}, but the samples leave room from {start_s:g} s to {end_s:g} s"
            self._note(number, "activities.outside_s", [room] if outside_s > 0 else [])
            self._note(number, "activities.overlap_s", [f"{span} begins in {before}"] if overlap_s > 0 else [])
            if activity.end_s > until_s:
                until_s, before = activity.end_s, activity.label
            # A number that is missing would not be judged at all.
            seconds = seconds if np.isfinite(seconds) else 0.0
            row = {"number": number, "recording": recording.name, "label": activity.label, "seconds": seconds}
            self.tables["activities"].append(row | {"outside_s": outside_s, "overlap_s": overlap_s})

    def _look_at_signal(self, number: int, name: str, recording: Recording) -> None:
        signal, bounds = recording.signals[name], self.source.signals[name]
        values, times_s = signal.values, signal.times_s
        disordered = sensor_faults.disordered(times_s)
        whole = not len(disordered) or bool(np.isfinite(times_s).all())
        steady = sensor_faults.steady(values)
        row = {
            "number": number,
            "recording": recording.name,
            "channels": ", ".join(signal.channels),
            "unit": signal.unit,
            "rate_hz": signal.rate_hz,
            "samples": len(times_s),
            "median_rate_hz": sensor_faults.median_rate_hz(times_s),
            # A time that is no number cannot be sorted: no share of those is tolerated.
            "disordered": len(disordered) / max(1, len(times_s)) if whole else 1.0,
            "digest": _digest(values) if sensor_faults.changes(steady) >= CHANGES else None,
            "repeats": 0,
        }
        self._note(number, f"{name}.disordered", [_backwards(times_s, at) for at in disordered[:EXAMPLES]])
        if signal.channels == bounds.channels:
            row["gravity"] = sensor_faults.gravity_found(values, bounds, signal.rate_hz)
            measured = (sensor_faults.dead_shares(steady), sensor_faults.saturated_shares(values, bounds))
            for kind, shares in zip(("dead", "saturated"), measured, strict=True):
                row |= {
                    f"{channel}.{kind}": share for channel, share in zip(bounds.channels, shares.tolist(), strict=True)
                }
            row |= self._look_at_values(number, name, signal, bounds)
        self.tables[name].append(row)

    def _look_at_values(self, number: int, name: str, signal: Signal, bounds: Bounds) -> Row:
        values = signal.values
        row: Row = {
            f"{channel}.{kind}": 0 for channel in bounds.channels for kind in ("missing", "infinite", "outside")
        }
        with np.errstate(invalid="ignore"):
            good = ((values >= bounds.low) & (values <= bounds.high)).all(axis=0)
        if not np.isfinite([bounds.low, bounds.high]).all():
            good &= np.isfinite(values).all(axis=0)  # without limits, an infinite value would be inside them
        for at in np.flatnonzero(~good):
            for kind, where in _faults(values[:, at], bounds).items():
                places = np.flatnonzero(where)
                row[f"{bounds.channels[at]}.{kind}"] = len(places) / (len(values) if kind == "outside" else 1)
                notes = [_place(signal, place, at) for place in places[:EXAMPLES]]
                more = [f"and {len(places) - EXAMPLES} samples more"] if len(places) > EXAMPLES else []
                self._note(number, f"{name}.{bounds.channels[at]}.{kind}", notes + more)
        return row

    def _note(self, number: int, expectation: str, notes: Sequence[str]) -> None:
        if notes:
            self.notes[number, expectation] += notes


def _faults(values: Float[np.ndarray, "time"], bounds: Bounds) -> dict[str, np.ndarray]:
    missing, infinite = np.isnan(values), np.isinf(values)
    with np.errstate(invalid="ignore"):
        inside = (values >= bounds.low) & (values <= bounds.high)
    return {"missing": missing, "infinite": infinite, "outside": ~inside & ~missing & ~infinite}


def _place(signal: Signal, sample: np.integer, channel: np.integer) -> str:
    return f"sample {sample} ({signal.times_s[sample]:.6f} s) is {signal.values[sample, channel]:g} {signal.unit}"


def _backwards(times_s: Float[np.ndarray, "time"], at: int) -> str:
    return f"sample {at}: time {times_s[at]:.6f} s" + (f" follows {times_s[at - 1]:.6f} s" if at else "")


def _extent_s(signals: Iterable[Signal]) -> tuple[float, float]:
    """From when to when a recording can be labelled: its samples, with what labels may reach beyond them."""
    signals = [signal for signal in signals if len(signal.times_s)]
    if not signals:
        return 0.0, 0.0
    slack_s = max(ACTIVITY_TOLERANCE_S, *(1 / signal.rate_hz for signal in signals))
    starts = [np.fmin.reduce(signal.times_s) for signal in signals]
    ends = [np.fmax.reduce(signal.times_s) for signal in signals]
    return float(np.fmin.reduce(starts)) - slack_s, float(np.fmax.reduce(ends)) + slack_s


def _digest(values: Float[np.ndarray, "time channel"]) -> str:
    return blake2b(np.ascontiguousarray(values, dtype=np.float64).data, digest_size=16).hexdigest()
