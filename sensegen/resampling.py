"""Signals of several rates and jittered clocks brought to one regular rate, without bridging long gaps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sensegen.recording import Recording, Signal

Stretch = tuple[float, float]
CLOCK_TOLERANCE_S = 1e-9


@dataclass(frozen=True)
class Segment:
    """An uninterrupted stretch on a regular grid: sample `i` of `values` is at `start_s + i / rate_hz`."""

    start_s: float
    rate_hz: float
    values: Float[np.ndarray, "time channel"]

    @property
    def times_s(self) -> Float[np.ndarray, "time"]:
        """The time of each sample."""
        return grid(self.start_s, len(self.values), self.rate_hz)


def grid(start_s: float, samples: int, rate_hz: float) -> Float[np.ndarray, "time"]:
    """Regular times from `start_s` on."""
    return start_s + np.arange(samples) / rate_hz


def resample(recording: Recording, channels: Sequence[str], *, rate_hz: float, max_gap_seconds: float) -> list[Segment]:
    """Bring the named channels to one rate; channels stand in the order asked for.

    Samples that already lie on the grid pass through unchanged, bit for bit. A faster signal is low-passed
    first (zero phase), so that nothing above the new Nyquist frequency folds back; everything else is linear
    interpolation. A gap longer than `max_gap_seconds`, in any signal, ends a segment.
    """
    wanted = _wanted(recording, channels)
    stretches = _common([_stretches(signal, max_gap_seconds) for signal, _ in wanted])
    wanted = [(_limit_band(signal, rate_hz), positions) for signal, positions in wanted]
    return [_segment(wanted, stretch, len(channels), rate_hz) for stretch in stretches]


def _wanted(recording: Recording, channels: Sequence[str]) -> list[tuple[Signal, list[tuple[int, int]]]]:
    """Each needed signal with (column in the signal, column in the result) pairs."""
    wanted, found = [], set()
    for signal in recording.signals.values():
        pairs = [(signal.channels.index(name), at) for at, name in enumerate(channels) if name in signal.channels]
        found |= {at for _, at in pairs}
        if pairs:
            wanted.append((signal, pairs))
    if missing := [name for at, name in enumerate(channels) if at not in found]:
        raise ValueError(f"Recording {recording.name} has no channel {missing}; change window.channels in params.yaml.")
    return wanted


def _stretches(signal: Signal, max_gap_seconds: float) -> list[Stretch]:
    # A slow signal's own period is no gap: at 1 Hz every sample is a second after the last.
    longest = max(max_gap_seconds, 1.5 / signal.rate_hz)
    breaks = np.flatnonzero(np.diff(signal.times_s) > longest)
    firsts = np.concatenate([[0], breaks + 1])
    lasts = np.concatenate([breaks, [len(signal.times_s) - 1]])
    return [(float(signal.times_s[a]), float(signal.times_s[b])) for a, b in zip(firsts, lasts, strict=True)]


def _common(of_each: list[list[Stretch]]) -> list[Stretch]:
    common = of_each[0]
    for stretches in of_each[1:]:
        overlaps = [(max(a, c), min(b, d)) for a, b in common for c, d in stretches]
        common = [(start, end) for start, end in overlaps if end > start]
    return common


def _limit_band(signal: Signal, rate_hz: float) -> Signal:
    if signal.rate_hz <= rate_hz * 1.01 or len(signal.times_s) < 2:
        return signal
    from scipy.signal import butter, sosfiltfilt

    filter_sections = butter(8, 0.8 * rate_hz / 2, fs=signal.rate_hz, output="sos")
    padding = min(3 * (2 * len(filter_sections) + 1), len(signal.values) - 1)
    smooth = sosfiltfilt(filter_sections, signal.values, axis=0, padlen=padding)
    return Signal(smooth, signal.times_s, signal.rate_hz, signal.unit, signal.channels)


def _segment(
    wanted: list[tuple[Signal, list[tuple[int, int]]]], stretch: Stretch, width: int, rate_hz: float
) -> Segment:
    start_s, end_s = stretch
    times_s = grid(start_s, int(np.floor((end_s - start_s) * rate_hz + CLOCK_TOLERANCE_S * rate_hz)) + 1, rate_hz)
    values = np.empty((len(times_s), width))
    for signal, pairs in wanted:
        on_grid = len(signal.times_s) == len(times_s) and bool(np.array_equal(signal.times_s, times_s))
        for column, at in pairs:
            values[:, at] = (
                signal.values[:, column] if on_grid else np.interp(times_s, signal.times_s, signal.values[:, column])
            )
    return Segment(start_s, rate_hz, values)
