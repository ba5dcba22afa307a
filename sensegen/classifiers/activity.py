"""Networks that tell the activity of a window, each with its own loss; the judges of TRTR and TSTR."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from sensegen.params.models import CNNClassifierParams, LSTMClassifierParams
from sensegen.seeding import derived_seed
from sensegen.windows import WindowShape

PREDICTING_BATCH = 1024


class ActivityClassifier(keras.Model):
    """Abstract: logits (batch, class) of windows (batch, time, channel), trained on cross-entropy."""

    kind: ClassVar[str]
    head: Any  # the last layer, whose units are the classes
    class_weights: tf.Tensor | None = None

    def weigh_classes(self, class_weights: np.ndarray) -> None:
        """Let a window of class `c` count `class_weights[c]` times in the loss; before the first step."""
        self.class_weights = tf.constant(class_weights, tf.float32)

    def create_variables(self, shape: WindowShape) -> None:
        """Make the weights; a subclass calls this last."""
        self(tf.zeros((1, shape.length, shape.channels)))
        self._predict_batch = tf.function(self.call, reduce_retracing=True)

    def batch_loss(self, batch: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
        """Mean cross-entropy (nats) of a batch of (values, labels), and the penalty on the weights."""
        values, labels = batch
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, self.train_logits(values, seed))
        if self.class_weights is not None:
            losses *= tf.gather(self.class_weights, labels)
        return tf.reduce_mean(losses) + self.penalty()

    def train_logits(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The logits in training; a subclass with random layers draws from `seed`."""
        del seed
        return self(values)

    def penalty(self) -> tf.Tensor:
        """What the loss adds for large weights."""
        return tf.constant(0.0)

    def predict_labels(self, values: np.ndarray) -> np.ndarray:
        """The likeliest class of each window."""
        return np.argmax(self.logits(values), axis=-1)

    def logits(self, values: np.ndarray) -> np.ndarray:
        """The logits (window, class) of many windows, in batches."""
        return in_batches(self._predict_batch, values, width=self.head.units)


def in_batches(function: Callable[[tf.Tensor], tf.Tensor], values: np.ndarray, width: int) -> np.ndarray:
    """What a compiled function makes of many windows: `width` numbers each."""
    parts = [np.empty((0, width), np.float32)]
    for first in range(0, len(values), PREDICTING_BATCH):
        parts.append(function(tf.constant(values[first : first + PREDICTING_BATCH], tf.float32)).numpy())
    return np.concatenate(parts)


class LSTMClassifier(ActivityClassifier):
    """Dense 32 on each step, two LSTM 32 with forget bias 1, the class from the last step; L2 on all weights.

    The UCI HAR seed system (Chevalier, 2016): 91.65 % at its last epoch with batches of 1,500 and 300 passes.
    Unlike there, in training the channels of a window are mixed a little and moved by random constants, since no two
    people wear a phone at the same angle, every value gets noise, and what enters each LSTM is dropped out. Over all
    21 training people of UCI HAR, each predicted by networks of two seeds that had not seen them, offsets and noise
    lift the accuracy from 0.910 to 0.918, and mixing to 0.922.
    """

    kind = "lstm"
    MIXING = 0.1  # standard deviation of what a channel takes of each channel
    OFFSET = 0.1  # standard deviations, in scaled units
    NOISE = 0.1
    DROPOUT = 0.4

    def __init__(self, shape: WindowShape, params: LSTMClassifierParams, seed: int):
        super().__init__(name="lstm_classifier")
        keras.utils.set_random_seed(derived_seed(seed, self.kind))
        self.l2 = params.l2
        self.inputs_layer = keras.layers.Dense(params.units, activation="relu", name="inputs")
        self.first = keras.layers.LSTM(params.units, return_sequences=True, name="first")
        self.second = keras.layers.LSTM(params.units, name="second")
        self.head = keras.layers.Dense(shape.classes, name="logits")
        self.create_variables(shape)

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return self.head(self.second(self.first(self.inputs_layer(values))))

    def train_logits(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        mixing_seed, offset_seed, noise_seed, first_seed, second_seed = tf.unstack(tf.random.split(seed, 5))
        windows, channels = tf.shape(values)[0], values.shape[2]
        mixing = tf.random.stateless_normal((windows, channels, channels), mixing_seed)
        offsets = tf.random.stateless_normal((windows, 1, channels), offset_seed)
        noise = tf.random.stateless_normal(tf.shape(values), noise_seed)
        values += self.MIXING * (values @ mixing) + self.OFFSET * offsets + self.NOISE * noise
        steps = self.inputs_layer(values)
        steps = tf.nn.experimental.stateless_dropout(steps, self.DROPOUT, seed=first_seed)
        steps = tf.nn.experimental.stateless_dropout(self.first(steps), self.DROPOUT, seed=second_seed)
        return self.head(self.second(steps))

    def penalty(self) -> tf.Tensor:
        return self.l2 * tf.add_n([tf.nn.l2_loss(variable) for variable in self.trainable_variables])


class CNNClassifier(ActivityClassifier):
    """Three convolutions along time with batch normalisation, averaged over time (FCN; Wang et al., 2017).

    Scaled values beyond 50 are read as 50: real ones come nowhere near, while a single spike of 1e9 would
    swallow the batch's variance, and the network with it would see nothing of any window.
    """

    kind = "cnn"
    KERNELS = (8, 5, 3)
    WIDTHS = (1, 2, 1)
    DROPOUT = 0.3
    MOMENTUM = 0.9  # Keras' own 0.99 needs hundreds of steps before the moving averages mean anything
    LARGEST = 50.0

    def __init__(self, shape: WindowShape, params: CNNClassifierParams, seed: int):
        super().__init__(name="cnn_classifier")
        keras.utils.set_random_seed(derived_seed(seed, self.kind))
        self.convolutions = [
            keras.layers.Conv1D(
                params.filters * width, kernel, padding="same", use_bias=False, name=f"convolution_{at}"
            )
            for at, (width, kernel) in enumerate(zip(self.WIDTHS, self.KERNELS, strict=True))
        ]
        self.norms = [
            keras.layers.BatchNormalization(momentum=self.MOMENTUM, name=f"norm_{at}")
            for at in range(len(self.KERNELS))
        ]
        self.head = keras.layers.Dense(shape.classes, name="logits")
        self.create_variables(shape)
        self._feature_batch = tf.function(partial(self._features, training=False), reduce_retracing=True)

    def features(self, values: np.ndarray) -> np.ndarray:
        """What the last layer sees of many windows: (window, filter), each channel's mean over time."""
        return in_batches(self._feature_batch, values, width=self.head.kernel.shape[0])

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return self.head(self._features(values, training=False))

    def train_logits(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        features = self._features(values, training=True)
        return self.head(tf.nn.experimental.stateless_dropout(features, self.DROPOUT, seed=seed))

    def _features(self, values: tf.Tensor, *, training: bool) -> tf.Tensor:
        values = tf.clip_by_value(values, -self.LARGEST, self.LARGEST)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            values = tf.nn.relu(norm(convolution(values), training=training))
        return tf.reduce_mean(values, axis=1)  # (batch, filter)
