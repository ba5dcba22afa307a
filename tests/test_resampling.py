"""Several rates and bad clocks to one rate: sines, constants and symmetry survive, and nothing crosses a gap.

Resampling is linear in the values, so a signal whose channels are the unit vectors gives the weight of every sample in
every output: `weights`. Constants, hulls and reach are claims about these weights, and so about every signal.
"""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen.params.windowing import WindowParams
from sensegen.recording import Recording, Signal
from sensegen.resampling import Segment, common_spans, resample

WAYS = st.sampled_from(["polyphase", "rolling_mean"])
RATES = st.sampled_from([(200.0, 50.0), (198.6, 50.0), (64.0, 50.0), (64.0, 4.0), (50.0, 50.0), (4.0, 50.0)])
SEEDS = st.integers(0, 2**31)


def window_params(rate_hz: float, way: str = "polyphase", max_gap_seconds: float = 0.25) -> WindowParams:
    return WindowParams(
        rate_hz=rate_hz, window_seconds=4.0, overlap=0.5, max_gap_seconds=max_gap_seconds, channels=["x"],
        resampling=way, filtering={"kind": "none"}, label_purity=1.0, dropped_labels=[],
        split={"kind": "leave_one_out", "test_subject": "A"}, held_out_time_share=0.2, balance="none",
    )  # fmt: skip


def recording(times_s: np.ndarray, values: np.ndarray, promised_hz: float) -> Recording:
    names = tuple(f"c{at}" for at in range(values.shape[1]))
    return Recording("r", "A", {"s": Signal(values, times_s, promised_hz, "g", names)}, ())


def resampled(times_s: np.ndarray, values: np.ndarray, promised_hz: float, params: WindowParams) -> list[Segment]:
    whole = recording(times_s, values, promised_hz)
    return resample(whole, whole.signals["s"].channels, params)


def weights(times_s: np.ndarray, promised_hz: float, params: WindowParams) -> list[Segment]:
    """Segments whose values are (output, sample): how much of each sample is in each output."""
    return resampled(times_s, np.eye(len(times_s)), promised_hz, params)


def bad_clock(seed: int, rate_hz: float, samples: int = 120) -> np.ndarray:
    """Times with jitter, an offset, single losses and one gap of half a second or twenty samples."""
    rng = np.random.default_rng(seed)
    times_s = rng.uniform(0, 1) + (np.arange(samples) + rng.uniform(-0.3, 0.3, samples)) / rate_hz
    times_s = times_s[rng.random(samples) >= 0.05]
    times_s[rng.integers(1, len(times_s)) :] += max(0.5, 20 / rate_hz)
    return times_s


@given(RATES, WAYS, SEEDS)
def test_a_constant_stays_constant_at_the_edges_too(rates, way, seed):
    for segment in weights(bad_clock(seed, rates[0]), rates[0], window_params(rates[1], way)):
        assert segment.values.sum(axis=1) == pytest.approx(1, abs=1e-12)


@given(RATES, WAYS, SEEDS)
def test_every_output_lies_in_time_among_the_samples_it_is_made_of(rates, way, seed):
    times_s = bad_clock(seed, rates[0])
    for segment in weights(times_s, rates[0], window_params(rates[1], way)):
        for time_s, row in zip(segment.times_s, segment.values, strict=True):
            used = times_s[row != 0]
            assert used.min() - 1e-6 <= time_s <= used.max() + 1e-6


@given(RATES, SEEDS)
def test_linear_and_rolling_mean_stay_among_the_values_they_are_made_of(rates, seed):
    for segment in weights(bad_clock(seed, rates[0]), rates[0], window_params(rates[1], "rolling_mean")):
        assert segment.values.min() >= 0


@given(RATES, WAYS, SEEDS)
def test_nothing_crosses_a_gap(rates, way, seed):
    times_s, params = bad_clock(seed, rates[0]), window_params(rates[1], way)
    longest_s = max(params.max_gap_seconds, 1.5 / rates[0], 1.5 * np.median(np.diff(times_s)))
    stretch = np.concatenate([[0], np.cumsum(np.diff(times_s) > longest_s + 1e-9)])
    for segment in weights(times_s, rates[0], params):
        (within,) = set(stretch[(segment.values != 0).any(axis=0)])
        assert segment.times_s[0] == times_s[stretch == within][0]
        end_s = times_s[stretch == within][-1]
        assert end_s - 1 / params.rate_hz < segment.times_s[-1] <= end_s + 1e-6


@given(RATES, WAYS, SEEDS)
def test_shuffled_samples_come_out_like_sorted_ones(rates, way, seed):
    rng = np.random.default_rng(seed)
    times_s, params = bad_clock(seed, rates[0]), window_params(rates[1], way)
    values = rng.normal(size=(len(times_s), 2))
    shuffled = rng.permutation(len(times_s))
    sorted_, mixed = (resampled(times_s[order], values[order], rates[0], params) for order in (slice(None), shuffled))
    assert len(sorted_) == len(mixed)
    for one, other in zip(sorted_, mixed, strict=True):
        assert one.start_s == other.start_s and np.array_equal(one.values, other.values)


