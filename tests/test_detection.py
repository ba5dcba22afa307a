"""Three judges: each catches what it must, none tells real from real, and score and area agree."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import FAST, QUICK_JUDGES, noise_like, sines
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from sensegen.divergence import AlertLog
from sensegen.evaluation.detection import distinct, halves, judgement
from sensegen.evaluation.judges import held_out_rows, judges
from sensegen.evaluation.panel import Panel
from sensegen.evaluation.spectral_features import spectral_features
from sensegen.evaluation.usefulness import build_classifier
from sensegen.params.models import CNNClassifierParams
from sensegen.training import Schedule
from sensegen.training_run import Training

JUDGES = judges(QUICK_JUDGES)
EVERY = pytest.mark.parametrize("kind", sorted(JUDGES))


@pytest.fixture
def training(params, tmp_path) -> Training:
    return Training(params, AlertLog(tmp_path / "alerts.jsonl", "evaluate"))


@pytest.fixture(scope="module")
def real_halves():
    return [half.values for half in halves(sines(np.random.default_rng(0), 400), seed=0)]


@EVERY
def test_it_catches_noise_and_repeats_itself(kind, training, real_halves):
    noise = noise_like(real_halves[0], seed=1)
    first, again = (judgement(real_halves[0], noise, JUDGES[kind], training, "noise") for _ in range(2))
    assert first["discriminative_score"] > 0.45 and first["auc"] > 0.98
    assert first == again


@EVERY
def test_it_cannot_tell_real_from_real(kind, training, real_halves):
    told = judgement(*real_halves, JUDGES[kind], training, "halves")
    assert told["discriminative_score"] < 0.15 and 0.3 < told["auc"] < 0.7


@EVERY
def test_it_catches_time_that_was_shuffled(kind, training, real_halves):
    shuffled = real_halves[1][:, np.random.default_rng(0).permutation(32)]
    told = judgement(real_halves[0], shuffled, JUDGES[kind], training, "shuffled")
    assert told["discriminative_score"] > 0.4 and told["auc"] > 0.9


@EVERY
def test_it_catches_a_single_spike_however_high(kind, training, real_halves):
    spiked = real_halves[1].copy()
    spiked[:, 7, 0] = 1e30
    assert judgement(real_halves[0], spiked, JUDGES[kind], training, "spikes")["discriminative_score"] > 0.45


@EVERY
def test_ten_windows_a_side_are_enough_to_catch_noise(kind, training, real_halves):
    few = real_halves[0][:10]
    told = judgement(few, noise_like(few, seed=1), JUDGES[kind], training, "few")
    assert told["discriminative_score"] >= 1 / 3 and told["auc"] > 0.8


@EVERY
def test_fewer_than_ten_are_null_with_the_reason(kind, training, real_halves):
    assert "needs 10 windows" in str(judgement(real_halves[0][:9], real_halves[1], JUDGES[kind], training, "few"))


def test_halves_share_no_window():
    windows = sines(np.random.default_rng(0), 21)
    one, other = halves(replace(windows, values=np.arange(21.0 * 64).reshape(21, 32, 2)), seed=0)
    assert len(one) == len(other) == 10
    assert not set(one.values.ravel()) & set(other.values.ravel())


def test_copies_of_an_oversampled_window_are_judged_once():
    windows = sines(np.random.default_rng(0), 6)
    rows = np.array([0, 1, 1, 2, 0, 5])
    assert np.array_equal(distinct(windows.select(rows)).values, windows.values[[0, 1, 2, 5]])
    assert distinct(windows) is windows


def test_a_panel_shows_its_judges_at_most_so_many_windows_of_a_side(training):
    seen = []

    def coin(windows, training, name):
        seen.append((name, len(windows)))
        return lambda values: np.where(np.arange(len(values)) % 2, 1.0, -1.0)

    panel = Panel(sines(np.random.default_rng(0), 100), {"coin": coin}, training, most_windows=30)
    other = sines(np.random.default_rng(1), 100)
    first, again = (panel.of(other, "synthetic", ["coin"]) for _ in range(2))
    assert first == again and seen == [("coin judge of synthetic", 2 * 21)] * 2


def test_the_score_and_the_area_are_those_of_the_log_odds(training, real_halves):
    told = {}

    def by_first_value(windows, training, name):
        def log_odds(values):
            told["odds"] = values[:, 0, 0].astype(float)
            return told["odds"]

        return log_odds

    one, other = real_halves[0][:100], real_halves[1][:80] - 1.0
    judged = judgement(one, other, by_first_value, training, "known")
    labels = np.repeat([1, 0], 24)  # 30 % of 80, real ones first
    assert judged["auc"] == pytest.approx(roc_auc_score(labels, told["odds"]))
    assert judged["discriminative_score"] == pytest.approx(abs(np.mean((told["odds"] > 0) == labels) - 0.5))
    assert judged["auc"] > 0.55


@settings(max_examples=30)
@given(st.integers(3, 60), st.integers(3, 60), st.integers(0, 2**31))
def test_the_windows_to_stop_by_are_of_both_sides_and_leave_most(real, other, seed):
    labels = np.repeat([1, 0], [real, other])
    mask = held_out_rows(labels, seed)
    for label, count in ((1, real), (0, other)):
        assert mask[labels == label].sum() == max(1, count // 5)


def test_spectral_features_tell_a_sines_frequency_and_a_constants_silence():
    time = np.arange(128) / 128
    slow, fast = (np.sin(2 * np.pi * periods * time)[None, :, None] for periods in (2, 30))
    features = [spectral_features(np.concatenate([one, np.cos(one)], axis=2))[0] for one in (slow, fast)]
    assert np.linalg.norm(features[0] - features[1]) > 5
    assert np.isfinite(spectral_features(np.full((3, 128, 2), 7.0))).all()
    assert np.isfinite(spectral_features(np.full((3, 5, 1), 1e30))).all()


def test_spectral_features_of_many_windows_are_those_of_each():
    values = np.random.default_rng(0).normal(size=(1030, 20, 2))
    assert np.allclose(spectral_features(values)[1025], spectral_features(values[1025:1026])[0])


def test_training_ends_when_its_rows_are_enough(training):
    windows = sines(np.random.default_rng(0), 32)
    model = build_classifier("cnn", windows.shape, CNNClassifierParams(filters=8, optimiser=FAST, epochs=1), 0)
    batches = training.batches([windows.values, windows.labels.astype(np.int32)], FAST, "early")
    schedule = Schedule(100, 5, finished=lambda rows: len(rows) >= 3)
    state = training.train(training.step(model, FAST, "early"), batches, schedule, "early")
    assert state.step == 15 and len(state.rows) == len(training.rows) == 3
