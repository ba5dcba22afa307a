"""Distances between values, autocorrelations and correlations have known answers, and what they must see they see."""

import numpy as np
import pytest
from conftest import sines
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sensegen.evaluation import blocks as windows_in_blocks
from sensegen.evaluation import fidelity
from sensegen.evaluation.blocks import blocks, few
from sensegen.evaluation.fidelity import (
    ByClass,
    acf,
    autocorrelation,
    by_class,
    channel_correlation,
    cross_correlation,
    wasserstein,
)
from sensegen.evaluation.interval import null
from sensegen.evaluation.spectrum import log_psd
from sensegen.windows import StoredValues

MEASURES = (wasserstein, acf, cross_correlation, log_psd)


def waves(seed: int, windows: int = 200, length: int = 64) -> np.ndarray:
    """Three channels of smooth noise; the second follows the first."""
    noise = np.random.default_rng(seed).normal(size=(windows, length + 8, 3))
    smooth = np.stack([noise[:, at : at + length] for at in range(8)]).mean(axis=0)
    smooth[:, :, 1] = 0.8 * smooth[:, :, 0] + 0.2 * smooth[:, :, 1]
    return smooth


@pytest.mark.parametrize("measure", MEASURES)
def test_a_set_is_at_no_distance_from_itself_in_any_order(measure):
    real = waves(0)
    assert measure(real, real[::-1]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_distance_to_other_windows_of_the_same_source_falls_with_their_number(measure):
    few_windows, many = (np.max(measure(waves(0, count), waves(1, count))) for count in (20, 2_000))
    assert 0 < many < few_windows / 3


@settings(max_examples=20)
@given(st.floats(-5, 5), st.integers(1, 7))
def test_a_shift_is_that_far_in_wasserstein_distance(shift, windows):
    real = waves(0, windows)
    assert wasserstein(real, real + np.array([shift, 0, -shift])) == pytest.approx(
        [abs(shift), 0, abs(shift)], abs=1e-9
    )


def test_wasserstein_of_two_uniform_ranges_is_half_of_how_much_longer_one_is():
    real, longer = (np.linspace(0, top, 4_000).reshape(-1, 40, 1) for top in (1, 3))
    assert wasserstein(real, longer) == pytest.approx(1.0, abs=1e-3)


def test_values_of_larger_sets_are_grouped_and_the_distance_stays(monkeypatch):
    real, synthetic = waves(0, 150), 1.1 * waves(1, 190)
    exact = [
        stats.wasserstein_distance(real[:, :, channel].ravel(), synthetic[:, :, channel].ravel())
        for channel in range(3)
    ]
    monkeypatch.setattr(fidelity, "GROUPS", 1_000)
    monkeypatch.setattr(fidelity, "SORTED_NUMBERS", 1)
    assert wasserstein(real, synthetic) == pytest.approx(exact, abs=1e-3 * real.std())


def test_a_lone_spike_keeps_its_share_when_values_are_grouped(monkeypatch):
    real = waves(0)
    monkeypatch.setattr(fidelity, "GROUPS", 100)
    spiked = real.copy()
    spiked[7, 7, 0] = 1e9
    assert wasserstein(real, spiked)[0] == pytest.approx(1e9 / real[:, :, 0].size, rel=1e-6)


def test_shuffled_time_is_caught_by_autocorrelation_and_spectrum_but_not_by_values():
    real = waves(0)
    shuffled = np.random.default_rng(1).permuted(real, axis=1)
    assert wasserstein(real, shuffled) == pytest.approx(0, abs=1e-9)
    assert (acf(real, shuffled) > 0.1).all()
    assert (log_psd(real, shuffled) > 1).all()


def test_swapped_channels_are_caught_by_cross_correlation():
    real = waves(0)
    assert cross_correlation(real, real[:, :, [0, 2, 1]]) > 0.4
    assert cross_correlation(real, waves(1)) < 0.04


def test_channels_of_other_windows_are_caught_by_cross_correlation_alone():
    real = waves(0)
    torn = np.concatenate([real[:, :, :1], real[::-1, :, 1:]], axis=2)
    assert cross_correlation(real, torn) > 0.4
    assert [measure(real, torn).max() for measure in (wasserstein, acf, log_psd)] == pytest.approx([0, 0, 0], abs=1e-9)


def test_the_correlation_of_channels_is_numpys_within_a_window():
    real = waves(0, 40)
    expected = np.mean([np.corrcoef(window.T) for window in real], axis=0)
    assert channel_correlation(real) == pytest.approx(expected)


def test_opposite_channels_are_two_apart_in_correlation():
    angle = np.random.default_rng(0).normal(size=(10, 32, 1))
    assert cross_correlation(np.tile(angle, 2), np.concatenate([angle, -angle], axis=2)) == pytest.approx(2)


def test_the_autocorrelation_of_a_sine_is_a_tapered_cosine():
    time = np.arange(128)
    wave = np.stack([np.sin(2 * np.pi * time / 16 + phase) for phase in np.linspace(0, 2 * np.pi, 50, False)])[
        ..., None
    ]
    lags = np.arange(65)
    expected = (1 - lags / 128) * np.cos(2 * np.pi * lags / 16)
    assert autocorrelation(wave)[:, 0] == pytest.approx(expected, abs=1e-9)


def test_a_sine_of_another_frequency_has_another_autocorrelation():
    slow, fast = (sines(np.random.default_rng(0), 40).select(np.arange(40) % 2 == label).values for label in (0, 1))
    assert (acf(slow, fast) > 0.3).all()
    assert (acf(slow, slow[::2]) < 0.01).all()


def test_autocorrelation_does_not_see_level_or_strength():
    real = waves(0)
    assert acf(real, 7 * real + 3) == pytest.approx(0, abs=1e-9)


def test_a_constant_channel_is_no_division_by_zero_and_is_seen_where_the_other_side_moves():
    real = waves(0)
    frozen = real.copy()
    frozen[:, :, 1] = 0.1
    for measure in MEASURES:
        assert np.max(measure(frozen, frozen + 0.1)) == pytest.approx(0.1 if measure is wasserstein else 0, abs=1e-9)
        assert np.isfinite(measure(frozen, real)).all() and np.isfinite(measure(real, frozen)).all()
        assert np.max(measure(real, frozen)) > 0.1


def test_a_generator_that_swaps_two_classes_is_caught_by_class_only():
    real, other = (sines(np.random.default_rng(seed), 200) for seed in (0, 1))
    pooled = acf(real.values, other.values)
    swapped = by_class(acf, real.values, real.labels, other.values, 1 - other.labels)
    kept = by_class(acf, real.values, real.labels, other.values, other.labels)
    assert isinstance(swapped, ByClass) and isinstance(kept, ByClass)
    assert (pooled < 0.02).all() and (kept.mean < 0.02).all() and (swapped.mean > 0.3).all()


def test_each_class_counts_once_and_the_missing_ones_are_named():
    values = np.zeros((6, 4, 1))
    shifted = values + np.array([1, 3, 3, 3, 9, 9])[:, None, None]
    told = by_class(wasserstein, values, np.array([0, 1, 1, 1, 2, 5]), shifted, np.array([0, 1, 1, 1, 4, 7]))
    assert isinstance(told, ByClass)
    assert told.mean == pytest.approx([2]) and told.per_class == {0: [pytest.approx(1)], 1: [pytest.approx(3)]}
    assert (told.only_real, told.only_synthetic, told.null) == ((2, 5), (4, 7), {})


def test_a_class_whose_measure_is_null_is_left_out_and_named():
    def of_three(real: np.ndarray, synthetic: np.ndarray):
        return float(len(real)) if len(real) >= 3 else null("too few")

    values, labels = np.zeros((7, 4, 1)), np.array([0, 0, 0, 1, 1, 1, 2])
    told = by_class(of_three, values, labels, values, labels)
    assert isinstance(told, ByClass)
    assert told.mean == 3.0 and told.null == {2: null("too few")}
    assert by_class(of_three, values, np.arange(7), values, np.arange(7)) == null("too few")


def test_sets_without_a_common_class_and_single_channels_are_null_with_the_reason():
    values, labels = waves(0, 6)[:, :, :1], np.zeros(6, int)
    assert "no class in common" in str(by_class(acf, values, labels, values, labels + 1))
    assert "one channel" in str(by_class(cross_correlation, values, labels, values, labels))


def test_windows_that_stay_where_they_are_stored_give_the_same_numbers():
    signal = waves(0, 1, 2_000)[0].astype(np.float32)
    stored = StoredValues(signal, np.arange(0, 1_900, 10), 64)
    labels = np.arange(len(stored)) % 3
    gathered, other = stored[:], waves(1, 60)
    for measure in MEASURES:
        told, expected = (by_class(measure, values, labels, other, np.arange(60) % 3) for values in (stored, gathered))
        assert isinstance(told, ByClass) and isinstance(expected, ByClass)
        assert told.mean == pytest.approx(expected.mean)


def test_blocks_do_not_change_the_numbers(monkeypatch):
    real, synthetic = waves(0, 50), waves(1, 33)
    whole = [measure(real, synthetic) for measure in MEASURES]
    monkeypatch.setattr(windows_in_blocks, "BLOCK_NUMBERS", 64 * 3 * 7)
    assert [len(block) for block in blocks(synthetic)] == [7, 7, 7, 7, 5]
    for measure, expected in zip(MEASURES, whole, strict=True):
        assert measure(real, synthetic) == pytest.approx(expected)


@pytest.mark.parametrize("measure", MEASURES)
def test_windows_that_are_not_finite_are_refused_by_their_number(measure, monkeypatch):
    monkeypatch.setattr(windows_in_blocks, "BLOCK_NUMBERS", 64 * 3 * 7)
    broken = waves(0, 20)
    broken[13, 3, 1] = np.nan
    with pytest.raises(ValueError, match="window 13 is not"):
        measure(waves(1, 20), broken)
    with pytest.raises(ValueError, match="some of those drawn are not"):
        few(broken, 20, 0, "all")


@pytest.mark.parametrize("measure", MEASURES)
def test_sets_that_cannot_be_compared_are_refused(measure):
    real = waves(0, 20)
    with pytest.raises(ValueError, match="same axes"):
        measure(real, real[:, :32])
    with pytest.raises(ValueError, match="20 real and 0 synthetic"):
        measure(real, real[:0])


def test_few_windows_are_drawn_by_seed_without_repetition():
    values = np.arange(400.0).reshape(100, 2, 2)
    taken = few(values, 10, 3, "a")
    assert taken.shape == (10, 4) and len(np.unique(taken[:, 0])) == 10
    assert np.array_equal(taken, few(values, 10, 3, "a")) and not np.array_equal(taken, few(values, 10, 4, "a"))
    assert np.array_equal(few(values, 100, 3, "a"), values.reshape(100, 4))
