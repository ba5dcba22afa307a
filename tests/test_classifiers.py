"""Classifiers have the layers they claim, learn toy problems, and repeat themselves."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import sines
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen.classifiers.kinds import KINDS
from sensegen.classifiers.random_convolution import KERNELS, TAPS, Convolution, dilations, responses, shares_above
from sensegen.classifiers.textured import with_texture
from sensegen.divergence import AlertLog
from sensegen.evaluation.usefulness import build_classifier, fitted_classifier
from sensegen.params.models import (
    CNNClassifierParams,
    EncoderBoostingParams,
    EncoderSVMParams,
    GRUClassifierParams,
    HHARLSTMClassifierParams,
    LSTMClassifierParams,
    OptimiserParams,
    RandomConvolutionParams,
    ResidualLSTMClassifierParams,
)
from sensegen.training_run import Training
from sensegen.windows import Windows, WindowShape

FAST = OptimiserParams(learning_rate=0.01, batch_windows=32, gradient_norm=1.0)
CNN = CNNClassifierParams(filters=8, optimiser=FAST, epochs=8)
SECTIONS = {
    "lstm": LSTMClassifierParams(units=8, l2=0.0001, optimiser=FAST, epochs=12),
    "cnn": CNN,
    "textured_cnn": CNN,
    "residual_lstm": ResidualLSTMClassifierParams(units=8, layers=1, optimiser=FAST, epochs=8),
    "gru": GRUClassifierParams(units=8, optimiser=FAST, epochs=12),
    "hhar_lstm": HHARLSTMClassifierParams(units=8, optimiser=FAST, epochs=12),
    "random_convolution": RandomConvolutionParams(features=168),
    "encoder_svm": EncoderSVMParams(encoder=CNN, cost=1.0),
    "encoder_boosting": EncoderBoostingParams(encoder=CNN, trees=10, learning_rate=0.3),
}


@pytest.fixture
def training(params, tmp_path) -> Training:
    return Training(params, AlertLog(tmp_path / "alerts.jsonl", "evaluate"))


def test_every_kind_is_checked_here():
    assert set(SECTIONS) == set(KINDS)
    assert all(KINDS[kind].kind == kind for kind in KINDS)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"lstm", "cnn"}))  # those two: tests/test_evaluation.py
def test_it_learns_two_easy_classes_its_loss_falls_and_the_same_seed_says_the_same(kind, training):
    train, test = (sines(np.random.default_rng(seed), 96) for seed in (0, 1))
    first, again = (
        fitted_classifier(kind, train, SECTIONS[kind], training, "one").predict_labels(test.values) for _ in range(2)
    )
    assert np.mean(first == test.labels) > 0.95
    assert np.array_equal(first, again)
    losses = [float(row["loss"]) for row in training.rows]
    assert kind == "random_convolution" or losses[0] > losses[len(losses) // 2 - 1]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_it_predicts_no_windows(kind):
    model = build_classifier(kind, WindowShape(32, 2, 2), SECTIONS[kind], 0)
    assert model.predict_labels(np.empty((0, 32, 2), np.float32)).shape == (0,)


def test_windows_shorter_than_a_kernel_are_no_obstacle_to_random_convolutions(training):
    kind = "random_convolution"
    labels = np.arange(60) % 3
    values = (labels[:, None, None] + np.random.default_rng(0).normal(0, 0.1, (60, 7, 1))).astype(np.float32)
    windows = Windows(values, labels, ("",) * 60, ("x",), ("a", "b", "c"), 1.0, ("g",))
    told = fitted_classifier(kind, windows, SECTIONS[kind], training, "short").predict_labels(values)
    assert np.mean(told == labels) > 0.6


def test_the_hhar_seed_system_has_66176_weights_besides_the_biases():
    params = HHARLSTMClassifierParams(units=64, optimiser=FAST, epochs=1)
    model = build_classifier("hhar_lstm", WindowShape(length=200, channels=3, classes=7), params, 0)
    weights = sum(int(np.prod(v.shape)) for v in model.trainable_variables if len(v.shape) == 2)
    assert weights == 3 * 64 + 2 * (4 * (64**2 + 64**2)) + 64 * 7 == 66_176
    assert model.count_params() == weights + 64 + 2 * 4 * 64 + 7


def test_the_residual_stack_has_its_layers():
    params = ResidualLSTMClassifierParams(units=28, layers=3, optimiser=FAST, epochs=1)
    model = build_classifier("residual_lstm", WindowShape(128, 9, 6), params, 0)
    one_direction = 4 * (14 * (28 + 14) + 14)
    assert model.count_params() == (9 * 28 + 28) + 3 * (2 * one_direction + 2 * 28) + (28 * 6 + 6)


def test_the_gru_has_its_layers():
    model = build_classifier("gru", WindowShape(128, 9, 2), GRUClassifierParams(units=48, optimiser=FAST, epochs=1), 0)
    frames, recurrent = 8 * 18 * 48 + 48, 3 * (48 * 48 + 48 * 48 + 2 * 48)
    assert model.count_params() == frames + recurrent + 2 * 48 * 2 + 2


def test_a_residual_layer_whose_lstm_is_silent_only_normalises_its_input():
    params = ResidualLSTMClassifierParams(units=8, layers=2, optimiser=FAST, epochs=1)
    model = build_classifier("residual_lstm", WindowShape(16, 2, 3), params, 0)
    for recurrent in model.recurrent:
        recurrent.set_weights([np.zeros_like(array) for array in recurrent.get_weights()])
    values = np.random.default_rng(0).normal(size=(5, 16, 2)).astype(np.float32)
    steps = model.inputs_layer(values).numpy()
    for _ in model.recurrent:
        steps = (steps - steps.mean(-1, keepdims=True)) / np.sqrt(steps.var(-1, keepdims=True) + 1e-3)
    expected = model.head(steps.mean(axis=1)).numpy()
    assert np.allclose(model.logits(values), expected, atol=1e-5)


def test_the_84_kernels_have_weights_that_add_up_to_nothing():
    assert len(set(KERNELS)) == 84
    assert all(2 * 3 - (TAPS - 3) == 0 and len(kernel) == 3 for kernel in KERNELS)


@settings(max_examples=20)
@given(st.integers(0, 83), st.integers(1, 3), st.booleans(), st.integers(0, 2**31))
def test_a_response_is_the_convolution_that_numpy_makes(kernel, dilation, padded, seed):
    values = np.random.default_rng(seed).normal(size=(3, 40, 4)).astype(np.float32)
    one = Convolution(KERNELS[kernel], dilation, np.array([0, 2]), padded, np.empty(0, np.float32))
    (response,) = responses(values, dilation, [one])
    weights = np.zeros(8 * dilation + 1)
    weights[::dilation] = [2 if tap in one.kernel else -1 for tap in range(TAPS)]
    for at, window in enumerate(values):
        summed = np.pad(window[:, 0] + window[:, 2], 4 * dilation if padded else 0)
        assert np.allclose(response[:, at], np.correlate(summed, weights, mode="valid"), atol=1e-4)


@pytest.mark.parametrize("length", [200, 255, 256, 1000])
def test_the_shares_above_a_bias_are_exact_whatever_the_length(length):
    response = np.random.default_rng(0).normal(size=(length, 5)).astype(np.float32)
    biases = np.array([-100, 0, 0.5, 100], np.float32)
    expected = np.stack([(response > bias).mean(axis=0) for bias in biases], axis=1)
    assert np.allclose(shares_above(response, biases), expected, atol=1e-6)


@given(st.integers(1, 2000), st.integers(1, 200))
def test_dilations_share_out_the_biases_and_fit_into_the_window(length, count):
    shared = dilations(length, count)
    assert sum(biases for _, biases in shared) == count
    assert shared[0][0] == 1 and all((TAPS - 1) * dilation <= max(length - 1, TAPS - 1) for dilation, _ in shared)


def test_biases_are_responses_to_training_windows():
    windows = sines(np.random.default_rng(0), 60)
    model = build_classifier("random_convolution", windows.shape, SECTIONS["random_convolution"], 0)
    model.learn_features(windows.values)
    shares = model.features(windows.values)
    assert shares.shape == (60, 168) and shares.min() >= 0 and shares.max() <= 1
    assert 0.3 < shares.mean() < 0.7 and np.mean(shares.std(axis=0) > 0.005) > 0.9


def test_features_do_not_depend_on_the_other_windows_of_a_block():
    windows = sines(np.random.default_rng(0), 300)
    model = build_classifier("random_convolution", windows.shape, SECTIONS["random_convolution"], 0)
    model.learn_features(windows.values)
    assert np.allclose(model.features(windows.values)[[5, 250]], model.features(windows.values[[5, 250]]), atol=0.04)


@pytest.mark.parametrize("kind", ["random_convolution", "encoder_svm"])
def test_balanced_weights_find_a_rare_class(kind, training):
    stream = np.random.default_rng(0)
    labels = (np.arange(400) % 10 == 0).astype(int)
    values = (stream.normal(0, 1, (400, 16, 1)) + 0.5 * labels[:, None, None]).astype(np.float32)
    windows = Windows(values, labels, ("",) * 400, ("x",), ("often", "rare"), 1.0, ("g",))
    found = {}
    for how in ("none", "balanced"):
        told = training.params.evaluate.model_copy(update={"class_weights": how})
        run = replace(training, params=training.params.model_copy(update={"evaluate": told}))
        section = RandomConvolutionParams(features=84) if kind == "random_convolution" else SECTIONS[kind]
        found[how] = fitted_classifier(kind, windows, section, run, how).predict_labels(values)[labels == 1].mean()
    assert found["balanced"] > found["none"] and found["balanced"] > 0.5


def test_the_learner_on_an_encoder_sees_only_what_its_last_layer_sees():
    train = sines(np.random.default_rng(0), 64)
    model = build_classifier("encoder_svm", train.shape, SECTIONS["encoder_svm"], 0)
    features = model.features(train.values)
    assert features.shape == (64, 8) and features.min() >= 0
    expected = features @ model.encoder.head.kernel.numpy() + model.encoder.head.bias.numpy()
    assert np.allclose(expected, model.encoder.logits(train.values), atol=1e-5)


def test_texture_shows_a_window_that_hardly_moves_as_large_as_one_that_does():
    values = np.random.default_rng(0).normal(size=(2, 32, 1)).astype(np.float32)
    values[1] = 0.01 * values[0] + 5
    seen = with_texture(values).numpy()
    assert np.array_equal(seen[:, :, :1], values)
    assert np.allclose(seen[0, :, 1], seen[1, :, 1], atol=0.05) and seen[1, :, 1].std() > 0.95
    assert np.isfinite(with_texture(np.full((1, 32, 1), 1e30, np.float32)).numpy()).all()
