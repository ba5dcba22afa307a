"""The mixture-density recurrent network on innovations: what it guesses is what a linear predictor leaves over."""

from functools import partial

import numpy as np
import tensorflow as tf

from sensegen.generators.innovations import Innovations
from sensegen.generators.mixture import draw_from, draw_rest
from sensegen.generators.mixture_rnn import Foretold, MixtureRNN
from sensegen.generators.sampling import in_batches
from sensegen.params.models import MDNRNNParams
from sensegen.windows import Windows, WindowShape


class InnovationRNN(MixtureRNN):
    """Sees, of the step before, the innovations (their inverse hyperbolic sine, as some are large) and the values."""

    def __init__(self, shape: WindowShape, params: MDNRNNParams):
        super().__init__(shape, params)
        self.innovations = Innovations(shape)
        self._continue_batch = tf.function(self._eager_continue)

    def settle(self, windows: Windows) -> None:
        """Take the linear predictors from the training windows."""
        self.innovations.settle(windows)

    def foretold(self, values: tf.Tensor, labels: tf.Tensor) -> Foretold:
        """The innovations of each step, and their mixture."""
        found = self.innovations.of(values, labels)
        mixture = self.mixtures_after(self.in_steps(_seen(found, values)), labels)
        log_scale = self.in_steps(self.innovations.log_scale(labels, values.shape[1])[..., None])
        return Foretold(self.in_steps(found), mixture, tf.reduce_sum(log_scale, axis=-1))

    def sample_windows(self, labels: np.ndarray, seed: int, temperature: float = 1.0) -> np.ndarray:
        """Windows (window, time, channel) by ancestral sampling; each spread is taken times `temperature`."""
        nothing = np.empty((len(labels), 0, self.window.channels), np.float32)
        return self.continued(nothing, labels, self.window.length, seed, temperature)

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
        sampler = partial(self._continue_batch, prompt.shape[1], tf.constant(temperature, tf.float32))
        made = in_batches(sampler, labels, seed, given)[:, :length]
        made[:, : prompt.shape[1]] = prompt  # to the last bit
        return made

    def _eager_continue(
        self, prompted: int, temperature: tf.Tensor, seed: tf.Tensor, labels: tf.Tensor, given: tf.Tensor
    ) -> tf.Tensor:
        """The first `prompted` samples are those of `given` (batch, time, channel), and the others are drawn."""
        batch, length, channels = given.shape
        steps = length // self.samples
        gumbel, normal = self.noise((steps, batch), seed)
        normal *= temperature
        told = tf.transpose(self.in_steps(self.innovations.of(given, labels)), (1, 0, 2))
        known = tf.repeat(tf.reshape(tf.range(length) < prompted, (steps, self.samples)), channels, axis=1)
        way_back = self.innovations.of_steps(labels, self.samples)
        seen, past = tf.zeros((batch, 2 * self.values)), tf.zeros((batch, self.innovations.order, channels))
        states, next_step = self.states(batch), self.stepper()
        written = tf.TensorArray(tf.float32, size=steps)
        for step in tf.range(steps):
            hidden, states = next_step(self.inputs(seen, labels), states)
            if prompted:
                drawn = draw_rest(self.to_mixture(hidden), told[step], known[step], gumbel[step], normal[step])
            else:
                drawn = draw_from(self.head(hidden), self.mixtures, self.bounds, gumbel[step], normal[step])
            innovations = self.in_time(drawn[:, None])
            values = way_back.values(innovations, past, step)
            past = tf.concat([values[:, ::-1], past], axis=1)[:, : past.shape[1]]
            samples = way_back.samples(values)
            seen = self.in_steps(_seen(innovations, samples))[:, 0]
            written = written.write(step, self.in_steps(samples)[:, 0])
        return self.in_time(tf.transpose(written.stack(), (1, 0, 2)))


def _seen(innovations: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    return tf.concat([tf.asinh(innovations), values], axis=-1)
