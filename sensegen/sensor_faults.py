"""What goes wrong in a sensor, measured on the samples of one signal: clocks, dead channels, saturation, units.

Everything here measures and nothing judges; the limits stand in `sensegen.expectations`. What is normal must measure
as nothing, so each measure says from which length on it speaks:

- A channel is dead when it repeats one value for `DEAD_SAMPLES` samples or more. A few seconds of skin conductance, or
  some weeks without a case of chickenpox, are shorter.
- A channel is saturated when samples stand exactly at a limit of the sensor, or heap up at the recording's own highest
  or lowest value far more than just beside it. A heap at zero is no saturation: nothing is what there was to measure.
- Gravity is looked for in the quietest seconds, so that running and jumping do not hide it.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from sensegen.source import Bounds

DEAD_SAMPLES = 100
HEAP_SAMPLES = 20  # fewer at one value are no plateau
HEAP_SHARE = 0.02  # and so are less of all samples
HEAP_LEVELS = 50  # a channel with fewer different values is coarse by nature
HEAP_RATIO = 3.0  # how much higher than its neighbourhood a plateau stands
NEIGHBOURHOOD = 0.02  # of the range of the channel
REST_SAMPLES = 32
REST_SHARE = 0.25  # of the seconds of a recording, the quietest
LAG_SAMPLES = 32
LONG = 1 << 18  # samples; from there on gravity is looked for in every n-th

GRAVITY = {"g": 1.0, "m/s2": 9.80665, "m/s^2": 9.80665, "mg": 1000.0}  # one g in the unit
MISTAKEN = GRAVITY | {f"counts of 1/{counts} g": float(counts) for counts in (64, 256, 1024, 2048, 4096, 8192, 16384)}


def median_rate_hz(times_s: Float[np.ndarray, "time"]) -> float:
    """The median of the rates over about 32 samples, which neither jitter nor bursts nor a gap move.

    NaN for fewer than two samples, or where time stands still.
    """
    if len(times_s) < 2:
        return float("nan")
    lag = min(LAG_SAMPLES, max(1, len(times_s) // 8))
    with np.errstate(invalid="ignore"):
        lengths_s = np.sort(times_s[lag:] - times_s[:-lag])
    middle = len(lengths_s) // 2  # a NaN is sorted to the end; np.median costs several times as much
    period_s = float(lengths_s[middle] + lengths_s[-1 - middle]) / 2 / lag
    return 1 / period_s if period_s > 0 else float("nan")


def disordered(times_s: Float[np.ndarray, "time"]) -> Int[np.ndarray, "fault"]:
    """The samples whose time does not come after the time before, or is no number."""
    if len(times_s) and (times_s[1:] > times_s[:-1]).all() and np.isfinite(times_s[[0, -1]]).all():
        return np.empty(0, np.intp)
    # Written so that a NaN counts too, the very first included.
    with np.errstate(invalid="ignore"):
        return np.flatnonzero(~(np.diff(times_s, prepend=-np.inf) > 0) | ~np.isfinite(times_s))


def steady(values: Float[np.ndarray, "time channel"]) -> Bool[np.ndarray, "step channel"]:
    """Which steps from one sample to the next change nothing."""
    return values[1:] == values[:-1]


def changes(steady: Bool[np.ndarray, "step channel"]) -> int:
    """How many steps change any channel."""
    return int(len(steady) - steady.all(axis=1).sum())


def dead_shares(steady: Bool[np.ndarray, "step channel"]) -> Float[np.ndarray, "channel"]:
    """The longest stretch without any change, as a share of the recording; 0 for one under `DEAD_SAMPLES`."""
    shares = np.zeros(steady.shape[1])
    for channel in np.flatnonzero(steady.sum(axis=0) >= DEAD_SAMPLES - 1):
        longest = _longest_run(steady[:, channel]) + 1
        shares[channel] = longest / (len(steady) + 1) if longest >= DEAD_SAMPLES else 0.0
    return shares


def _longest_run(flags: Bool[np.ndarray, "step"]) -> int:
    ends = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return int((ends[1::2] - ends[::2]).max(initial=0))


def saturated_shares(values: Float[np.ndarray, "time channel"], bounds: Bounds) -> Float[np.ndarray, "channel"]:
    """The share of samples at a limit of the sensor, or heaped up at the recording's own extremes."""
    shares = np.zeros(values.shape[1])
    if len(values) < HEAP_SAMPLES:
        return shares
    for extreme in (np.fmin.reduce(values), np.fmax.reduce(values)):
        at_extreme = (values == extreme).sum(axis=0)
        for channel in np.flatnonzero(at_extreme >= max(HEAP_SAMPLES, HEAP_SHARE * len(values))):
            at_limit = extreme[channel] in (bounds.low, bounds.high)
            heaped = at_limit or (np.isfinite(extreme[channel]) and _is_heap(values[:, channel], extreme[channel]))
            if extreme[channel] != 0 and heaped:
                shares[channel] += at_extreme[channel] / len(values)
    return shares


def _is_heap(values: Float[np.ndarray, "time"], extreme: float) -> bool:
    """Whether far more samples are at the extreme than just beside it."""
    levels, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    if len(levels) < HEAP_LEVELS:
        return False
    distance = np.abs(levels - extreme)
    beside = int(counts[(distance > 0) & (distance <= NEIGHBOURHOOD * distance.max())].sum())
    return bool(counts[distance == 0].sum() > HEAP_RATIO * beside)


def gravity_found(values: Float[np.ndarray, "time channel"], bounds: Bounds, rate_hz: float) -> float | None:
    """The norm of the acceleration in the quietest seconds, in g as the declared unit has it: 1 at rest.

    None where it cannot be told: no gravity promised, another number of axes, too few finite samples.
    """
    if not bounds.gravity or values.shape[1] != 3 or bounds.unit not in GRAVITY:
        return None
    norms = np.linalg.norm(values[:: 1 + len(values) // LONG], axis=1)
    norms = norms[np.isfinite(norms)]
    if len(norms) < REST_SAMPLES:
        return None
    second = int(np.clip(rate_hz, REST_SAMPLES, len(norms)))
    seconds = norms[: len(norms) // second * second].reshape(-1, second)
    quiet = np.argsort(seconds.std(axis=1), kind="stable")[: max(1, int(REST_SHARE * len(seconds)))]
    return float(np.median(seconds[quiet]) / GRAVITY[bounds.unit])


def mistaken_unit(gravity: float, unit: str) -> str:
    """What the values probably are, if their norm at rest is `gravity` g as `unit` has it."""
    norm = gravity * GRAVITY[unit]
    nearest = min(MISTAKEN, key=lambda name: abs(np.log(norm / MISTAKEN[name])))
    if abs(np.log(norm / MISTAKEN[nearest])) < np.log(2) and MISTAKEN[nearest] != GRAVITY[unit]:
        return f"as if the values were {nearest.replace('m/s^2', 'm/s2')}"
    return "as if gravity had been taken away" if gravity < 1 else "of no unit known here"
