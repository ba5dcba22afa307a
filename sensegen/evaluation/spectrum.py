"""How far the spectra of synthetic windows are from those of real ones, and in which band.

The power spectrum of a channel is the mean over windows of Hann-windowed periodograms (Welch, 1967, with each window
as a segment), each window with its mean taken away: levels are what `wasserstein` is about. Logarithms are compared,
since what sensors do at 20 Hz is a thousandth of what they do at 2 Hz and tells real from synthetic all the same.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sensegen.evaluation.blocks import blocks, check_alike

FLOOR = 1e-4  # of the mean power over frequencies: a hundredth in amplitude, about the noise of a phone's sensor
Values = Float[np.ndarray, "window time channel"]
Curves = Float[np.ndarray, "frequency channel"]


@dataclass(frozen=True)
class Band:
    """From and to (Hz), and the mean of ln(synthetic power / real power) within: above 0 there is too much."""

    from_hz: float
    to_hz: float
    log_ratio: float


@dataclass(frozen=True)
class Spectra:
    """Natural logs of the power densities (unit²/Hz) of two sets of windows, without frequency 0; for plots too."""

    frequency_hz: Float[np.ndarray, "frequency"]
    real: Curves
    synthetic: Curves

    def distance(self) -> Float[np.ndarray, "channel"]:
        """Root mean square over frequencies of the difference of the logs. In nepers of power; 0 is best."""
        return np.sqrt(np.mean((self.synthetic - self.real) ** 2, axis=0))

    def worst_bands(self) -> list[Band]:
        """For each channel the band in which synthetic power is most above the real one, or most below.

        It is the run of frequencies with the largest sum of (difference - half of the largest difference): a uniform
        difference gives the whole range, a peak gives the peak.
        """
        return [self._worst_band(channel) for channel in range(self.real.shape[1])]

    def _worst_band(self, channel: int) -> Band:
        ratio = (self.synthetic - self.real)[:, channel]
        half = np.abs(ratio).max() / 2
        runs = [_largest_run(ratio - half), _largest_run(-ratio - half)]
        first, last, _ = max(runs, key=lambda run: run[2])
        from_hz, to_hz = float(self.frequency_hz[first]), float(self.frequency_hz[last])
        return Band(from_hz, to_hz, float(ratio[first : last + 1].mean()))


def spectra(real: Values, synthetic: Values, rate_hz: float) -> Spectra:
    """The log spectra of both sets, with one floor under both.

    The floor is a ten-thousandth of the mean power of the two sets: a band in which one of them has nothing is seen,
    and its difference is not infinite. UCI HAR has such a band: its filter leaves less than a millionth above 22 Hz,
    and without a floor nothing else would count.
    """
    check_alike(real, synthetic)
    powers = [mean_power(values, rate_hz) for values in (real, synthetic)]
    floor = FLOOR * np.mean(powers, axis=(0, 1)) + np.finfo(float).tiny
    logs = [np.log(power + floor) for power in powers]
    frequency_hz = np.arange(1, len(logs[0]) + 1) * rate_hz / real.shape[1]
    return Spectra(frequency_hz, *logs)


def log_psd(real: Values, synthetic: Values) -> Float[np.ndarray, "channel"]:
    """Distance of log power spectra: root mean square over frequencies of ln(synthetic / real).

    0 is best; a set of twice the amplitude is ln 4 = 1.39 away. It does not depend on the unit or the rate.
    """
    return spectra(real, synthetic, rate_hz=1.0).distance()


def mean_power(values: Values, rate_hz: float) -> Curves:
    """One-sided power density (unit²/Hz), mean over windows, at the frequencies above 0."""
    from scipy.signal import periodogram

    total = np.zeros((values.shape[1] // 2, values.shape[2]))
    for block in blocks(values):
        # From its own first sample a constant window lies exactly 0 away, whatever its mean is rounded to.
        _, power = periodogram(block - block[:, :1], rate_hz, window="hann", detrend="constant", axis=1)
        total += power[:, 1:].sum(axis=0)
    return total / len(values)


def _largest_run(gains: Float[np.ndarray, "frequency"]) -> tuple[int, int, float]:
    """First and last index of the run with the largest sum, and the sum (Kadane's algorithm, as prefix sums)."""
    before = np.concatenate([[0.0], np.cumsum(gains)[:-1]])
    lowest = np.minimum.accumulate(before)
    sums = np.cumsum(gains) - lowest
    last = int(np.argmax(sums))
    return int(np.argmin(before[: last + 1])), last, float(sums[last])
