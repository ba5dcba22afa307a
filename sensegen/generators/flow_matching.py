"""Flow matching: noise is carried to windows along straight lines that a network has learned.

Conditional flow matching with independent coupling (Lipman et al., 2023; Liu et al., 2023): at a moment t between 0 and
1 stands x = (1 - t) noise + t window, and the network learns window - noise from x, t and the activity. A window is its
shape and its style there (`whitening`). The network sees the shape both flat and coloured; its errors count by band,
since there are as many frequencies in the highest octave as in all others together. Moments are drawn logit-normal
(Esser et al., 2024): the middle is where there is most to learn.
"""

import keras
import numpy as np
import tensorflow as tf

from sensegen.generators.conditional import Conditional
from sensegen.generators.sampling import in_batches
from sensegen.generators.transformer import WindowTransformer
from sensegen.generators.whitening import Parts, SpectralWhitening, bands
from sensegen.params.models import FlowMatchingParams
from sensegen.seeding import derived_seed
from sensegen.windows import Windows, WindowShape

STYLE_WEIGHT = 0.5  # of the error of a style, beside that of a shape


def weights_of_frequencies(length: int) -> np.ndarray:
    """How much an error counts at each frequency: by one over the root of how many its band has; 1 in the mean."""
    of_one = np.concatenate([[0.0], np.sqrt(bands(length).sum(axis=0)[1:])])
    return (of_one / of_one.mean()).astype(np.float32)


def known_velocity(moment: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Of x = (1 - t) noise + t window, both of variance 1: the mean of (window - noise) given x, as a multiple of x,
    and its standard deviation."""
    variance = tf.square(1 - moment) + tf.square(moment)
    return (2 * moment - 1) / variance, tf.math.rsqrt(variance)


class Flow(keras.Model):
    """The network between two maps: windows apart into shapes and styles, and together again."""

    def __init__(self, shape: WindowShape, params: FlowMatchingParams):
        super().__init__(name="flow")
        self.window = shape
        self.sampling_steps = params.sampling_steps
        self.whitening = SpectralWhitening(shape)
        self.network = WindowTransformer(params, shape, self.whitening.styles)
        self.weights_of_errors = tf.constant(weights_of_frequencies(shape.length)[:, None])
        self._sample_batch = tf.function(self._eager_sample)

    def create_variables(self) -> None:
        """Make the weights; they depend on the global Keras seed only."""
        self.velocity(self.noise(1, tf.zeros(2, tf.int32)), tf.zeros((1,)), tf.zeros((1,), tf.int32))

    def settle(self, windows: Windows) -> None:
        """Take spectra and styles from the training windows."""
        self.whitening.settle(windows)

    def noise(self, batch: int | tf.Tensor, seed: tf.Tensor) -> Parts:
        """Where windows begin."""
        shape_seed, style_seed = tf.unstack(tf.random.split(seed, 2))
        return Parts(
            tf.random.stateless_normal((batch, self.window.length, self.window.channels), shape_seed),
            tf.random.stateless_normal((batch, self.whitening.styles), style_seed),
        )

    def batch_loss(self, batch: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
        """Mean square error of the velocity at random moments, of the shape (by band) and half of that of the style,
        each as a share of what it would be without a network: 1.5 before training."""
        values, labels = batch
        noise_seed, moment_seed = tf.unstack(tf.random.split(seed, 2))
        windows, noise = self.whitening.apart(values, labels), self.noise(tf.shape(labels)[0], noise_seed)
        moment = tf.sigmoid(tf.random.stateless_normal(tf.shape(labels), moment_seed))
        way = Parts(windows.shape - noise.shape, windows.style - noise.style)
        between = Parts(noise.shape + moment[:, None, None] * way.shape, noise.style + moment[:, None] * way.style)
        found = self.velocity(between, moment, labels)
        errors = tf.einsum("ft,btc->bfc", self.whitening.cosines, found.shape - way.shape)
        weight = tf.math.reciprocal(known_velocity(moment)[1])[:, None]  # an error counts by what is to be expected
        of_shape = tf.reduce_mean(self.weights_of_errors * tf.square(weight[..., None] * errors))
        return of_shape + STYLE_WEIGHT * tf.reduce_mean(tf.square(weight * (found.style - way.style)))

    def velocity(self, between: Parts, moment: tf.Tensor, labels: tf.Tensor) -> Parts:
        """Where shapes and styles move at a moment (batch).

        Were windows Gaussian with variance 1, this would be `known(t) x`, give or take `spread(t)`; the network says
        what is to be added to the former, in units of the latter (after Karras et al., 2022).
        """
        seen = tf.concat([between.shape, self.whitening.coloured(between.shape, labels)], axis=-1)
        shape, style = self.network(seen, between.style, moment, labels)
        known, spread = known_velocity(moment)
        return Parts(
            known[:, None, None] * between.shape + spread[:, None, None] * shape,
            known[:, None] * between.style + spread[:, None] * style,
        )

    def sample_windows(self, labels: np.ndarray, seed: int) -> np.ndarray:
        """Windows (window, time, channel)."""
        return in_batches(self._sample_batch, labels, seed)

    def _eager_sample(self, seed: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """By Heun's method: the mean of the velocity at the beginning of a step and at its end."""
        length = 1 / self.sampling_steps
        shape, style = self.noise(labels.shape[0], seed)
        for step in tf.range(self.sampling_steps):
            moment = tf.fill(labels.shape, tf.cast(step, tf.float32) * length)
            first = self.velocity(Parts(shape, style), moment, labels)
            ahead = Parts(shape + length * first.shape, style + length * first.style)
            second = self.velocity(ahead, moment + length, labels)
            shape += length * (first.shape + second.shape) / 2
            style += length * (first.style + second.style) / 2
        return self.whitening.together(Parts(shape, style), labels)


class FlowMatching(Conditional):
    """One flow, told the activity."""

    kind = "flow_matching"


def build(shape: WindowShape, params: FlowMatchingParams, seed: int) -> FlowMatching:
    """A generator with new weights."""
    keras.utils.set_random_seed(derived_seed(seed, FlowMatching.kind))
    return FlowMatching(shape, params, Flow(shape, params))
