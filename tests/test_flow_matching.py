"""The flow carries noise to windows: it begins as noise of the right spectrum, and learns what noise cannot be."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_style_and_shape import coloured

from sensegen import processor
from sensegen.divergence import AlertLog
from sensegen.evaluation.spectrum import log_psd
from sensegen.generators import build_generator
from sensegen.generators.flow_matching import LOWEST_NOISE, Flow
from sensegen.generators.style_and_shape import Parts
from sensegen.generators.window_unet import Linear, Norm
from sensegen.params.models import FlowMatchingParams, OptimiserParams
from sensegen.pretraining import pretrain
from sensegen.training_run import Training
from sensegen.windows import Windows

SMALL = FlowMatchingParams(
    kind="flow_matching", width=16, heads=2, precision="bfloat16", sampling_steps=8, temperature=1.0
)


def one_of_two_tones(count: int) -> Windows:
    """One class: three periods a window or six, as loud, at any phase. Their loudness is that of a mixture of both."""
    stream = np.random.default_rng(1)
    periods, phase = np.where(np.arange(count) % 2, 3.0, 6.0)[:, None], stream.uniform(0, 2 * np.pi, (count, 1))
    values = np.sin(2 * np.pi * periods * np.arange(16) / 16 + phase) + 0.02 * stream.normal(size=(count, 16))
    return Windows(
        values[..., None].astype(np.float32), np.zeros(count, int), ("p",) * count, ("x",), ("only",), 16.0, ("g",)
    )


@pytest.fixture
def training(params, tmp_path) -> Training:
    trained = params.train_generator.model_copy(
        update={
            "generator": SMALL,
            "optimiser": OptimiserParams(learning_rate=0.003, batch_windows=64, gradient_norm=1.0),
            **{"epochs": 60, "patience": None, "warm_start": None},
        }
    )
    return Training(
        params.model_copy(update={"train_generator": trained}), AlertLog(tmp_path / "alerts", "train_generator")
    )


def test_an_untrained_flow_makes_noise_of_the_spectrum_of_each_activity():
    windows, _ = coloured(2_000, seed=0, loud=1.0)
    generator = build_generator(windows.shape, SMALL, seed=0)
    generator.settle(windows)
    made = generator.sample(windows.labels, seed=1)
    for label in (0, 1):
        of_class = windows.labels == label
        own, other = (log_psd(windows.values[rows], made[of_class]).mean() for rows in (of_class, ~of_class))
        assert own < 0.3 and other > 1


@pytest.mark.parametrize("modulated", [False, True])
def test_the_norm_and_its_gradients_are_those_of_keras(modulated):
    stream = np.random.default_rng(0)
    values, gain = (tf.constant(stream.normal(size=size), tf.float32) for size in ((3, 5, 24), (24,)))
    modulation = [tf.constant(stream.normal(size=(3, 1, 24)), tf.float32) for _ in range(2 * modulated)]
    norm = Norm("norm")
    norm.build(values.shape)
    norm.scale.assign(gain)

    def silu(values: tf.Tensor, *modulation: tf.Tensor) -> tf.Tensor:
        scale, shift = modulation or (0.0, 0.0)
        return tf.nn.silu(norm(values) * (1 + scale) + shift)

    found = []
    for of in (lambda *given: norm.silu(given[0], tf.float32, *given[1:]), silu):
        with tf.GradientTape() as tape:
            tape.watch([values, *modulation])
            out = of(values, *modulation)
            loss = tf.reduce_sum(out * tf.cos(tf.range(24.0)))
        found.append([out, *tape.gradient(loss, [values, norm.scale.value, *modulation])])
    for ours, keras_s in zip(*found, strict=True):
        np.testing.assert_allclose(ours, keras_s, rtol=1e-4, atol=1e-5)


def test_a_product_of_two_axes_is_that_of_keras_dense_layer():
    layer, keras_s = Linear(5), keras.layers.Dense(5)
    values, weights = tf.random.stateless_normal((3, 4, 7), [0, 0]), tf.random.stateless_normal((8, 5), [0, 1])
    found = []
    for of in (layer, keras_s):
        of.build(values.shape)
        of.set_weights([weights[:7], weights[7]])
        with tf.GradientTape() as tape:
            tape.watch(values)
            out = of(values)
            loss = tf.reduce_sum(tf.sin(out))
        found.append([out, *tape.gradient(loss, [values, *of.trainable_variables])])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("steps", [1, 4, 32])
def test_without_a_network_the_way_is_exact_in_any_number_of_steps(steps):
    """Untrained, noise of level 1 becomes as large as is to be expected, and the best linear guess takes the lowest
    noise out; what that leaves open is drawn."""
    flow, noise, labels = begun(steps)
    amplitude, _ = flow.parts.amplitude(noise.style, labels)
    lowest = tf.sqrt(amplitude**2 + LOWEST_NOISE**2)
    left = tf.random.stateless_normal(noise.shape.shape, [2, 3])
    known = noise.shape * amplitude**2 / lowest + amplitude * LOWEST_NOISE / lowest * left
    assert flow.carried(noise, labels, left).numpy() == pytest.approx(known.numpy(), rel=1e-3, abs=1e-4)


@pytest.mark.slow
def test_more_steps_of_the_sampler_come_closer_to_the_same_windows():
    carried = {}
    for steps in (4, 16, 128):
        flow, noise, labels = begun(steps)
        stream = np.random.default_rng(5)
        for variable in flow.network.trainable_variables:  # any network will do
            variable.assign(variable + 0.1 * stream.normal(size=variable.shape).astype(np.float32))
        carried[steps] = flow.carried(noise, labels, tf.zeros_like(noise.shape)).numpy()
    errors = {steps: np.abs(carried[steps] - carried[128]).mean() for steps in (4, 16)}
    assert errors[16] < 0.7 * errors[4] and errors[4] > 1e-3


def begun(steps: int) -> tuple[Flow, Parts, tf.Tensor]:
    """A settled flow in float32, noise with the styles of windows, and labels."""
    windows, _ = coloured(500, seed=0)
    labels = tf.constant(windows.labels[:64])
    params = SMALL.model_copy(update={"sampling_steps": steps, "precision": "float32"})
    flow = build_generator(windows.shape, params, seed=0).model
    flow.settle(windows)
    style = flow.parts.apart(tf.constant(windows.values[:64]), labels).style
    noise = tf.random.stateless_normal((64, windows.shape.length - 1, 1), [0, 1])
    return flow, Parts(noise, style), labels


@pytest.mark.slow
def test_windows_of_two_frequencies_never_mix_them(training):
    windows = one_of_two_tones(512)
    generator = build_generator(windows.shape, SMALL, seed=0)
    pretrain(generator, windows, windows, training)
    power = np.abs(np.fft.rfft(generator.sample(np.zeros(300, int), seed=0)[..., 0])) ** 2
    share = power[:, 3] / (power[:, 3] + power[:, 6])
    assert np.mean((share < 0.1) | (share > 0.9)) > 0.9
    assert 0.3 < np.mean(share > 0.5) < 0.7


def test_heads_must_share_the_width():
    with pytest.raises(ValueError, match="four times the width must be a multiple of heads, but they are 64 and 3"):
        FlowMatchingParams(**{**SMALL.model_dump(), "heads": 3})


def test_an_unknown_precision_is_refused_and_bfloat16_falls_back_where_there_is_none(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="precision"):
        FlowMatchingParams(**{**SMALL.model_dump(), "precision": "float16"})
    about = tmp_path / "cpuinfo"
    monkeypatch.setattr(processor, "ABOUT", about)
    assert processor.precision("bfloat16") == "float32"
    about.write_text("flags : fpu avx512f\n")
    assert processor.precision("bfloat16") == "float32"
    about.write_text("flags : fpu avx512f avx512_bf16\n")
    assert (processor.precision("bfloat16"), processor.precision("float32")) == ("bfloat16", "float32")
