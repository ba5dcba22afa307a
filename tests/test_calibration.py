"""Likelihoods in both units, and a histogram that tells spreads that are right from wide and narrow ones."""

from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf
from conftest import SMALL_RECURRENT, sines
from scipy.stats import norm

from sensegen.calibration import BINS, calibration
from sensegen.generators import build_generator
from sensegen.generators.generator import Part
from sensegen.generators.mixture import Mixture
from sensegen.generators.mixture_rnn import Foretold
from sensegen.params.models import FlowMatchingParams
from sensegen.scaling import Scaling
from sensegen.windows import Windows

SCALING = Scaling(np.array([0.0]), np.array([2.0]))


@dataclass
class Guess:
    """Foretells the same normal distribution at every step."""

    stddev: float
    kind = "guess"

    def foretold(self, values, labels) -> Foretold:
        nought = tf.zeros_like(values)  # (batch, time, 1), as there is one component and one channel
        mean = nought[..., None]
        return Foretold(values, Mixture(nought, mean, mean + np.float32(np.log(self.stddev))), nought[..., 0])

    def parts(self, windows: Windows) -> list[Part]:
        return [Part("all", self, windows)]


def noise() -> Windows:
    values = np.random.default_rng(0).normal(size=(500, 40, 1)).astype(np.float32)
    return Windows(values, np.zeros(500, int), ("p",) * 500, ("x",), ("only",), 50.0, ("g",))


@pytest.mark.parametrize("stddev", [0.5, 1.0, 2.0])
def test_the_likelihood_is_the_known_one_in_scaled_and_in_physical_units(stddev):
    windows = noise()
    told = calibration(Guess(stddev), windows, SCALING)
    assert told["nll_scaled"] == pytest.approx(-norm(0, stddev).logpdf(windows.values).mean(), abs=1e-4)
    in_units = -norm(0, 2 * stddev).logpdf(SCALING.invert(windows.values)).mean()
    assert told["nll_physical"] == pytest.approx(in_units, abs=1e-4)


def test_the_histogram_is_flat_if_the_spread_is_right_a_hill_if_wide_and_a_valley_if_narrow():
    shares = {stddev: np.array(calibration(Guess(stddev), noise(), SCALING)["transform"]) for stddev in (0.5, 1.0, 2.0)}
    assert shares[1.0] == pytest.approx(1 / BINS, abs=0.005)
    middle, end = slice(BINS // 2 - 2, BINS // 2 + 2), slice(0, 1)
    assert shares[2.0][middle].mean() > 1.3 / BINS > 0.5 / BINS > shares[2.0][end].mean()
    assert shares[0.5][middle].mean() < 0.7 / BINS < 1.5 / BINS < shares[0.5][end].mean()
    assert calibration(Guess(1.0), noise(), SCALING)["largest_error"] < 0.005


def test_the_loss_of_a_recurrent_generator_is_its_negative_log_likelihood():
    windows = sines(np.random.default_rng(0), 30, length=16)
    params = SMALL_RECURRENT.model_copy(update={"cell": "lstm"})
    generator = build_generator(windows.shape, params, seed=0)
    generator.settle(windows)
    loss = generator.model.batch_loss((tf.constant(windows.values), tf.constant(windows.labels)), tf.zeros(2, tf.int32))
    told = calibration(generator, windows, Scaling(np.zeros(2), np.ones(2)))
    assert told["nll_scaled"] == pytest.approx(float(loss), abs=1e-4)
    assert sum(told["transform"]) == pytest.approx(1)


def test_a_generator_without_likelihood_says_so():
    windows = sines(np.random.default_rng(0), 8, length=16)
    params = FlowMatchingParams(
        kind="flow_matching", width=8, heads=2, precision="bfloat16", sampling_steps=2, temperature=1.0
    )
    generator = build_generator(windows.shape, params, seed=0)
    told = calibration(generator, windows, Scaling(np.zeros(2), np.ones(2)))
    assert told == {"value": None, "reason": "a flow_matching gives no likelihood"}
