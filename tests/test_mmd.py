"""MMD² is the textbook's double sum, 0 in expectation under the null; the permutation test keeps its level."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from sensegen.evaluation import mmd
from sensegen.evaluation.mmd import PermutationTest, mmd_squared, permutation_test

FACTORS = (0.25, 0.5, 1, 2, 4)


def normal(seed: int, windows: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (windows, 8, 2))


def double_sum(real: np.ndarray, synthetic: np.ndarray, bandwidth: float) -> float:
    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.mean([np.exp(-(cdist(x, y) ** 2) / (2 * (f * bandwidth) ** 2)) for f in FACTORS], axis=0)

    def pairs(x: np.ndarray) -> float:
        return kernel(x, x)[~np.eye(len(x), dtype=bool)].mean()

    return pairs(real) + pairs(synthetic) - 2 * kernel(real, synthetic).mean()


@pytest.mark.parametrize("block_rows", [7, 512])
def test_it_is_the_double_sum_of_the_definition(block_rows, monkeypatch):
    monkeypatch.setattr(mmd, "BLOCK_ROWS", block_rows)
    real, synthetic = normal(0, 60), normal(1, 45, shift=0.5)
    vectors = real.reshape(60, -1), synthetic.reshape(45, -1)
    expected = double_sum(*vectors, bandwidth=np.median(pdist(vectors[0])))
    assert mmd_squared(real, synthetic, seed=0) == pytest.approx(expected, rel=1e-9)


def test_it_is_unbiased_under_the_null_and_of_either_sign():
    drawn = np.array([mmd_squared(normal(seed, 30), normal(1_000 + seed, 30), seed=0) for seed in range(200)])
    assert abs(drawn.mean()) < 3 * drawn.std() / np.sqrt(len(drawn))
    assert 0.25 < np.mean(drawn < 0) < 0.75


def test_it_grows_with_a_shift_and_has_no_unit():
    real = normal(0, 200)
    apart = [mmd_squared(real, normal(1, 200, shift), seed=0) for shift in (0, 0.3, 1, 3)]
    assert apart == sorted(apart) and apart[1] > 10 * abs(apart[0])
    assert mmd_squared(9.81 * real + 5, 9.81 * normal(1, 200, 1) + 5, seed=0) == pytest.approx(apart[2])


def test_a_generator_that_explodes_does_not_widen_the_kernel():
    real = normal(0, 100)
    assert mmd_squared(real, 1e9 * normal(1, 100), seed=0) > mmd_squared(real, 3 * normal(1, 100), seed=0) > 0.1


def test_one_window_repeated_is_far_from_the_set_it_is_of():
    real = normal(0, 100)
    assert mmd_squared(real, real[:1].repeat(100, axis=0), seed=0) > 0.3
    assert mmd_squared(real[:1].repeat(9, axis=0), real[:1].repeat(9, axis=0), seed=0) == pytest.approx(0, abs=1e-9)


def test_larger_sets_are_thinned_by_the_seed(monkeypatch):
    monkeypatch.setattr(mmd, "MOST_WINDOWS", 50)
    real, synthetic = normal(0, 300), normal(1, 300, shift=0.5)
    first, again, other = (mmd_squared(real, synthetic, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert other == pytest.approx(first, abs=0.05)


def test_p_values_are_uniform_under_the_null(monkeypatch):
    monkeypatch.setattr(mmd, "PERMUTATIONS", 99)
    values = [permutation_test(normal(seed, 24), normal(1_000 + seed, 24), seed).p_value for seed in range(300)]
    assert np.mean(np.array(values) <= 0.1) == pytest.approx(0.1, abs=0.05)
    assert np.mean(np.array(values) <= 0.5) == pytest.approx(0.5, abs=0.09)


def test_a_shift_has_the_smallest_p_value_and_the_number_of_windows_is_told():
    told = permutation_test(normal(0, 700), normal(1, 90, shift=0.5), seed=0)
    assert told == PermutationTest(0.001, 500, 90)


def test_too_few_windows_are_null_with_the_reason():
    for measure in (mmd_squared, permutation_test):
        assert "takes 4 windows" in str(measure(normal(0, 3), normal(1, 90), seed=0))
