"""Clocks as devices keep them: their unit, their order, their real rate, their gaps, and a regular grid in their place.

Times are in seconds, of one signal. What is done about a clock that misbehaves is stated here and in docs/signals.md.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

SECONDS_PER_TICK = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
ON_GRID = 1e-6  # of a period: what is nearer to a grid point than that lies on it
CLOCK_TOLERANCE_S = 1e-9
BLOCK = 16_384  # samples interpolated at once, so that what is in between stays in the processor's cache


@dataclass(frozen=True)
class Grid:
    """Regular times: sample `i` is at `start_s + i / rate_hz`."""

    start_s: float
    rate_hz: float
    samples: int

    @property
    def times_s(self) -> Float[np.ndarray, "sample"]:
        """The time of each sample."""
        return self.start_s + np.arange(self.samples) / self.rate_hz


def ordered(
    times_s: Float[np.ndarray, "sample"], values: Float[np.ndarray, "sample channel"]
) -> tuple[Float[np.ndarray, "time"], Float[np.ndarray, "time channel"]]:
    """Samples with strictly increasing times; what already is so comes back as it is, not copied.

    Policy: samples are sorted by time, stably; of samples with one time the mean is kept, since nothing says which of
    them is right. No sample is thrown away and no time is changed.
    """
    if bool((times_s[1:] > times_s[:-1]).all()):
        return times_s, values
    order = np.argsort(times_s, kind="stable")
    times_s, values = times_s[order], values.take(order, axis=0)  # several times as fast as an index for short rows
    firsts = np.flatnonzero(np.diff(times_s, prepend=-np.inf) > 0)
    counts = np.diff(firsts, append=len(times_s))
    if len(firsts) == len(times_s):
        return times_s, values
    means = np.add.reduceat(values, firsts, axis=0) / counts[:, None]
    return times_s[firsts], means.astype(values.dtype, copy=False)


def seconds_per_tick(ticks: np.ndarray, reference_s: np.ndarray) -> float:
    """How long a tick of an unknown clock is: 1e-9, 1e-6, 1e-3 or 1 s, whichever fits a clock in seconds best.

    The two clocks, (sample,) each, have stamped the same samples. Their spans are compared between the 5th and the
    95th percentile, so that a few stamps that jump do not matter; where a clock begins to count never does.

    Raises:
        ValueError: if a clock stands still, or no unit comes within a factor of ten.
    """
    spans = []
    for name, clock in (("clock", ticks), ("reference clock", reference_s)):
        low, high = np.percentile(clock - clock.min(), [5, 95]) if len(clock) else (0, 0)
        if not high > low:
            raise ValueError(f"The unit of a clock is told by its span, but the {name} stands still.")
        spans.append(float(high - low))
    ratio = spans[1] / spans[0]
    distances = {unit: abs(np.log10(ratio / seconds)) for unit, seconds in SECONDS_PER_TICK.items()}
    unit = min(distances, key=lambda name: float(distances[name]))
    if distances[unit] > 1:
        raise ValueError(
            f"A tick must last 1 ns, 1 us, 1 ms or 1 s, but against the reference clock it lasts {ratio:.3g} s. "
            "One of the two clocks is not a clock of these samples."
        )
    return SECONDS_PER_TICK[unit]


@dataclass(frozen=True)
class Clock:
    """What a clock really did: its rate, the longest step that is no gap, and its stretches without a gap.

    A stretch is a row: its first sample, and the one behind its last.
    """

    rate_hz: float
    longest_step_s: float
    stretches: Int[np.ndarray, "stretch 2"]


def clock(times_s: Float[np.ndarray, "time"], nominal_hz: float, max_gap_seconds: float) -> Clock:
    """The clock behind strictly increasing times, of a device that promised `nominal_hz`.

    A slow signal's own period is no gap: at 1 Hz every sample is a second after the last. So a step may take one and a
    half periods, the promised or the real (median) one, even where that is longer than `max_gap_seconds`.
    """
    steps_s = np.diff(times_s)
    median_s = float(np.median(steps_s)) if len(steps_s) else 0.0
    longest_s = max(max_gap_seconds, 1.5 / nominal_hz, 1.5 * median_s) + CLOCK_TOLERANCE_S
    breaks = np.flatnonzero(steps_s > longest_s) + 1
    firsts = np.concatenate([[0], breaks]) if len(times_s) else breaks
    stretches = np.stack([firsts, np.append(firsts[1:], len(times_s))[: len(firsts)]], axis=1)
    if len(breaks):
        steps_s = steps_s[steps_s <= longest_s]
    return Clock(_rate_hz(steps_s, median_s) if len(steps_s) else nominal_hz, longest_s, stretches)


def _rate_hz(steps_s: Float[np.ndarray, "step"], median_s: float) -> float:
    """One over the median step, refined: over the mean of the steps within half of the median.

    Neither lost samples nor gaps move it, nor whole milliseconds (steps of 3, 3 and 4 ms are 300 Hz). Where stamps come
    in bursts the median means nothing, so the rate is at most twice the samples a second.
    """
    usual_s = steps_s[np.abs(steps_s - median_s) <= 0.5 * median_s]
    rate_hz = 2 / steps_s.mean()
    return float(min(1 / usual_s.mean(), rate_hz) if len(usual_s) else rate_hz)


def on_grid(
    times_s: Float[np.ndarray, "time"], values: Float[np.ndarray, "time channel"], grid: Grid
) -> Float[np.ndarray, "sample channel"]:
    """Values at regular times, linear between neighbours: jitter is taken out.

    Times are strictly increasing. Samples within a millionth of a period of the grid pass bit for bit; where all of
    them do, nothing is copied. At a grid point beyond the first or last sample, that sample's value holds: keep to
    the range between, since nothing is known outside.
    """
    before, weight = _neighbours(times_s, grid)
    if not weight.any() and before[-1] - before[0] == len(before) - 1:
        return values[before[0] : before[-1] + 1]
    found = np.empty((values.shape[1], len(before)))
    # Channel by channel: NumPy works on long rows several times as fast as on many short ones.
    for row, channel in zip(found, np.ascontiguousarray(values.T), strict=True):
        for start in range(0, len(before), BLOCK):
            block = slice(start, start + BLOCK)
            left = channel.take(before[block])
            # The form left + weight * (right - left) leaves a constant as it is, to the last bit.
            step = channel.take(before[block] + 1, mode="clip") - left
            np.add(left, step * weight[block], out=row[block])
    return found.T


def _neighbours(
    times_s: Float[np.ndarray, "time"], grid: Grid
) -> tuple[Int[np.ndarray, "sample"], Float[np.ndarray, "sample"]]:
    """For each grid point the last sample that is not after it, and the part of the way to the next one."""
    # Counting the samples before each grid point takes a quarter of the time of a search for each.
    first_after = np.ceil((times_s - grid.start_s) * grid.rate_hz - ON_GRID).clip(0, grid.samples).astype(np.int64)
    before = np.cumsum(np.bincount(first_after, minlength=grid.samples + 1)[:-1]) - 1
    before = before.clip(0, len(times_s) - 1)
    left_s = times_s[before]
    step_s = times_s.take(before + 1, mode="clip") - left_s
    since_s = grid.times_s - left_s
    weight = np.divide(since_s, step_s, out=np.zeros(grid.samples), where=step_s > 0).clip(0, 1)
    weight[since_s * grid.rate_hz < 2 * ON_GRID] = 0
    return before, weight
