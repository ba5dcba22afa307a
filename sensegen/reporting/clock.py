"""Times in a unit that suits them: a window may last two seconds or half a year."""

from dataclasses import dataclass

TIME_UNITS = {"s": 1.0, "min": 60.0, "h": 3_600.0, "days": 86_400.0, "weeks": 604_800.0}  # in seconds
SLOW_HZ = 0.1  # below, a rate is told as the time from one sample to the next
FEWEST = 3  # of a unit, before it is used


@dataclass(frozen=True)
class Clock:
    """The time axis of windows: its unit, and how much of it a sample takes."""

    unit: str
    step: float

    @classmethod
    def of(cls, rate_hz: float, samples: int) -> "Clock":
        """The largest unit of which a window holds three."""
        unit = suiting(samples / rate_hz)
        return cls(unit, 1 / rate_hz / TIME_UNITS[unit])


def suiting(seconds: float) -> str:
    """The largest unit of which a time holds three; seconds if there is none."""
    return next((unit for unit in reversed(TIME_UNITS) if seconds >= FEWEST * TIME_UNITS[unit]), "s")


def rate_in_words(rate_hz: float) -> str:
    """`at 50 Hz`, or for slow signals `one every 7 days`."""
    if rate_hz >= SLOW_HZ:
        return f"at {rate_hz:g} Hz"
    unit = suiting(1 / rate_hz)
    return f"one every {1 / rate_hz / TIME_UNITS[unit]:.4g} {unit}"
