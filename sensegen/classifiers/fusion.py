"""CNNs that fuse several sensors early, late or by shared filters (Münzner et al., ISWC 2017), as a lecture has them.

Two or three convolutions of 32 filters along time, each with batch normalisation and ReLU, max pooling by two between
two of them, dense 256, softmax. What differs is which channels a set of filters sees:

    EarlyFusion          EF     one set over all channels together
    SensorLateFusion     SB-LF  a set a sensor, over the channels of that sensor
    ChannelLateFusion    CB-LF  a set a channel
    SharedFilterHybrid   SF-HF  one set for every channel by itself; the dense layer sees each channel's features

The lecture gives the parameters of the networks of two layers on PAMAP2, and no kernel, length or channel. They follow:
conv 1 has 32 (3 c + 1) parameters a branch of c channels (kernel 3, with a bias): 128 for one channel, 7 times that a
channel apart, so there are 7 channels, in 3 sensors. The dense layer sees 124 steps of 32 filters a branch (of one
channel in SF-HF); the softmax has 7 classes. Conv 2 has 4,096 = 4 x 32 x 32 a branch: kernel 4 without a bias, which
batch normalisation takes away anyhow. A window of 256 samples then leaves 254, pooled 127, and 124 steps: every number
of the table is met, and tested. The numbers alone do not prove it: kernel 3 twice and no pooling make 124 steps of 128
samples, with a conv 2 of 3,104 that would be 4,096 if a bias were counted for each pair of filters.

What is ours: a third convolution has kernel 4, too, behind another pooling (the table has no parameters for it), and
batch normalisation, which the table does not count, has 64 weights and 64 moments more a convolution. Which 7 channels
of PAMAP2 these are cannot be told (3 + 3 + 1 would be an accelerometer, a gyroscope and the heart rate).
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import keras
import tensorflow as tf

from sensegen.classifiers.activity import ActivityClassifier
from sensegen.params.models import FusionClassifierParams
from sensegen.seeding import derived_seed
from sensegen.windows import WindowShape

FILTERS = 32
HIDDEN = 256
KERNELS = (3, 4, 4)
POOLED = 2
MOMENTUM = 0.9  # Keras' own 0.99 needs hundreds of steps before the moving averages mean anything


def steps_left(length: int, layers: int) -> int:
    """Time steps behind the last of `layers` convolutions, of a window of `length` samples.

    Raises:
        ValueError: if none is left.
    """
    left = length - KERNELS[0] + 1
    for kernel in KERNELS[1:layers]:
        left = left // POOLED - kernel + 1
    if left < 1:
        raise ValueError(
            f"{layers} convolutions with pooling leave nothing of a window of {length} samples. "
            "Take longer windows (window.window_seconds) or fewer layers."
        )
    return left


class FusionCNN(ActivityClassifier):
    """Abstract: features of each branch side by side, dense 256, logits; a subclass says what a branch is."""

    def __init__(self, shape: WindowShape, params: FusionClassifierParams, seed: int):
        super().__init__(name=f"{self.kind}_{params.layers}")
        steps_left(shape.length, params.layers)
        _require_each_once(params.sensors, shape.channels)
        keras.utils.set_random_seed(derived_seed(seed, self.kind, params.layers))
        self.layers_of_a_branch = params.layers
        self.make_branches(shape, params.sensors)
        self.hidden = keras.layers.Dense(HIDDEN, activation="relu", name="hidden")
        self.head = keras.layers.Dense(shape.classes, name="logits")
        self.create_variables(shape)

    @abstractmethod
    def make_branches(self, shape: WindowShape, sensors: Sequence[Sequence[int]]) -> None:
        """Make the convolutions."""

    @abstractmethod
    def features(self, values: tf.Tensor, *, training: bool) -> tf.Tensor:
        """What the dense layer sees: (batch, branch x step x filter)."""

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return self.head(self.hidden(self.features(values, training=False)))

    def train_logits(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        del seed  # nothing is drawn
        return self.head(self.hidden(self.features(values, training=True)))

    def convolutions(self, name: str) -> keras.Sequential:
        """The convolutions of one branch, (batch, time, channel) to (batch, step, filter)."""
        steps: list[keras.Layer] = []
        for at, kernel in enumerate(KERNELS[: self.layers_of_a_branch]):
            if at:
                steps.append(keras.layers.MaxPooling1D(POOLED))
            steps.append(keras.layers.Conv1D(FILTERS, kernel, use_bias=at == 0, name=f"convolution_{at + 1}"))
            steps += [keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"norm_{at + 1}"), keras.layers.ReLU()]
        return keras.Sequential(steps, name=name)


class BranchedFusion(FusionCNN):
    """Abstract: a set of filters for each group of channels."""

    @abstractmethod
    def groups(self, channels: int, sensors: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
        """The channels of each branch."""

    def make_branches(self, shape: WindowShape, sensors: Sequence[Sequence[int]]) -> None:
        self.seen = [list(group) for group in self.groups(shape.channels, sensors)]
        self.branches = [self.convolutions(f"branch_{at}") for at in range(len(self.seen))]

    def features(self, values: tf.Tensor, *, training: bool) -> tf.Tensor:
        own = [tf.gather(values, group, axis=-1) for group in self.seen]
        found = [branch(part, training=training) for branch, part in zip(self.branches, own, strict=True)]
        return tf.concat([_flat(each) for each in found], axis=-1)


class EarlyFusion(BranchedFusion):
    """EF: one set of filters sees all channels together."""

    kind: ClassVar[str] = "early"

    def groups(self, channels: int, sensors: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
        return [range(channels)]


class SensorLateFusion(BranchedFusion):
    """SB-LF: each sensor has filters of its own, over its channels."""

    kind: ClassVar[str] = "sensor_late"

    def groups(self, channels: int, sensors: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
        return sensors


class ChannelLateFusion(BranchedFusion):
    """CB-LF: each channel has filters of its own."""

    kind: ClassVar[str] = "channel_late"

    def groups(self, channels: int, sensors: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
        return [[channel] for channel in range(channels)]


class SharedFilterHybrid(FusionCNN):
    """SF-HF: the same filters go over every channel; what differs between channels, the dense layer has to know."""

    kind: ClassVar[str] = "shared_filter"

    def make_branches(self, shape: WindowShape, sensors: Sequence[Sequence[int]]) -> None:
        self.shared = self.convolutions("shared")

    def features(self, values: tf.Tensor, *, training: bool) -> tf.Tensor:
        batch, (length, channels) = tf.shape(values)[0], values.shape[1:]
        apart = tf.reshape(tf.transpose(values, [0, 2, 1]), [-1, length, 1])  # (batch x channel, time, 1)
        found = _flat(self.shared(apart, training=training))
        return tf.reshape(found, [batch, channels * found.shape[-1]])


FUSIONS: dict[str, type[FusionCNN]] = {
    each.kind: each for each in (EarlyFusion, SensorLateFusion, ChannelLateFusion, SharedFilterHybrid)
}


def _flat(features: tf.Tensor) -> tf.Tensor:
    return tf.reshape(features, [-1, features.shape[1] * features.shape[2]])


def _require_each_once(sensors: Sequence[Sequence[int]], channels: int) -> None:
    named = sorted(channel for sensor in sensors for channel in sensor)
    if named != list(range(channels)) or not all(sensors):
        raise ValueError(f"sensors must name each of the {channels} channels (from 0) once, but are {list(sensors)}.")
