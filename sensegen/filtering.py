"""Filters along time, on signals that are already regular: the chain of UCI HAR, without delay or as it was published.

Anguita et al. (ESANN 2013) say: a median filter and a third-order low-pass Butterworth filter of 20 Hz against noise,
then gravity separated from body motion by a Butterworth low-pass of 0.3 Hz. `uci_har` runs these forwards and backwards
(`scipy.signal.sosfiltfilt`), so that nothing is delayed; at its corner such a filter leaves half of the amplitude.

`uci_har_published` is what was really done, found out on HAPT's raw recordings of the same sessions: a median of three
samples, a Butterworth low-pass of order 10 and 20 Hz, and gravity by one of order 3 and 0.3 Hz, all forwards only. It
gives total and body acceleration of the published windows to the seventh decimal. Each segment is filtered by itself.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sensegen.params.windowing import (
    FilteringParams,
    NoFiltering,
    UciHarFiltering,
    UciHarPublishedFiltering,
    WindowParams,
)
from sensegen.resampling import Segment
from sensegen.source import Source

AXES = ("x", "y", "z")
ACCELERATION_UNITS = ("g", "m/s2")
Filtering = UciHarFiltering | UciHarPublishedFiltering


@dataclass(frozen=True)
class LowPass:
    """Abstract: a Butterworth filter along time that keeps what is below its corner."""

    corner_hz: float
    order: int

    def __call__(self, values: Float[np.ndarray, "time channel"], rate_hz: float) -> Float[np.ndarray, "time channel"]:
        """The filtered values."""
        raise NotImplementedError

    def sections(self, rate_hz: float) -> Float[np.ndarray, "section coefficient"]:
        """The filter at this rate, as second-order sections."""
        from scipy.signal import butter

        return butter(self.order, self.corner_hz, fs=rate_hz, output="sos")


class ZeroPhase(LowPass):
    """Forwards and backwards.

    At each end a period of the corner frequency, and at least what SciPy would take, is added by turning the signal
    about its last sample (the default of `sosfiltfilt`); a shorter segment adds what it has.
    """

    def __call__(self, values: Float[np.ndarray, "time channel"], rate_hz: float) -> Float[np.ndarray, "time channel"]:
        from scipy.signal import sosfiltfilt

        sections = self.sections(rate_hz)
        padding = max(3 * (2 * len(sections) + 1), int(np.ceil(rate_hz / self.corner_hz)))
        return sosfiltfilt(sections, values, axis=0, padlen=min(padding, len(values) - 1))


class Forwards(LowPass):
    """Forwards only, so what comes out is late; it begins as if the first sample had always been there."""

    def __call__(self, values: Float[np.ndarray, "time channel"], rate_hz: float) -> Float[np.ndarray, "time channel"]:
        from scipy.signal import sosfilt, sosfilt_zi

        sections = self.sections(rate_hz)
        settled = sosfilt_zi(sections)[:, :, None] * values[0]
        return sosfilt(sections, values, axis=0, zi=settled)[0]


@dataclass(frozen=True)
class Chain:
    """Noise taken out by a median of `median_samples` and a low-pass, and the low-pass that gravity passes."""

    median_samples: int
    low_pass: LowPass
    gravity: LowPass

    def denoised(self, values: Float[np.ndarray, "time channel"], rate_hz: float) -> Float[np.ndarray, "time channel"]:
        """Without single outliers and without what is too fast for a body."""
        return self.low_pass(medians(values, self.median_samples), rate_hz)


def chain(filtering: Filtering) -> Chain:
    """The filters behind a choice of `window.filtering`."""
    match filtering:
        case UciHarFiltering():
            low_pass = ZeroPhase(filtering.low_pass_hz, filtering.order)
            return Chain(filtering.median_samples, low_pass, ZeroPhase(filtering.gravity_hz, filtering.order))
        case UciHarPublishedFiltering():
            return Chain(3, Forwards(20.0, 10), Forwards(0.3, 3))


def channels(filtering: FilteringParams, source: Source) -> tuple[str, ...]:
    """Every channel that can be windowed: those of the source, and those that the filtering adds."""
    if isinstance(filtering, NoFiltering):
        return source.channels
    return (*source.channels, *body_channels(filtering))


def body_channels(filtering: Filtering) -> tuple[str, ...]:
    """The channels that the filtering adds: acceleration without gravity, an axis each."""
    return tuple(f"{filtering.body}_{axis}" for axis in AXES)


def inputs(channels: Sequence[str], filtering: FilteringParams, source: Source) -> tuple[str, ...]:
    """The raw channel behind each windowed one, in their order; the same one stands behind total and body."""
    if isinstance(filtering, NoFiltering):
        return tuple(channels)
    acceleration = source.signals[filtering.acceleration].channels
    raw = dict(zip(body_channels(filtering), acceleration, strict=True))
    return tuple(raw.get(name, name) for name in channels)


def filtered(segment: Segment, inputs: Sequence[str], params: WindowParams) -> Segment:
    """The channels of `params.channels` from a segment with the columns that `inputs` gives for them.

    Every channel is freed of noise; the added ones are then freed of gravity.
    """
    filtering = params.filtering
    if isinstance(filtering, NoFiltering):
        return segment
    filters, raw = chain(filtering), list(dict.fromkeys(inputs))
    total = filters.denoised(segment.values[:, [inputs.index(name) for name in raw]], segment.rate_hz)
    values = total[:, [raw.index(name) for name in inputs]]
    added = [at for at, name in enumerate(params.channels) if name in body_channels(filtering)]
    if added:
        values[:, added] -= filters.gravity(values[:, added], segment.rate_hz)
    return Segment(segment.start_s, segment.rate_hz, values)


def medians(values: Float[np.ndarray, "time channel"], samples: int) -> Float[np.ndarray, "time channel"]:
    """The median of each sample and its neighbours, `samples` (odd) in all; the end values go on beyond the ends."""
    from scipy.ndimage import median_filter

    # A channel at a time: SciPy's algorithm for one axis costs the same for any width, the one for two does not.
    return np.stack([median_filter(channel, size=samples, mode="nearest") for channel in values.T.copy()], axis=1)


def problems(params: WindowParams, source: Source) -> Iterator[str]:
    """What keeps `window.filtering` from being applied to this source, a sentence each, naming the key."""
    filtering = params.filtering
    if isinstance(filtering, NoFiltering):
        return
    yield from _corner_problems(filtering, params.rate_hz)
    yield from _acceleration_problems(filtering, source)
    if taken := sorted(set(body_channels(filtering)) & set(source.channels)):
        yield (
            f"window.filtering.body is {filtering.body!r}, but the dataset has {', '.join(taken)} already. "
            "Set another prefix, or window.filtering.kind to none."
        )


def _corner_problems(filtering: Filtering, rate_hz: float) -> Iterator[str]:
    filters = chain(filtering)
    for key, corner_hz in (("low_pass_hz", filters.low_pass.corner_hz), ("gravity_hz", filters.gravity.corner_hz)):
        if corner_hz < rate_hz / 2:
            continue
        if isinstance(filtering, UciHarFiltering):
            named, change = f"window.filtering.{key} is {corner_hz:g}", "Set it lower"
        else:
            named, change = f"window.filtering.kind {filtering.kind} filters at {corner_hz:g} Hz", "Take kind uci_har"
        yield (
            f"{named}, but at window.rate_hz {rate_hz:g} a signal holds only what is below {rate_hz / 2:g} Hz. "
            f"{change}, or set window.rate_hz above {2 * corner_hz:g}."
        )
    if filters.gravity.corner_hz >= filters.low_pass.corner_hz:
        yield (
            f"window.filtering.gravity_hz must be below window.filtering.low_pass_hz "
            f"({filters.low_pass.corner_hz:g}), or nothing is left of the body, but is {filters.gravity.corner_hz:g}."
        )


def _acceleration_problems(filtering: Filtering, source: Source) -> Iterator[str]:
    name = filtering.acceleration
    if name not in source.signals:
        near = difflib.get_close_matches(name, source.signals, n=1, cutoff=0.0)[0]
        yield (
            f"window.filtering.acceleration names {name!r}, which is no signal of this dataset "
            f"({', '.join(source.signals)}). Did you mean {near}?"
        )
        return
    bounds = source.signals[name]
    if len(bounds.channels) != len(AXES) or bounds.unit not in ACCELERATION_UNITS:
        yield (
            f"window.filtering.acceleration must name a signal of three axes in g or m/s2, but {name!r} has "
            f"{', '.join(bounds.channels)} in {bounds.unit}."
        )
