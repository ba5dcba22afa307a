"""The frozen encoder tells apart what differs, with labels and without."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import sines

from sensegen.divergence import AlertLog
from sensegen.evaluation.encoder import TRANSFORMATIONS, fit_encoder, transformed
from sensegen.params.models import CNNClassifierParams, OptimiserParams
from sensegen.training_run import Training

FAST = OptimiserParams(learning_rate=0.01, batch_windows=32, gradient_norm=1.0)
CNN = CNNClassifierParams(filters=8, optimiser=FAST, epochs=10)


@pytest.fixture
def training(params, tmp_path) -> Training:
    return Training(params, AlertLog(tmp_path / "alerts.jsonl", "evaluate"))


def separation(features: np.ndarray, labels: np.ndarray) -> float:
    """How far the means of two classes lie apart, in standard deviations within a class."""
    one, other = (features[labels == label] for label in (0, 1))
    within = np.sqrt((one.var(axis=0) + other.var(axis=0)).sum() / 2)
    return float(np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)) / within)


@pytest.mark.parametrize(("classes", "task"), [(2, "class"), (1, "transformation")])
def test_features_keep_slow_and_fast_apart_with_labels_and_without(classes, task, training):
    train, test = (sines(np.random.default_rng(seed), 120) for seed in (0, 1))
    learned = train if classes == 2 else replace(train, labels=np.zeros(120, int), classes=("unlabelled",))
    encoder = fit_encoder(learned, CNN, training, "encoder")
    features = encoder.features(test.values)
    assert encoder.task == task and features.shape == (120, 8)
    assert separation(features, test.labels) > 2


def test_the_same_seed_gives_the_same_features(training):
    windows = sines(np.random.default_rng(0), 64)
    one, other = (fit_encoder(windows, CNN, training, "encoder").features(windows.values) for _ in range(2))
    assert np.array_equal(one, other)


def test_transformed_windows_are_labelled_by_what_was_done_to_them():
    windows = sines(np.random.default_rng(0), 24)
    made = transformed(windows, seed=0)
    assert made.classes == tuple(TRANSFORMATIONS) and set(made.labels) == set(range(len(TRANSFORMATIONS)))
    assert len(set(np.bincount(made.labels))) == 1
    known = {window.tobytes() for window in windows.values}
    as_they_are = [window.tobytes() in known for window in made.values]
    assert all(np.array(as_they_are)[made.labels == 0]) and not any(np.array(as_they_are)[made.labels > 0])
    negated = made.values[made.labels == made.classes.index("negated")]
    assert all((-window).tobytes() in known for window in negated)


def test_one_channel_is_not_shuffled():
    windows = sines(np.random.default_rng(0), 24)
    one = replace(windows, values=windows.values[:, :, :1], channels=("a",), units=("g",))
    assert "shuffled_channels" not in transformed(one, seed=0).classes


def test_many_windows_are_transformed_once_each_and_not_all(monkeypatch):
    monkeypatch.setattr("sensegen.evaluation.encoder.LARGEST", 50)
    assert len(transformed(sines(np.random.default_rng(0), 80), seed=0)) == 50
