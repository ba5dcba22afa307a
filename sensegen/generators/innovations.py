"""What each sample adds to what the samples before it foretell: windows as innovations of their class, and back.

A filter of a sensor leaves nothing above 20 Hz, so a sample is foretold by those before it to a thousandth; a network
that guesses samples errs by more than that, and its errors are a white floor under a spectrum that has none. So, class
by class, what the steps of channels have in common is taken out of the later ones (two sensors that nearly say the same
become one of them and a small difference), and each of these gets a linear predictor of its last `ORDER` samples (Burg,
1967, over all windows of the class: stable, and of every order up to that one, for the begin of a window). What it
leaves over is divided by its spread and freed of the correlation that is left. A network only has to guess these
innovations, and what it gets wrong has the spectrum of the class. The map is causal and its determinant is known, so
likelihoods stay exact.
"""

from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from jaxtyping import Float

from sensegen.generators.conditional import of_each_class
from sensegen.windows import Windows, WindowShape

ORDER = 32  # samples; of 8, 16, 32 and 48 on UCI HAR, log spectra were 0.82, 0.33, 0.17 and 0.12 from the real ones
TINY = 1e-6  # scaled units: the spread of what cannot be foretold, where all of it can
LEAST_VARIANCE = 1e-8  # of a channel beside others that say the same, as a share of its own


@dataclass(frozen=True)
class LinearModel:
    """Of one class. `mixing` (channel, channel), unit lower triangular, makes channels of what is not common to them.
    Of these are, by order, `predictors` (order, lag, channel) and `spread` (order, channel); `factor` (channel,
    channel), lower triangular, is of what the last predictors leave over."""

    level: Float[np.ndarray, "channel"]
    mixing: Float[np.ndarray, "channel channel"]
    predictors: Float[np.ndarray, "order lag channel"]
    spread: Float[np.ndarray, "order channel"]
    factor: Float[np.ndarray, "channel channel"]


