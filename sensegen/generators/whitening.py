"""Windows taken apart into shape and style, class by class, and put together again.

What a sensor does at 20 Hz is a thousandth of what it does at 2 Hz, and a person who stands still moves it a hundredth
of what one who walks does. A network trained on scaled values leaves errors there that are larger than the signal, and
a judge of spectra tells them at once. So a window becomes

- its style: the level of each channel, and the logarithm of its loudness in each band (octaves of the cosine transform
  along time), both less the class's mean and divided by the class's spread;
- its shape: what is left when every coefficient is divided by the loudness of its band, and by how much of that band
  the class has at this frequency; back in time, so that what happens at a moment stays there. Its spectrum is flat.

In each band channels are freed of the correlation that the class has between them (a Cholesky factor), before their
loudness is taken: two sensors that nearly say the same become one of them and a small difference. An error of a tenth
then is a tenth at every frequency, of every window, quiet or loud, and of every such difference.
"""

from itertools import pairwise
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from jaxtyping import Float

from sensegen.generators.conditional import of_each_class
from sensegen.windows import Windows, WindowShape

LOWEST_BAND = 4  # the first band ends before this coefficient; each further one is an octave
TINY = 1e-6  # scaled units: how loud a channel is that is constant
LEAST_VARIANCE = 1e-10  # of a channel beside others that say the same, as a share of theirs
LEAST_SPREAD = 1e-3  # of a style that all windows share
BLOCK = 1024
Coefficients = Float[np.ndarray, "window frequency channel"]


class Parts(NamedTuple):
    """`shape` is (batch, time, channel), `style` (batch, channel * (1 + bands)); about variance 1 both."""

    shape: tf.Tensor
    style: tf.Tensor


class Spectra(NamedTuple):
    """Of one class: `share` (frequency, channel), `factor` (band, channel, channel), `mean` and `spread` (style)."""

    share: Float[np.ndarray, "frequency channel"]
    factor: Float[np.ndarray, "band channel channel"]
    mean: Float[np.ndarray, "style"]
    spread: Float[np.ndarray, "style"]


