"""The mixture-density recurrent network on innovations: what it guesses is what a linear predictor leaves over."""

from functools import partial

import numpy as np
import tensorflow as tf

from sensegen.generators.innovations import Innovations
from sensegen.generators.mixture import draw
from sensegen.generators.mixture_rnn import Foretold, MixtureRNN
from sensegen.generators.sampling import in_batches
from sensegen.params.models import MDNRNNParams
from sensegen.windows import Windows, WindowShape


class InnovationRNN(MixtureRNN):
    """Sees, of the step before, the innovation (its inverse hyperbolic sine, as some are large) and the value."""

    def __init__(self, shape: WindowShape, params: MDNRNNParams):
        super().__init__(shape, params)
        self.innovations = Innovations(shape)
        self._continue_batch = tf.function(self._eager_continue)

    def settle(self, windows: Windows) -> None:
        """Take the linear predictors from the training windows."""
        self.innovations.settle(windows)

    def foretold(self, values: tf.Tensor, labels: tf.Tensor) -> Foretold:
        """The innovation of each step, and its mixture."""
        found = self.innovations.of(values, labels)
        mixture = self.mixtures_after(_seen(found, values), labels)
        return Foretold(found, mixture, self.innovations.log_scale(labels, values.shape[1]))

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
        given = np.pad(prompt.astype(np.float32), ((0, 0), (0, length - prompt.shape[1]), (0, 0)))
        sampler = partial(self._continue_batch, prompt.shape[1], tf.constant(temperature, tf.float32))
        made = in_batches(sampler, labels, seed, given)
        made[:, : prompt.shape[1]] = prompt  # to the last bit
        return made

    def _eager_continue(
        self, prompted: int, temperature: tf.Tensor, seed: tf.Tensor, labels: tf.Tensor, given: tf.Tensor
    ) -> tf.Tensor:
        """The first `prompted` steps are those of `given` (batch, time, channel), and the others are drawn."""
        batch, length, channels = given.shape
        gumbel, normal = self.noise((length, batch), seed)
        normal *= temperature
        told = tf.transpose(self.innovations.of(given, labels), (1, 0, 2))
        seen, past = tf.zeros((batch, 2 * channels)), tf.zeros((batch, self.innovations.order, channels))
        states = [layer.cell.get_initial_state(batch_size=batch) for layer in self.recurrent]
        written = tf.TensorArray(tf.float32, size=length)
        for step in tf.range(length):
            mixture, states = self._next(seen, labels, states)
            innovation = tf.where(step < prompted, told[step], draw(mixture, gumbel[step], normal[step]))
            value = self.innovations.value(innovation, past, step, labels)
            past = tf.concat([value[:, None], past[:, :-1]], axis=1)
            sample = self.innovations.sample(value, labels)
            seen = _seen(innovation, sample)
            written = written.write(step, sample)
        return tf.transpose(written.stack(), (1, 0, 2))


def _seen(innovations: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    return tf.concat([tf.asinh(innovations), values], axis=-1)
