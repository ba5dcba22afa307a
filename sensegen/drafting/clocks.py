"""Which columns are clocks: their unit by size, name and steps, and what the steps say of rate, gaps and order."""

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from sensegen.datasets import file_rows
from sensegen.description.places import TIME_UNITS
from sensegen.drafting.profile import Profile

INDEX = re.compile(r"^(index|idx|row|no|nr|number|sample|seq|id|unnamed.*|)$", re.I)
TIMES = re.compile(r"time|stamp|date|epoch|clock|^t$|^ts$|^(s|sec|seconds|ms|millis|us|ns|nanos)$", re.I)
NAMED_UNIT = re.compile(
    r"(?:^|[_ .\[(])(ms|us|ns|s|sec|seconds|milliseconds|microseconds|nanoseconds)(?:[\])]|$)", re.I
)
WRITTEN = {"sec": "s", "seconds": "s", "milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}
EPOCHS = {"s": (1e8, 4e9), "ms": (1e11, 4e12), "us": (1e14, 4e15), "ns": (1e17, 4e18)}  # 1973 to 2096, as Unix time
PATTERNS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S",
            "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y%m%d", "%Y%m%d %H%M%S")  # fmt: skip
USUAL_RATES_HZ = (1, 2, 4, 5, 8, 10, 12.5, 16, 20, 25, 30, 32, 40, 50, 52, 60, 64, 75, 80, 100, 104, 120, 125, 128, 150,
                  200, 208, 250, 256, 400, 416, 500, 512, 800, 833, 1000, 1024, 2000)  # fmt: skip
USUAL_WITHIN = 0.009  # a Nexus 4 gives 198.4 Hz instead of 200; an iPhone's 103 Hz are no 104
LONGEST_STEP_S = 100.0


@dataclass(frozen=True)
class Clock:
    """A column of times, and what its steps say; `steps` and `gaps` are of the rows kept, inside recordings."""

    column: str
    unit: str
    sure: bool
    steps: int
    repeated: int
    backward: int
    rate_hz: float
    mean_rate_hz: float
    gaps: int
    longest_gap_s: float
    seconds: float


def clock_in(seen: Profile, column: str, groups: Int[np.ndarray, "row"]) -> Clock | None:
    """The clock in a column, if it is one; `groups` says which recording a row belongs to."""
    if column in seen.texts:
        return _text_clock(seen, column, groups)
    values = seen.numbers[column]
    if len(values) < 3 or np.isnan(values).any() or INDEX.match(column) or not _mostly_rises(values, groups):
        return None
    named = bool(TIMES.search(column))
    unit, sure = _unit(column, values, groups)
    if not named and (not sure or len(np.unique(values[:1000])) < 3):
        return None  # a signal may rise too
    return _measured(column, unit, sure, values * TIME_UNITS[unit], groups)


def agreeing(seen: Profile, clocks: list[Clock], groups: Int[np.ndarray, "row"]) -> list[Clock]:
    """The clocks again: where one is Unix time, it tells the unit of one that counts from elsewhere."""
    known = [clock for clock in clocks if clock.sure]
    if not known:
        return clocks
    return [clock if clock.sure else _like(clock.column, known[0], seen, groups) for clock in clocks]


def _like(column: str, known: Clock, seen: Profile, groups: Int[np.ndarray, "row"]) -> Clock:
    """A clock in the unit in which as much time passes as on another."""
    values = seen.numbers[column]
    by_unit = [_measured(column, unit, True, values * TIME_UNITS[unit], groups) for unit in TIME_UNITS]
    return min(by_unit, key=lambda clock: abs(np.log(max(clock.seconds, 1e-9) / max(known.seconds, 1e-9))))


def _text_clock(seen: Profile, column: str, groups: Int[np.ndarray, "row"]) -> Clock | None:
    import pyarrow as pa

    words = pa.array([word if word is None else str(word) for word in seen.texts[column]], pa.string())
    for unit in ("iso", *PATTERNS):
        times_s = file_rows.epoch_seconds(words, unit)
        if len(times_s) > 2 and not np.isnan(times_s).any() and _mostly_rises(times_s, groups[: len(times_s)]):
            return _measured(column, unit, True, times_s, groups[: len(times_s)])
    return None


def _mostly_rises(values: Float[np.ndarray, "row"], groups: Int[np.ndarray, "row"]) -> bool:
    steps = _steps(values, groups)
    return len(steps) > 0 and bool((steps > 0).mean() > 0.3) and bool((steps < 0).mean() < 0.5)


def _steps(values: Float[np.ndarray, "row"], groups: Int[np.ndarray, "row"]) -> Float[np.ndarray, "step"]:
    """Differences between rows that follow each other in one recording."""
    order = np.argsort(groups, kind="stable")
    steps, same = np.diff(values[order]), np.diff(groups[order]) == 0
    return steps[same]


def _unit(column: str, values: Float[np.ndarray, "row"], groups: Int[np.ndarray, "row"]) -> tuple[str, bool]:
    """The unit of a clock and whether that is sure: by magnitude if it is Unix time, by name, or by its steps."""
    median = float(np.median(values))
    for unit, (low, high) in EPOCHS.items():
        # Nanoseconds since a device was started can be as large as Unix milliseconds; their steps are larger.
        if low < median < high and _median_step(values, groups) * TIME_UNITS[unit] < LONGEST_STEP_S:
            return unit, True
    if named := NAMED_UNIT.search(column):
        word = named[1].lower()
        return WRITTEN.get(word, word), True
    step = _median_step(values, groups)
    for unit in ("s", "ms", "us", "ns"):
        if 0.5e-3 < step * TIME_UNITS[unit] < 0.9:
            return unit, False
    return "s", False


def _median_step(values: Float[np.ndarray, "row"], groups: Int[np.ndarray, "row"]) -> float:
    steps = _steps(values, groups)
    forward = steps[steps > 0]
    return float(np.median(forward)) if len(forward) else 0.0


def _measured(
    column: str, unit: str, sure: bool, times_s: Float[np.ndarray, "row"], groups: Int[np.ndarray, "row"]
) -> Clock:
    steps = _steps(times_s, groups)
    forward = steps[steps > 0]
    period_s = float(np.median(forward)) if len(forward) else float("nan")
    gaps = forward[forward > max(10 * period_s, 0.1)]
    seconds = float(forward.sum())
    return Clock(
        column, unit, sure, len(steps), int((steps == 0).sum()), int((steps < 0).sum()),
        1 / period_s, len(steps) / seconds if seconds else float("nan"), len(gaps),
        float(gaps.max()) if len(gaps) else 0.0, seconds,
    )  # fmt: skip


def rate(times_s: Float[np.ndarray, "row"]) -> float:
    """One over the median step forward, in Hz; NaN where there is none."""
    steps = np.diff(times_s)
    return 1 / float(np.median(steps[steps > 0])) if (steps > 0).any() else float("nan")


def near_usual(rate_hz: float) -> float:
    """A rate that devices are sold with, if one is near; else what was measured."""
    near = min(USUAL_RATES_HZ, key=lambda usual: abs(usual - rate_hz))
    return float(near) if abs(near - rate_hz) <= USUAL_WITHIN * rate_hz else float(f"{rate_hz:.6g}")
