"""Tests of the way along transposed series: its own gradient is that of Keras' layer."""

import keras
import numpy as np
import tensorflow as tf

from benchmarks import anchor
from benchmarks.transposed import CarriedStates, Segments, _layer


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
    network = CarriedStates(anchor.notebook_model())
    values = np.random.default_rng(0).normal(size=(4, anchor.SEGMENT, 1)).astype(np.float32)

    def loss(kept: float) -> float:
        return float(network.batch_loss((values, values, tf.constant(kept)), tf.zeros(2, tf.int32)))

    begun, gone_on, anew = loss(0.0), loss(1.0), loss(0.0)
    assert begun == anew != gone_on


def test_segments_tell_each_value_the_one_before_and_begin_anew_with_every_epoch() -> None:
    batches = Segments(np.arange(2 * 43, dtype=np.float32).reshape(2, 43, 1), length=20)
    (first, targets, begun), (second, _, gone_on), (again, _, anew) = (batches(step) for step in range(3))
    np.testing.assert_array_equal(targets, first + 1)
    np.testing.assert_array_equal(second, first + 20)
    np.testing.assert_array_equal(again, first)
    assert (batches.epoch_steps, begun, gone_on, anew) == (2, 0, 1, 0)


def test_the_anchor_has_the_layers_that_the_notebook_printed_and_begins_as_they_did() -> None:
    model = anchor.notebook_model()
    model.create_variables()
    shapes = [tuple(variable.shape) for variable in model.trainable_variables]
    assert shapes == [(1, 1024), (256, 1024), (1024,), (256, 128), (128,), (128, 72), (72,)]
    # A normal distribution cut off at two standard deviations keeps 0.88 of its own.
    assert abs(float(np.std(model.hidden.kernel)) / (0.2 * 0.88) - 1) < 0.05


def test_the_anchor_s_table_has_the_epochs_that_notebooks_are_known_for() -> None:
    rows = [
        {"epoch": str(epoch), "loss": "-0.5", "gradient_norm": "3", "held_out_loss": "0.25" if epoch % 50 == 0 else ""}
        for epoch in range(1, 1601)
    ]
    found = list(anchor.shown(rows))
    assert [line[0] for line in found] == ["100", "500", "1,000", "1,500", "1,516"]
    assert found[0] == ["100", "-0.56", "-0.30", "-0.50", "3.00", "0.25"]
    assert found[-1] == ["1,516", "NaN", "-", "-0.50", "3.00", "-"]
