"""Clocks: order, unit, real rate and gaps as stated, whatever a device does with its time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensegen import timestamps
from sensegen.timestamps import Grid

SEEDS = st.integers(0, 2**31)


def test_samples_in_order_come_back_uncopied():
    times_s, values = np.array([0.0, 0.1, 0.3]), np.ones((3, 2))
    same_times_s, same_values = timestamps.ordered(times_s, values)
    assert same_times_s is times_s and same_values is values


def test_samples_of_one_time_are_averaged_and_nothing_else_is():
    times_s, values = timestamps.ordered(np.array([0.3, 0.1, 0.3, 0.2, 0.3]), np.array([[3.0], [7], [4], [9], [8]]))
    assert times_s.tolist() == [0.1, 0.2, 0.3]
    assert values[:, 0].tolist() == [7, 9, 5]


@given(SEEDS, st.integers(1, 50), st.integers(0, 20))
def test_shuffled_samples_are_ordered_like_sorted_ones(seed, samples, repeated):
    rng = np.random.default_rng(seed)
    times_s = np.sort(rng.choice(np.arange(samples) / 10, samples + repeated))
    values = rng.normal(size=(len(times_s), 2))
    shuffled = rng.permutation(len(times_s))
    expected_times_s, expected = timestamps.ordered(times_s, values)
    found_times_s, found = timestamps.ordered(times_s[shuffled], values[shuffled])
    assert (np.diff(found_times_s) > 0).all()
    assert np.array_equal(found_times_s, expected_times_s)
    assert found == pytest.approx(expected, abs=1e-12)


@given(st.sampled_from([1e-9, 1e-6, 1e-3, 1.0]), st.integers(0, 10**18), st.floats(0.3, 3.0), SEEDS)
def test_the_unit_of_a_clock_is_told_from_its_span(seconds, zero, drift, seed):
    rng = np.random.default_rng(seed)
    reference_s = 1.4e9 + np.arange(500) / 100
    ticks = zero + (drift * (reference_s - reference_s[0] + rng.uniform(0, 0.02, 500)) / seconds).astype(np.int64)
    ticks[rng.integers(0, 500, 5)] = zero  # some stamps run back to the beginning
    if seconds < 1:  # five seconds of whole seconds are too coarse a clock to tell
        assert timestamps.seconds_per_tick(ticks, reference_s) == seconds


def test_clocks_that_cannot_be_of_the_same_samples_are_refused():
    with pytest.raises(ValueError, match=r"1 ns, 1 us, 1 ms or 1 s, but .* lasts 2e-05 s"):
        timestamps.seconds_per_tick(np.arange(100) * 50_000, np.arange(100.0))
    with pytest.raises(ValueError, match="the clock stands still"):
        timestamps.seconds_per_tick(np.zeros(100), np.arange(100.0))
    with pytest.raises(ValueError, match="the reference clock stands still"):
        timestamps.seconds_per_tick(np.arange(100), np.full(100, 3.0))


@given(st.floats(0.5, 500), st.floats(0, 0.2), st.floats(0, 0.3), SEEDS)
def test_the_real_rate_is_found_under_jitter_losses_and_gaps(rate_hz, jitter, lost, seed):
    rng = np.random.default_rng(seed)
    times_s = (np.arange(2000) + rng.uniform(-jitter, jitter, 2000)) / rate_hz
    times_s = times_s[rng.random(2000) >= lost]
    times_s[len(times_s) // 2 :] += 100 / rate_hz
    assert timestamps.clock(times_s, 100.0, 10 / rate_hz).rate_hz == pytest.approx(rate_hz, rel=0.01)


def test_stamps_in_whole_milliseconds_do_not_change_the_real_rate():
    times_s = np.floor(np.arange(3000) / 0.3) / 1000
    assert timestamps.clock(times_s, 100.0, 1.0).rate_hz == pytest.approx(300, rel=1e-3)


def test_bursts_do_not_make_a_rate_far_beyond_the_samples_a_second():
    times_s = (np.arange(50)[:, None] * 0.2 + np.arange(10) * 1e-6).reshape(-1)  # 50 samples a second
    assert timestamps.clock(times_s, 50.0, 0.25).rate_hz == pytest.approx(100, rel=0.03)


@pytest.mark.parametrize("samples", [0, 1])
def test_a_signal_without_a_step_has_the_rate_it_was_promised(samples):
    assert timestamps.clock(np.zeros(samples), 64.0, 1.0).rate_hz == 64.0


def test_a_slow_signal_s_own_period_is_no_gap_and_two_are():
    times_s = np.array([0.0, 1, 2, 3, 5, 6])
    assert timestamps.clock(times_s, 1.0, 0.25).stretches.tolist() == [[0, 4], [4, 6]]


def test_a_step_as_long_as_the_longest_is_no_gap():
    times_s = 1e5 + np.array([0.0, 0.25, 0.5])
    assert timestamps.clock(times_s, 50.0, 0.25).stretches.tolist() == [[0, 3]]


@given(SEEDS, st.floats(1, 200), st.floats(1, 200))
def test_a_straight_line_is_itself_on_a_grid_whatever_the_jitter(seed, rate_hz, grid_hz):
    times_s = np.cumsum(np.random.default_rng(seed).uniform(0.2, 1.8, 60)) / rate_hz
    grid = Grid(times_s[0], grid_hz, int((times_s[-1] - times_s[0]) * grid_hz) + 1)
    found = timestamps.on_grid(times_s, np.stack([times_s, 1 - times_s], axis=1), grid)
    assert found[:, 0] == pytest.approx(grid.times_s, abs=1e-5 / grid_hz)
    assert found[:, 1] == pytest.approx(1 - grid.times_s, abs=1e-5 / grid_hz)


def test_samples_on_the_grid_are_not_touched_and_not_copied():
    times_s, values = 3.02 + np.arange(100) * 0.02, np.random.default_rng(0).normal(size=(100, 3))
    found = timestamps.on_grid(times_s, values, Grid(times_s[10], 50.0, 80))
    assert np.array_equal(found, values[10:90]) and np.shares_memory(found, values)


def test_beyond_the_ends_the_outermost_sample_holds():
    found = timestamps.on_grid(np.array([1.0, 2.0]), np.array([[5.0], [6.0]]), Grid(0.5, 2.0, 5))
    assert found[:, 0].tolist() == [5, 5, 5.5, 6, 6]