class Innovations(keras.layers.Layer):
    """The map, for scaled windows (batch, time, channel) and their labels (batch)."""

    def __init__(self, shape: WindowShape):
        super().__init__(name="innovations", trainable=False)
        self.order = min(ORDER, shape.length - 1)
        classes, orders, channels = max(shape.classes, 1), self.order + 1, shape.channels
        for name, size, start in (
            ("level", (channels,), "zeros"),
            ("mixing", (channels, channels), "zeros"),
            ("predictors", (orders, self.order, channels), "zeros"),
            ("spread", (orders, channels), "ones"),
            ("factor", (channels, channels), "zeros"),
        ):
            setattr(self, name, self.add_weight(shape=(classes, *size), initializer=start, name=name))
        self.built = True  # Keras cannot know: it is asked by name and never called
        for matrix in (self.mixing, self.factor):
            matrix.assign(np.repeat(np.eye(channels)[None], classes, axis=0))

    def settle(self, windows: Windows) -> None:
        """Take the linear models from windows; a class without any gets that of all windows."""
        classes = of_each_class(windows, self.level.shape[0])
        models = [linear_model(np.asarray(of_class.values, np.float64), self.order) for of_class in classes]
        for name in ("level", "mixing", "predictors", "spread", "factor"):
            getattr(self, name).assign(np.stack([getattr(model, name) for model in models]))

    def of(self, values: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The innovations (batch, time, channel) of windows: about variance 1, uncorrelated between channels."""
        centred = _solved(self.mixing, values - tf.gather(self.level, labels)[:, None], labels)
        begin = [self._left_over(centred, at, labels) for at in range(self.order)]
        left_over = tf.concat([tf.stack(begin, axis=1), self._rest(centred, labels)], axis=1)
        return _solved(self.factor, left_over, labels)

    def log_scale(self, labels: tf.Tensor, length: int) -> tf.Tensor:
        """Sum over channels of the log (nats) of how much smaller an innovation makes a sample: (batch, time)."""
        orders = tf.minimum(tf.range(length), self.order)
        spread = tf.reduce_sum(tf.math.log(tf.gather(tf.gather(self.spread, labels), orders, axis=1)), axis=-1)
        factor = tf.reduce_sum(tf.math.log(tf.linalg.diag_part(tf.gather(self.factor, labels))), axis=-1)
        return spread + factor[:, None]

    def of_steps(self, labels: tf.Tensor, samples: int) -> "Steps":
        """The way back for windows of these labels, `samples` at a time."""
        stages = range(0, self.order + samples, samples)
        from_past, from_now = zip(*(self._stage(first, samples) for first in stages), strict=True)
        of_labels = (tf.gather(tf.stack(parts), labels, axis=1) for parts in (from_past, from_now))
        return Steps(*of_labels, *(tf.gather(part, labels) for part in (self.factor, self.mixing, self.level)))

    def _stage(self, first: int, samples: int) -> tuple[tf.Tensor, tf.Tensor]:
        """What samples from `first` on are made of, each sample of those before it: (class, sample, lag, channel) of
        past values, the latest first, and (class, sample, sample, channel) of what is left over at each."""
        past: list[tf.Tensor] = []
        now: list[tf.Tensor] = []
        for at in range(samples):
            order = min(first + at, self.order)
            predictors = self.predictors[:, order]
            before = [(earlier, predictors[:, at - 1 - earlier, None]) for earlier in range(at)[-self.order :]]
            begun = tf.pad(predictors[:, at:], ((0, 0), (0, min(at, self.order)), (0, 0)))
            own = self.spread[:, order, None] * tf.one_hot([at], samples)[..., None]
            past.append(begun + sum(weight * past[earlier] for earlier, weight in before))
            now.append(own + sum(weight * now[earlier] for earlier, weight in before))
        return tf.stack(past, axis=1), tf.stack(now, axis=1)

    def _left_over(self, centred: tf.Tensor, at: int, labels: tf.Tensor) -> tf.Tensor:
        """At a step before there are `order` samples: by the predictor of as many as there are."""
        foretold = tf.gather(self.predictors[:, at, :at], labels) * centred[:, :at][:, ::-1]
        return (centred[:, at] - tf.reduce_sum(foretold, axis=1)) / tf.gather(self.spread[:, at], labels)

    def _rest(self, centred: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        predictors = tf.gather(self.predictors[:, self.order], labels)  # (batch, lag, channel)
        left_over, length = centred[:, self.order :], centred.shape[1]
        for lag in range(self.order):
            first = self.order - 1 - lag
            left_over -= predictors[:, lag, None] * centred[:, first : first + length - self.order]
        return left_over / tf.gather(self.spread[:, self.order], labels)[:, None]


class Steps(NamedTuple):
    """Innovations made into samples, step by step; see `Innovations.of_steps`.

    `from_past` is (stage, batch, sample, lag, channel) and `from_now` (stage, batch, sample, sample, channel): a stage
    is a step at the begin of a window, where there are not as many samples before it as the predictors have lags, and
    the last stage is all steps after these.
    """

    from_past: tf.Tensor
    from_now: tf.Tensor
    factor: tf.Tensor
    mixing: tf.Tensor
    level: tf.Tensor

    def values(self, innovations: tf.Tensor, past: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """What innovations (batch, sample, channel) make of a step, after the values `past` (batch, lag, channel), the
        latest first, and nought before the window begins; what is common to channels is still out of it."""
        stage = tf.minimum(step, self.from_past.shape[0] - 1)
        left_over = tf.matmul(innovations, self.factor, transpose_b=True)
        foretold = tf.reduce_sum(self.from_past[stage] * past[:, None], axis=2)
        return foretold + tf.reduce_sum(self.from_now[stage] * left_over[:, None], axis=2)

    def samples(self, values: tf.Tensor) -> tf.Tensor:
        """The samples (batch, sample, channel) of values: with what channels have in common, and their level."""
        return tf.matmul(values, self.mixing, transpose_b=True) + self.level[:, None]


def _solved(factors: tf.Tensor, values: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The inverse of each class's triangular factor times each step of values (batch, time, channel)."""
    inverse = tf.linalg.triangular_solve(factors, tf.eye(factors.shape[1], batch_shape=factors.shape[:1]))
    return tf.einsum("bij,btj->bti", tf.gather(inverse, labels), values)


def linear_model(values: Float[np.ndarray, "window time channel"], order: int) -> LinearModel:
    """The linear model of a class, from its windows."""
    level = values.mean(axis=(0, 1))
    mixing = mixing_of(values)
    centred = np.linalg.solve(mixing, (values - level).mT).mT
    by_channel = [burg(centred[..., channel], order) for channel in range(values.shape[2])]
    predictors, spread, left_over = (np.stack(parts, axis=-1) for parts in zip(*by_channel, strict=True))
    covariance = np.mean(np.einsum("wti,wtj->wij", left_over, left_over), axis=0) / left_over.shape[1]
    factor = np.linalg.cholesky(covariance + TINY * np.eye(len(covariance)))
    return LinearModel(level, mixing, predictors, spread, factor)


def mixing_of(values: Float[np.ndarray, "window time channel"]) -> Float[np.ndarray, "channel channel"]:
    """How much of the steps of earlier channels is in those of later ones: unit lower triangular."""
    steps = np.diff(values, axis=1).reshape(-1, values.shape[2])
    covariance = steps.T @ steps / len(steps)
    factor = np.linalg.cholesky(covariance + LEAST_VARIANCE * np.diag(covariance.diagonal() + TINY))
    return factor / factor.diagonal()


def burg(
    series: Float[np.ndarray, "window time"], order: int
) -> tuple[Float[np.ndarray, "order lag"], Float[np.ndarray, "order"], Float[np.ndarray, "window rest"]]:
    """Predictors of every order up to `order`, the spread of what each leaves over, and what the last one leaves over,
    divided by its spread (Burg, 1967; the reflection coefficients are those of all windows together)."""
    forward = backward = series
    predictors, variance = np.zeros((order + 1, order)), np.zeros(order + 1)
    variance[0] = np.mean(np.square(series))
    for at in range(1, order + 1):
        forward, backward = forward[:, 1:], backward[:, :-1]
        energy = np.sum(np.square(forward)) + np.sum(np.square(backward))
        reflection = 2 * np.sum(forward * backward) / energy if energy else 0.0
        before = predictors[at - 1, : at - 1]
        predictors[at, : at - 1] = before - reflection * before[::-1]
        predictors[at, at - 1] = reflection
        forward, backward = forward - reflection * backward, backward - reflection * forward
        variance[at] = variance[at - 1] * (1 - reflection**2)
    spread = np.sqrt(variance) + TINY
    return predictors, spread, forward / spread[order]
