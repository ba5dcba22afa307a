"""A window laid out second by second: the lecture's input for an LSTM, (5 seconds, 64 samples) of a pulse at 64 Hz.

A recurrent network then takes a step a second instead of a step a sample: a window of 60 s is 60 steps, and the
gradient has less far to go, while what happens within a second is left to the weights of the inputs.
"""

import numpy as np
from jaxtyping import Float

from sensegen.windows import Windows

CLOCK_TOLERANCE = 1e-6  # samples


def seconds_by_samples(
    values: Float[np.ndarray, "window time channel"], rate_hz: float
) -> Float[np.ndarray, "window second sample_channel"]:
    """The same numbers with a row a second: its samples one after the other, each with all its channels.

    Raises:
        ValueError: if a second is no whole number of samples, or a window no whole number of seconds.
    """
    windows, length, channels = values.shape
    samples = round(rate_hz)
    if samples < 1 or abs(rate_hz - samples) > CLOCK_TOLERANCE or length % samples:
        raise ValueError(
            f"Windows must be whole seconds of whole samples, but are {length} samples at {rate_hz} Hz. "
            "Choose window.rate_hz and window.window_seconds as whole numbers."
        )
    return np.asarray(values).reshape(windows, length // samples, samples * channels)


def in_seconds(windows: Windows) -> Windows:
    """The windows at one step a second; channel `bvp` becomes `bvp@0`, `bvp@1`, ..., by its samples in a second."""
    values = seconds_by_samples(windows.values, windows.rate_hz)
    samples = values.shape[2] // len(windows.channels)
    channels = tuple(f"{name}@{at}" for at in range(samples) for name in windows.channels)
    units = windows.units * samples
    return Windows(values, windows.labels, windows.subjects, channels, windows.classes, 1.0, units)
