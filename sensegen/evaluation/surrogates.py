"""Controls that are windows of the fit split, copied or changed one to one: no model of the class at all.

A measure that is content with them cannot tell a generator from a copier. With one seed all of them start from the same
windows, so that what differs between them is what was done to the windows and nothing else.
"""

import numpy as np
from jaxtyping import Complex, Float

from sensegen.evaluation.blocks import blocks
from sensegen.evaluation.by_class import Labels, Values, matched_rows, slices
from sensegen.seeding import rng
from sensegen.windows import Windows


def bootstrap(fit: Windows, labels: Labels, seed: int) -> Values:
    """Exact copies of fit windows of the wanted classes, drawn with replacement (float32, in fit's scale).

    What a memorising generator makes: as useful as real windows, and caught by nothing but the distance to fit.
    """
    rows = matched_rows(fit, labels, seed)
    copies = np.empty((len(rows), *fit.values.shape[1:]), np.float32)
    for block in slices(len(rows), fit.values[:1].size):
        copies[block] = fit.values[rows[block]]
    return copies


def jitter(fit: Windows, labels: Labels, seed: int, *, share: float) -> Values:
    """The bootstrap's copies under independent Gaussian noise of `share` times each channel's standard deviation.

    The deviation is that of all fit windows, so a quiet class suffers more of it than a lively one. It is what defeats
    a search for exact copies while nothing new is made.
    """
    jittered = bootstrap(fit, labels, seed)
    stddev = share * channel_stddev(fit.values)
    stream = rng(seed, "control", "jitter")
    for block in slices(len(jittered), fit.values[:1].size):
        jittered[block] += stddev * stream.standard_normal(jittered[block].shape)
    return jittered


def channel_stddev(values: Values) -> Float[np.ndarray, "channel"]:
    """The standard deviation of each channel over all windows and times, in the channel's unit."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    for block in blocks(values):
        scaler.partial_fit(block.reshape(-1, block.shape[2]))
    return np.sqrt(scaler.var_)


def phase_surrogate(fit: Windows, labels: Labels, seed: int) -> Values:
    """Phase-randomised surrogates of fit windows of the wanted classes (Prichard & Theiler, 1994), float32.

    Each window is one fit window with random Fourier phases, the same at a frequency in all channels: every spectrum
    and cross-spectrum, and with them the means, stays exactly that window's, while the shape in time is lost.
    Classifiers take it for real, and only the distance to fit of |FFT| shows where it comes from.
    """
    surrogates = bootstrap(fit, labels, seed)
    stream = rng(seed, "control", "phases")
    for block in slices(len(surrogates), fit.values[:1].size):
        surrogates[block] = _phase_randomised(surrogates[block], stream)
    return surrogates


def _phase_randomised(values: Values, stream: np.random.Generator) -> Values:
    length = values.shape[1]
    spectrum = np.fft.rfft(values.astype(np.float64), axis=1)
    spectrum *= _turns(len(values), length, stream)[:, :, None]
    return np.fft.irfft(spectrum, length, axis=1)


def _turns(count: int, length: int, stream: np.random.Generator) -> Complex[np.ndarray, "window frequency"]:
    """A complex number of modulus 1 for every window and frequency, such that the signal stays real."""
    phases = stream.uniform(0, 2 * np.pi, (count, length // 2 + 1))
    phases[:, 0] = 0  # the mean stays
    if length % 2 == 0:
        phases[:, -1] = np.where(phases[:, -1] < np.pi, 0, np.pi)  # half the sampling rate has a sign, and no phase
    return np.exp(1j * phases)
