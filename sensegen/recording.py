"""What a sensor recorded: signals at their own rates, of one person, with what that person did.

A signal carries the time of every sample, because clocks jitter and drop samples; `rate_hz` is what the
device promised.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Signal:
    """Samples of one sensor: `values` is (time, channel) in `unit`, `times_s` is (time,) in seconds.

    Raises:
        ValueError: if the axes do not agree.
    """

    values: Float[np.ndarray, "time channel"]
    times_s: Float[np.ndarray, "time"]
    rate_hz: float
    unit: str
    channels: tuple[str, ...]

    def __post_init__(self) -> None:
        expected = (len(self.times_s), len(self.channels))
        if self.values.shape != expected:
            raise ValueError(f"A signal is (time, channel) = {expected}, but the values are {self.values.shape}.")
        if not self.rate_hz > 0:
            raise ValueError(f"A signal needs a rate above 0 Hz, but got rate_hz={self.rate_hz}.")


@dataclass(frozen=True)
class Activity:
    """What the person did from `start_s` up to, not including, `end_s`."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Recording:
    """One uninterrupted session of one person; `name` says where it came from, for messages.

    `begins_s` says when its time 0 was, in seconds of a clock that all recordings of the person share, such as Unix
    time, so that what several devices recorded at once is known to be of one moment. None where nobody knows: then
    recordings are taken to follow each other.
    """

    name: str
    subject: str
    signals: Mapping[str, Signal]
    activities: tuple[Activity, ...]
    begins_s: float | None = None


class InvalidRecording(ValueError):
    """A recording that must not go on: stops the pipeline at `validate`."""
