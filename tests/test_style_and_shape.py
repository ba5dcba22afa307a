"""Windows apart into shape and style and together again: nothing is lost, and each class has its own spectrum."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import sines
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import idct
from scipy.signal import butter, sosfiltfilt

from sensegen.evaluation.spectrum import spectra
from sensegen.generators.style_and_shape import TINY, Parts, StyleAndShape, bands
from sensegen.windows import Windows, WindowShape

LENGTH = 32
LEVELS = np.array([1.0, -3.0])  # by class


def coloured(count: int, seed: int, loud: float = 10.0) -> tuple[Windows, np.ndarray]:
    """Two classes of Gaussian windows, and how loud each was made: half are `loud` times as loud as the others."""
    stream = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    loudness = np.where(stream.random(count) < 0.5, 1.0, loud)
    spread = np.stack([1 / (1 + np.arange(LENGTH)), 0.01 * np.ones(LENGTH)])
    noise = stream.normal(size=(count, LENGTH)) * spread[labels] * loudness[:, None]
    values = idct(noise, axis=1, norm="ortho") + LEVELS[labels, None]
    windows = Windows(
        values[..., None].astype(np.float32), labels, ("p",) * count, ("x",), ("falling", "flat"), 50.0, ("g",)
    )
    return windows, loudness


def settled(windows: Windows) -> StyleAndShape:
    layer = StyleAndShape(windows.shape)
    layer.settle(windows)
    return layer


def apart(layer: StyleAndShape, windows: Windows) -> Parts:
    return layer.apart(tf.constant(windows.values), tf.constant(windows.labels))


def test_bands_are_octaves_and_hold_every_frequency_but_the_level_once():
    assert [np.flatnonzero(band).tolist() for band in bands(20)] == [
        [1, 2, 3],
        [4, 5, 6, 7],
        [*range(8, 16)],
        [*range(16, 20)],
    ]
    assert bands(20).sum(axis=1) == pytest.approx(1)


def test_a_style_says_how_large_each_coefficient_of_a_shape_is_to_be_expected():
    windows, loudness = coloured(20_000, seed=1)
    layer = settled(windows)
    shape, style = apart(layer, windows)
    amplitude, scale = layer.amplitude(style, tf.constant(windows.labels))
    assert np.square(amplitude).mean(axis=(1, 2)) == pytest.approx(1, rel=1e-3)
    share = np.square(shape.numpy() / amplitude.numpy())[..., 0]
    for label in (0, 1):
        quiet, loud = ((windows.labels == label) & (loudness == one) for one in (1.0, 10.0))
        for chosen in (quiet, loud):
            assert share[chosen].mean(axis=0) == pytest.approx(1, rel=0.15)
        assert np.median(scale[loud]) / np.median(scale[quiet]) == pytest.approx(10, rel=0.2)


def test_styles_tell_the_level_and_how_loud_a_window_is():
    windows, loudness = coloured(20_000, seed=2)
    style = apart(settled(windows), windows).style.numpy()
    for label in (0, 1):
        of_class = style[windows.labels == label]
        assert of_class.mean(axis=0) == pytest.approx(0, abs=0.02)
        assert of_class.std(axis=0) == pytest.approx(1, abs=0.02)
        loud = loudness[windows.labels == label] > 5
        assert np.corrcoef(of_class[:, -1], loud)[0, 1] > 0.98  # sixteen coefficients hardly leave any doubt
        assert np.corrcoef(of_class[:, 0], windows.values[windows.labels == label].mean(axis=(1, 2)))[0, 1] > 0.999


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), length=st.integers(3, 40), channels=st.integers(1, 4))
def test_apart_and_together_is_the_identity(seed, length, channels):
    stream = np.random.default_rng(seed)
    values = (stream.normal(size=(12, length, channels)) * 10 ** stream.uniform(-2, 2)).astype(np.float32)
    windows = Windows(
        values, np.arange(12) % 3, ("p",) * 12, ("c",) * channels, ("a", "b", "c"), 50.0, ("g",) * channels
    )
    layer = settled(windows)
    again = layer.together(apart(layer, windows), tf.constant(windows.labels)).numpy()
    assert again == pytest.approx(values, rel=1e-3, abs=2e-3 * float(np.abs(values).max()))


def test_a_channel_that_is_constant_stays_constant():
    windows = sines(np.random.default_rng(0), 10, length=16)
    windows.values[..., 1] = 2.5
    layer = settled(windows)
    labels = tf.constant(windows.labels)
    shape, style = (tf.random.stateless_normal(part.shape, [0, 0]) for part in apart(layer, windows))
    drawn = layer.together(Parts(shape * layer.amplitude(style, labels)[0], style), labels).numpy()
    assert drawn[..., 1] == pytest.approx(2.5, abs=0.01)
    assert drawn[..., 1].std(axis=1).max() < 100 * TINY


def test_where_a_filter_left_nothing_nothing_is_made():
    """A cosine transform tells of the ends of a window at all frequencies; Gaussian shapes keep to its band."""
    sos = butter(8, 0.4, output="sos")
    series = sosfiltfilt(sos, np.random.default_rng(0).normal(size=(1_500, 3 * LENGTH)), axis=1)[:, LENGTH:-LENGTH]
    windows = Windows(
        series[..., None].astype(np.float32),
        np.zeros(len(series), int),
        ("p",) * len(series),
        ("x",),
        ("a",),
        50.0,
        ("g",),
    )
    layer, labels = settled(windows), tf.constant(windows.labels)
    parts = apart(layer, windows)
    noise = tf.random.stateless_normal(parts.shape.shape, [0, 0]) * layer.amplitude(parts.style, labels)[0]
    power = spectra(windows.values, layer.together(Parts(noise, parts.style), labels).numpy(), 50.0)
    above = power.frequency_hz > 15
    assert np.abs(power.synthetic - power.real)[above].mean() < 0.5  # 2.1, if the ends are not taken out
    touched = np.flatnonzero((layer.leak[0].numpy() != np.eye(LENGTH - 1)).any(axis=1)) + 1
    assert touched.size and touched.min() > 0.4 * LENGTH  # and what the filter let through stays as it is


def test_a_class_without_windows_gets_what_all_have():
    windows, _ = coloured(100, seed=4)
    layer = StyleAndShape(WindowShape(LENGTH, 1, 2))
    layer.settle(windows.select(windows.labels == 0))
    for weight in (layer.share, layer.mean, layer.spread):
        assert np.array_equal(weight.numpy()[1], weight.numpy()[0])
