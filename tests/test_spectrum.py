"""The spectrum is SciPy's, its distance has known answers, and the worst band is where the difference was put."""

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt, welch

from sensegen.evaluation.spectrum import Spectra, log_psd, mean_power, spectra

RATE_HZ = 50.0


def noise(seed: int, windows: int = 300, length: int = 128) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(windows, length, 2))


def sine(frequency_hz: float, windows: int = 50) -> np.ndarray:
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (windows, 1, 1))
    return np.sin(2 * np.pi * frequency_hz * np.arange(128)[:, None] / RATE_HZ + phase)


def test_the_power_is_welchs_with_each_window_as_a_segment():
    values = noise(0, 20) + 3
    _, expected = welch(
        values.swapaxes(1, 2).swapaxes(0, 1).reshape(2, -1), RATE_HZ, "hann", nperseg=128, noverlap=0, axis=1
    )
    assert mean_power(values, RATE_HZ) == pytest.approx(expected.T[1:])


@pytest.mark.parametrize("length", [127, 128])
def test_the_power_sums_to_the_variance(length):
    values = noise(0, 2_000, length)
    curves = spectra(values, values, RATE_HZ)
    assert curves.frequency_hz[-1] <= RATE_HZ / 2
    assert np.exp(curves.real).sum(axis=0) * RATE_HZ / length == pytest.approx([1, 1], rel=0.03)


def test_twice_the_amplitude_is_a_distance_of_ln_four():
    values = noise(0)
    assert log_psd(values, 2 * values) == pytest.approx([np.log(4)] * 2, abs=2e-3)
    assert log_psd(values, values * [2, 1]) == pytest.approx([np.log(4), 0], abs=2e-3)


def test_the_distance_does_not_depend_on_the_unit_or_on_levels():
    real, synthetic = noise(0), 1.5 * noise(1)
    apart = log_psd(real, synthetic)
    assert log_psd(9.81 * real + 4, 9.81 * synthetic - 1) == pytest.approx(apart)


def test_a_sine_of_another_frequency_is_far_and_the_peaks_stand_where_they_should():
    curves = spectra(sine(5.0), sine(12.0), RATE_HZ)
    assert curves.distance()[0] > 3 * log_psd(sine(5.0), sine(5.4))[0]
    peaks = [curves.frequency_hz[np.argmax(curve[:, 0])] for curve in (curves.real, curves.synthetic)]
    assert peaks == pytest.approx([5.0, 12.0], abs=RATE_HZ / 128)


def test_a_band_that_is_missing_is_found_and_the_distance_stays_finite():
    real = noise(0)
    low = sosfiltfilt(butter(8, 15, fs=RATE_HZ, output="sos"), real, axis=1)
    lost, added = (spectra(*pair, RATE_HZ).worst_bands()[1] for pair in ((real, low), (low, real)))
    assert (lost.from_hz, lost.to_hz) == pytest.approx((17, 25), abs=2.5)
    assert lost.log_ratio < -4 and added.log_ratio == pytest.approx(-lost.log_ratio)
    assert ((log_psd(real, low) > 2) & (log_psd(real, low) < 14)).all()


def test_nothing_at_all_is_seen_and_not_infinite():
    real = noise(0)
    assert ((log_psd(real, np.full_like(real, 0.3)) > 5) & (log_psd(real, np.zeros_like(real)) < 20)).all()
    assert log_psd(np.full_like(real, 0.3), np.full_like(real, 0.7)) == pytest.approx([0, 0])


def test_a_uniform_difference_is_worst_over_the_whole_range_and_a_peak_at_the_peak():
    frequency_hz = np.arange(1.0, 11.0)
    flat = np.zeros((10, 2))
    other = np.stack([np.full(10, 0.5), np.where(frequency_hz == 4, -3.0, 1.0)], axis=1)
    everywhere, peak = Spectra(frequency_hz, flat, other).worst_bands()
    assert (everywhere.from_hz, everywhere.to_hz, everywhere.log_ratio) == pytest.approx((1, 10, 0.5))
    assert (peak.from_hz, peak.to_hz, peak.log_ratio) == pytest.approx((4, 4, -3))
