"""Windows taken apart into style and shape, class by class, and put together again.

A window becomes

- its style: the level of each channel, and the logarithm of its loudness in each band (octaves of the cosine transform
  along time), both less the class's mean and divided by the class's spread;
- its shape: the coefficients of the transform without the levels, divided by how loud the window is as a whole.

A style says how large the coefficients of a shape are to be expected, one by one (its amplitude): by the loudness of
the window in that band, and by how much of the band the class has at that frequency.

Two things are taken out of the coefficients before, each by a unit lower triangular matrix. What lower ones of its
channel tell of a coefficient, where that is much of it: the ends of a window leak into all frequencies together, also
into those where a sensor's filter left nothing, and as noise they would be there all along the window. And, in each
band and class, what a channel has in common with earlier ones: two sensors that nearly say the same become one of them
and a small difference.
"""

from collections.abc import Iterator
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
HALF_TRUSTED = 10  # windows a coefficient, for half of what coefficients have in common to be believed
LEAST_TOLD = 0.25  # share of a coefficient's variance that lower ones tell, to be taken out
BLOCK = 1024
Coefficients = Float[np.ndarray, "window frequency channel"]


class Parts(NamedTuple):
    """`shape` is (batch, frequency, channel), `style` (batch, channel * (1 + bands)); about variance 1 both."""

    shape: tf.Tensor
    style: tf.Tensor


class Spectra(NamedTuple):
    """Of one class: `share` (frequency, channel), `factor` (band, channel, channel), `mean` and `spread` (style)."""

    share: Float[np.ndarray, "frequency channel"]
    factor: Float[np.ndarray, "band channel channel"]
    mean: Float[np.ndarray, "style"]
    spread: Float[np.ndarray, "style"]


