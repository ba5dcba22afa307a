"""Flow matching: noise is carried to windows along a way that a network has learned, the loud before the quiet.

A window is its style and its shape there (`style_and_shape`). The style comes first, near that of a training window
(`style_kernels`). The shape follows, given the style, on the way that Karras et al. (2022) describe: at a noise level s
stands x = shape + s noise, and x moves by (x - best guess) / s as s falls.

Noise has the same level at every frequency and a shape has not: of someone who walks, steps rise from the noise first,
then what is in a step, then what is in a heel strike. In a flow of whitened windows all frequencies come at once, and
it did not find the steps (docs/fidelity.md). How large each coefficient is to be expected is known from the style, and
so is the best linear guess; the network says what is to be added, in units of what that guess leaves open.
"""

from functools import partial

import keras
import numpy as np
import tensorflow as tf
from jaxtyping import Float

from sensegen.generators.conditional import Conditional
from sensegen.generators.sampling import Sampler
from sensegen.generators.style_and_shape import Parts, StyleAndShape
from sensegen.generators.style_kernels import StyleKernels
from sensegen.generators.window_unet import WindowUNet
from sensegen.params.models import FlowMatchingParams
from sensegen.seeding import derived_seed
from sensegen.windows import Windows, WindowShape

HIGHEST_NOISE, LOWEST_NOISE = 20.0, 0.008  # a shape is 1 in the quadratic mean
CROWDING = 7  # of the noise levels of sampling towards the lowest one
BLOCK = 1024
LOG_NOISE_MEAN, LOG_NOISE_STDDEV = -1.0, 1.4  # of the noise levels in training


