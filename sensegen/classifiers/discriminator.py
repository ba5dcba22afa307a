"""SenseGen's discriminator: LSTM 128, dense 32, one logit (Alzantot et al., 2017); 70,721 parameters for one channel.

For a conditional generator it is told the activity at every step, as the generator is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from sensegen import weights
from sensegen.keras_weights import assign_arrays, joined, under
from sensegen.params.models import DiscriminatorParams
from sensegen.seeding import derived_seed
from sensegen.windows import WindowShape

JUDGING_BATCH = 512


class Discriminator(keras.Model):
    """A logit a window: above 0 means "real". `classes=0` leaves the activity out."""

    def __init__(self, shape: WindowShape, params: DiscriminatorParams, seed: int):
        super().__init__(name="discriminator")
        keras.utils.set_random_seed(derived_seed(seed, "discriminator"))
        self.window = shape
        self.params = params
        self.recurrent = keras.layers.LSTM(params.units, name="recurrent")
        self.hidden = keras.layers.Dense(params.hidden, activation="relu", name="hidden")
        self.head = keras.layers.Dense(1, name="logit")
        self(tf.zeros((1, shape.length, shape.channels)), tf.zeros((1,), tf.int32))
        self._judge_batch = tf.function(self.call)

    def call(self, values: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The logits (batch,) of windows (batch, time, channel)."""
        if self.window.classes:
            condition = tf.repeat(tf.one_hot(labels, self.window.classes)[:, None], self.window.length, axis=1)
            values = tf.concat([values, condition], axis=-1)
        return self.head(self.hidden(self.recurrent(values)))[:, 0]

    def batch_loss(self, batch: tuple[tf.Tensor, tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
        """-log D(real) - log(1 - D(generated)), mean over a batch of (real, generated, labels)."""
        del seed  # nothing is drawn
        real, generated, labels = batch
        return tf.reduce_mean(tf.nn.softplus(-self(real, labels)) + tf.nn.softplus(self(generated, labels)))

    def logits(self, values: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The logits of many windows, in batches."""
        parts = [np.empty(0, np.float32)]
        for first in range(0, len(values), JUDGING_BATCH):
            rows = slice(first, first + JUDGING_BATCH)
            parts.append(self._judge_batch(tf.constant(values[rows]), tf.constant(labels[rows], tf.int32)).numpy())
        return np.concatenate(parts)

    def accuracy(self, real: np.ndarray, generated: np.ndarray, labels: np.ndarray) -> float:
        """Share of windows that are told right, half of them real. 0.5 is a coin, or a dead discriminator.

        NaN of no windows.
        """
        if not len(real):
            return float("nan")
        told = np.concatenate([self.logits(real, labels) > 0, self.logits(generated, labels) <= 0])
        return float(told.mean())


class Discriminators(Mapping[str, Discriminator]):
    """The discriminator of each part of a generator, on disk as one model folder."""

    def __init__(self, models: Mapping[str, Discriminator]):
        self._models = dict(models)

    def __getitem__(self, part: str) -> Discriminator:
        return self._models[part]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def save(self, folder: Path) -> None:
        """Write the model folder, whole or not at all."""
        config = {
            part: {"shape": asdict(model.window), "params": model.params.model_dump()} for part, model in self.items()
        }
        weights.save(folder, config, joined(self._models))

    @classmethod
    def load(cls, folder: Path) -> "Discriminators":
        """The discriminators that `save` wrote."""
        config, arrays = weights.load(folder)
        models = {}
        for part, entry in config.items():
            model = Discriminator(WindowShape(**entry["shape"]), DiscriminatorParams(**entry["params"]), seed=0)
            assign_arrays(model, under(arrays, part))
            models[part] = model
        return cls(models)
