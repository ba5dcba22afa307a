"""Leaving one subject out: nobody is known to the classifier that tells him, and the majority vote stands beside."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensegen.classifiers.arrangement import in_seconds, seconds_by_samples
from sensegen.divergence import AlertLog
from sensegen.evaluation.affect import lstm, told_by_lstm
from sensegen.evaluation.leave_one_out import (
    apart,
    balanced_accuracy,
    judged,
    leave_one_out,
    leave_out,
    over_subjects,
    pooled,
    summary,
)
from sensegen.evaluation.usefulness import predictions
from sensegen.params.models import LSTMClassifierParams, OptimiserParams
from sensegen.training_run import Training
from sensegen.windows import Windows

OF_EACH = 160


@pytest.fixture
def training(params, tmp_path) -> Training:
    fast = OptimiserParams(learning_rate=0.01, batch_windows=40, gradient_norm=1.0)
    small = LSTMClassifierParams(units=8, l2=0.0001, optimiser=fast, epochs=8)
    quick = params.evaluate.model_copy(update={"lstm": small, "class_weights": "balanced"})
    return Training(params.model_copy(update={"evaluate": quick}), AlertLog(tmp_path / "alerts.jsonl", "evaluate"))


def people(seed: int, *, high_shares: tuple[float, ...], offset: float = 0.0, effect: float = 0.0) -> Windows:
    """Windows of 5 s at 4 Hz of people who are `high` for a share of their windows, each with an offset of his own.

    Where a window is `high`, the first channel lies `effect` higher, whoever it is.
    """
    draw = np.random.default_rng(seed)
    labels = np.concatenate([(draw.permutation(OF_EACH) < share * OF_EACH).astype(int) for share in high_shares])
    person = np.repeat(np.arange(len(high_shares)), OF_EACH)
    values = draw.normal(0, 1, (len(labels), 20, 2)) + offset * (person - 1)[:, None, None]
    values[..., 0] += effect * labels[:, None]
    subjects = tuple(f"S{at}" for at in person)
    return Windows(values, labels, subjects, ("bvp", "eda"), ("low", "high"), 4.0, ("a.u.", "uS"))


def test_everybody_is_told_once_by_a_classifier_that_has_not_seen_him():
    windows, seen = people(0, high_shares=(0.5, 0.5, 0.5)), []

    def predict(fit: Windows, test: Windows, subject: str) -> np.ndarray:
        assert subject not in fit.subjects and set(test.subjects) == {subject}
        assert len(fit) + len(test) == len(windows)
        seen.append(subject)
        return test.labels

    told = list(leave_one_out(windows, predict))
    assert seen == ["S0", "S1", "S2"] and [one.subject for one in told] == seen
    assert np.array_equal(pooled(told).actual, windows.labels)
    assert summary(told, windows.classes)["balanced_accuracy"] == {"mean": 1.0, "stddev": 0.0, "subjects": 3}


def test_channels_are_z_normalised_by_the_others_alone():
    windows = people(1, high_shares=(0.5, 0.5, 0.5), offset=5.0)
    fit, test = apart(windows, "S2")
    np.testing.assert_allclose(fit.values.mean(axis=(0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(fit.values.std(axis=(0, 1)), 1, atol=1e-5)
    assert (test.values.mean(axis=(0, 1)) > 2).all()  # 7.5 above the others, whose spread is 2.7
    strange = np.where(np.array(windows.subjects) == "S2", 1000.0, 1.0)
    refit, _ = apart(replace(windows, values=windows.values * strange[:, None, None]), "S2")
    np.testing.assert_array_equal(refit.values, fit.values)


def test_what_scaled_the_windows_before_does_not_matter():
    windows = people(2, high_shares=(0.5, 0.5))
    scaled = replace(windows, values=windows.values * [3.0, 0.2] + [7.0, -2.0])
    for mine, other in zip(apart(windows, "S0"), apart(scaled, "S0"), strict=True):
        np.testing.assert_allclose(mine.values, other.values, atol=1e-4)


@pytest.mark.parametrize("subject", ["S0", "nobody"])
def test_leaving_out_everybody_or_nobody_is_refused(subject):
    with pytest.raises(ValueError, match="somebody else"):
        apart(people(0, high_shares=(0.5,)), subject)


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_occur():
    actual, predicted = np.array([0, 0, 0, 0, 1]), np.array([0, 0, 0, 2, 0])
    assert balanced_accuracy(actual, predicted) == pytest.approx((3 / 4 + 0) / 2)
    assert balanced_accuracy(np.ones(3, int), np.array([1, 1, 0])) == pytest.approx(2 / 3)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_a_vote_that_looks_at_nothing_has_one_over_the_classes(labels):
    actual = np.array(labels)
    assert balanced_accuracy(actual, np.full(len(actual), actual[0])) == pytest.approx(1 / len(set(labels)))


def test_the_majority_vote_is_of_the_others_and_scores_without_looking():
    told = list(leave_one_out(people(3, high_shares=(0.9, 0.9, 0.0)), lambda fit, test, subject: 1 - test.labels))
    scores = [judged(one, ("low", "high")) for one in told]
    assert [one.majority[0] for one in told] == [0, 0, 1]
    # S2 is always low, and is called high by a vote of the others: 0; the others have both classes: one half.
    assert [each.majority_balanced_accuracy for each in scores] == [0.5, 0.5, 0.0]
    assert [each.balanced_accuracy for each in scores] == [0.0, 0.0, 0.0]


def test_the_spread_over_subjects_is_that_of_the_population():
    assert over_subjects([0.5, 0.7]) == pytest.approx({"mean": 0.6, "stddev": 0.1, "subjects": 2})


def test_a_second_becomes_a_step_with_its_samples_in_order():
    values = np.arange(2 * 8 * 3).reshape(2, 8, 3).astype(float)
    arranged = seconds_by_samples(values, 4.0)
    assert arranged.shape == (2, 2, 12)
    for window, second, sample, channel in np.ndindex(2, 2, 4, 3):
        assert arranged[window, second, 3 * sample + channel] == values[window, 4 * second + sample, channel]


def test_five_seconds_of_a_pulse_at_64_hz_are_five_steps_of_64():
    assert seconds_by_samples(np.zeros((3, 320, 1)), 64.0).shape == (3, 5, 64)


def test_arranged_windows_name_each_sample_of_a_second():
    arranged = in_seconds(people(0, high_shares=(0.5, 0.5)))
    assert arranged.channels == ("bvp@0", "eda@0", "bvp@1", "eda@1", "bvp@2", "eda@2", "bvp@3", "eda@3")
    assert arranged.shape.length == 5 and arranged.rate_hz == 1.0 and arranged.units[:2] == ("a.u.", "uS")


@pytest.mark.parametrize(("length", "rate_hz"), [(21, 4.0), (20, 2.5), (20, 0.25)])
def test_what_is_no_whole_second_is_refused(length, rate_hz):
    with pytest.raises(ValueError, match="whole seconds"):
        seconds_by_samples(np.zeros((1, length, 2)), rate_hz)


def test_what_is_common_to_all_people_is_found(training):
    told = told_by_lstm(people(4, high_shares=(0.2, 0.3), effect=1.5), training)
    scores = summary(told, ("low", "high"))
    assert scores["balanced_accuracy"]["mean"] > 0.85
    assert scores["majority_balanced_accuracy"]["mean"] == pytest.approx(0.5)


def test_random_labels_are_told_at_chance(training):
    told = told_by_lstm(people(5, high_shares=(0.25, 0.25)), training)
    assert summary(told, ("low", "high"))["pooled"]["balanced_accuracy"] == pytest.approx(0.5, abs=0.09)


def test_an_offset_of_a_person_does_not_help_though_a_random_split_is_taken_in_by_it(training):
    windows = people(6, high_shares=(0.1, 0.9, 0.5), offset=3.0)
    told = leave_out(in_seconds(windows), "S2", lstm(training))
    assert balanced_accuracy(told.actual, told.predicted) == pytest.approx(0.5, abs=0.09)
    shuffled = in_seconds(windows).select(np.random.default_rng(7).permutation(len(windows)))
    half = np.arange(len(windows) // 2)
    fit, other = shuffled.select(half), shuffled.select(half + len(half))
    known = predictions("lstm", fit, other, training, "random_split")
    assert balanced_accuracy(other.labels, known) > 0.65


def test_affect_has_two_classes(training):
    windows = replace(people(0, high_shares=(0.5, 0.5)), classes=("low", "middle", "high"))
    with pytest.raises(ValueError, match="two classes"):
        told_by_lstm(windows, training)