class StyleAndShape(keras.layers.Layer):
    """The map, for scaled windows (batch, time, channel) and their labels (batch)."""

    def __init__(self, shape: WindowShape):
        super().__init__(name="style_and_shape", trainable=False)
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
        above = shape.length - 1
        self.leak = self.add_weight(shape=(shape.channels, above, above), initializer="zeros", name="leak")
        self.leak.assign(np.broadcast_to(np.eye(above), self.leak.shape))
        self.factor.assign(np.broadcast_to(np.eye(shape.channels), self.factor.shape))
        self.built = True  # Keras cannot know: it is asked by name and never called

    @property
    def styles(self) -> int:
        """How many numbers a style has."""
        return self.mean.shape[1]

    def settle(self, windows: Windows) -> None:
        """Take the spectra of each class from windows; a class without any gets those of all."""
        leak = leak_of(windows)
        self.leak.assign(leak)
        found = [spectra_of(of_class, leak) for of_class in of_each_class(windows, self.classes)]
        for name in Spectra._fields:
            getattr(self, name).assign(np.stack([getattr(spectra, name) for spectra in found]))

    def apart(self, values: tf.Tensor, labels: tf.Tensor) -> Parts:
        """Shape and style of windows."""
        coefficients = self.in_frequency(values)
        level = coefficients[:, :1] / self.window.length**0.5
        coefficients = self._leaked(coefficients, tf.linalg.inv(self.leak))
        coefficients = self._mixed(coefficients, tf.gather(tf.linalg.inv(self.factor), labels))
        power = tf.einsum("kf,bfc->bkc", self.members, tf.square(coefficients))
        style = tf.concat([level, tf.math.log(tf.sqrt(power + TINY**2))], axis=1)
        style = tf.reshape(style, (-1, self.styles)) - tf.gather(self.mean, labels)
        style /= tf.gather(self.spread, labels)
        _, scale = self.amplitude(style, labels)
        return Parts(coefficients[:, 1:] / scale, style)

    def together(self, parts: Parts, labels: tf.Tensor) -> tf.Tensor:
        """The windows of shapes and styles."""
        _, scale = self.amplitude(parts.style, labels)
        level = self._levels_and_loudness(parts.style, labels)[:, :1]
        coefficients = tf.concat([level * self.window.length**0.5, parts.shape * scale], axis=1)
        return self.in_time(self._leaked(self._mixed(coefficients, tf.gather(self.factor, labels)), self.leak))

    def amplitude(self, style: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """How large each coefficient of a shape is to be expected (batch, frequency, channel), 1 in the quadratic mean
        of a window; and that mean in scaled units (batch, 1, 1)."""
        loudness = tf.exp(self._levels_and_loudness(style, labels)[:, 1:])
        by_frequency = tf.einsum("kf,bkc->bfc", tf.sign(self.members), loudness)
        expected = (by_frequency * tf.gather(self.share, labels))[:, 1:]
        scale = tf.sqrt(tf.reduce_mean(tf.square(expected), axis=(1, 2), keepdims=True))
        return expected / scale, scale

    def in_time(self, coefficients: tf.Tensor) -> tf.Tensor:
        """Coefficients (batch, frequency, channel), of which the first may be missing, as (batch, time, channel)."""
        first = self.window.length - coefficients.shape[1]
        return tf.einsum("ft,bfc->btc", self.cosines[first:], coefficients)

    def in_frequency(self, values: tf.Tensor) -> tf.Tensor:
        """The coefficients (batch, frequency, channel) of (batch, time, channel)."""
        return tf.einsum("ft,btc->bfc", self.cosines, values)

    def _levels_and_loudness(self, style: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """(batch, 1 + band, channel): levels in scaled units, and logarithms of loudness."""
        style = style * tf.gather(self.spread, labels) + tf.gather(self.mean, labels)
        return tf.reshape(style, (-1, 1 + len(self.edges), self.window.channels))

    def _leaked(self, coefficients: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
        """Each channel's matrix times all coefficients but the level."""
        return tf.concat([coefficients[:, :1], tf.einsum("cef,bfc->bec", matrices, coefficients[:, 1:])], axis=1)

    def _mixed(self, coefficients: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
        """Each band times its matrix (batch, band, channel, channel); the level stays."""
        mixed = [
            tf.einsum("bij,bfj->bfi", matrices[:, at], coefficients[:, low:high])
            for at, (low, high) in enumerate(self.edges)
        ]
        return tf.concat([coefficients[:, :1], *mixed], axis=1)


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


def leak_of(windows: Windows) -> Float[np.ndarray, "channel frequency frequency"]:
    """The unit lower triangular matrix that gives the coefficients of a channel above the level what lower ones tell of
    them, where that is at least `LEAST_TOLD`; each window counts alike."""
    above = windows.shape.length - 1
    covariance = np.zeros((windows.shape.channels, above, above))
    for block in transformed(windows):
        each = block[:, 1:] / (np.sqrt(np.mean(np.square(block[:, 1:]), axis=1, keepdims=True)) + TINY)
        each = np.moveaxis(each, 2, 0)
        covariance += each.mT @ each / len(windows)
    trusted = len(windows) / (len(windows) + HALF_TRUSTED * above)
    covariance = covariance * np.where(np.eye(above), 1, trusted) + TINY**2 * np.eye(above)
    lower = np.linalg.cholesky(covariance)
    left = np.diagonal(lower, axis1=1, axis2=2)
    told = 1 - np.square(left) / np.diagonal(covariance, axis1=1, axis2=2)
    # The inverse holds regressions, a row a coefficient: those that tell little are no more than noise.
    taken_out = np.where(told[:, :, None] < LEAST_TOLD, np.eye(above), np.linalg.inv(lower / left[:, None]))
    return np.linalg.inv(taken_out)


def spectra_of(windows: Windows, leak: Float[np.ndarray, "channel frequency frequency"]) -> Spectra:
    """What `StyleAndShape` knows of a class, from its windows."""
    coefficients = np.concatenate(list(transformed(windows)))
    coefficients[:, 1:] = np.einsum("cef,wfc->wec", np.linalg.inv(leak), coefficients[:, 1:], optimize=True)
    length = coefficients.shape[1]
    level, members = coefficients[:, 0] / np.sqrt(length), bands(length)
    factors = [factor_of(coefficients[:, low:high]) for low, high in edges(length)]
    for factor, (low, high) in zip(factors, edges(length), strict=True):
        coefficients[:, low:high] = np.linalg.solve(factor, coefficients[:, low:high].mT).mT
    loudness = loudness_of(coefficients, members)
    by_frequency = np.einsum("kf,wkc->wfc", members[:, 1:] > 0, loudness)
    share = np.ones(coefficients.shape[1:])  # at frequency 0, too: the level is part of the style
    share[1:] = np.sqrt(np.mean(np.square(coefficients[:, 1:] / by_frequency), axis=0)) + TINY
    styles = np.concatenate([level, np.log(loudness).reshape(len(windows), -1)], axis=1)
    return Spectra(share, np.stack(factors), styles.mean(axis=0), np.maximum(styles.std(axis=0), LEAST_SPREAD))


def factor_of(coefficients: Coefficients) -> Float[np.ndarray, "channel channel"]:
    """The unit lower triangular matrix that gives channels of a band what they have in common; each window counts
    alike."""
    loudness = np.sqrt(np.mean(np.square(coefficients), axis=(1, 2), keepdims=True)) + TINY
    each = (coefficients / loudness).reshape(-1, coefficients.shape[2])
    covariance = each.T @ each / len(each)
    factor = np.linalg.cholesky(covariance + LEAST_VARIANCE * np.eye(len(covariance)))
    return factor / np.diag(factor)


def transformed(windows: Windows) -> Iterator[Coefficients]:
    """The cosine transform of windows along time, block by block."""
    from scipy.fft import dct

    for first in range(0, len(windows), BLOCK):
        yield dct(np.asarray(windows.values[first : first + BLOCK], np.float64), axis=1, norm="ortho")


def loudness_of(
    coefficients: Coefficients, members: Float[np.ndarray, "band frequency"]
) -> Float[np.ndarray, "window band channel"]:
    """The root mean square of each band."""
    return np.sqrt(np.einsum("kf,wfc->wkc", members, np.square(coefficients)) + TINY**2)
