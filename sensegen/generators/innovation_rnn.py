"""The mixture-density recurrent network on innovations: what it guesses is what a linear predictor leaves over.

Windows are begun near the begins of training windows (`level_kernels`), not by the mixture of the first step: before it
the network knows the activity alone, and of those who lie it began one window in ten with a gravity that is off by a
third. The likelihood stays that of the network. How far a sample is from the begin is told at every step, since one
who rests comes back to it, and the noise of innovations alone drifts away (docs/fidelity.md).

Some drift away even so, and of who turns over the network does not keep gravity's length. So the level of a window is
put where that of the training window is that it was begun near, by as much of the way as levels make windows of the
class differ: all of it would be right if windows were nothing but their levels, none if levels said nothing.
"""

from functools import partial

import numpy as np
import tensorflow as tf
from jaxtyping import Float

from sensegen.generators.conditional import of_each_class
from sensegen.generators.innovations import Innovations
from sensegen.generators.level_kernels import WINDOWS, LevelKernels, chosen, kept_rows, shares_of_levels
from sensegen.generators.mixture import draw_from, draw_rest
from sensegen.generators.mixture_rnn import Foretold, MixtureRNN
from sensegen.generators.sampling import Sampler, in_batches
from sensegen.params.models import MDNRNNParams
from sensegen.windows import Windows, WindowShape

LEAST_SWING = 1e-3  # scaled units: of a channel that stays where it begins


