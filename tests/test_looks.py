"""Tests of what gives windows away: each measure says it of windows that have it, and of no others."""

import numpy as np
import pytest

from benchmarks import looks
from benchmarks.uci_har import preset_params
from sensegen.windows import Windows

RATE_HZ, SAMPLES, WINDOWS = 50.0, 128, 200
TIME = np.arange(SAMPLES) / RATE_HZ


def windows_of(signals: np.ndarray) -> Windows:
    labels, subjects = np.zeros(len(signals), int), ("S",) * len(signals)
    return Windows(signals[..., None], labels, subjects, (looks.STRIDE,), ("WALKING",), RATE_HZ, ("g",))


def strides(wander: float) -> np.ndarray:
    """Steps a second apart, whose loudness wanders from one to the next."""
    draw = np.random.default_rng(0)
    loudness = 1 + wander * draw.normal(size=(WINDOWS, 4))
    phase = draw.uniform(0, 1, size=(WINDOWS, 1))
    steps = (TIME + phase).astype(int)
    return np.take_along_axis(loudness, steps, axis=1) * np.sin(2 * np.pi * (TIME + phase)) ** 3


def test_strides_are_alike_where_they_repeat_and_less_where_they_wander() -> None:
    alike, wandering = (looks.stride(windows_of(strides(wander))) for wander in (0.0, 0.6))
    noise = looks.stride(windows_of(np.random.default_rng(1).normal(size=(WINDOWS, SAMPLES))))
    assert alike == pytest.approx(1.0)
    assert noise < 0.4 < wandering < 0.95


def test_changes_are_sudden_where_few_are_large() -> None:
    draw = np.random.default_rng(0)
    steps = draw.normal(size=(WINDOWS, SAMPLES))
    rare = steps * (draw.uniform(size=steps.shape) < 0.1)
    assert looks.jolts(windows_of(np.cumsum(steps, axis=1))) == pytest.approx(0.0, abs=0.1)
    assert looks.jolts(windows_of(np.cumsum(rare, axis=1))) > 5


def test_a_ramp_drifts_and_noise_does_not() -> None:
    noise = np.random.default_rng(0).normal(size=(WINDOWS, SAMPLES))
    assert looks.drift(windows_of(noise + 100 * TIME)) > 0.99
    assert abs(looks.drift(windows_of(noise))) < 0.05


def test_a_window_that_stands_still_has_no_correlation_and_no_error() -> None:
    assert looks.correlation(np.ones((1, SAMPLES, 1)), 32) == 0


def test_a_cell_has_the_numbers_of_every_side_of_one_activity() -> None:
    sides = {"made": windows_of(strides(0.6)), "fit people": windows_of(strides(0.0))}
    of_stride, *_ = looks.told(sides, 0)
    made, fit = (float(number) for number in of_stride.split(", "))
    assert made < fit == 1.0


def test_a_run_of_other_data_is_refused(monkeypatch) -> None:
    params = preset_params()
    other = params.model_copy(update={"dataset": params.dataset.model_copy(update={"name": "hapt"})})
    monkeypatch.setattr(looks.schema, "load", lambda path: other)
    with pytest.raises(ValueError, match=r"dataset\.name must be uci_har.* is hapt"):
        looks.run()
