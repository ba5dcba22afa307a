"""The Fréchet distance of Gaussians is known in closed form, also where a covariance is nearly singular."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen.evaluation import blocks
from sensegen.evaluation.frechet import frechet_distance, gaussian


def with_moments(mean: list[float], covariance: np.ndarray, seed: int = 0, windows: int = 50) -> np.ndarray:
    """Vectors with exactly this mean and covariance."""
    white = np.random.default_rng(seed).normal(size=(windows, len(mean)))
    white -= white.mean(axis=0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white.T).reshape(len(mean), -1))).T
    return white @ np.linalg.cholesky(covariance).T + mean


@settings(max_examples=25)
@given(st.floats(-3, 3), st.floats(0.1, 3), st.floats(0.1, 3))
def test_of_two_gaussians_in_one_dimension(shift, stddev, other_stddev):
    real = with_moments([0], np.array([[stddev**2]]))
    synthetic = with_moments([shift], np.array([[other_stddev**2]]), seed=1)
    assert frechet_distance(real, synthetic) == pytest.approx(shift**2 + (stddev - other_stddev) ** 2, abs=1e-6)


def test_of_covariances_that_do_not_commute():
    first, second = np.array([[2.0, 0.6], [0.6, 1.0]]), np.array([[1.0, -0.5], [-0.5, 3.0]])
    # Eigenvalues of a 2 by 2 product: the trace of its root is sqrt(trace + 2 sqrt(determinant)).
    root = np.sqrt(np.trace(first @ second) + 2 * np.sqrt(np.linalg.det(first @ second)))
    expected = 1 + 4 + np.trace(first) + np.trace(second) - 2 * root
    told = frechet_distance(with_moments([0, 0], first), with_moments([1, 2], second, seed=1))
    assert told == pytest.approx(expected)


def test_a_set_is_at_no_distance_from_itself_and_a_shift_is_its_square():
    real = np.random.default_rng(0).normal(size=(300, 20))
    assert frechet_distance(real, real[::-1]) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(real, real + 2) == pytest.approx(20 * 2**2)


@pytest.mark.parametrize("windows", [5, 300])
def test_singular_covariances_are_no_trouble(windows):
    stream = np.random.default_rng(0)
    flat = stream.normal(size=(windows, 3)) @ stream.normal(size=(3, 60))  # rank 3 in 60 dimensions
    assert frechet_distance(flat, flat) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(flat, 3 * flat) == pytest.approx(
        4 * np.trace(np.cov(flat.T)) + 4 * np.sum(flat.mean(0) ** 2)
    )
    assert frechet_distance(flat, np.zeros_like(flat)) == pytest.approx(
        np.trace(np.cov(flat.T)) + np.sum(flat.mean(0) ** 2)
    )


def test_a_large_common_offset_does_not_cancel_in_the_covariance():
    real = np.random.default_rng(0).normal(size=(200, 3))
    assert frechet_distance(real + 1e6, 2 * real + 1e6) == pytest.approx(frechet_distance(real, 2 * real), rel=1e-5)


def test_features_in_blocks_have_numpys_moments(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_NUMBERS", 40)
    features = np.random.default_rng(0).normal(size=(101, 4)) + 5
    mean, covariance = gaussian(features)
    assert mean == pytest.approx(features.mean(axis=0)) and covariance == pytest.approx(np.cov(features.T))


def test_one_window_is_null_with_the_reason():
    assert "takes 2 windows" in str(frechet_distance(np.zeros((1, 3)), np.zeros((9, 3))))
