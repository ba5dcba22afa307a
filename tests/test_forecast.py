"""What is learned of synthetic windows foretells real ones as well as its process allows, and parity misleads."""

import numpy as np
import pytest

from sensegen.evaluation.forecast import parity_r2, predictive_score, sorted_parity_r2


def autoregressive(seed: int, windows: int = 300, memory: float = 0.9, length: int = 40) -> np.ndarray:
    """Two independent channels, each `memory` times the last sample plus unit noise, from its stationary law."""
    stream = np.random.default_rng(seed)
    values = np.empty((windows, length, 2), np.float32)
    values[:, 0] = stream.normal(0, 1 / np.sqrt(1 - memory**2), (windows, 2))
    for at in range(1, length):
        values[:, at] = memory * values[:, at - 1] + stream.normal(size=(windows, 2))
    return values


def test_the_error_is_that_of_the_noise_which_nothing_foretells():
    told = predictive_score(autoregressive(0), autoregressive(1), autoregressive(2), seed=0)
    unforeseen = np.sqrt(2 / np.pi)
    assert told["synthetic"]["per_channel"] == pytest.approx([unforeseen] * 2, abs=0.02)
    assert told["ratio"] == pytest.approx(1, abs=0.01)


def test_repeating_the_last_sample_has_its_known_error():
    told = predictive_score(autoregressive(0), autoregressive(1), autoregressive(2, memory=0.5), seed=0)
    # The change of a first-order process has variance 2 / (1 + memory).
    assert told["repeating_the_last"] == pytest.approx(np.sqrt(2 / 1.5) * np.sqrt(2 / np.pi), abs=0.02)


def test_shuffled_time_foretells_nothing():
    shuffled = np.random.default_rng(0).permuted(autoregressive(0), axis=1)
    told = predictive_score(shuffled, autoregressive(1), autoregressive(2), seed=0)
    assert told["ratio"] > 1.4


def test_a_line_is_foretold_without_error_though_its_channels_repeat_each_other():
    start = np.random.default_rng(0).normal(size=(100, 1, 1))
    line = np.repeat(start + 0.1 * np.arange(20)[None, :, None], 2, axis=2).astype(np.float32)
    told = predictive_score(line, line, line, seed=0)
    assert told["real"]["over_channels"] < 0.01 and told["repeating_the_last"] == pytest.approx(0.1, abs=1e-4)


def test_a_spike_however_high_is_a_bad_teacher_and_no_failure():
    spiked = autoregressive(0)
    spiked[:, 7, 0] = 1e30
    assert predictive_score(spiked, autoregressive(1), autoregressive(2), seed=0)["ratio"] > 1.2
    assert parity_r2(autoregressive(1), spiked) < -1e9


def test_the_shortest_windows_have_one_lag_and_a_single_sample_is_refused():
    two = autoregressive(0, length=2)
    assert predictive_score(two, two, two, seed=0)["real"]["over_channels"] == pytest.approx(
        np.sqrt(2 / np.pi), abs=0.06
    )
    with pytest.raises(ValueError, match="two samples on every side"):
        predictive_score(two[:, :1], two[:, :1], two[:, :1], seed=0)


def test_parity_of_two_draws_of_the_very_same_process_is_minus_one():
    one, other = (np.random.default_rng(seed).normal(size=(400, 50, 2)) for seed in (0, 1))
    assert parity_r2(one, other) == pytest.approx(-1, abs=0.05)
    assert parity_r2(one, one) == 1
    assert parity_r2(one, np.broadcast_to(one.mean(axis=(0, 1)), one.shape)) == pytest.approx(0, abs=1e-9)


def test_sorted_parity_is_blind_to_time():
    real = autoregressive(0)
    shuffled = np.random.default_rng(0).permuted(autoregressive(1), axis=1)
    assert sorted_parity_r2(real, shuffled) > 0.99
    assert sorted_parity_r2(real, real[::-1]) == 1
    assert sorted_parity_r2(real, 2 * real) == pytest.approx(0, abs=0.01)


def test_a_parity_of_other_shapes_is_refused():
    with pytest.raises(ValueError, match="Parity pairs samples"):
        parity_r2(autoregressive(0), autoregressive(0, windows=10))
