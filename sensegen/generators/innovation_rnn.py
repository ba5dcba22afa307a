"""The mixture-density recurrent network on innovations: what it guesses is what a linear predictor leaves over.

Windows are begun near the begins of training windows (`level_kernels`), not by the mixture of the first step: before it
the network knows the activity alone, and of those who lie it began one window in ten with a gravity that is off by a
third. The likelihood stays that of the network. How far a sample is from the begin is told at every step, since one
who rests comes back to it, and the noise of innovations alone drifts away (docs/fidelity.md).
"""

from functools import partial

import numpy as np
import tensorflow as tf
from jaxtyping import Float

from sensegen.generators.conditional import of_each_class
from sensegen.generators.innovations import Innovations
from sensegen.generators.level_kernels import LevelKernels
from sensegen.generators.mixture import draw_from, draw_rest
from sensegen.generators.mixture_rnn import Foretold, MixtureRNN
from sensegen.generators.sampling import Sampler, in_batches
from sensegen.params.models import MDNRNNParams
from sensegen.windows import Windows, WindowShape

LEAST_SWING = 1e-3  # scaled units: of a channel that stays where it begins


class InnovationRNN(MixtureRNN):
    """Sees, of the step before, the innovations, the values, and how far these are from the begin of the window as a
    multiple of how far they are in half of the class's windows: `swing` (class, channel). Of innovations and distances
    it sees the inverse hyperbolic sine, as some are large."""

    def __init__(self, shape: WindowShape, params: MDNRNNParams):
        super().__init__(shape, params)
        self.innovations = Innovations(shape)
        classes = max(shape.classes, 1)
        self.begins = LevelKernels(self.values, classes)
        self.swing = self.add_weight(shape=(classes, shape.channels), initializer="ones", trainable=False, name="swing")
        self._begin_batch = tf.function(self._eager_begin)
        self._continue_batch = tf.function(self._eager_continue, jit_compile=True)

    def settle(self, windows: Windows) -> None:
        """Take the linear predictors, begins and swings from the training windows."""
        self.innovations.settle(windows)
        values = np.asarray(windows.values)
        begins, swings = values[:, : self.samples].reshape(len(values), -1), np.sum(np.var(values, axis=1), axis=1)
        self.begins.settle(begins, begins, self.samples * swings, windows.labels)
        classes = of_each_class(windows, self.swing.shape[0])
        self.swing.assign([swing_of(of_class.values, self.samples) for of_class in classes])

    def foretold(self, values: tf.Tensor, labels: tf.Tensor) -> Foretold:
        """The innovations of each step, and their mixture."""
        found = self.innovations.of(values, labels)
        seen = self._seen(found, values, values[:, : self.samples], labels)
        mixture = self.mixtures_after(self.in_steps(seen), labels)
        log_scale = self.in_steps(self.innovations.log_scale(labels, values.shape[1])[..., None])
        return Foretold(self.in_steps(found), mixture, tf.reduce_sum(log_scale, axis=-1))

    def sampler(self, temperature: float = 1.0) -> Sampler:
        """Of windows, step by step; each spread is taken times `temperature`."""
        temperature = tf.constant(temperature, tf.float32)

        def draw(seed: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, ...]:
            nothing = tf.zeros((labels.shape[0], self.window.length, self.window.channels))
            return self._begin_batch(0, temperature, seed, labels, nothing)

        return Sampler(draw, partial(self._continue_batch, self.samples))

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
        given = np.pad(prompt.astype(np.float32), ((0, 0), (0, whole - prompt.shape[1]), (0, 0)))
        draw = partial(self._begin_batch, prompt.shape[1], tf.constant(temperature, tf.float32))
        sampler = Sampler(draw, partial(self._continue_batch, prompt.shape[1] or self.samples))
        made = in_batches(sampler, labels, seed, given)[:, :length]
        made[:, : prompt.shape[1]] = prompt  # to the last bit
        return made

    def _eager_begin(
        self, prompted: int, temperature: tf.Tensor, seed: tf.Tensor, labels: tf.Tensor, given: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """`given` (batch, time, channel) with a begin, where nothing prompts, and the noise of each step, a window's
        first."""
        if not prompted:
            begun = self.in_time(self.begins.sample(labels, seed + tf.constant([0, 2]), temperature)[:, None])
            given = tf.concat([begun, given[:, self.samples :]], axis=1)
        gumbel, normal = self.noise((given.shape[0], given.shape[1] // self.samples), seed)
        return given, gumbel, temperature * normal

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
