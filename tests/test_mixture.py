"""The likelihood: in log space, bounded, and the same as an independent implementation's."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from scipy.stats import norm

from sensegen.generators.mixture import Mixture, bounded, draw, draw_rest, mixture_log_prob, mixture_size, to_mixture


def random_mixture(rng: np.random.Generator, components: int = 5, channels: int = 3, batch: int = 7) -> Mixture:
    parts = [rng.normal(size=(batch, components, *tail)) for tail in ((), (channels,), (channels,))]
    return Mixture(*(tf.constant(part, tf.float32) for part in parts))


def test_log_density_equals_scipys():
    mixture = random_mixture(np.random.default_rng(0))
    values = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    logits, mean, log_stddev = (np.asarray(part, np.float64) for part in mixture)
    log_weights = logits - logsumexp(logits, axis=-1, keepdims=True)
    components = norm.logpdf(values[:, None], mean, np.exp(log_stddev)).sum(axis=-1)
    expected = logsumexp(log_weights + components, axis=-1)
    assert mixture_log_prob(tf.constant(values), mixture).numpy() == pytest.approx(expected, abs=1e-4)


def test_density_far_from_every_mean_has_a_finite_logarithm_and_gradient():
    mixture = Mixture(tf.zeros((1, 2)), tf.zeros((1, 2, 1)), tf.fill((1, 2, 1), -6.0))
    far = tf.Variable([[60.0]])
    with tf.GradientTape() as tape:
        log_density = mixture_log_prob(far, mixture)
    assert np.isfinite(log_density.numpy()).all() and log_density.numpy()[0] < -1e6
    assert np.isfinite(tape.gradient(log_density, far).numpy()).all()


def test_bounds_hold_everywhere_and_leave_the_inside_alone():
    values = tf.constant([-1e6, -3.0, 0.0, 1.0, 1e6])
    limited = bounded(values, -20.0, 20.0).numpy()
    assert limited.min() >= -20 and limited.max() <= 20
    assert limited[1:4] == pytest.approx(values.numpy()[1:4], abs=1e-4)


def test_one_channel_is_sensegens_mixture_of_three_numbers_a_component():
    assert mixture_size(24, 1) == 72
    parameters = tf.constant(np.arange(72)[None] / 100, tf.float32)
    mixture = to_mixture(parameters, 24, 1, (-20.0, 20.0))
    assert mixture.logits.numpy()[0] == pytest.approx(np.arange(24) / 100)
    assert mixture.mean.numpy()[0, :, 0] == pytest.approx(np.arange(24, 48) / 100)
    assert mixture.log_stddev.numpy()[0, :, 0] == pytest.approx(np.arange(48, 72) / 100, abs=1e-4)


def test_draws_have_the_mixtures_mean_and_variance():
    rng = np.random.default_rng(0)
    logits, mean, stddev = np.log([0.3, 0.7]), np.array([-1.0, 2.0]), np.array([0.5, 0.1])
    count = 20_000
    shape = (count, 2)
    mixture = Mixture(
        tf.constant(np.broadcast_to(logits, shape), tf.float32),
        tf.constant(np.broadcast_to(mean, shape)[..., None], tf.float32),
        tf.constant(np.broadcast_to(np.log(stddev), shape)[..., None], tf.float32),
    )
    drawn = draw(
        mixture, tf.constant(rng.gumbel(size=shape), tf.float32), tf.constant(rng.normal(size=(count, 1)), tf.float32)
    )
    expected_mean = 0.3 * -1 + 0.7 * 2
    expected_variance = 0.3 * (0.25 + 1) + 0.7 * (0.01 + 4) - expected_mean**2
    assert drawn.numpy().mean() == pytest.approx(expected_mean, abs=0.03)
    assert drawn.numpy().var() == pytest.approx(expected_variance, rel=0.03)


def test_what_is_drawn_beside_known_values_is_drawn_from_the_components_that_these_make_likely():
    count, rng = 20_000, np.random.default_rng(0)
    mean = np.array([[-1.0, -3.0], [1.0, 3.0]])  # (component, value)
    mixture = Mixture(
        tf.zeros((count, 2)),
        tf.constant(np.broadcast_to(mean, (count, 2, 2)), tf.float32),
        tf.zeros((count, 2, 2)),
    )
    noise = tf.constant(rng.gumbel(size=(count, 2)), tf.float32), tf.constant(rng.normal(size=(count, 2)), tf.float32)
    given = tf.fill((count, 2), 0.5)
    drawn = draw_rest(mixture, given, tf.constant([True, False]), *noise).numpy()
    second = norm.pdf(0.5, 1) / (norm.pdf(0.5, 1) + norm.pdf(0.5, -1))  # Bayes
    assert (drawn[:, 0] == 0.5).all()
    assert drawn[:, 1].mean() == pytest.approx(3 * second - 3 * (1 - second), abs=0.1)
    assert np.array_equal(draw_rest(mixture, given, tf.constant([False, False]), *noise), draw(mixture, *noise))
