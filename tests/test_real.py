"""Real windows come from the pipeline's folder, or from files of anybody, in one scale."""

from dataclasses import replace

import numpy as np
import pytest

from sensegen import window_files
from sensegen.evaluation.real import Real
from sensegen.windows import Windows


def windows(seed: int, count: int = 40, classes=("rest", "run")) -> Windows:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(classes)
    values = (rng.normal(size=(count, 8, 2)) * [2.0, 0.5] + [10.0, -1.0]).astype(np.float32)
    return Windows(values, labels, ("p",) * count, ("x", "y"), classes, 10.0, ("g", "rad/s"))


def test_fit_has_mean_zero_and_spread_one_and_the_other_splits_its_scale(tmp_path):
    fit, test = windows(0), windows(1)
    window_files.write(tmp_path / "fit.npz", fit)
    window_files.write(tmp_path / "test.parquet", test)
    real = Real.open(tmp_path)
    flat = np.asarray(real.fit.values).reshape(-1, 2)
    assert flat.mean(axis=0) == pytest.approx(0, abs=1e-5) and flat.std(axis=0) == pytest.approx(1, abs=1e-5)
    assert real.scaling.invert(real.test.values) == pytest.approx(test.values, abs=1e-4)
    assert (len(real.validation), len(real.held_out_time)) == (0, 0)
    assert real.validation.values.shape == (0, 8, 2)


def test_a_class_that_fit_has_not_is_a_class_of_all_splits(tmp_path):
    window_files.write(tmp_path / "fit.npz", windows(0, classes=("b", "c")))
    window_files.write(tmp_path / "test.npz", windows(1, classes=("b", "c")))
    real = Real.open(tmp_path)
    assert real.fit.classes == real.test.classes == ("b", "c")
    window_files.write(tmp_path / "test.npz", windows(1, classes=("a", "c")))
    real = Real.open(tmp_path)
    assert real.fit.classes == real.test.classes == ("a", "b", "c")
    assert set(real.fit.labels.tolist()) == {1, 2} and set(real.test.labels.tolist()) == {0, 2}


def test_a_missing_a_doubled_and_a_strange_split_are_refused(tmp_path):
    window_files.write(tmp_path / "fit.npz", windows(0))
    with pytest.raises(ValueError, match="none for test"):
        Real.open(tmp_path)
    window_files.write(tmp_path / "test.npz", replace(windows(1), rate_hz=20.0))
    with pytest.raises(ValueError, match=r"Split test: .*\n.*must be 10 Hz"):
        Real.open(tmp_path)
    window_files.write(tmp_path / "test.csv", windows(1))
    with pytest.raises(ValueError, match=r"test\.csv and test\.npz"):
        Real.open(tmp_path)
