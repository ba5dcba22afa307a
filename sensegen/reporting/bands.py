"""A band of frequencies in words: hertz for what moves, periods for what takes days."""

import math

from sensegen.evaluation.spectrum import Band
from sensegen.reporting.clock import SLOW_HZ, TIME_UNITS, suiting

SAME = 1.001  # two frequencies that differ by less are one
ORDERS = 1000.0  # times as much power or more is told as more than that


def band_in_words(band: Band, rate_hz: float, samples: int) -> str:
    """`above 15 Hz`, `between 3.1 and 8.6 Hz`, or for slow signals `at periods of 2 to 4 weeks`."""
    lowest, highest = rate_hz / samples, samples // 2 * rate_hz / samples
    from_start, to_end = band.from_hz <= lowest * SAME, band.to_hz >= highest / SAME
    if from_start and to_end:
        return "at all frequencies"
    if rate_hz < SLOW_HZ:
        return _periods(band)
    if band.to_hz <= band.from_hz * SAME:
        return f"at {band.from_hz:.3g} Hz"
    if to_end:
        return f"above {band.from_hz:.3g} Hz"
    if from_start:
        return f"below {band.to_hz:.3g} Hz"
    return f"between {band.from_hz:.3g} and {band.to_hz:.3g} Hz"


def ratio_in_words(band: Band) -> str:
    """`12 times too little power`."""
    amount = "much" if band.log_ratio > 0 else "little"
    times = math.exp(min(abs(band.log_ratio), 700))
    if times >= ORDERS:
        return f"more than {ORDERS:.0f} times too {amount} power"
    return f"{times:.2g} times too {amount} power"


def _periods(band: Band) -> str:
    unit = suiting(1 / band.from_hz)
    shortest, longest = (1 / hz / TIME_UNITS[unit] for hz in (band.to_hz, band.from_hz))
    if longest <= shortest * SAME:
        return f"at periods of {longest:.3g} {unit}"
    return f"at periods of {shortest:.3g} to {longest:.3g} {unit}"
