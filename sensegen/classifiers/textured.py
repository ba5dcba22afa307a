"""Windows beside their own texture, and the convolutional network that sees both: what a judge is made of.

A person who stands still is a hundredth of the amplitude of one who walks, and a network that sees scaled values alone
sees a straight line where a generator's noise is. So a judge gets every channel twice: as it is, and brought to mean 0
and standard deviation 1 within its window.
"""

import tensorflow as tf

from sensegen.classifiers.activity import CNNClassifier

LARGEST = 50.0
STEADY = 1e-3  # scaled units; what varies less than this is shown smaller than standard deviation 1


def with_texture(values: tf.Tensor) -> tf.Tensor:
    """Windows (batch, time, channel) as (batch, time, 2 * channel); scaled values beyond 50 are read as 50."""
    values = tf.clip_by_value(values, -LARGEST, LARGEST)
    mean, variance = tf.nn.moments(values, axes=[1], keepdims=True)
    return tf.concat([values, (values - mean) / tf.sqrt(variance + STEADY**2)], axis=-1)


class TexturedCNN(CNNClassifier):
    """The convolutional classifier on windows beside their texture."""

    kind = "textured_cnn"

    def _features(self, values: tf.Tensor, *, training: bool) -> tf.Tensor:
        return super()._features(with_texture(values), training=training)
