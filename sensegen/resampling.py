"""Signals of several rates and jittered clocks brought to one regular rate, without bridging long gaps.

A stretch is what lies between two gaps of any of the signals. Each is brought to the rate by itself, from samples of
its own alone, so nothing is smeared over a gap; it reaches from the last of the signals' first samples to the first of
their last ones, so nothing is extrapolated. The policies and filters stand in docs/signals.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sensegen import timestamps
from sensegen.decimation import HALF_PERIODS, WAYS_DOWN, Stretch, linear
from sensegen.params.windowing import WindowParams
from sensegen.recording import Recording, Signal
from sensegen.timestamps import ON_GRID, Clock, Grid

SAME_RATE = 1.01  # a signal that is less than a hundredth faster is not brought down


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


@dataclass(frozen=True)
class Track:
    """The needed channels of one signal in order of time, its clock, and its columns of the result."""

    times_s: Float[np.ndarray, "time"]
    values: Float[np.ndarray, "time channel"]
    clock: Clock
    columns: list[list[int]]

    @property
    def spans_s(self) -> Float[np.ndarray, "stretch 2"]:
        """The times of the first and the last sample of each stretch."""
        return self.times_s[self.clock.stretches - [0, 1]]


def grid(start_s: float, samples: int, rate_hz: float) -> Float[np.ndarray, "time"]:
    """Regular times from `start_s` on."""
    return Grid(start_s, rate_hz, samples).times_s


def resample(recording: Recording, channels: Sequence[str], params: WindowParams) -> list[Segment]:
    """Bring the named channels to one rate; values have a column a name, in the order asked for, repeats included.

    Times are put in order first (`timestamps.ordered`). A signal that really is faster than the rate comes down by
    `window.resampling`; every other is linear between its neighbours, and its samples that lie on the grid pass bit
    for bit. A gap longer than `max_gap_seconds`, in any signal, ends a segment (`timestamps.clock`).

    Raises:
        ValueError: if the recording has not all of the channels.
    """
    tracks = _tracks(recording, channels, params)
    spans_s = tracks[0].spans_s
    for track in tracks[1:]:
        spans_s = common_spans(spans_s, track.spans_s)
    return [_segment(tracks, span_s, params) for span_s in spans_s if span_s[1] > span_s[0]]


def _tracks(recording: Recording, channels: Sequence[str], params: WindowParams) -> list[Track]:
    places: dict[str, list[int]] = {}
    for at, name in enumerate(channels):
        places.setdefault(name, []).append(at)
    tracks = []
    for signal in recording.signals.values():
        if taken := [name for name in signal.channels if name in places]:
            tracks.append(_track(signal, taken, [places.pop(name) for name in taken], params.max_gap_seconds))
    if places:
        raise ValueError(
            f"Recording {recording.name} has no channel {list(places)}; change window.channels in params.yaml."
        )
    return tracks


def _track(signal: Signal, names: list[str], columns: list[list[int]], max_gap_seconds: float) -> Track:
    values = np.asarray(signal.values, float)
    if len(names) < len(signal.channels):
        values = values[:, [signal.channels.index(name) for name in names]]
    times_s, values = timestamps.ordered(signal.times_s, values)
    return Track(times_s, values, timestamps.clock(times_s, signal.rate_hz, max_gap_seconds), columns)


def common_spans(
    ours: Float[np.ndarray, "span 2"], theirs: Float[np.ndarray, "other 2"]
) -> Float[np.ndarray, "common 2"]:
    """Where spans of both lie over each other; each set is in order and without overlaps. Linear in their number."""
    first = np.searchsorted(theirs[:, 1], ours[:, 0], side="right")
    counts = np.maximum(np.searchsorted(theirs[:, 0], ours[:, 1], side="left") - first, 0)
    mine = np.repeat(np.arange(len(ours)), counts)
    other = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[mine]
    return np.stack([np.maximum(ours[mine, 0], theirs[other, 0]), np.minimum(ours[mine, 1], theirs[other, 1])], axis=1)


def _segment(tracks: list[Track], span_s: Float[np.ndarray, "2"], params: WindowParams) -> Segment:
    start_s, end_s = (float(time_s) for time_s in span_s)
    new = Grid(start_s, params.rate_hz, int((end_s - start_s) * params.rate_hz + ON_GRID) + 1)
    values = np.empty((new.samples, sum(len(places) for track in tracks for places in track.columns)))
    for track in tracks:
        faster = track.clock.rate_hz > SAME_RATE * params.rate_hz
        found = (WAYS_DOWN[params.resampling] if faster else linear)(_around(track, new), new)
        for channel, places in enumerate(track.columns):
            for place in places:
                values[:, place] = found[:, channel]
    return Segment(start_s, params.rate_hz, values)


def _around(track: Track, new: Grid) -> Stretch:
    """The track's own stretch at the grid, as far as a filter reaches beyond it."""
    run = np.searchsorted(track.times_s[track.clock.stretches[:, 0]], new.start_s, side="right") - 1
    reach_s = max(track.clock.longest_step_s, (HALF_PERIODS + 2) / new.rate_hz)
    end_s = new.start_s + (new.samples - 1) / new.rate_hz
    wanted = np.searchsorted(track.times_s, [new.start_s - reach_s, end_s + reach_s])
    first, last = wanted.clip(*track.clock.stretches[run])
    return Stretch(track.times_s[first:last], track.values[first:last], track.clock.rate_hz)
