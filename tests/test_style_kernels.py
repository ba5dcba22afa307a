"""New styles: they lie where the old ones do, as wide, and are none of them."""

import numpy as np
import pytest
import tensorflow as tf

from sensegen.generators.level_kernels import BANDWIDTH, NEIGHBOURS, WINDOWS, evenly, neighbours
from sensegen.generators.style_kernels import StyleKernels

COUNT = 20_000


def drawn(
    styles: np.ndarray, labels: np.ndarray, label: int, channels: int = 1, temperature: float = 1.0, swing: float = 0.0
) -> np.ndarray:
    """Styles of windows that have the variance `swing` around their levels."""
    kernels = StyleKernels(styles.shape[1], channels, classes=3)
    kernels.settle(styles.astype(np.float32), styles[:, :channels], np.full(len(styles), swing), labels)
    return kernels.sample(tf.fill(COUNT, label), tf.constant([0, 1]), tf.constant(temperature)).numpy()


def test_two_kinds_of_level_stay_two():
    stream = np.random.default_rng(0)
    styles = np.where(np.arange(600) % 2, 1.0, -1.0)[:, None] * np.ones(3) + 0.1 * stream.normal(size=(600, 3))
    made = drawn(styles, np.zeros(600, int), 0, channels=2)[:, 0]
    assert np.mean(np.abs(made) > 0.5) > 0.99  # a Gaussian as wide: 0.62
    assert np.mean(made > 0) == pytest.approx(0.5, abs=0.02)


def test_loudness_has_the_mean_and_the_covariance_of_its_class():
    stream = np.random.default_rng(0)
    factors = np.array([[[1, 0], [0.9, 0.44]], [[1, 0], [-0.6, 0.8]]])
    labels = stream.permutation(2 * WINDOWS) % 2
    styles = np.einsum("wij,wj->wi", factors[labels], stream.normal(size=(len(labels), 2)))
    styles = np.concatenate([stream.normal(size=(len(labels), 1)), styles], axis=1)  # one level
    for label in (0, 1):
        styles[labels == label] -= styles[labels == label].mean(axis=0)
    for label, of_class in enumerate((styles[labels == 0], styles[labels == 1], styles)):  # of the third there is none
        made = drawn(styles, labels, label)
        assert made.mean(axis=0) == pytest.approx([0, 0, 0], abs=0.07)
        assert np.cov(made.T) == pytest.approx(np.cov(of_class.T), abs=0.08)


def test_levels_stay_on_a_sphere_where_training_levels_lie_on_one_and_are_new():
    levels = np.random.default_rng(0).normal(size=(WINDOWS, 3)) * [1, 1, 0.3]
    levels /= np.linalg.norm(levels, axis=1, keepdims=True)
    styles = np.concatenate([levels, np.random.default_rng(1).normal(size=(WINDOWS, 2))], axis=1)
    made = drawn(styles, np.zeros(WINDOWS, int), 0, channels=3)[:2_000, :3]
    assert np.linalg.norm(made, axis=1).mean() == pytest.approx(1, abs=0.02)
    assert np.linalg.norm(made, axis=1).std() < 0.05  # noise of their covariance, as far from them: 0.1 and more
    nearest = np.linalg.norm(made[:, None] - levels, axis=2).min(axis=1)
    assert np.median(nearest) > 0.03  # as near as levels are to each other


@pytest.mark.parametrize("channels", [1, 4])
def test_no_style_is_one_of_those_it_was_made_of_but_without_noise(channels):
    styles = np.random.default_rng(0).normal(size=(2_000, 12))
    drawn_in = np.where(np.arange(12) < channels, 1, (1 - BANDWIDTH**2) ** 0.5) * styles
    for temperature, nearest in ((1.0, 0.1), (1e-6, 0.0)):
        made = drawn(styles, np.zeros(len(styles), int), 0, channels, temperature)[:50]
        distance = np.linalg.norm(made[:, None] - drawn_in, axis=2).min(axis=1)
        assert (distance > nearest).all() if nearest else np.median(distance) < 0.1


def test_the_more_windows_differ_around_their_levels_the_less_their_styles_are_moved():
    """Here loudness goes with the level; moved by a share b of its spread, it does so by root(1 - b^2)."""
    styles = np.random.default_rng(0).normal(size=(WINDOWS, 1)) * np.ones(2)
    for swing, bandwidth in ((0.0, BANDWIDTH), (3.0, BANDWIDTH / 2), (99.0, BANDWIDTH / 10)):
        level, loudness = drawn(styles, np.zeros(WINDOWS, int), 0, swing=swing).T
        assert np.corrcoef(level, loudness)[0, 1] == pytest.approx((1 - bandwidth**2) ** 0.5, abs=0.03)


def test_loudness_keeps_its_distribution_where_a_few_windows_are_many_times_louder():
    stream = np.random.default_rng(0)
    loudness = np.log(np.where(stream.random(4_000) < 0.05, 30, 1) * np.exp(0.2 * stream.normal(size=4_000)))
    styles = np.stack([stream.normal(size=4_000), (loudness - loudness.mean()) / loudness.std()], axis=1)
    made = drawn(styles, np.zeros(4_000, int), 0)[:, 1]
    assert np.quantile(made, [0.02, 0.5, 0.9, 0.98]) == pytest.approx(
        np.quantile(styles[:, 1], [0.02, 0.5, 0.9, 0.98]), abs=0.1
    )
    power, wanted = (np.mean(np.exp(2 * loudness.std() * one)) for one in (made, styles[:, 1]))
    assert power == pytest.approx(wanted, rel=0.1)  # noise of loudness itself, as wide: a third of it is missing


@pytest.mark.parametrize("windows", [1, 3])
def test_of_few_windows_loudness_stays_between_theirs(windows):
    styles = np.random.default_rng(0).normal(size=(windows, 5))
    made = drawn(styles, np.zeros(windows, int), 0)
    assert (made[:, 1:] >= styles[:, 1:].min(axis=0) - 1e-5).all()
    assert (made[:, 1:] <= styles[:, 1:].max(axis=0) + 1e-5).all()


@pytest.mark.parametrize("count", [1, 2, 10, NEIGHBOURS + 1, 300])
def test_neighbours_are_the_nearest_others_however_few(count):
    levels = np.random.default_rng(0).normal(size=(count, 2))[np.arange(300) % count]  # each again and again
    near = neighbours(levels)
    assert near.shape == (300, NEIGHBOURS)
    distance = np.linalg.norm(levels[near] - levels[:, None], axis=2)
    assert (distance > 0).all() if count > 1 else (distance == 0).all()
    others = np.linalg.norm(levels[:, None] - levels, axis=2)
    others[others == 0] = np.inf
    if count > 1:
        assert distance.min(axis=1) == pytest.approx(others.min(axis=1))


@pytest.mark.parametrize("count", [1, 10, WINDOWS, 5 * WINDOWS + 3])
def test_styles_are_kept_from_first_to_last_each_as_often(count):
    kept = evenly(count)
    assert len(kept) == WINDOWS and kept[0] == 0 and kept[-1] > count - 1 - max(count / WINDOWS, 1)
    times = np.unique(kept, return_counts=True)[1]
    assert times.max() - times.min() <= 1