class Flow(keras.Model):
    """A network between two maps: windows apart into style and shape, and together again."""

    def __init__(self, shape: WindowShape, params: FlowMatchingParams):
        super().__init__(name="flow")
        self.window = shape
        self.levels = noise_levels(params.sampling_steps)
        self.parts = StyleAndShape(shape)
        self.style = StyleKernels(self.parts.styles, shape.channels, max(shape.classes, 1))
        self.network = WindowUNet(params, shape)
        self._draw_batch, self._make_batch = tf.function(self._eager_draw), tf.function(self._eager_make)

    def create_variables(self) -> None:
        """Make the weights; they depend on the global Keras seed only."""
        values, labels = tf.zeros((1, self.window.length, self.window.channels)), tf.zeros((1,), tf.int32)
        self.batch_loss((values, labels), tf.zeros(2, tf.int32))

    def settle(self, windows: Windows) -> None:
        """Take spectra and styles from the training windows."""
        self.parts.settle(windows)
        firsts = range(0, len(windows), BLOCK)
        blocks = [windows.select(np.arange(first, min(first + BLOCK, len(windows)))) for first in firsts]
        styles = [self.parts.apart(tf.constant(block.values, tf.float32), block.labels).style for block in blocks]
        levels = np.concatenate([np.mean(block.values, axis=1) for block in blocks])
        swings = np.concatenate([np.sum(np.var(block.values, axis=1), axis=1) for block in blocks])
        self.style.settle(np.concatenate(styles), levels, swings, windows.labels)

    def batch_loss(self, batch: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
        """Mean square error of the guess at random noise levels, as a share of that of the best linear guess: 1 before
        training."""
        values, labels = batch
        parts = self.parts.apart(values, labels)
        level_seed, noise_seed = tf.unstack(tf.random.split(seed, 2))
        log_noise = LOG_NOISE_MEAN + LOG_NOISE_STDDEV * tf.random.stateless_normal(tf.shape(labels), level_seed)
        noise = tf.exp(log_noise)[:, None, None] * tf.random.stateless_normal(tf.shape(parts.shape), noise_seed)
        guess, open_ = self.guess(Parts(parts.shape + noise, parts.style), log_noise, labels)
        error, linear = (tf.reduce_mean(tf.square(off), axis=(1, 2)) for off in (guess - parts.shape, open_))
        return tf.reduce_mean(error / linear)

    def guess(self, noisy: Parts, log_noise: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The shape (batch, frequency, channel) that is to be expected of a noisy one with this style; and how far the
        best linear guess is off."""
        noise = tf.exp(log_noise)[:, None, None]
        amplitude, _ = self.parts.amplitude(noisy.style, labels)
        of_both = tf.math.rsqrt(tf.square(amplitude) + tf.square(noise))
        open_ = amplitude * noise * of_both
        added = self.added(noisy, amplitude, log_noise, labels)
        return noisy.shape * tf.square(amplitude * of_both) + open_ * added, open_

    def added(self, noisy: Parts, amplitude: tf.Tensor, log_noise: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """What the network adds to the best linear guess, in units of how far that is off."""
        noise = tf.exp(log_noise)[:, None, None]
        flat = noisy.shape * tf.math.rsqrt(tf.square(amplitude) + tf.square(noise))
        coloured = noisy.shape * tf.math.rsqrt(1 + tf.square(noise))
        seen = tf.concat([self.parts.in_time(flat), self.parts.in_time(coloured)], axis=-1)
        return self.parts.in_frequency(self.network(seen, log_noise, noisy.style, labels))[:, 1:]

    def sampler(self, temperature: float) -> Sampler:
        """Of windows; all noise is taken times `temperature`."""
        return Sampler(partial(self._draw_batch, tf.constant(temperature, tf.float32)), self._make_batch)

    def _eager_draw(self, temperature: tf.Tensor, seed: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Styles, the noise of their shapes, and noise for what no level has told apart."""
        style_seed, shape_seed, last_seed = tf.unstack(tf.random.split(seed, 3))
        style = self.style.sample(labels, style_seed, temperature)
        size = (labels.shape[0], self.window.length - 1, self.window.channels)
        noise = temperature * tf.random.stateless_normal(size, shape_seed)
        return style, noise, temperature * tf.random.stateless_normal(size, last_seed)

    def _eager_make(self, labels: tf.Tensor, style: tf.Tensor, noise: tf.Tensor, left: tf.Tensor) -> tf.Tensor:
        return self.parts.together(Parts(self.carried(Parts(noise, style), labels, left), style), labels)

    def carried(self, noise: Parts, labels: tf.Tensor, left: tf.Tensor) -> tf.Tensor:
        """Shapes of styles out of noise of level 1, and what the lowest noise level hides out of the noise `left`.

        With a the amplitude of a coefficient, x = root(a^2 + s^2) u, and tan(angle) = s / a, u moves by what the
        network adds as the angle falls (after Lu & Song, 2025): without a network the way is exact in any number of
        steps, and at the highest level, where the network adds nothing yet, u is noise of level 1. In a step the
        network's answer is drawn on from the last two (Adams & Bashforth).
        """
        amplitude, _ = self.parts.amplitude(noise.style, labels)
        levels = tf.constant(self.levels)
        angle, still = tf.atan2(levels[0], amplitude), noise.shape
        before = tf.zeros_like(still)
        for step in tf.range(len(self.levels) - 1):
            shape = still * tf.sqrt(tf.square(amplitude) + tf.square(levels[step]))
            log_noise = tf.fill(labels.shape, tf.math.log(levels[step]))
            added = self.added(Parts(shape, noise.style), amplitude, log_noise, labels)
            further = tf.where(step == 0, 0.0, 0.5)
            after = tf.atan2(levels[step + 1], amplitude)
            still += (angle - after) * (added + further * (added - before))
            before, angle = added, after
        return amplitude * (tf.cos(angle) * still + tf.sin(angle) * (before + left))


def noise_levels(steps: int) -> Float[np.ndarray, "level"]:
    """From the highest down to the lowest noise level (Karras et al., 2022, equation 5)."""
    highest, lowest = HIGHEST_NOISE ** (1 / CROWDING), LOWEST_NOISE ** (1 / CROWDING)
    return np.power(np.linspace(highest, lowest, steps + 1), CROWDING).astype(np.float32)


class FlowMatching(Conditional):
    """One flow, told the activity."""

    kind = "flow_matching"


def build(shape: WindowShape, params: FlowMatchingParams, seed: int) -> FlowMatching:
    """A generator with new weights."""
    keras.utils.set_random_seed(derived_seed(seed, FlowMatching.kind))
    return FlowMatching(shape, params, Flow(shape, params))
