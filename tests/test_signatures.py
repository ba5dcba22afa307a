"""Signatures are the iterated integrals, and their expectation tells apart what values and spectra do not."""

from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen.evaluation import blocks
from sensegen.evaluation.fidelity import acf, cross_correlation, wasserstein
from sensegen.evaluation.signatures import signature, signature_distance
from sensegen.evaluation.spectrum import log_psd


def random_paths(seed: int, windows: int = 5, length: int = 12, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(windows, length, channels)).cumsum(axis=1)


def tensor_power(vector: np.ndarray, level: int) -> np.ndarray:
    power = np.ones(1)
    for _ in range(level):
        power = np.multiply.outer(power, vector).ravel()
    return power


def product(left: list[np.ndarray], right: list[np.ndarray]) -> list[np.ndarray]:
    """Chen's identity for two paths, one after the other, of one window each."""
    first, second = ([np.ones(1), *(level[0] for level in levels)] for levels in (left, right))
    return [
        np.sum([np.multiply.outer(first[k], second[n - k]).ravel() for k in range(n + 1)], axis=0)
        for n in range(1, len(first))
    ]


@settings(max_examples=25)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=4), st.integers(2, 9))
def test_a_straight_line_has_the_powers_of_its_direction_over_factorials(direction, samples):
    path = np.linspace(0, 1, samples)[None, :, None] * np.array(direction)
    for level, told in enumerate(signature(path, depth=4), start=1):
        expected = tensor_power(np.array(direction), level) / factorial(level)
        assert told[0] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 10))
def test_two_paths_one_after_the_other_obey_chens_identity(seed, cut):
    path = random_paths(seed, windows=1)
    joined = product(signature(path[:, : cut + 1], 3), signature(path[:, cut:], 3))
    for told, expected in zip(signature(path, 3), joined, strict=True):
        assert told[0] == pytest.approx(expected)


def test_the_second_level_of_a_square_run_around_is_its_area():
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], float)[None]
    displacement, second = signature(square, 2)
    assert displacement[0] == pytest.approx([0, 0]) and second[0] == pytest.approx([0, 1, -1, 0])


def test_a_signature_does_not_see_where_a_path_waits_or_starts():
    path = random_paths(0)
    waiting = np.repeat(path, 3, axis=1) + 7
    for told, expected in zip(signature(waiting, 3), signature(path, 3), strict=True):
        assert told == pytest.approx(expected)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_set_is_at_no_distance_from_itself_and_others_of_its_kind_are_near(depth):
    real = random_paths(0, 400)
    assert signature_distance(real, real[::-1], depth) == pytest.approx(0, abs=1e-9)
    assert 0 < signature_distance(real, random_paths(1, 400), depth) < 0.15


def test_the_first_level_is_the_last_value_in_standard_deviations():
    real = np.random.default_rng(0).normal(size=(500, 6, 1))
    shifted = real + 2.0
    ends = 2 / real[:, -1].std()
    assert signature_distance(real, shifted, 1) == pytest.approx(np.sqrt(ends**2 / 2), rel=1e-6)  # time is the other


def test_a_shift_and_a_change_of_order_are_caught():
    real = random_paths(0, 400)
    floor = signature_distance(real, random_paths(1, 400), 2)
    assert signature_distance(real, real + 2 * real.std(), 2) > 10 * floor
    assert signature_distance(real, real[:, :, [1, 0, 2]] * [1, 1, 3], 2) > 3 * floor


def test_who_leads_and_who_follows_is_seen_by_the_signature_alone():
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (400, 1))
    angle = 2 * np.pi * np.arange(64) / 32 + phase
    leads, follows = (np.stack([np.cos(angle), sign * np.sin(angle)], axis=-1) for sign in (1, -1))
    others = [np.max(measure(leads, follows)) for measure in (wasserstein, acf, cross_correlation, log_psd)]
    assert max(others) < 0.05
    assert signature_distance(leads, follows, 2) > 1


def test_levels_and_units_do_not_decide():
    real, synthetic = random_paths(0, 100), 1.3 * random_paths(1, 100)
    apart = signature_distance(real, synthetic, 3)
    scale = np.array([1e-3, 1.0, 1e3])
    assert signature_distance(scale * real + 5, scale * synthetic + 5, 3) == pytest.approx(apart, rel=1e-4)


def test_a_constant_channel_is_no_division_by_zero_and_is_seen_where_the_other_side_moves():
    real = random_paths(0, 100)
    frozen = real.copy()
    frozen[:, :, 1] = 0.1
    assert signature_distance(frozen, frozen, 3) == 0
    assert 1 < signature_distance(frozen, real + 3, 3) < 1e4


def test_blocks_do_not_change_the_number(monkeypatch):
    real, synthetic = random_paths(0, 30), random_paths(1, 20)
    whole = signature_distance(real, synthetic, 3)
    monkeypatch.setattr(blocks, "BLOCK_NUMBERS", 2_000)
    assert signature_distance(real, synthetic, 3) == pytest.approx(whole)


def test_one_window_is_null_with_the_reason():
    assert "takes 2 windows" in str(signature_distance(random_paths(0, 1), random_paths(0, 9), 2))
