"""Innovations: the linear process is recovered, the map has its inverse, and likelihoods keep their unit."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import lfilter
from scipy.stats import multivariate_normal

from sensegen.generators.innovations import TINY, Innovations, burg
from sensegen.windows import Windows

POLES = np.poly([0.9 * np.exp(0.5j), 0.9 * np.exp(-0.5j)]).real  # x_t = -POLES[1] x_(t-1) - POLES[2] x_(t-2) + noise
LENGTH = 64


def process(windows: int, seed: int, spread: float = 0.5) -> np.ndarray:
    """Stretches of a stationary autoregression of order 2."""
    noise = spread * np.random.default_rng(seed).normal(size=(windows, LENGTH + 200))
    return lfilter([1.0], POLES, noise, axis=1)[:, 200:]


def windows_of(values: np.ndarray) -> Windows:
    labels = np.arange(len(values)) % 2
    channels = values.shape[2]
    return Windows(
        values.astype(np.float32), labels, ("p",) * len(values), ("c",) * channels, ("a", "b"), 50.0, ("g",) * channels
    )


def two_processes(count: int) -> Windows:
    """Class b has ten times the amplitude of a, and another level; the channels move together."""
    first, second = process(count, 0), process(count, 1)
    values = np.stack([first, first + 0.1 * second], axis=-1)
    amplitude, level = np.array([1.0, 10.0]), np.array([0.0, 3.0])
    labels = np.arange(count) % 2
    return windows_of(values * amplitude[labels, None, None] + level[labels, None, None])


def settled(windows: Windows) -> Innovations:
    layer = Innovations(windows.shape)
    layer.settle(windows)
    return layer


def test_burg_recovers_an_autoregression():
    predictors, spread, left_over = burg(process(500, seed=0), order=4)
    assert predictors[2, :2] == pytest.approx(-POLES[1:], abs=0.02)
    assert predictors[4] == pytest.approx([*-POLES[1:], 0, 0], abs=0.03)
    assert spread[2:] == pytest.approx(0.5, rel=0.02)
    assert left_over.std() == pytest.approx(1, rel=0.02)


def test_innovations_are_white_alike_in_every_class_and_uncorrelated_between_channels():
    windows = two_processes(2_000)
    found = settled(windows).of(tf.constant(windows.values), tf.constant(windows.labels)).numpy()
    for label in (0, 1):
        of_class = found[windows.labels == label]
        assert of_class.std(axis=(0, 1)) == pytest.approx(1, rel=0.05)
        assert abs(np.corrcoef(of_class.reshape(-1, 2).T)[0, 1]) < 0.02
        assert abs(np.mean(of_class[:, 1:] * of_class[:, :-1])) < 0.02


@pytest.mark.parametrize("samples", [1, 4, 5, 64])
def test_samples_made_of_innovations_are_the_samples_that_these_were_found_in(samples):
    windows = two_processes(40)
    layer, labels = settled(windows), tf.constant(windows.labels)
    found = layer.of(tf.constant(windows.values), labels)
    way_back, past = layer.of_steps(labels, samples), tf.zeros((len(windows), layer.order, 2))
    for step, first in enumerate(range(0, LENGTH - samples + 1, samples)):
        rows = slice(first, first + samples)
        values = way_back.values(found[:, rows], past, tf.constant(step))
        past = tf.concat([values[:, ::-1], past], axis=1)[:, : layer.order]
        assert way_back.samples(values).numpy() == pytest.approx(windows.values[:, rows], rel=1e-3, abs=1e-2)


def test_the_likelihood_of_a_gaussian_process_is_exact():
    # White innovations stand for a Gaussian process, whose density SciPy knows: by its covariance over a window.
    values = process(4_000, seed=3)[..., None]
    windows = windows_of(np.concatenate([values, values[::-1]], axis=-1))
    layer, labels = settled(windows), tf.constant(windows.labels)
    found = layer.of(tf.constant(windows.values), labels).numpy()
    log_scale = layer.log_scale(labels, LENGTH).numpy()
    ours = np.sum(-0.5 * found**2 - 0.5 * np.log(2 * np.pi), axis=(1, 2)) - log_scale.sum(axis=1)
    exact = multivariate_normal(cov=np.cov(values[..., 0].T)).logpdf(windows.values.transpose(0, 2, 1)).sum(axis=1)
    assert ours.mean() == pytest.approx(exact.mean(), rel=0.02)


def test_two_channels_that_nearly_say_the_same_become_one_and_a_small_difference():
    first, second = process(500, 0), process(500, 1)
    windows = windows_of(np.stack([first, first + 0.001 * second], axis=-1))
    layer = settled(windows)
    assert layer.mixing.numpy()[:, 1, 0] == pytest.approx(1, abs=0.001)
    spread = layer.spread.numpy()[:, -1]
    assert spread[:, 1] / spread[:, 0] == pytest.approx(0.001, rel=0.1)
    found = layer.of(tf.constant(windows.values), tf.constant(windows.labels)).numpy()
    assert found.std(axis=(0, 1)) == pytest.approx(1, rel=0.05)


def test_a_channel_that_is_constant_stays_constant():
    values = np.full((20, LENGTH, 1), 2.5)
    layer = settled(windows_of(values))
    labels = tf.zeros(20, tf.int32)
    way_back, past = layer.of_steps(labels, 1), tf.zeros((20, layer.order, 1))
    drawn = way_back.values(tf.random.stateless_normal((20, 1, 1), [0, 0]), past, tf.constant(0))
    assert way_back.samples(drawn).numpy() == pytest.approx(2.5, abs=10 * TINY)


def test_a_class_without_windows_gets_the_process_of_all():
    windows = two_processes(40)
    layer = settled(windows.select(windows.labels == 0))
    assert np.array_equal(layer.predictors.numpy()[1], layer.predictors.numpy()[0])
