"""Measures have known answers, and bad generators do not get past them."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import SMALL_CNN, sines
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sensegen.divergence import AlertLog
from sensegen.evaluation.interval import merge, null, over_seeds
from sensegen.evaluation.usefulness import (
    build_classifier,
    fit_classifier,
    majority,
    obstacle,
    predictions,
    scores,
)
from sensegen.params.models import LSTMClassifierParams, OptimiserParams
from sensegen.training_run import Training
from sensegen.windows import Windows, WindowShape

CLASSES = ("a", "b", "c")
FAST = OptimiserParams(learning_rate=0.01, batch_windows=32, gradient_norm=1.0)


@pytest.fixture
def training(params, tmp_path) -> Training:
    """The committed params with small, quick classifiers."""
    lstm = LSTMClassifierParams(units=8, l2=0.0001, optimiser=FAST, epochs=12)
    quick = params.evaluate.model_copy(update={"cnn": SMALL_CNN, "lstm": lstm})
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


def test_a_null_stays_a_null_when_merged():
    assert merge([{"x": null("too few"), "y": 1.0}] * 2)["x"] == {"value": None, "reason": "too few"}


def test_scores_of_a_known_confusion():
    actual, predicted = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 1, 0, 1])
    told = scores(actual, predicted, CLASSES)
    assert told["accuracy"] == pytest.approx(0.5)
    assert told["per_class"]["a"] == pytest.approx({"precision": 0.5, "recall": 0.5, "f1": 0.5})
    assert told["per_class"]["b"] == pytest.approx({"precision": 0.5, "recall": 1.0, "f1": 2 / 3})
    assert told["per_class"]["c"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert told["macro_f1"] == pytest.approx((0.5 + 2 / 3) / 3)


def test_a_class_without_windows_has_no_scores_and_no_part_in_the_mean():
    told = scores(np.array([0, 0, 2, 2]), np.array([0, 0, 2, 1]), CLASSES)
    assert list(told["per_class"]) == ["a", "c"]
    assert told["macro_f1"] == pytest.approx((1 + 2 / 3) / 2)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([0, 2]), st.integers(0, 2)), min_size=1, max_size=40))
def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_occur(pairs):
    actual, predicted = np.array(pairs).T
    recalls = [np.mean(predicted[actual == label] == label) for label in set(actual.tolist())]
    assert scores(actual, predicted, CLASSES)["balanced_accuracy"] == pytest.approx(np.mean(recalls))


def test_balanced_accuracy_sees_a_rare_class_that_accuracy_does_not():
    actual = np.repeat([0, 1], [98, 2])
    told = scores(actual, np.zeros(100, int), CLASSES)
    assert (told["accuracy"], told["balanced_accuracy"]) == pytest.approx((0.98, 0.5))


def test_the_majority_calls_everything_by_the_commonest_class_of_fit():
    told = majority(np.array([0, 1, 1, 1, 2, 2]), np.array([0, 0, 0, 1, 2]), CLASSES)
    assert (told["accuracy"], told["balanced_accuracy"]) == pytest.approx((1 / 5, 1 / 3))
    assert told["macro_f1"] == pytest.approx((2 * 1 / 6) / 3)
    assert told["per_class"]["b"]["recall"] == 1.0 and told["per_class"]["a"]["recall"] == 0.0


def test_the_majority_may_be_a_class_that_is_not_tested_and_the_first_of_equals_wins():
    assert majority(np.array([1, 1, 0]), np.array([0, 2]), CLASSES)["balanced_accuracy"] == 0.0
    assert majority(np.array([2, 1, 1, 2]), np.array([1, 2, 2]), CLASSES)["accuracy"] == pytest.approx(1 / 3)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=40))
def test_perfect_predictions_score_one_in_every_class_that_occurs(labels):
    told = scores(np.array(labels), np.array(labels), CLASSES)
    assert told["accuracy"] == 1.0
    assert all(told["per_class"][CLASSES[label]]["f1"] == 1.0 for label in set(labels))


@pytest.mark.parametrize("kind", ["cnn", "lstm"])
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


def of_class(windows: Windows, *labels: int) -> Windows:
    return windows.select(np.isin(windows.labels, labels))


def test_classes_that_cannot_be_learned_or_tested_are_named():
    both = sines(np.random.default_rng(0), 20)
    assert obstacle(both, both) is None
    assert "all windows are of one class (fast)" in str(obstacle(of_class(both, 1), of_class(both, 1)))
    assert "no test window is of slow" in str(obstacle(both, of_class(both, 1)))
    assert "no fit window is of fast" in str(obstacle(of_class(both, 0), both))
    unlabelled = replace(of_class(both, 0), classes=("unlabelled",))
    assert "no labels" in str(obstacle(unlabelled, unlabelled))


def test_a_class_that_nobody_has_is_no_obstacle():
    both = replace(sines(np.random.default_rng(0), 20), classes=("slow", "fast", "never"))
    assert obstacle(both, both) is None


@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_the_loss_of_a_classifier_is_linear_in_its_class_weights(kind, training):
    windows = sines(np.random.default_rng(0), 12)
    batch, seed = (windows.values, windows.labels.astype(np.int32)), np.array([1, 2], np.int32)

    def loss(class_weights: list[float] | None) -> float:
        model = build_classifier(kind, windows.shape, getattr(training.params.evaluate, kind), 0)
        if class_weights:
            model.weigh_classes(np.array(class_weights))
        return float(model.batch_loss(batch, seed) - model.penalty())

    assert loss([1, 1]) == pytest.approx(loss(None))
    assert loss([3, 0.5]) == pytest.approx(3 * loss([1, 0]) + 0.5 * loss([0, 1]), rel=1e-5)
    assert loss([1, 0]) > 0


def test_balanced_weights_find_the_rare_class_among_windows_that_look_alike(training):
    # Overlapping classes, 1 to 9: without weights the rare one is given up.
    stream = np.random.default_rng(0)
    labels = (np.arange(400) % 10 == 0).astype(int)
    values = (stream.normal(0, 1, (400, 8, 1)) + 0.3 * labels[:, None, None]).astype(np.float32)
    windows = Windows(values, labels, ("",) * 400, ("x",), ("often", "rare"), 1.0, ("g",))
    told = {}
    for how in ("none", "balanced"):
        evaluate_params = training.params.evaluate.model_copy(update={"class_weights": how})
        run = replace(training, params=training.params.model_copy(update={"evaluate": evaluate_params}))
        model = build_classifier("cnn", windows.shape, run.params.evaluate.cnn, 0)
        told[how] = fit_classifier(model, windows, run.params.evaluate.cnn, run, how).predict_labels(values)
    recall = {how: float(np.mean(predicted[labels == 1] == 1)) for how, predicted in told.items()}
    assert recall["none"] < 0.3 and recall["balanced"] > 0.6


def test_the_summary_and_the_results_table_say_why_usefulness_was_not_measured():
    from benchmarks.results import _scores, _shown
    from flows.summary import main_numbers

    measured = {"mean": 0.1, "low": 0.0, "high": 0.2, "seeds": 2}
    detection = dict.fromkeys(("discriminative_score", "floor", "floor_test", "noise"), measured)
    nulls = dict.fromkeys(("trtr", "tstr", "tstr_ratio"), null("all windows are of one class"))
    metrics = {**nulls, "detection": {"cnn": detection}}
    told = dict(main_numbers(metrics))
    assert [value for value in told.values() if "one class" in value] == [
        "not measured: all windows are of one class"
    ] * 3
    assert told["discriminative score, cnn (0 is best)"].startswith("0.100")
    shown = {name: _shown(value) for name, value in _scores(metrics).items()}
    assert shown["tstr_cnn"] == shown["ratio_cnn"] == "not measured"
    assert shown["floor"] == "0.100 (0.000 to 0.200)"