def sine(frequency_hz: float, times_s: np.ndarray, phase: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * times_s + phase)[:, None]


def away_from_edges(segment: Segment) -> slice:
    return slice(17, len(segment.values) - 17)


FRACTIONS = (2.0, 4.0, 16.0, 1.28, 1.5, 2.5, 3.125)


@settings(max_examples=50)
@given(
    st.one_of(st.sampled_from(FRACTIONS), st.floats(1.02, 40)),
    st.floats(0.01, 0.76),
    st.floats(0, 6.3),
    st.floats(1, 99),
)
def test_a_sine_below_the_new_nyquist_survives_on_the_way_down(ratio, share, phase, rate_hz):
    times_s = 7.3 + np.arange(int(100 * ratio)) / (ratio * rate_hz)
    frequency_hz = share * rate_hz / 2
    (segment,) = resampled(times_s, sine(frequency_hz, times_s, phase), 3.0, window_params(rate_hz, "polyphase", 9.0))
    middle = away_from_edges(segment)
    # Where the ratio is no small fraction, the own grid drifts between the samples; straight lines then lose at most
    # 1 - cos(pi * frequency / own rate) of the amplitude.
    lost = 0 if ratio in FRACTIONS else 1 - np.cos(np.pi * share / 2 / ratio)
    expected = sine(frequency_hz, segment.times_s[middle], phase)
    assert np.abs(segment.values[middle] - expected).max() < 0.002 + lost


@settings(max_examples=50)
@given(st.sampled_from([(2, 1), (4, 1), (16, 1), (32, 25), (3, 2), (5, 2)]), st.floats(0, 1), st.floats(0, 6.3))
def test_a_sine_above_the_new_nyquist_is_suppressed(ratio, share, phase):
    own_hz = 50.0 * ratio[0] / ratio[1]
    times_s = np.arange(int(120 * own_hz / 50)) / own_hz
    frequency_hz = 25.0 + share * (own_hz / 2 - 25.0)
    (segment,) = resampled(times_s, sine(frequency_hz, times_s, phase), own_hz, window_params(50.0))
    assert np.abs(segment.values[away_from_edges(segment)]).max() < 0.003


@given(st.floats(0.05, 4.0), st.floats(1.0, 50.0), st.floats(0, 6.3))
def test_a_sine_survives_on_the_way_up_as_well_as_straight_lines_can(share, ratio, phase):
    times_s = np.arange(60) / 8.0
    (segment,) = resampled(times_s, sine(share, times_s, phase), 8.0, window_params(8.0 * ratio))
    bound = (2 * np.pi * share / 8.0) ** 2 / 8
    assert np.abs(segment.values - sine(share, segment.times_s, phase)).max() <= bound + 1e-6


@given(RATES, WAYS, st.floats(1, 4))
def test_a_symmetric_pulse_stays_symmetric(rates, way, width):
    steps = 993 if rates[0] == 198.6 else 960  # a whole number of steps of the new rate too
    times_s = np.arange(-steps, steps + 1) / rates[0]
    pulse = np.exp(-0.5 * (times_s * min(rates) / width) ** 2)[:, None]
    (segment,) = resampled(times_s, pulse, rates[0], window_params(rates[1], way))
    assert segment.times_s[-1] == pytest.approx(-segment.times_s[0])
    # 198.6 Hz is regularised at 198.61 Hz, from the first sample on, which is no mirror image of itself.
    assert segment.values == pytest.approx(segment.values[::-1], abs=1e-3 if rates[0] == 198.6 else 1e-9)


@given(st.floats(0, 0.4), SEEDS, WAYS)
def test_jitter_is_regularised(jitter, seed, way):
    rng = np.random.default_rng(seed)
    times_s = (np.arange(1000) + rng.uniform(-jitter, jitter, 1000)) / 200
    (segment,) = resampled(times_s, sine(1.0, times_s, 0.3), 200.0, window_params(50.0, way))
    assert np.diff(segment.times_s) == pytest.approx(0.02, abs=1e-12)
    middle = away_from_edges(segment)
    expected = sine(1.0, segment.times_s[middle], 0.3)
    assert np.abs(segment.values[middle] - expected).max() < (0.001 if way == "polyphase" else 0.03)


@given(SEEDS)
def test_the_rate_that_a_clock_kept_counts_and_not_the_promised_one(seed):
    phase = np.random.default_rng(seed).uniform(0, 6.3)
    times_s = np.arange(2000) / 198.6
    (segment,) = resampled(times_s, sine(60.0, times_s, phase), 50.0, window_params(50.0))
    assert np.abs(segment.values[away_from_edges(segment)]).max() < 0.01


