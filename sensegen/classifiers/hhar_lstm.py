"""The HHAR seed system: an LSTM for phones' accelerometers, trained with TensorFlowOnSpark on Hops.

Windows of 200 samples of x, y and z, six activities and null. With 64 units it has 3*64 + 2*4*(64*64 + 64*64) + 64*7
= 66,176 weights besides the biases. It reports 97 % after 50 epochs, by a random split of windows that overlap by
nine tenths: the same seconds stand on both sides, so that number is none of people never seen.
"""

import keras
import tensorflow as tf

from sensegen.classifiers.activity import ActivityClassifier
from sensegen.params.models import HHARLSTMClassifierParams
from sensegen.seeding import derived_seed
from sensegen.windows import WindowShape


class HHARLSTMClassifier(ActivityClassifier):
    """Dense with ReLU on each step, two LSTMs, the class from the last step by a second dense layer.

    As LSTMClassifier, but with more units, and without dropout and penalty.
    """

    kind = "hhar_lstm"

    def __init__(self, shape: WindowShape, params: HHARLSTMClassifierParams, seed: int):
        super().__init__(name="hhar_lstm_classifier")
        keras.utils.set_random_seed(derived_seed(seed, self.kind))
        self.inputs_layer = keras.layers.Dense(params.units, activation="relu", name="inputs")
        self.first = keras.layers.LSTM(params.units, return_sequences=True, name="first")
        self.second = keras.layers.LSTM(params.units, name="second")
        self.head = keras.layers.Dense(shape.classes, name="logits")
        self.create_variables(shape)

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return self.head(self.second(self.first(self.inputs_layer(values))))