class InnovationRNN(MixtureRNN):
    """Sees, of the step before, the innovations, the values, and how far these are from the begin of the window as a
    multiple of how far they are in half of the class's windows: `swing` (class, channel). Of innovations and distances
    it sees the inverse hyperbolic sine, as some are large.

    How far the levels of training windows are from their begins is `drift` (class, kept window, channel)."""

    def __init__(self, shape: WindowShape, params: MDNRNNParams):
        super().__init__(shape, params)
        self.innovations = Innovations(shape)
        classes = max(shape.classes, 1)
        self.begins = LevelKernels(self.values, classes)
        self.swing = self.add_weight(shape=(classes, shape.channels), initializer="ones", trainable=False, name="swing")
        self.share = self.add_weight(shape=(classes,), initializer="zeros", trainable=False, name="share_of_levels")
        size = (classes, WINDOWS, shape.channels)
        self.drift = self.add_weight(shape=size, initializer="zeros", trainable=False, name="drift")
        self._begin_batch = tf.function(self._eager_begin)
        self._level_batch = tf.function(self._eager_level, jit_compile=True)
        self._continue_batch = tf.function(self._eager_continue, jit_compile=True)

    def settle(self, windows: Windows) -> None:
        """Take the linear predictors, begins, swings and levels from the training windows."""
        self.innovations.settle(windows)
        values, labels, classes = np.asarray(windows.values), windows.labels, self.swing.shape[0]
        begins, swings = values[:, : self.samples].reshape(len(values), -1), np.sum(np.var(values, axis=1), axis=1)
        self.begins.settle(begins, begins, self.samples * swings, labels)
        levels = np.mean(values, axis=1)
        self.share.assign(shares_of_levels(levels, swings, labels, classes))
        self.drift.assign((levels - np.mean(values[:, : self.samples], axis=1))[kept_rows(labels, classes)])
        self.swing.assign([swing_of(of_class.values, self.samples) for of_class in of_each_class(windows, classes)])

    def foretold(self, values: tf.Tensor, labels: tf.Tensor) -> Foretold:
        """The innovations of each step, and their mixture."""
        found = self.innovations.of(values, labels)
        seen = self._seen(found, values, values[:, : self.samples], labels)
        mixture = self.mixtures_after(self.in_steps(seen), labels)
        log_scale = self.in_steps(self.innovations.log_scale(labels, values.shape[1])[..., None])
        return Foretold(self.in_steps(found), mixture, tf.reduce_sum(log_scale, axis=-1))

    def sampler(self, temperature: float = 1.0) -> Sampler:
        """Of windows, step by step; each spread is taken times `temperature`."""
        return self._sampler_of(self.window.length, temperature)

    def _sampler_of(self, length: int, temperature: float) -> Sampler:
        """Of windows of so many samples."""
        return Sampler(partial(self._begin_batch, length, tf.constant(temperature, tf.float32)), self._level_batch)

    def continued(
        self, prompt: np.ndarray, labels: np.ndarray, length: int, seed: int, temperature: float = 1.0
    ) -> np.ndarray:
        """Windows (window, time, channel) of `length` samples that begin with `prompt` (window, time, channel).

        The network reads the prompt as if it had drawn it, and so takes over the person, the phone and the phase.

        Raises:
            ValueError: if the prompt is longer than what is asked for.
        """
        if prompt.shape[1] > length:
            raise ValueError(f"A prompt must fit into {length} samples, but has {prompt.shape[1]}.")
        whole = -(-length // self.samples) * self.samples
        if not prompt.shape[1]:
            return in_batches(self._sampler_of(whole, temperature), labels, seed)[:, :length]
        given = np.pad(prompt.astype(np.float32), ((0, 0), (0, whole - prompt.shape[1]), (0, 0)))

        def draw(seed: tf.Tensor, labels: tf.Tensor, given: tf.Tensor) -> tuple[tf.Tensor, ...]:
            gumbel, normal = self.noise((labels.shape[0], whole // self.samples), seed)
            return given, gumbel, temperature * normal

        made = in_batches(Sampler(draw, partial(self._continue_batch, prompt.shape[1])), labels, seed, given)
        made = made[:, :length]
        made[:, : prompt.shape[1]] = prompt  # to the last bit
        return made

    def _eager_begin(
        self, length: int, temperature: tf.Tensor, seed: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """Begins (batch, time, channel) with nothing after them, the noise of each step, and the levels (batch,
        channel) that windows are to have."""
        window_seed, begin_seed = tf.unstack(tf.random.split(seed + tf.constant([0, 2]), 2))
        windows = chosen(labels, window_seed)
        begun = self.in_time(self.begins.moved(windows, begin_seed, temperature)[:, None])
        levels = tf.reduce_mean(begun, axis=1) + tf.gather_nd(self.drift, windows)
        gumbel, normal = self.noise((labels.shape[0], length // self.samples), seed)
        given = tf.pad(begun, ((0, 0), (0, length - self.samples), (0, 0)))
        return given, gumbel, temperature * normal, levels

    def _eager_level(
        self, labels: tf.Tensor, given: tf.Tensor, gumbel: tf.Tensor, normal: tf.Tensor, levels: tf.Tensor
    ) -> tf.Tensor:
        made = self._eager_continue(self.samples, labels, given, gumbel, normal)
        off = levels[:, None] - tf.reduce_mean(made, axis=1, keepdims=True)
        return made + tf.gather(self.share, labels)[:, None, None] * off

    def _eager_continue(
        self, prompted: int, labels: tf.Tensor, given: tf.Tensor, gumbel: tf.Tensor, normal: tf.Tensor
    ) -> tf.Tensor:
        """The first `prompted` samples are those of `given` (batch, time, channel), and the others are drawn."""
        batch, length, channels = given.shape
        steps = length // self.samples
        gumbel, normal = (tf.transpose(noise, (1, 0, 2)) for noise in (gumbel, normal))
        told = tf.transpose(self.in_steps(self.innovations.of(given, labels)), (1, 0, 2))
        known = tf.repeat(tf.reshape(tf.range(length) < prompted, (steps, self.samples)), channels, axis=1)
        way_back = self.innovations.of_steps(labels, self.samples)
        seen, past = tf.zeros((batch, self.features)), tf.zeros((batch, self.innovations.order, channels))
        begin, states, next_step = given[:, : self.samples], self.states(batch), self.stepper()
        written = tf.TensorArray(tf.float32, size=steps)
        for step in tf.range(steps):
            hidden, states = next_step(self.inputs(seen, labels), states)
            if step * self.samples < prompted:
                drawn = draw_rest(self.to_mixture(hidden), told[step], known[step], gumbel[step], normal[step])
            else:
                drawn = draw_from(self.head(hidden), self.mixtures, self.bounds, gumbel[step], normal[step])
            innovations = self.in_time(drawn[:, None])
            values = way_back.values(innovations, past, step)
            past = tf.concat([values[:, ::-1], past], axis=1)[:, : past.shape[1]]
            samples = way_back.samples(values)
            begin = tf.where(step == 0, samples, begin)
            seen = self.in_steps(self._seen(innovations, samples, begin, labels))[:, 0]
            written = written.write(step, self.in_steps(samples)[:, 0])
        return self.in_time(tf.transpose(written.stack(), (1, 0, 2)))

    @property
    def features(self) -> int:
        """How many numbers are seen of a step."""
        return 3 * self.values

    def _seen(self, found: tf.Tensor, values: tf.Tensor, begin: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        away = (values - tf.reduce_mean(begin, axis=1, keepdims=True)) / tf.gather(self.swing, labels)[:, None]
        return tf.concat([tf.asinh(found), values, tf.asinh(away)], axis=-1)


def swing_of(values: Float[np.ndarray, "window time channel"], samples: int) -> Float[np.ndarray, "channel"]:
    """How far, root mean square over time, samples are from the first ones of their window: in half of all windows."""
    away = np.asarray(values) - np.mean(values[:, :samples], axis=1, keepdims=True)
    return np.maximum(np.median(np.sqrt(np.mean(np.square(away), axis=1)), axis=0), LEAST_SWING)
