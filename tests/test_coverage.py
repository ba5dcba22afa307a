"""Precision, recall, density and coverage have known answers, and collapse and invention lower the right ones."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from sensegen.evaluation import coverage as module
from sensegen.evaluation.coverage import NEIGHBOURS, Coverage, coverage


def normal(seed: int, windows: int = 400, features: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(windows, features))


def told(real: np.ndarray, synthetic: np.ndarray) -> Coverage:
    measured = coverage(real, synthetic, seed=0)
    assert isinstance(measured, Coverage)
    return measured


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_identical_features_are_precise_recalled_and_covered(scale):
    real = normal(0) * scale + 3 * scale
    measured = told(real, real[::-1])
    assert (measured.precision, measured.recall, measured.coverage, measured.windows) == (1, 1, 1, 400)
    assert measured.density >= 1


def test_far_apart_is_nothing_of_all():
    assert told(normal(0), normal(1) + 100) == Coverage(0, 0, 0, 0, 400)


def test_a_sample_of_the_same_source_has_the_expected_coverage_and_density():
    measured = told(normal(0, 2_000), normal(1, 2_000))
    assert measured.coverage == pytest.approx(1 - 0.5**NEIGHBOURS, abs=0.02)
    assert measured.density == pytest.approx(1, abs=0.05)
    assert min(measured.precision, measured.recall) > 0.9


def test_a_collapsed_generator_is_precise_but_recalls_and_covers_nothing():
    collapsed = 0.01 * normal(1)
    measured = told(normal(0), collapsed)
    assert measured.precision == 1 and measured.density > 1
    assert measured.recall < 0.05 and measured.coverage < 0.3


def test_half_of_it_invented_halves_precision_and_a_class_that_is_lost_lowers_recall():
    real, synthetic = normal(0), normal(1)
    synthetic[::2] += 100
    assert told(real, synthetic).precision == pytest.approx(0.5, abs=0.05)
    assert told(synthetic, normal(2)).recall == pytest.approx(0.5, abs=0.05)
    assert told(synthetic, normal(2)).coverage < 0.55


def test_it_is_the_definition_in_blocks(monkeypatch):
    monkeypatch.setattr(module, "WORKING_MEMORY_MIB", 1)
    real, synthetic = normal(0, 900), 0.8 * normal(1, 900) + 0.3
    radii, other_radii = (np.sort(cdist(side, side))[:, NEIGHBOURS] for side in (real, synthetic))
    distances = cdist(real, synthetic)
    assert told(real, synthetic) == Coverage(
        precision=pytest.approx(np.mean((distances <= radii[:, None]).any(axis=0))),
        recall=pytest.approx(np.mean((distances <= other_radii).any(axis=1))),
        density=pytest.approx((distances <= radii[:, None]).sum() / (NEIGHBOURS * 900)),
        coverage=pytest.approx(np.mean(distances.min(axis=1) <= radii)),
        windows=900,
    )


def test_both_sides_are_cut_to_the_same_number():
    assert told(normal(0, 50), normal(1, 300)).windows == 50
    assert told(normal(0, 4_000, 2), normal(1, 3_000, 2)).windows == 2_500


def test_too_few_windows_are_null_with_the_reason():
    assert "takes 7 windows" in str(coverage(normal(0, 6), normal(1), seed=0))
