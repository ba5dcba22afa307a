"""Keras' GRU by loops of our own: the same outputs, gradients, and gradients of a penalty on gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sensegen.generators.gated_units import SEGMENT, by_layer, outputs_of


def penalty(layers: list[keras.layers.GRU], by, values: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Outputs of (time, batch, feature) values, the slope of what is made of them, and the gradients of weights by a
    loss of both (Gulrajani et al., 2017, equation 3)."""
    weights = [weight for layer in layers for weight in layer.trainable_variables]

    @tf.function
    def graph(values: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(values)
                outputs = values
                for layer in layers:
                    outputs = by(layer, outputs)
                judged = tf.reduce_sum(tf.reduce_mean(outputs, axis=0) + tf.square(outputs[-1]), axis=-1)
            slope = inner.gradient(judged, values)
            norms = tf.sqrt(tf.reduce_sum(tf.square(slope), axis=(0, 2)) + 1e-12)
            loss = tf.reduce_mean(tf.square(norms - 1)) + tf.reduce_mean(judged)
        return outputs, slope, *tape.gradient(loss, weights)

    return graph(values)


def built(units: int, features: int, draw: np.random.Generator) -> list[keras.layers.GRU]:
    layers = [keras.layers.GRU(units, return_sequences=True) for _ in range(2)]
    for layer, width in zip(layers, (features, units), strict=True):
        layer.build((None, None, width))
        for weight in layer.trainable_variables:
            weight.assign(draw.normal(size=weight.shape, scale=0.5))
    return layers


@pytest.mark.parametrize("length", [1, 5, SEGMENT + 3])
def test_outputs_gradients_and_those_of_a_penalty_are_those_of_keras(length):
    draw = np.random.default_rng(length)
    layers = built(6, 4, draw)
    values = tf.constant(draw.normal(size=(length, 3, 4)), tf.float32)
    for ours, theirs in zip(penalty(layers, outputs_of, values), penalty(layers, by_layer, values), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * float(tf.reduce_max(tf.abs(theirs))))


def test_what_has_no_second_gradient_says_so():
    (layer, _) = built(3, 2, np.random.default_rng(0))
    values = tf.zeros((2, 1, 2))
    with tf.GradientTape() as tape, pytest.raises(NotImplementedError, match="only those of its inputs"):
        with tf.GradientTape() as inner:
            loss = tf.reduce_sum(outputs_of(layer, values))
        of_kernel = inner.gradient(loss, layer.cell.recurrent_kernel)
        tape.gradient(of_kernel, layer.cell.recurrent_kernel)