def test_a_rolling_mean_is_the_mean_of_a_period_around():
    times_s = np.arange(64.0) / 64
    (segment,) = resampled(times_s, times_s[:, None] ** 2, 64.0, window_params(4.0, "rolling_mean"))
    around = [times_s[8:25], times_s[24:41]]
    halves = np.array([0.5, *[1.0] * 15, 0.5])
    assert segment.values[1:3, 0] == pytest.approx([np.average(part**2, weights=halves) for part in around])


def e4(seconds: float = 60.0) -> Recording:
    """The lecture's four rates, of which the heart rate begins ten seconds later; each value is its own time."""
    rates = {"bvp": 64.0, "eda": 4.0, "temp": 4.0, "hr": 1.0}
    signals = {}
    for name, rate_hz in rates.items():
        times_s = np.arange(10.0 if name == "hr" else 0.0, seconds, 1 / rate_hz)
        signals[name] = Signal(times_s[:, None], times_s, rate_hz, "arbitrary", (name,))
    return Recording("e4", "A", signals, ())


@pytest.mark.parametrize("way", ["polyphase", "rolling_mean"])
def test_four_rates_come_to_four_hertz_over_their_common_range(way):
    (segment,) = resample(e4(), ("hr", "bvp", "temp", "eda"), window_params(4.0, way))
    assert (segment.times_s[0], segment.times_s[-1]) == (10.0, 59.0)
    for at in (0, 2, 3):
        assert np.array_equal(segment.values[:, at], segment.times_s)
    assert segment.values[:, 1] == pytest.approx(segment.times_s, abs=5e-3)


def test_a_channel_asked_for_twice_stands_twice():
    (segment,) = resample(e4(), ("eda", "bvp", "eda"), window_params(4.0))
    assert np.array_equal(segment.values[:, 0], segment.values[:, 2])
    assert not np.array_equal(segment.values[:, 0], segment.values[:, 1])


def test_a_gap_of_one_signal_ends_a_segment_of_all():
    whole = e4()
    eda = whole.signals["eda"]
    kept = (eda.times_s < 30) | (eda.times_s >= 33)
    signals = {**whole.signals, "eda": Signal(eda.values[kept], eda.times_s[kept], 4.0, "arbitrary", ("eda",))}
    segments = resample(Recording("r", "A", signals, ()), ("bvp", "eda"), window_params(4.0))
    assert [(segment.times_s[0], segment.times_s[-1]) for segment in segments] == [(0.0, 29.75), (33.0, 59.75)]
    # The pulse has no gap there, so it is filtered with what lies beyond, and shows no edge.
    assert segments[0].values[-1, 0] == pytest.approx(29.75, abs=1e-3)


def test_nothing_in_common_gives_no_segment():
    early, late = np.arange(10.0), np.arange(20.0, 30.0)
    signals = {name: Signal(t[:, None], t, 1.0, "g", (name,)) for name, t in {"a": early, "b": late}.items()}
    assert resample(Recording("r", "A", signals, ()), ("a", "b"), window_params(1.0)) == []


@pytest.mark.parametrize("samples", [0, 1])
def test_a_signal_of_hardly_any_samples_gives_no_segment(samples):
    assert resampled(np.arange(float(samples)), np.ones((samples, 1)), 50.0, window_params(50.0)) == []


def test_weeks_are_a_rate_too():
    week_s = 604_800.0
    times_s = np.arange(522) * week_s
    (segment,) = resampled(times_s, np.arange(522.0)[:, None], 1 / week_s, window_params(1 / week_s))
    assert np.array_equal(segment.values[:, 0], np.arange(522.0))


@given(SEEDS, st.integers(1, 30), st.integers(1, 30))
def test_common_spans_are_those_of_every_pair(seed, ours, theirs):
    rng = np.random.default_rng(seed)
    a, b = (np.sort(rng.choice(200, 2 * count, replace=False)).reshape(-1, 2) for count in (ours, theirs))
    pairs = [(max(s, t), min(e, f)) for s, e in a for t, f in b if min(e, f) > max(s, t)]
    assert common_spans(a, b).tolist() == [list(pair) for pair in sorted(pairs)]


def test_memory_is_linear_in_the_recording_whatever_the_clock():
    def peak(samples: int) -> float:
        rng = np.random.default_rng(0)
        times_s = np.cumsum(np.where(rng.random(samples) < 0.5, 1e-6, 0.2))  # bursts that look like a megahertz
        whole = recording(times_s, rng.normal(size=(samples, 3)), 5.0)
        tracemalloc.start()
        resample(whole, ("c0", "c1", "c2"), window_params(2.0))
        bytes_ = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return bytes_ / (32 * samples)

    resample(e4(), ("bvp",), window_params(4.0))  # imports count for nothing
    assert peak(100_000) < 10
    assert peak(200_000) == pytest.approx(peak(100_000), rel=0.1)
