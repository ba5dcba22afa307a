"""The flow carries noise to windows: it begins as noise of the right spectrum, and learns what noise cannot be."""

import numpy as np
import pytest
from test_whitening import coloured

from sensegen.divergence import AlertLog
from sensegen.evaluation.spectrum import log_psd
from sensegen.generators import build_generator
from sensegen.params.models import FlowMatchingParams, OptimiserParams
from sensegen.pretraining import pretrain
from sensegen.training_run import Training
from sensegen.windows import Windows

SMALL = FlowMatchingParams(
    kind="flow_matching", width=32, layers=2, heads=2, patch=4, sampling_steps=8, temperature=1.0
)


def two_levels(count: int) -> Windows:
    """One class: half of the windows lie at 2, half at -2, with a little noise. No Gaussian process is like that."""
    stream = np.random.default_rng(0)
    sign = np.where(np.arange(count) % 2, 2.0, -2.0)
    values = (sign[:, None, None] + 0.1 * stream.normal(size=(count, 16, 1))).astype(np.float32)
    return Windows(values, np.zeros(count, int), ("p",) * count, ("x",), ("only",), 16.0, ("g",))


@pytest.fixture
def training(params, tmp_path) -> Training:
    trained = params.train_generator.model_copy(
        update={
            "generator": SMALL,
            "optimiser": OptimiserParams(learning_rate=0.003, batch_windows=64, gradient_norm=1.0),
            "epochs": 60,
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


def test_training_finds_two_levels_where_noise_has_one(training):
    windows = two_levels(512)
    generator = build_generator(windows.shape, SMALL, seed=0)
    pretrain(generator, windows, windows, training)
    levels = generator.sample(np.zeros(600, int), seed=0).mean(axis=(1, 2))
    assert np.mean(np.abs(levels) > 1) > 0.9
    assert 0.35 < np.mean(levels > 0) < 0.65


def test_more_steps_of_the_sampler_come_closer_to_the_same_windows(training):
    windows = two_levels(512)
    generator = build_generator(windows.shape, SMALL, seed=0)
    pretrain(generator, windows, windows, training)
    made = {}
    for steps in (2, 8, 64):
        params = SMALL.model_copy(update={"sampling_steps": steps})
        finer = build_generator(windows.shape, params, seed=0)
        finer.assign(generator.arrays())
        made[steps] = finer.sample(np.zeros(50, int), seed=0)
    errors = {steps: np.abs(made[steps] - made[64]).mean() for steps in (2, 8)}
    assert errors[8] < errors[2] / 2


def test_heads_must_share_the_width():
    with pytest.raises(ValueError, match="width must be a multiple of heads, but they are 32 and 3"):
        FlowMatchingParams(**{**SMALL.model_dump(), "heads": 3})
