"""Tests of the way along transposed series: its own gradient is that of Keras' layer."""

import keras
import numpy as np
import tensorflow as tf

from benchmarks.transposed import CarriedStates, _layer
from sensegen.generators.cse555 import CSE555Model
from sensegen.params.models import LogStddevBounds
from sensegen.windows import WindowShape


def test_gradients_are_those_of_keras_layer_from_the_same_state() -> None:
    draw = np.random.default_rng(0).normal
    inputs, wanted = (tf.constant(draw(size=(10, 4, size)), tf.float32) for size in (3, 8))
    state = tf.constant(draw(size=(2, 4, 8)), tf.float32)
    layer = keras.layers.LSTM(8, return_sequences=True, return_state=True)
    layer.build((None, None, 3))
    told = []
    for way in (_layer, of_keras(layer)):
        with tf.GradientTape() as tape:
            outputs, after = way(layer.cell, inputs, state)
            loss = tf.reduce_sum(tf.square(outputs - wanted))
        told.append([outputs, after, *tape.gradient(loss, layer.trainable_variables)])
    for ours, theirs in zip(*told, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def of_keras(layer: keras.layers.LSTM):
    def way(cell, inputs, state):
        del cell
        outputs, output, memory = layer(tf.transpose(inputs, (1, 0, 2)), initial_state=[state[0], state[1]])
        return tf.transpose(outputs, (1, 0, 2)), tf.stack([output, memory])

    return way


def test_a_segment_goes_on_where_the_last_one_ended() -> None:
    network = CarriedStates(CSE555Model(WindowShape(10, 1, 1), LogStddevBounds(low=-6.0, high=2.0)))
    values = np.random.default_rng(0).normal(size=(4, 10, 1)).astype(np.float32)

    def loss(kept: float) -> float:
        return float(network.batch_loss((values, values, tf.constant(kept)), tf.zeros(2, tf.int32)))

    begun, gone_on, anew = loss(0.0), loss(1.0), loss(0.0)
    assert begun == anew != gone_on
