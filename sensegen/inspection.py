"""Measures recordings against what their dataset declares, over every sample, in bounded memory.

A recording becomes a few rows: how many samples are missing, infinite or out of range, where time does not go on.
Great Expectations judges the rows (`sensegen.validation`). Handing it every sample instead would cost minutes and
gigabytes for long recordings, and a sample of them would let a single Inf through; counts do neither.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float

from sensegen.recording import Recording, Signal
from sensegen.source import Bounds, Source

EXAMPLES = 10  # kept for a message, of each kind of fault


class Inspection:
    """Rows and examples of faults, gathered recording by recording.

    `tables` holds the rows of `recordings`, `activities` and each signal; `examples` says by expectation, such as
    `acceleration.acc_x.finite`, where the first faults are, and `faults` counts all of them.
    """

    def __init__(self, source: Source, rate_tolerance: float):
        self.source = source
        self.rates_hz = {name: rate_range(bounds, rate_tolerance) for name, bounds in source.signals.items()}
        self.tables: dict[str, list[dict[str, Any]]] = {"recordings": [], "activities": []}
        self.tables |= {name: [] for name in source.signals}
        self.examples: dict[str, list[str]] = defaultdict(list)
        self.faults: dict[str, int] = defaultdict(int)

    def through(self, recordings: Iterable[Recording]) -> Iterator[Recording]:
        """Inspect recordings as they pass. One that is not laid out as declared is held back; the gate refuses it."""
        for recording in recordings:
            self._look_at(recording)
            if self._is_as_declared(recording):
                yield recording

    def samples(self, signal: str) -> int:
        """How many samples of a signal have been seen."""
        return sum(row["samples"] for row in self.tables[signal])

    def _is_as_declared(self, recording: Recording) -> bool:
        layouts = {name: (one.channels, one.unit, one.rate_hz) for name, one in recording.signals.items()}
        return layouts == {name: (one.channels, one.unit, one.rate_hz) for name, one in self.source.signals.items()}

    def _look_at(self, recording: Recording) -> None:
        signals = _listed(recording.signals)
        self.tables["recordings"].append(
            {"recording": recording.name, "subject": recording.subject, "signals": signals}
        )
        self._expect("recordings.subject", recording.subject in self.source.subjects, recording, recording.subject)
        self._expect("recordings.signals", signals == _listed(self.source.signals), recording, signals or "none")
        for activity in recording.activities:
            seconds = activity.end_s - activity.start_s
            self.tables["activities"].append({"recording": recording.name, "label": activity.label, "seconds": seconds})
            self._expect("activities.label", activity.label in self.source.labels, recording, repr(activity.label))
            self._expect("activities.seconds", seconds > 0, recording, f"{activity.label} lasts {seconds:g} s")
        for name in self.source.signals.keys() & recording.signals.keys():
            self._look_at_signal(recording, name, recording.signals[name])

    def _look_at_signal(self, recording: Recording, name: str, signal: Signal) -> None:
        bounds = self.source.signals[name]
        row: dict[str, Any] = {
            "recording": recording.name,
            "channels": ", ".join(signal.channels),
            "unit": signal.unit,
            "rate_hz": signal.rate_hz,
            "samples": len(signal.times_s),
            "median_rate_hz": median_rate_hz(signal.times_s),
        }
        self._expect(f"{name}.channels", signal.channels == bounds.channels, recording, row["channels"])
        self._expect(f"{name}.unit", signal.unit == bounds.unit, recording, f"{signal.unit!r}, not {bounds.unit!r}")
        self._expect(f"{name}.rate_hz", signal.rate_hz == bounds.rate_hz, recording, f"{signal.rate_hz:g} Hz")
        self._expect(f"{name}.samples", row["samples"] >= 2, recording, f"{row['samples']} samples")
        low_hz, high_hz = self.rates_hz[name]
        rate_hz = row["median_rate_hz"]
        self._expect(
            f"{name}.median_rate_hz", not (rate_hz < low_hz or rate_hz > high_hz), recording, f"{rate_hz:g} Hz"
        )
        row["times_not_after"] = self._look_at_times(recording, name, signal.times_s)
        for at, channel in enumerate(signal.channels):
            if channel in bounds.channels:
                row |= self._look_at_values(recording, name, signal, at)
        self.tables[name].append(row)

    def _look_at_times(self, recording: Recording, name: str, times_s: Float[np.ndarray, "time"]) -> int:
        # Written so that a NaN counts too, the very first included.
        with np.errstate(invalid="ignore"):
            faults = np.flatnonzero(~(np.diff(times_s, prepend=-np.inf) > 0))
        for at in faults[:EXAMPLES]:
            before = f" follows {times_s[at - 1]:.6f} s" if at else ""
            self._note(f"{name}.times_increase", f"{recording.name}, sample {at}: time {times_s[at]:.6f} s{before}")
        self.faults[f"{name}.times_increase"] += len(faults)
        return len(faults)

    def _look_at_values(self, recording: Recording, name: str, signal: Signal, at: int) -> dict[str, int]:
        bounds, channel, values = self.source.signals[name], signal.channels[at], signal.values[:, at]
        with np.errstate(invalid="ignore"):
            inside = (values >= bounds.low) & (values <= bounds.high)
        counts = {f"{channel}.not_null": 0, f"{channel}.finite": 0, f"{channel}.in_bounds": 0}
        if inside.all():
            return counts
        missing, infinite = np.isnan(values), np.isinf(values)
        faults = {"not_null": missing, "finite": infinite, "in_bounds": ~inside & ~missing & ~infinite}
        for kind, where in faults.items():
            places = np.flatnonzero(where)
            counts[f"{channel}.{kind}"] = len(places)
            self.faults[f"{name}.{channel}.{kind}"] += len(places)
            for place in places[:EXAMPLES]:
                described = f"sample {place} ({signal.times_s[place]:.6f} s) is {values[place]:g} {bounds.unit}"
                self._note(f"{name}.{channel}.{kind}", f"{recording.name}, {channel}, {described}")
        return counts

    def _expect(self, expectation: str, holds: bool, recording: Recording, got: str) -> None:
        if not holds:
            self.faults[expectation] += 1
            self._note(expectation, f"{recording.name}: {got}")

    def _note(self, expectation: str, example: str) -> None:
        if len(self.examples[expectation]) < EXAMPLES:
            self.examples[expectation].append(example)


def rate_range(bounds: Bounds, tolerance: float) -> tuple[float, float]:
    """The lowest and the highest median rate, in Hz, that a signal may have."""
    return bounds.rate_hz * (1 - tolerance), bounds.rate_hz * (1 + tolerance)


def median_rate_hz(times_s: Float[np.ndarray, "time"]) -> float:
    """One over the median time between samples; NaN for fewer than two samples, or where time stands still."""
    if len(times_s) < 2:
        return float("nan")
    with np.errstate(invalid="ignore"):
        period_s = float(np.median(np.diff(times_s)))
    return 1 / period_s if period_s > 0 else float("nan")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
