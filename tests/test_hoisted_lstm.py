"""The LSTM with its own gradient is Keras' LSTM: same weights, same outputs, same gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sensegen.generators.hoisted_lstm import HoistedLSTM

UNITS, LENGTH, CHANNELS = 5, 11, 3


@pytest.fixture
def layers() -> tuple[keras.layers.LSTM, HoistedLSTM]:
    keras.utils.set_random_seed(0)
    theirs, ours = keras.layers.LSTM(UNITS, return_sequences=True, name="one"), HoistedLSTM(UNITS, name="two")
    for layer in (theirs, ours):
        layer.build((None, LENGTH, CHANNELS))
    ours.set_weights(
        [weight + 0.3 * np.random.default_rng(1).normal(size=weight.shape) for weight in ours.get_weights()]
    )
    theirs.set_weights(ours.get_weights())
    return theirs, ours


def outputs_and_gradients(layer: keras.layers.LSTM, xla: bool) -> list[np.ndarray]:
    values = tf.random.stateless_normal((7, LENGTH, CHANNELS), [1, 2])
    target = tf.random.stateless_normal((7, LENGTH, UNITS), [3, 4])

    @tf.function(jit_compile=xla)
    def run(values: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = layer(values)
            loss = tf.reduce_sum(tf.square(outputs - target))
        return [outputs, *tape.gradient(loss, [values, *layer.trainable_variables])]

    return [part.numpy() for part in run(values)]


@pytest.mark.parametrize("xla", [False, True])
def test_outputs_and_gradients_are_those_of_keras(layers, xla):
    theirs, ours = (outputs_and_gradients(layer, xla) for layer in layers)
    assert len(ours) == 5  # outputs; inputs, kernel, recurrent kernel, bias
    for expected, found in zip(theirs, ours, strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_weights_have_the_names_and_the_start_of_keras(layers):
    theirs, ours = layers
    assert [weight.name for weight in ours.weights] == [weight.name for weight in theirs.weights]
    keras.utils.set_random_seed(7)
    fresh = HoistedLSTM(UNITS, name="fresh")
    fresh.build((None, LENGTH, CHANNELS))
    assert fresh.cell.bias.numpy() == pytest.approx([0] * UNITS + [1] * UNITS + [0] * 2 * UNITS)  # unit forget bias


def test_what_it_cannot_do_is_refused(layers):
    _, ours = layers
    with pytest.raises(ValueError, match="knows no mask"):
        ours(tf.zeros((1, LENGTH, CHANNELS)), mask=tf.ones((1, LENGTH), tf.bool))
