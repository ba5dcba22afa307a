"""The augmentation curve: who has few windows, what his own generator adds, and that it never saw more of them."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import SMALL_CNN, sines

from sensegen import augmentation
from sensegen.augmentation import Amount, amounts, curve
from sensegen.divergence import AlertLog
from sensegen.evaluation.interval import is_null
from sensegen.params.models import AugmentParams, RandomConvolutionParams
from sensegen.training_run import Training

FIT, TEST = (sines(np.random.default_rng(seed), count) for seed, count in ((0, 200), (1, 100)))


@pytest.fixture
def training(params, tmp_path) -> Training:
    generator = params.train_generator.generator.model_copy(update={"width": 8, "sampling_steps": 4})
    evaluate = params.evaluate.model_copy(
        update={
            **{"classifiers": ["cnn", "random_convolution"], "cnn": SMALL_CNN},
            "random_convolution": RandomConvolutionParams(features=84),
        }
    )
    asked = AugmentParams(windows_a_class=[2], shares=[0.1], seeds=2, generator_steps=40)
    changed = {
        "train_generator": params.train_generator.model_copy(update={"generator": generator}),
        **{"evaluate": evaluate, "augment": asked},
    }
    return Training(params.model_copy(update=changed), AlertLog(tmp_path / "alerts.jsonl", "augment"))


def test_amounts_are_so_many_of_each_class_or_a_share_of_each():
    few, share = Amount(a_class=2), Amount(share=0.05)
    assert np.bincount(few.of(FIT, 0).labels).tolist() == [2, 2]
    assert np.bincount(share.of(FIT, 0).labels).tolist() == [5, 5]
    assert (few.name, share.name) == ("2 a class", "5 %")
    rare = FIT.select(np.concatenate([np.flatnonzero(FIT.labels == 0), np.flatnonzero(FIT.labels == 1)[:1]]))
    assert np.bincount(share.of(rare, 0).labels).tolist() == [5, 1]


def test_another_seed_draws_other_windows_and_the_same_seed_the_same():
    few = Amount(a_class=3)
    first, again, other = (few.of(FIT, seed).values for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.slow
def test_every_amount_has_both_arms_of_every_classifier_and_their_difference(training):
    told = curve(FIT, TEST, training)
    assert list(told) == ["2 a class", "10 %"]
    assert (told["2 a class"]["windows"], told["10 %"]["windows"]) == (4, 20)
    for point in told.values():
        for kind in ("cnn", "random_convolution"):
            arms = point[kind]
            gain = arms["with_synthetic"]["mean"] - arms["real"]["mean"]
            assert arms["gain"]["mean"] == pytest.approx(gain) and arms["gain"]["seeds"] == 2


@pytest.mark.slow
@pytest.mark.chosen
def test_generator_and_classifiers_see_the_few_windows_and_nothing_else(training, monkeypatch):
    seen, learned = [], []
    trained, fitted = augmentation._trained, augmentation.fitted_classifier

    def watched(few, training, name):
        seen.append({values.tobytes() for values in few.values})
        return trained(few, training, name)

    def watched_fit(kind, windows, *rest, **more):
        learned.append((kind, windows, more["like"]))
        return fitted(kind, windows, *rest, **more)

    monkeypatch.setattr(augmentation, "_trained", watched)
    monkeypatch.setattr(augmentation, "fitted_classifier", watched_fit)
    one = training.params.augment.model_copy(update={"shares": []})
    curve(FIT, TEST, replace(training, params=training.params.model_copy(update={"augment": one})))
    assert [len(few) for few in seen] == [4, 4] and seen[0] != seen[1]
    everything = {values.tobytes() for values in FIT.values}
    for at, (_, windows, like) in enumerate(learned):
        few = seen[at // 4]
        real = {values.tobytes() for values in windows.values} & everything
        assert real == few and like == len(FIT)
        assert len(windows) in (4, 2 * len(FIT))


def test_nothing_is_trained_unless_it_is_asked_for(training):
    none = training.params.augment.model_copy(update={"windows_a_class": [], "shares": []})
    told = curve(FIT, TEST, replace(training, params=training.params.model_copy(update={"augment": none})))
    assert is_null(told) and "preset augmentation" in told["reason"] and not training.rows


def test_the_fewest_windows_come_first():
    asked = AugmentParams(windows_a_class=[2, 10], shares=[0.5, 1.0], seeds=2, generator_steps=1)
    assert [amount.name for amount in amounts(asked)] == ["2 a class", "10 a class", "50 %", "100 %"]