class SpectralWhitening(keras.layers.Layer):
    """The map, for scaled windows (batch, time, channel) and their labels (batch)."""

    def __init__(self, shape: WindowShape):
        super().__init__(name="whitening", trainable=False)
        self.window, self.classes = shape, max(shape.classes, 1)
        self.cosines = tf.constant(cosines(shape.length))
        self.edges = edges(shape.length)
        self.members = tf.constant(bands(shape.length))
        styles = (len(self.members) + 1) * shape.channels
        for name, size, start in (
            ("share", (shape.length, shape.channels), "ones"),
            ("factor", (len(self.members), shape.channels, shape.channels), "zeros"),
            ("mean", (styles,), "zeros"),
            ("spread", (styles,), "ones"),
        ):
            setattr(self, name, self.add_weight(shape=(self.classes, *size), initializer=start, name=name))
        self.factor.assign(np.broadcast_to(np.eye(shape.channels), self.factor.shape))
        self.built = True  # Keras cannot know: it is asked by name and never called

    @property
    def styles(self) -> int:
        """How many numbers a style has."""
        return self.mean.shape[1]

    def settle(self, windows: Windows) -> None:
        """Take the spectra of each class from windows; a class without any gets those of all."""
        found = [spectra_of(of_class) for of_class in of_each_class(windows, self.classes)]
        for name in Spectra._fields:
            getattr(self, name).assign(np.stack([getattr(spectra, name) for spectra in found]))

    def apart(self, values: tf.Tensor, labels: tf.Tensor) -> Parts:
        """Shape and style of windows."""
        coefficients = tf.einsum("ft,btc->bfc", self.cosines, values)
        level = coefficients[:, 0] / self.window.length**0.5
        inverse = tf.linalg.inv(self.factor)
        coefficients = self._mixed(coefficients / tf.gather(self.share, labels), tf.gather(inverse, labels))
        loudness = self._loudness(coefficients)
        shape = tf.einsum("ft,bfc->btc", self.cosines, coefficients * self._by_frequency(1 / loudness))
        styles = tf.concat([level, tf.reshape(tf.math.log(loudness), (-1, self.styles - level.shape[1]))], axis=1)
        return Parts(shape, (styles - tf.gather(self.mean, labels)) / tf.gather(self.spread, labels))

    def together(self, parts: Parts, labels: tf.Tensor) -> tf.Tensor:
        """The windows of shapes and styles; how loud a shape is by itself does not matter."""
        styles = parts.style * tf.gather(self.spread, labels) + tf.gather(self.mean, labels)
        level, log_loudness = tf.split(styles, [self.window.channels, self.styles - self.window.channels], axis=1)
        loudness = tf.exp(tf.reshape(log_loudness, (-1, self.members.shape[0], self.window.channels)))
        coefficients = tf.einsum("ft,btc->bfc", self.cosines, parts.shape)
        coefficients *= self._by_frequency(loudness / self._loudness(coefficients))
        coefficients = self._mixed(coefficients, tf.gather(self.factor, labels)) * tf.gather(self.share, labels)
        return tf.einsum("ft,bfc->btc", self.cosines, coefficients) + level[:, None]

    def coloured(self, shape: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Shapes with the spectrum and the correlations of their class, each brought to variance 1 over time."""
        log_loudness = tf.gather(self.mean, labels)[:, self.window.channels :]
        loudness = tf.exp(tf.reshape(log_loudness, (-1, self.members.shape[0], self.window.channels)))
        coefficients = tf.einsum("ft,btc->bfc", self.cosines, shape) * self._by_frequency(loudness)
        coefficients = self._mixed(coefficients, tf.gather(self.factor, labels)) * tf.gather(self.share, labels)
        values = tf.einsum("ft,bfc->btc", self.cosines, coefficients)
        return values * tf.math.rsqrt(tf.reduce_mean(tf.square(values), axis=1, keepdims=True) + TINY**2)

    def _mixed(self, coefficients: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
        """Each band times its matrix (batch, band, channel, channel); the level stays."""
        mixed = [
            tf.einsum("bij,bfj->bfi", matrices[:, at], coefficients[:, low:high])
            for at, (low, high) in enumerate(self.edges)
        ]
        return tf.concat([coefficients[:, :1], *mixed], axis=1)

    def _loudness(self, coefficients: tf.Tensor) -> tf.Tensor:
        return tf.sqrt(tf.einsum("kf,bfc->bkc", self.members, tf.square(coefficients)) + TINY**2)

    def _by_frequency(self, by_band: tf.Tensor) -> tf.Tensor:
        """(batch, band, channel) as (batch, frequency, channel); 0 at the level."""
        return tf.einsum("kf,bkc->bfc", tf.sign(self.members), by_band)


def cosines(length: int) -> Float[np.ndarray, "frequency time"]:
    """The orthonormal DCT-II as a matrix; its transpose is its inverse."""
    from scipy.fft import dct

    return dct(np.eye(length), norm="ortho", axis=0).astype(np.float32)


def edges(length: int) -> list[tuple[int, int]]:
    """The first coefficient of each band, and the one after its last: octaves, without the level."""
    found = [1]
    while found[-1] < length:
        found.append(min(max(LOWEST_BAND, 2 * found[-1]), length))
    return list(pairwise(found))


def bands(length: int) -> Float[np.ndarray, "band frequency"]:
    """The weights of the mean over each band."""
    at = np.arange(length)
    members = np.array([(at >= low) & (at < high) for low, high in edges(length)], np.float32)
    return members / members.sum(axis=1, keepdims=True)


def spectra_of(windows: Windows) -> Spectra:
    """What `SpectralWhitening` knows of a class, from its windows."""
    coefficients = transformed(windows)
    length = coefficients.shape[1]
    level, members = coefficients[:, 0] / np.sqrt(length), bands(length)
    share = np.ones(coefficients.shape[1:])  # at frequency 0, too: the level is part of the style
    by_band = np.einsum("kf,wkc->wfc", members[:, 1:] > 0, loudness_of(coefficients, members))
    share[1:] = np.sqrt(np.mean(np.square(coefficients[:, 1:] / by_band), axis=0)) + TINY
    coefficients /= share
    factors = [factor_of(coefficients[:, low:high]) for low, high in edges(length)]
    for factor, (low, high) in zip(factors, edges(length), strict=True):
        coefficients[:, low:high] = np.linalg.solve(factor, coefficients[:, low:high].mT).mT
    log_loudness = np.log(loudness_of(coefficients, members)).reshape(len(windows), -1)
    styles = np.concatenate([level, log_loudness], axis=1)
    return Spectra(share, np.stack(factors), styles.mean(axis=0), np.maximum(styles.std(axis=0), LEAST_SPREAD))


def factor_of(coefficients: Coefficients) -> Float[np.ndarray, "channel channel"]:
    """The lower Cholesky factor of the correlation between channels in a band; each window counts alike."""
    loudness = np.sqrt(np.mean(np.square(coefficients), axis=(1, 2), keepdims=True)) + TINY
    each = (coefficients / loudness).reshape(-1, coefficients.shape[2])
    covariance = each.T @ each / len(each)
    return np.linalg.cholesky(covariance + LEAST_VARIANCE * np.eye(len(covariance)))


def transformed(windows: Windows) -> Coefficients:
    """The cosine transform of windows along time."""
    from scipy.fft import dct

    blocks = range(0, len(windows), BLOCK)
    values = (np.asarray(windows.values[first : first + BLOCK], np.float64) for first in blocks)
    return np.concatenate([dct(block, axis=1, norm="ortho") for block in values])


def loudness_of(
    coefficients: Coefficients, members: Float[np.ndarray, "band frequency"]
) -> Float[np.ndarray, "window band channel"]:
    """The root mean square of each band."""
    return np.sqrt(np.einsum("kf,wfc->wkc", members, np.square(coefficients)) + TINY**2)
