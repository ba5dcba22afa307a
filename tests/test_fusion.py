"""Fusion CNNs: the lecture's parameters are met, and each kind sees what its name says."""

import numpy as np
import pytest
import tensorflow as tf

from sensegen.classifiers.fusion import FUSIONS, FusionCNN, steps_left
from sensegen.divergence import AlertLog
from sensegen.evaluation.usefulness import fit_classifier
from sensegen.params.models import FusionClassifierParams, OptimiserParams
from sensegen.training_run import Training
from sensegen.windows import Windows, WindowShape

FAST = OptimiserParams(learning_rate=0.003, batch_windows=16, gradient_norm=1.0)
PAMAP2 = WindowShape(length=256, channels=7, classes=7)
SENSORS = [[0, 1, 2], [3, 4, 5], [6]]
TABLE = {  # conv 1, conv 2, dense, softmax
    "early": (704, 4_096, 1_016_064, 1_799),
    "sensor_late": (768, 12_288, 3_047_680, 1_799),
    "channel_late": (896, 28_672, 7_110_912, 1_799),
    "shared_filter": (128, 4_096, 7_110_912, 1_799),
}


def built(kind: str, shape: WindowShape, sensors: list[list[int]], layers: int = 2, seed: int = 0) -> FusionCNN:
    return FUSIONS[kind](shape, FusionClassifierParams(layers=layers, sensors=sensors, optimiser=FAST, epochs=12), seed)


def small(kind: str, layers: int = 2) -> FusionCNN:
    return built(kind, WindowShape(48, 4, 2), [[0, 1], [2, 3]], layers)


def parameters(model: FusionCNN, layer: str) -> int:
    return sum(int(np.prod(one.shape)) for one in model.trainable_variables if f"/{layer}/" in one.path)


@pytest.mark.parametrize("kind", TABLE)
def test_the_lectures_parameters_are_met(kind):
    model = built(kind, PAMAP2, SENSORS)
    layers = ("convolution_1", "convolution_2", "hidden", "logits")
    assert tuple(parameters(model, layer) for layer in layers) == TABLE[kind]
    norms = sum(parameters(model, f"norm_{at}") for at in (1, 2))
    assert sum(int(np.prod(one.shape)) for one in model.trainable_variables) == sum(TABLE[kind]) + norms


@pytest.mark.parametrize("layers", [2, 3])
def test_the_steps_left_are_those_that_the_network_has(layers):
    model = built("early", WindowShape(125, 2, 3), [[0, 1]], layers)
    assert model.features(tf.zeros((1, 125, 2)), training=False).shape == (1, 32 * steps_left(125, layers))


def test_a_window_of_256_leaves_124_steps():
    assert steps_left(256, 2) == 124


def test_a_window_that_is_too_short_is_refused():
    assert steps_left(10, 2) == 1
    with pytest.raises(ValueError, match="window of 9 samples"):
        steps_left(9, 2)


@pytest.mark.parametrize("sensors", [[[0, 1], [1, 2, 3]], [[0, 1, 2]], [[0, 1, 2, 3], []], [[0, 1, 2, 3, 4]]])
def test_sensors_name_each_channel_once(sensors):
    with pytest.raises(ValueError, match="each of the 4 channels"):
        built("sensor_late", WindowShape(48, 4, 2), sensors)


def reach(kind: str) -> np.ndarray:
    """(channel, branch): whether the features of a branch change with a channel; no moments are shared."""
    model = small(kind)
    before = np.random.default_rng(0).normal(size=(1, 48, 4)).astype(np.float32)
    moved = []
    for channel in range(4):
        after = before.copy()
        after[..., channel] += 1.0 + np.arange(48) % 3
        change = model.features(tf.constant(after), training=False) - model.features(
            tf.constant(before), training=False
        )
        moved.append(np.abs(change.numpy()).reshape(-1, 32 * steps_left(48, 2)).max(axis=1) > 0)
    return np.array(moved)


def test_late_fusion_keeps_sensors_and_channels_apart_until_the_dense_layer():
    assert reach("early").tolist() == [[True]] * 4
    assert reach("sensor_late").tolist() == [[True, False]] * 2 + [[False, True]] * 2
    assert np.array_equal(reach("channel_late"), np.eye(4, dtype=bool))
    assert np.array_equal(reach("shared_filter"), np.eye(4, dtype=bool))


def test_shared_filters_find_the_same_in_every_channel_and_separate_ones_do_not():
    one = np.random.default_rng(1).normal(size=(2, 48, 1)).astype(np.float32)
    same = tf.constant(np.repeat(one, 4, axis=2))
    shared, apart = (
        small(kind).features(same, training=False).numpy().reshape(2, 4, -1)
        for kind in ("shared_filter", "channel_late")
    )
    np.testing.assert_allclose(shared, np.broadcast_to(shared[:, :1], shared.shape), rtol=1e-5, atol=1e-6)
    assert np.abs(apart - apart[:, :1]).max() > 0.1


def which_sensor_moves(windows: int) -> Windows:
    """Class 0: the first sensor's two channels swing in phase; class 1: against each other. The rest is noise."""
    draw = np.random.default_rng(2)
    labels = np.arange(windows) % 2
    swing = np.sin(2 * np.pi * np.arange(48) / 12 + draw.uniform(0, 2 * np.pi, (windows, 1)))
    values = draw.normal(0, 0.3, (windows, 48, 4))
    values[..., 0] += swing
    values[..., 1] += np.where(labels, -1, 1)[:, None] * swing
    names = ("a", "b", "c", "d")
    return Windows(values.astype(np.float32), labels, ("S1",) * windows, names, ("in", "against"), 50.0, ("g",) * 4)


@pytest.mark.parametrize(("kind", "layers"), [("early", 2), ("shared_filter", 3)])
def test_a_phase_between_two_channels_is_learned(params, tmp_path, kind, layers):
    windows = which_sensor_moves(160)
    fit, other = windows.select(np.arange(96)), windows.select(np.arange(96, 160))
    training = Training(params, AlertLog(tmp_path / "alerts.jsonl", "evaluate"))
    wanted = FusionClassifierParams(layers=layers, sensors=[[0, 1], [2, 3]], optimiser=FAST, epochs=12)
    model = fit_classifier(small(kind, layers), fit, wanted, training, kind)
    assert np.mean(model.predict_labels(other.values) == other.labels) > 0.9


@pytest.mark.parametrize("kind", FUSIONS)
def test_same_seed_same_weights_and_another_seed_others(kind):
    values = np.random.default_rng(3).normal(size=(8, 48, 4)).astype(np.float32)
    first, again, other = (built(kind, WindowShape(48, 4, 2), [[0, 1], [2, 3]], seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first(values), again(values)) and not np.allclose(first(values), other(values))
