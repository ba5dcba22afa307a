"""Measures have known answers, and bad generators do not get past them."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import sines
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sensegen.divergence import AlertLog
from sensegen.evaluation.detection import discriminative_score, halves, noise_like
from sensegen.evaluation.interval import merge, over_seeds
from sensegen.evaluation.suite import draws, evaluate, with_comparison
from sensegen.evaluation.usefulness import CLASSIFIERS, build_classifier, predictions, scores
from sensegen.params import Params
from sensegen.params.models import CNNClassifierParams, LSTMClassifierParams, OptimiserParams
from sensegen.training_run import Training
from sensegen.windows import Windows, WindowShape

CLASSES = ("a", "b", "c")
FAST = OptimiserParams(learning_rate=0.01, batch_windows=32, gradient_norm=1.0)


@pytest.fixture
def training(params, tmp_path) -> Training:
    """The committed params with small, quick classifiers."""
    cnn = CNNClassifierParams(filters=8, optimiser=FAST, epochs=12)
    lstm = LSTMClassifierParams(units=8, l2=0.0001, optimiser=FAST, epochs=12)
    quick = params.evaluate.model_copy(update={"seeds": 2, "cnn": cnn, "judge": cnn, "lstm": lstm})
    return Training(params.model_copy(update={"evaluate": quick}), AlertLog(tmp_path / "alerts.jsonl", "evaluate"))


def test_the_interval_is_students():
    values = [0.90, 0.92, 0.97]
    measured = over_seeds(values)
    low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    assert (measured["mean"], measured["low"], measured["high"]) == pytest.approx((np.mean(values), low, high))
    assert measured["seeds"] == 3


def test_merging_keeps_the_nesting_and_pairs_the_numbers():
    merged = merge([{"x": {"y": 1.0}}, {"x": {"y": 3.0}}])
    assert merged["x"]["y"]["mean"] == 2.0 and merged["x"]["y"]["seeds"] == 2


def test_scores_of_a_known_confusion():
    actual, predicted = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 1, 0, 1])
    told = scores(actual, predicted, CLASSES)
    assert told["accuracy"] == pytest.approx(0.5)
    assert told["per_class"]["a"] == pytest.approx({"precision": 0.5, "recall": 0.5, "f1": 0.5})
    assert told["per_class"]["b"] == pytest.approx({"precision": 0.5, "recall": 1.0, "f1": 2 / 3})
    assert told["per_class"]["c"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert told["macro_f1"] == pytest.approx((0.5 + 2 / 3) / 3)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=40))
def test_perfect_predictions_score_one_in_every_class_that_occurs(labels):
    told = scores(np.array(labels), np.array(labels), CLASSES)
    assert told["accuracy"] == 1.0
    assert all(told["per_class"][CLASSES[label]]["f1"] == 1.0 for label in set(labels))


@pytest.mark.parametrize("kind", sorted(CLASSIFIERS))
def test_a_classifier_learns_two_easy_classes_and_repeats_itself(kind, training):
    train, test = (sines(np.random.default_rng(seed), 96) for seed in (0, 1))
    first = predictions(kind, train, test, training, "one")
    assert np.mean(first == test.labels) > 0.95
    assert np.array_equal(first, predictions(kind, train, test, training, "one"))


def test_the_seed_systems_lstm_has_its_layers():
    params = LSTMClassifierParams(units=32, l2=0.0015, optimiser=FAST, epochs=1)
    model = build_classifier("lstm", WindowShape(128, 9, 6), params, 0)
    dense, lstm, head = 9 * 32 + 32, 4 * (64 * 32 + 32), 32 * 6 + 6
    assert model.count_params() == dense + 2 * lstm + head
    forget_bias = model.first.cell.bias.numpy()[32:64]
    assert (forget_bias == 1).all()
    expected = 0.0015 * sum(np.square(v.numpy()).sum() / 2 for v in model.trainable_variables)
    assert float(model.penalty()) == pytest.approx(expected, rel=1e-5)


def test_the_judge_catches_noise_and_cannot_tell_real_from_real(training):
    real = sines(np.random.default_rng(0), 400).values
    one, other = halves(real, seed=0)
    assert discriminative_score(one, noise_like(one, seed=1), training, "noise") > 0.45
    assert discriminative_score(one, other, training, "halves") < 0.12


def test_the_judge_catches_shuffled_time(training):
    real = sines(np.random.default_rng(0), 400).values
    one, other = halves(real, seed=0)
    shuffled = other[:, np.random.default_rng(0).permutation(other.shape[1])]
    assert discriminative_score(one, shuffled, training, "shuffled") > 0.4


@pytest.mark.parametrize("height", [100.0, 1e9, 1e30])
def test_the_judge_catches_a_single_spike_however_high(training, height):
    real = sines(np.random.default_rng(0), 400).values
    one, other = halves(real, seed=0)
    spiked = other.copy()
    spiked[:, 7, 0] = height
    assert discriminative_score(one, spiked, training, "spikes") > 0.45


def test_halves_share_no_window():
    values = np.arange(21.0).reshape(21, 1, 1)
    one, other = halves(values, seed=0)
    assert len(one) == len(other) == 10
    assert not set(one.ravel()) & set(other.ravel())


def test_labels_that_lie_make_synthetic_windows_useless_and_the_metrics_say_so(training):
    fit, test = (sines(np.random.default_rng(seed), 320) for seed in (0, 1))
    good = [sines(np.random.default_rng(seed), 320) for seed in (2, 3)]
    lying = [replace(windows, labels=1 - windows.labels) for windows in good]
    honest = evaluate(fit, test, good, lying, training)
    assert honest.metrics["trtr"]["cnn"]["macro_f1"]["mean"] > 0.95
    assert honest.metrics["tstr"]["cnn"]["macro_f1"]["mean"] > 0.95
    assert honest.metrics["alternation"]["without"]["tstr_macro_f1"]["mean"] < 0.1
    assert honest.metrics["detection"]["cnn"]["noise"]["mean"] > 0.45
    assert {(row["arm"], row["classifier"]) for row in honest.confusion} == {
        (arm, kind) for arm in ("trtr", "tstr") for kind in CLASSIFIERS
    }
    assert len(honest.confusion) == 4 * len(test)
    assert all(part["value"] is None and part["reason"] for part in (honest.metrics[k] for k in ("trts", "privacy")))


def test_draws_have_the_activities_of_the_real_windows_and_differ_by_seed(params: Params):
    like = sines(np.random.default_rng(0), 10)

    def sample(labels, seed):
        return np.random.default_rng(seed).normal(size=like.values.shape) + labels[:, None, None]

    first, second, _ = draws(sample, like, params)
    assert isinstance(first, Windows) and np.array_equal(first.labels, like.labels)
    assert not np.array_equal(first.values, second.values)


def test_the_comparison_of_the_alternation_joins_its_metrics():
    metrics = {"alternation": {"with": {"tstr_macro_f1": 1}, "without": {"tstr_macro_f1": 2}}}
    joined = with_comparison(metrics, {"generator_steps": 7, "validation_nll": {"with": -1.0, "without": -2.0}})
    assert joined["alternation"] == {
        "generator_steps": 7,
        "with": {"tstr_macro_f1": 1, "validation_nll": -1.0},
        "without": {"tstr_macro_f1": 2, "validation_nll": -2.0},
    }
