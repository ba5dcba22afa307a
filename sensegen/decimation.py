"""How a signal that is faster than asked for comes down: a polyphase filter, or a rolling mean.

Each way takes one stretch without a gap and a grid inside it, and gives the values on the grid. Both are zero phase,
keep a constant, and use nothing from outside the stretch.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int

from sensegen.timestamps import ON_GRID, Grid, on_grid

HALF_PERIODS = 16  # the filter's reach to each side, in periods of the new rate
STOP_BAND_DB = 60.0
LARGEST_FRACTION = 256


@dataclass(frozen=True)
class Stretch:
    """Samples of one signal without a gap, at strictly increasing times and about `rate_hz`."""

    times_s: Float[np.ndarray, "time"]
    values: Float[np.ndarray, "time channel"]
    rate_hz: float


def polyphase(stretch: Stretch, grid: Grid) -> Float[np.ndarray, "sample channel"]:
    """Regularised at its own rate, then low-passed and thinned out in one go (`scipy.signal.upfirdn`).

    With the own rate as the fraction `down / up` of the new one, the filter runs at `up` times the own rate. Up to
    0.77 of the new Nyquist frequency everything passes, above it everything is 60 dB down. At its ends a stretch is
    mirrored.
    """
    from scipy.signal import upfirdn

    ratio = own_ratio(stretch.rate_hz / grid.rate_hz)
    up, down = ratio.denominator, ratio.numerator
    rate_hz = grid.rate_hz * down / up
    # The own grid goes through the start of the new one, and from there to both ends of the stretch; its last point
    # may be beyond the last sample and repeat it, so that no output lies behind all that it is made of.
    before = int((grid.start_s - stretch.times_s[0]) * rate_hz + ON_GRID)
    after = math.ceil((stretch.times_s[-1] - grid.start_s) * rate_hz - ON_GRID)
    own = Grid(grid.start_s - before / rate_hz, rate_hz, before + 1 + after)
    regular = on_grid(stretch.times_s, stretch.values, own)
    filter_taps = anti_alias(up, down)
    # Zeros in front of the filter bring one of the outputs onto the first grid point.
    middle = len(filter_taps) // 2 + before * up
    padded = np.concatenate([np.zeros(-middle % down), filter_taps])
    first = (middle + -middle % down) // down
    return upfirdn(padded, regular, up, down, axis=0, mode="symmetric")[first : first + grid.samples]


@lru_cache(maxsize=64)
def own_ratio(ratio: float) -> Fraction:
    """A rate ratio above one as a fraction that is small enough for a filter of it."""
    return Fraction(ratio).limit_denominator(max(1, int(LARGEST_FRACTION / ratio)))


@lru_cache(maxsize=64)
def anti_alias(up: int, down: int) -> Float[np.ndarray, "tap"]:
    """A linear-phase low-pass (Kaiser window) that ends at the new Nyquist frequency, for `down / up` above one.

    Each of its `up` phases sums to one; otherwise a constant would come out as a ripple.
    """
    from scipy.signal import firwin, kaiser_beta

    half = HALF_PERIODS * down
    # Kaiser's rule for the width of the transition, as a share of the new Nyquist frequency.
    width = (STOP_BAND_DB - 7.95) / (2.285 * 2 * HALF_PERIODS * np.pi)
    taps = firwin(2 * half + 1, (1 - width / 2) / down, window=("kaiser", kaiser_beta(STOP_BAND_DB)))
    phases = np.pad(taps, (0, -len(taps) % up)).reshape(-1, up)
    taps = (phases / phases.sum(axis=0)).reshape(-1)[: len(taps)]
    taps.flags.writeable = False
    return taps


def rolling_mean(stretch: Stretch, grid: Grid) -> Float[np.ndarray, "sample channel"]:
    """The mean of the samples within half a period of each grid point.

    A sample in the middle between two grid points counts half in both, which keeps the mean centred where an even
    number of samples makes a period. Where the samples so near are all on one side of the grid point, since some were
    lost or the rates are much alike, it is linear between the neighbours.
    """
    place = (stretch.times_s - grid.start_s) * grid.rate_hz + 0.5
    near = np.floor(place + ON_GRID)
    middle = np.flatnonzero(np.abs(place - near) < ON_GRID)
    weights = np.ones(len(place))
    weights[middle] = 0.5
    # A sample in the middle is near the later grid point, and is added to the earlier one.
    bins = np.concatenate([near, near[middle] - 1]).clip(-1, grid.samples).astype(np.int64) + 1
    rows = np.concatenate([np.arange(len(place)), middle]) if len(middle) else slice(None)

    def binned(numbers: Float[np.ndarray, "time"]) -> Float[np.ndarray, "sample"]:
        return np.bincount(bins, numbers[rows], minlength=grid.samples + 2)[1:-1]

    sums = np.stack([binned(channel * weights) for channel in stretch.values.T], axis=1)
    away = place[rows] - 0.5 + 1 - bins  # in periods, from the grid point
    on_both_sides = _any(bins[away <= ON_GRID], grid) & _any(bins[away >= -ON_GRID], grid)
    if on_both_sides.all():
        return sums / binned(weights)[:, None]
    means = sums / np.maximum(binned(weights), 0.5)[:, None]
    return np.where(on_both_sides[:, None], means, linear(stretch, grid))


def _any(bins: Int[np.ndarray, "sample"], grid: Grid) -> Bool[np.ndarray, "sample"]:
    found = np.zeros(grid.samples + 2, bool)
    found[bins] = True
    return found[1:-1]


def linear(stretch: Stretch, grid: Grid) -> Float[np.ndarray, "sample channel"]:
    """Linear between neighbours: for signals that are not faster than the grid."""
    return on_grid(stretch.times_s, stretch.values, grid)


WAYS_DOWN: Mapping[str, Callable[[Stretch, Grid], np.ndarray]] = {
    "polyphase": polyphase,
    "rolling_mean": rolling_mean,
}
