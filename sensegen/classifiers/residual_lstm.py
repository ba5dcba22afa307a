"""Residual bidirectional LSTMs (after Chevalier's HAR-stacked-residual-bidir-LSTMs, 2016).

There: blocks of two or three bidirectional LSTMs, each behind a dense layer with ReLU, whose outputs are added up, 28
units, normalised by all numbers of a batch at a time step; the class from the last step. On UCI HAR its 3x3 stack
ends at 89.92 % and is at 93.35 % in its best epoch on the test people, which is the number it is known for.

What departs: what is added to the output of an LSTM is its own input (He et al., 2016), since those of one block there
all read the same input and none is passed around; normalisation is over the units of each step (Ba et al., 2016),
which needs no statistics of a batch; and the class is told from the mean over time, as at the last step the LSTM that
runs backwards has seen one sample only.
"""

import keras
import tensorflow as tf

from sensegen.classifiers.activity import ActivityClassifier
from sensegen.params.models import ResidualLSTMClassifierParams
from sensegen.seeding import derived_seed
from sensegen.windows import WindowShape


class ResidualLSTMClassifier(ActivityClassifier):
    """Dense on each step, then layers x -> normalised(x + LSTM forwards and backwards of x), averaged over time."""

    kind = "residual_lstm"
    DROPOUT = 0.15

    def __init__(self, shape: WindowShape, params: ResidualLSTMClassifierParams, seed: int):
        super().__init__(name="residual_lstm_classifier")
        keras.utils.set_random_seed(derived_seed(seed, self.kind))
        self.inputs_layer = keras.layers.Dense(params.units, activation="relu", name="inputs")
        self.recurrent = [_both_ways(params.units // 2, at) for at in range(params.layers)]
        self.norms = [keras.layers.LayerNormalization(name=f"norm_{at}") for at in range(params.layers)]
        self.head = keras.layers.Dense(shape.classes, name="logits")
        self.create_variables(shape)

    def call(self, values: tf.Tensor) -> tf.Tensor:
        steps = self.inputs_layer(values)
        for recurrent, norm in zip(self.recurrent, self.norms, strict=True):
            steps = norm(steps + recurrent(steps))
        return self.head(tf.reduce_mean(steps, axis=1))

    def train_logits(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, len(self.recurrent)))
        steps = self.inputs_layer(values)
        for recurrent, norm, own_seed in zip(self.recurrent, self.norms, seeds, strict=True):
            dropped = tf.nn.experimental.stateless_dropout(recurrent(steps), self.DROPOUT, seed=own_seed)
            steps = norm(steps + dropped)
        return self.head(tf.reduce_mean(steps, axis=1))


def _both_ways(units: int, at: int) -> keras.layers.Layer:
    forwards = keras.layers.LSTM(units, return_sequences=True, name=f"recurrent_{at}")
    return keras.layers.Bidirectional(forwards, name=f"both_ways_{at}")
