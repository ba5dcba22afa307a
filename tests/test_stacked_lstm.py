"""A stack of LSTM layers run with its own gradient is Keras' layers one after another: same outputs, same gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sensegen.generators.mixture_rnn import one_after_another
from sensegen.generators.stacked_lstm import outputs_of, stepper

UNITS, LENGTH, CHANNELS = 5, 11, 3


def layers(count: int) -> list[keras.layers.LSTM]:
    keras.utils.set_random_seed(0)
    made = [keras.layers.LSTM(UNITS, return_sequences=True) for _ in range(count)]
    one_after_another(made, tf.zeros((1, LENGTH, CHANNELS)), "float32")
    for layer in made:
        rng = np.random.default_rng(1)
        layer.set_weights([weight + 0.3 * rng.normal(size=weight.shape) for weight in layer.get_weights()])
    return made


def outputs_and_gradients(way, stack: list[keras.layers.LSTM], precision: str, xla: bool) -> list[np.ndarray]:
    values = tf.random.stateless_normal((7, LENGTH, CHANNELS), [1, 2])
    target = tf.random.stateless_normal((7, LENGTH, UNITS), [3, 4])
    weights = [weight for layer in stack for weight in layer.trainable_variables]

    @tf.function(jit_compile=xla)
    def run(values: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = way(stack, values, precision)
            loss = tf.reduce_sum(tf.square(outputs - target))
        return [outputs, *tape.gradient(loss, [values, *weights])]

    return [part.numpy() for part in run(values)]


@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_outputs_and_gradients_are_those_of_keras(count, xla):
    stack = layers(count)
    theirs, ours = (
        outputs_and_gradients(way, stack, "float32", way is outputs_of and xla)
        for way in (one_after_another, outputs_of)
    )
    assert len(ours) == 2 + 3 * count  # outputs, inputs; of each layer kernel, recurrent kernel, bias
    for expected, found in zip(theirs, ours, strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_bfloat16_is_as_near_as_its_eight_bits_let_it_be():
    stack = layers(3)
    theirs = outputs_and_gradients(one_after_another, stack, "float32", xla=False)
    for expected, found in zip(theirs, outputs_and_gradients(outputs_of, stack, "bfloat16", xla=False), strict=True):
        # How far one number is off depends on the order of the processor's sums; together they are nearer.
        assert 0 < np.linalg.norm(found - expected) < 0.02 * np.linalg.norm(expected)
        assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()


def test_layers_that_have_no_weights_yet_get_those_that_keras_gives_them():
    keras.utils.set_random_seed(7)
    fresh = [keras.layers.LSTM(UNITS, return_sequences=True, name=f"recurrent_{at}") for at in range(2)]
    outputs_of(fresh, tf.zeros((1, LENGTH, CHANNELS)), "float32")
    assert [layer.cell.kernel.shape for layer in fresh] == [(CHANNELS, 4 * UNITS), (UNITS, 4 * UNITS)]
    assert fresh[1].cell.bias.numpy() == pytest.approx([0] * UNITS + [1] * UNITS + [0] * 2 * UNITS)  # unit forget bias


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.02)])
def test_step_by_step_is_the_whole_sequence(precision, tolerance):
    stack = layers(2)
    values = tf.random.stateless_normal((7, LENGTH, CHANNELS), [1, 2])
    whole = outputs_of(stack, values, precision).numpy()
    step, states = stepper(stack, precision), [[tf.zeros((7, UNITS)), tf.zeros((7, UNITS))]] * 2
    for at in range(LENGTH):
        outputs, states = step(values[:, at], states)
        assert outputs.numpy() == pytest.approx(whole[:, at], abs=tolerance)
