"""How far two sets of windows are apart, by which a generator without a likelihood is watched."""

import tensorflow as tf


def energy_distance(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """2 E|x - y| - E|x - x'| - E|y - y'| of the rows of two matrices (row, number); without bias.

    0 for two draws of one distribution, and above it for any others (Szekely & Rizzo, 2013). Lengths are taken per
    root of the count of numbers, so that they stay the same size.
    """
    between = tf.reduce_mean(_lengths(one, other))
    return 2 * between - _within(one) - _within(other)


def _lengths(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    squares = [tf.reduce_sum(tf.square(side), axis=1) for side in (one, other)]
    apart = squares[0][:, None] + squares[1] - 2 * tf.matmul(one, other, transpose_b=True)
    return tf.sqrt(tf.maximum(apart, 0.0) / one.shape[1])


def _within(rows: tf.Tensor) -> tf.Tensor:
    """The mean over pairs of two different rows; 0 of one row."""
    count = tf.cast(tf.shape(rows)[0], tf.float32)
    lengths = _lengths(rows, rows)
    # A row is at no distance from itself; rounding says otherwise.
    apart = tf.reduce_sum(lengths) - tf.linalg.trace(lengths)
    return apart / tf.maximum(count * (count - 1), 1.0)
