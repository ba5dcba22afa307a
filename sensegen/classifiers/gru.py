"""A small GRU (Cho et al., 2014) over short frames of samples: the recurrent judge, and a quick classifier."""

import keras
import tensorflow as tf

from sensegen.classifiers.activity import ActivityClassifier
from sensegen.classifiers.textured import with_texture
from sensegen.params.models import GRUClassifierParams
from sensegen.seeding import derived_seed
from sensegen.windows import WindowShape


class GRUClassifier(ActivityClassifier):
    """Dense with ReLU on frames of `FRAME` samples, one GRU over the frames, the class from mean and last state.

    A frame begins every `STRIDE` samples: a quarter of the steps is a quarter of the time, and no sample is lost. In
    training a share of the frames' units and of the states is dropped out, since a judge has few windows to learn from.
    It sees windows beside their texture (`textured`), as it serves as a judge.
    """

    kind = "gru"
    FRAME = 8
    STRIDE = 4
    DROPOUT = 0.3

    def __init__(self, shape: WindowShape, params: GRUClassifierParams, seed: int):
        super().__init__(name="gru_classifier")
        keras.utils.set_random_seed(derived_seed(seed, self.kind))
        self.frames = keras.layers.Conv1D(
            params.units, self.FRAME, strides=self.STRIDE, padding="same", activation="relu", name="frames"
        )
        self.recurrent = keras.layers.GRU(params.units, return_sequences=True, name="recurrent")
        self.head = keras.layers.Dense(shape.classes, name="logits")
        self.create_variables(shape)

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return self.head(self._states(self._frames(values)))

    def train_logits(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        first_seed, second_seed = tf.unstack(tf.random.split(seed, 2))
        frames = tf.nn.experimental.stateless_dropout(self._frames(values), self.DROPOUT, seed=first_seed)
        states = tf.nn.experimental.stateless_dropout(self._states(frames), self.DROPOUT, seed=second_seed)
        return self.head(states)

    def _frames(self, values: tf.Tensor) -> tf.Tensor:
        return self.frames(with_texture(values))

    def _states(self, frames: tf.Tensor) -> tf.Tensor:
        steps = self.recurrent(frames)
        return tf.concat([tf.reduce_mean(steps, axis=1), steps[:, -1]], axis=-1)  # (batch, 2 * unit)
