"""A model takes the champion's place only where validation people say that it is better and keeps people's secrets."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import FAST, SMALL_RECURRENT, put_windows, sines

from sensegen import pretraining, released, tracking
from sensegen import promotion as gate
from sensegen.divergence import AlertLog
from sensegen.evaluation.real import Real
from sensegen.generators import build_generator
from sensegen.params import Params
from sensegen.promotion import Judged, decided, judged
from sensegen.released import Release
from sensegen.scaling import Scaling
from sensegen.tracking.registry import CHALLENGER, CHAMPION, REPLACED, Registry
from sensegen.training_run import Training
from sensegen.windows import Windows

ROOT = Path(__file__).resolve().parents[1]
SCALING = Scaling(np.array([9.81, 0.0]), np.array([2.0, 1.0]))


@pytest.fixture(scope="module")
def small(params) -> Params:
    """Few features, small trainings."""
    promotion = params.promotion.model_copy(update={"seeds": 8, "least_score": 0.0, "most_leak": 0.8})
    evaluate = params.evaluate.model_copy(
        update={"random_convolution": params.evaluate.random_convolution.model_copy(update={"features": 84})}
    )
    section = params.train_generator.model_copy(
        update={"generator": SMALL_RECURRENT, "optimiser": FAST, "epochs": 30, "patience": None, "warm_start": None}
    )
    changed = {"promotion": promotion, "evaluate": evaluate, "train_generator": section}
    return params.model_copy(update=changed)


@pytest.fixture(scope="module")
def real() -> Real:
    """People of two activities; those of a split are in no other one but held_out_time."""
    parts = [sines(np.random.default_rng(seed), 120, length=16) for seed in range(4)]
    fit, validation, held_out, test = (
        replace(part, subjects=tuple(f"{name}{subject}" for subject in part.subjects), units=("g", "rad/s"))
        for name, part in zip("FVFT", parts, strict=True)
    )
    return Real(fit, validation, held_out, test, SCALING)


def training(params: Params, folder: Path) -> Training:
    return Training(params, AlertLog(folder / "alerts.jsonl", "promotion"))


def release(folder: Path, real: Real, params: Params, epochs: int) -> Path:
    """A generator that was trained on the fit windows for so long, as a release."""
    generator = build_generator(real.fit.shape, SMALL_RECURRENT, seed=0)
    section = params.train_generator.model_copy(update={"epochs": max(epochs, 1)})
    if epochs:
        trained = training(params.model_copy(update={"train_generator": section}), folder)
        pretraining.pretrain(generator, real.fit, real.validation, trained)
    else:
        generator.settle(real.fit)
    generator.save(folder / "generator")
    windows = folder / "windows"
    released.write(folder / "release", folder / "generator", windows if windows.exists() else put(windows, real))
    return folder / "release"


def put(folder: Path, real: Real) -> Path:
    return put_windows(folder, real.fit, real.scaling)


@pytest.fixture(scope="module")
def releases(real, small, tmp_path_factory) -> dict[str, Path]:
    """One that was hardly trained, and one that was."""
    return {
        name: release(tmp_path_factory.mktemp(name), real, small, epochs)
        for name, epochs in (("poor", 0), ("good", 30))
    }


@pytest.fixture(scope="module")
def numbers(releases, real, small, tmp_path_factory) -> dict[str, Judged]:
    run = training(small, tmp_path_factory.mktemp("judging"))
    return {name: judged(Release.load(path), real, run) for name, path in releases.items()}


def test_the_better_one_takes_the_place_and_the_worse_one_does_not(numbers, small):
    scores = numbers["good"].scores
    assert len(scores) == small.promotion.seeds and len(set(scores)) > 1  # each seed draws its own
    # By their scores alone: one that makes noise gives nobody away, and any that has learned does a little.
    good, poor = (replace(of_one, leaks=numbers["poor"].leaks) for of_one in (numbers["good"], numbers["poor"]))
    up, down = decided(good, poor, small.promotion), decided(poor, good, small.promotion)
    assert up.promoted and up.numbers["gain_low"] > 0
    assert not down.promoted and "promotion.gain" in down.reason
    same = decided(numbers["good"], numbers["good"], small.promotion)
    assert not same.promoted and same.numbers["gain"] == 0


class Copier:
    """A generator that gives its training windows back."""

    kind = "copier"

    def __init__(self, fit: Windows):
        self.fit, self.shape = fit, fit.shape

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        stream = np.random.default_rng(seed)
        return np.stack([self.fit.values[stream.choice(np.flatnonzero(self.fit.labels == label))] for label in labels])


def test_who_gives_training_windows_away_is_refused_whatever_its_score(releases, numbers, real, small, tmp_path):
    copier = replace(Release.load(releases["good"]), generator=Copier(real.fit))
    copied = judged(copier, real, training(small, tmp_path))
    assert np.mean(copied.scores) > np.mean(numbers["good"].scores)
    assert min(copied.leaks) > max(numbers["good"].leaks) + 0.1
    verdict = decided(copied, numbers["good"], small.promotion.model_copy(update={"gain": -1.0}))
    assert not verdict.promoted and "promotion.leak" in verdict.reason
    assert not decided(copied, None, small.promotion.model_copy(update={"most_leak": 0.7})).promoted


def test_the_first_champion_must_be_good_enough(numbers, small):
    assert decided(numbers["good"], None, small.promotion).promoted
    high = small.promotion.model_copy(update={"least_score": 1.0})
    assert "promotion.least_score" in decided(numbers["good"], None, high).reason


def test_no_test_person_is_looked_at(releases, real, small, tmp_path):
    blind = replace(real, test=replace(real.test, values=np.full_like(real.test.values, np.nan)))
    run = training(small.model_copy(update={"promotion": small.promotion.model_copy(update={"seeds": 2})}), tmp_path)
    assert np.isfinite(judged(Release.load(releases["poor"]), blind, run).scores).all()


def test_a_champion_of_other_units_is_brought_into_the_scale_of_the_windows_at_hand(releases, real, small, tmp_path):
    """Windows whose scaling is another one are the same windows in physical units."""
    whole = Release.load(releases["good"])
    moved = replace(real, scaling=Scaling(SCALING.mean, 2 * SCALING.stddev))
    at_hand = {name: replace(part, values=part.values / 2) for name, part in vars(real).items() if name != "scaling"}
    labels = np.array([0, 1, 1])
    made = gate._sample(whole, replace(moved, **at_hand), labels, 3)
    np.testing.assert_allclose(made, whole.generator.sample(labels, 3) / 2, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="slow, fast, but not running"):
        gate._sample(whole, replace(real, fit=replace(real.fit, classes=("slow", "running"))), labels, 3)


@pytest.fixture
def registry(tmp_path, params) -> tuple[Registry, str]:
    """A registry in a store of its own, and a run to register by."""
    with tracking.start_pipeline(tmp_path, params) as run:
        return Registry(tmp_path, "sensegen"), run.run_id


def test_a_generator_is_registered_once_with_where_it_comes_from(registry, releases):
    models, run = registry
    first = models.register(releases["poor"], run, {"dataset": "sines"}, {"tstr": 0.5})
    assert models.register(releases["poor"], run, {}, {}) == first and first.number == 1
    second = models.register(releases["good"], run, {"dataset": "sines"}, {})
    assert [models.named(name) for name in (CHALLENGER, CHAMPION)] == [second, None]
    (_, stored) = models.versions()
    assert stored.tags["sha256"] == released.digest(releases["poor"]) and stored.tags["dataset"] == "sines"
    logged = models.client.get_logged_model(stored.tags["logged_model"])
    assert {(metric.key, metric.value) for metric in logged.metrics} == {("model/tstr", 0.5)}


def test_a_promotion_can_be_taken_back_once_for_each(registry, releases):
    models, run = registry
    first, second = (models.register(releases[name], run, {}, {}) for name in ("poor", "good"))
    with pytest.raises(ValueError, match="no champion yet"):
        models.roll_back()
    for version in (first, second):
        models.promote(version)
    assert models.named(CHAMPION) == second
    assert models.roll_back() == first and models.named(CHAMPION) == first
    with pytest.raises(ValueError, match="replaced nobody"):
        models.roll_back()


KILLED = """
import os, signal, sys
from pathlib import Path
from sensegen.tracking.registry import Registry
models = Registry(Path(sys.argv[1]), "sensegen")
tag = models._tag
def cut(*arguments):
    tag(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)  # between the two steps of a promotion
models._tag = cut
models.promote(models.numbered(2))
"""


def test_power_cut_between_the_steps_of_a_promotion_leaves_the_champion_and_the_same_command_ends_it(
    registry, releases
):
    models, run = registry
    first, second = (models.register(releases[name], run, {}, {}) for name in ("poor", "good"))
    models.promote(first)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(models.root)], env=environment)
    assert done.returncode == -signal.SIGKILL
    assert models.named(CHAMPION) == first
    assert models.client.get_model_version("sensegen", "2").tags[REPLACED] == "1"  # the first step was done
    models.promote(second)
    assert models.named(CHAMPION) == second and models.roll_back() == first
