"""What goes wrong with data and rates: every family's training finishes, finite, and tells what it was cured of."""

from collections.abc import Callable

import numpy as np
import pytest
from conftest import SMALL_RECURRENT, sines

from sensegen.adversarial_step import AdversarialStep
from sensegen.batches import EpochBatches
from sensegen.divergence import AlertLog
from sensegen.generators import build_generator
from sensegen.guard import DivergenceGuard
from sensegen.params import DivergenceParams
from sensegen.params.adversarial import ConvolutionNetworkParams, NoiseParams, WGANGPParams
from sensegen.params.models import FlowMatchingParams, LogStddevBounds, OptimiserParams
from sensegen.training import GradientStep, Schedule, train
from sensegen.windows import Windows

BOUNDS = LogStddevBounds(low=-4.0, high=2.0)
FAMILIES = {
    "mdn_rnn": SMALL_RECURRENT.model_copy(update={"cell": "lstm", "units": 12, "mixtures": 3, "log_stddev": BOUNDS}),
    "flow_matching": FlowMatchingParams(
        kind="flow_matching", width=8, heads=2, precision="bfloat16", sampling_steps=2, temperature=1.0
    ),
    "wgan_gp": WGANGPParams(
        kind="wgan_gp",
        network=ConvolutionNetworkParams(kind="convolution", width=8, halvings=2, norm="batch"),
        critic=ConvolutionNetworkParams(kind="convolution", width=8, halvings=2, norm="layer"),
        noise=NoiseParams(a_window=4, a_sample=2, correlation=0.5),
        **{"critic_steps": 2, "critic_learning_rate": 0.001, "penalty": 10.0, "temperature": 1.0},
    ),
}
STEPS = 12
Damage = Callable[[np.ndarray], None]


def constant_channel(values: np.ndarray) -> None:
    values[..., 1] = 0.3


def window_of_noughts(values: np.ndarray) -> None:
    values[5] = 0.0


def outlier(values: np.ndarray) -> None:
    values[7, 9, 0] = 1e6


def trained(kind: str, windows: Windows, folder, *, rate: float = 0.003, batches=None):
    generator = build_generator(windows.shape, FAMILIES[kind], seed=0)
    generator.settle(windows)
    log = AlertLog(folder / "alerts.jsonl", "train_generator")
    optimiser = OptimiserParams(learning_rate=rate, batch_windows=16, gradient_norm=1.0)
    whole = EpochBatches([windows.values, windows.labels.astype(np.int32)], 16, seed=0)
    if kind == "wgan_gp":
        step = AdversarialStep(generator.model, optimiser, seed=0, xla=False)
        whole = step.fed(whole)
    else:
        step = GradientStep(generator.model, optimiser, seed=0, xla=False)
    guard = DivergenceGuard(DivergenceParams(max_rollbacks=40, snapshot_steps=2), log)
    state = train(step, (batches or (lambda of: of))(whole), Schedule(STEPS, 4), guard)
    return generator, state


def damaged(damage: Damage) -> Windows:
    windows = sines(np.random.default_rng(0), 64, length=16)
    damage(windows.values)
    return windows


@pytest.mark.slow
@pytest.mark.chosen
@pytest.mark.parametrize("damage", [constant_channel, window_of_noughts, outlier])
@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_odd_windows_are_survived(kind, damage, tmp_path):
    generator, state = trained(kind, damaged(damage), tmp_path)
    assert state.step == STEPS
    assert all(np.isfinite(array).all() for array in generator.arrays().values())
    assert np.isfinite(generator.sample(np.arange(8) % 2, seed=0)).all()


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_a_rate_a_thousand_times_too_high_ends_finite(kind, tmp_path):
    generator, state = trained(kind, damaged(lambda values: None), tmp_path, rate=3.0)
    assert state.step == STEPS
    assert all(np.isfinite(array).all() for array in generator.arrays().values())


@pytest.mark.slow
@pytest.mark.chosen
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e38])
@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_a_batch_that_breaks_the_gradient_is_told_and_gone_back_from(kind, value, tmp_path):
    seen = []

    def once(batches):
        def batch(step):
            values, labels = batches(step)
            if step == 6 and not seen:
                seen.append(step)
                values = values.copy()
                values[0, 3, 0] = value
            return values, labels

        return batch

    generator, state = trained(kind, damaged(lambda values: None), tmp_path, batches=once)
    assert state.step == STEPS and len(state.alerts) == 1
    assert state.alerts[0]["step"] == 6 and state.alerts[0]["restored_step"] == 6
    assert all(np.isfinite(array).all() for array in generator.arrays().values())
