"""New styles: they lie where the old ones do, as wide, and are none of them."""

import numpy as np
import pytest
import tensorflow as tf

from sensegen.generators.style_kernels import BANDWIDTH, WINDOWS, StyleKernels, evenly

COUNT = 20_000


def drawn(styles: np.ndarray, labels: np.ndarray, label: int, temperature: float = 1.0) -> np.ndarray:
    kernels = StyleKernels(styles.shape[1], classes=3)
    kernels.settle(styles.astype(np.float32), labels)
    return kernels.sample(tf.fill(COUNT, label), tf.constant([0, 1]), tf.constant(temperature)).numpy()


def test_two_levels_stay_two_levels():
    levels = np.where(np.arange(600) % 2, 1.0, -1.0)[:, None] * np.ones(3)
    made = drawn(levels, np.zeros(600, int), 0)[:, 0]
    assert np.mean(np.abs(made) > 0.4) > 0.95  # a Gaussian as wide: 0.69
    assert np.mean(made > 0) == pytest.approx(0.5, abs=0.02)


def test_styles_have_the_mean_and_the_covariance_of_their_class():
    stream = np.random.default_rng(0)
    factors = np.array([[[1, 0], [0.9, 0.44]], [[1, 0], [-0.6, 0.8]]])
    labels = stream.permutation(2 * WINDOWS) % 2
    styles = np.einsum("wij,wj->wi", factors[labels], stream.normal(size=(len(labels), 2)))
    for label in (0, 1):
        styles[labels == label] -= styles[labels == label].mean(axis=0)
    for label, of_class in enumerate((styles[labels == 0], styles[labels == 1], styles)):  # of the third there is none
        made = drawn(styles, labels, label)
        assert made.mean(axis=0) == pytest.approx([0, 0], abs=0.07)
        assert np.cov(made.T) == pytest.approx(np.cov(of_class.T), abs=0.08)


def test_no_style_is_one_of_those_it_was_made_of_but_without_noise():
    styles = np.random.default_rng(0).normal(size=(200, 12))
    shrunk = (1 - BANDWIDTH**2) ** 0.5 * styles
    for temperature, nearest in ((1.0, 0.1), (1e-6, 0.0)):
        made = drawn(styles, np.zeros(200, int), 0, temperature)[:50]
        distance = np.linalg.norm(made[:, None] - shrunk, axis=2).min(axis=1)
        assert (distance > nearest).all() if nearest else distance == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("count", [1, 10, WINDOWS, 5 * WINDOWS + 3])
def test_styles_are_kept_from_first_to_last_each_as_often(count):
    kept = evenly(np.arange(count)[:, None].astype(float))[:, 0]
    assert len(kept) == WINDOWS and kept[0] == 0 and kept[-1] > count - 1 - max(count / WINDOWS, 1)
    times = np.unique(kept, return_counts=True)[1]
    assert times.max() - times.min() <= 1
