"""One set of windows against the real ones: every measure is there, and each cheat is caught by what is meant to."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import SMALL_CNN, sines

from sensegen.divergence import AlertLog
from sensegen.evaluation.arms import Arms, of_no_use
from sensegen.evaluation.controls import CONTROLS
from sensegen.evaluation.encoder import Encoder, fit_encoder
from sensegen.evaluation.headline import at, headline, strongest_attack
from sensegen.evaluation.interval import merge, null
from sensegen.evaluation.judges import spectral_judge
from sensegen.evaluation.panel import Panel
from sensegen.evaluation.real import Real
from sensegen.evaluation.yardstick import Yardstick
from sensegen.scaling import Scaling
from sensegen.training_run import Training
from sensegen.windows import Windows

CNN = SMALL_CNN


def people(seed: int, count: int, name: str) -> Windows:
    made = sines(np.random.default_rng(seed), count)
    return replace(made, subjects=tuple(f"{name}{at % 4}" for at in range(count)))


@pytest.fixture(scope="module")
def real() -> Real:
    fit, held_out = people(0, 200, "fit"), people(1, 80, "fit")
    return Real(fit, people(2, 60, "val"), held_out, people(3, 80, "test"), Scaling(np.zeros(2), np.ones(2)))


@pytest.fixture
def training(params, tmp_path) -> Training:
    quick = params.evaluate.model_copy(update={"cnn": CNN})
    return Training(params.model_copy(update={"evaluate": quick}), AlertLog(tmp_path / "alerts.jsonl", "evaluate"))


@pytest.fixture
def yardstick(real, training) -> Yardstick:
    encoder: Encoder = fit_encoder(real.fit, CNN, training, "encoder")
    return Yardstick(real, encoder, seed=0)


@pytest.fixture
def measured(yardstick, training):
    """A row of numbers of some windows, as in the table of controls."""
    panel = Panel(yardstick.real.fit, {"spectral": spectral_judge}, training, most_windows=100)

    def row(windows: Windows, name: str) -> dict:
        return headline({**yardstick.measures(windows), "detection": panel.of(windows, name, ["spectral"])})

    return row


def control(name: str, real: Real) -> Windows:
    values = CONTROLS[name](real.fit, real.fit.labels, 5)
    return replace(real.fit, values=values, subjects=("",) * len(values))


def test_each_cheat_is_caught_by_what_is_meant_to_catch_it_and_real_people_by_nothing(real, measured):
    rows = {name: measured(control(name, real), name) for name in ("bootstrap", "noise")}
    rows["real_test"] = measured(real.test, "real_test")
    copied, noisy, honest = rows["bootstrap"], rows["noise"], rows["real_test"]
    assert copied["neighbour_ratio_time"] == 0 and copied["copies_time"] == 1
    assert copied["membership_auc"] > 0.75 and honest["membership_auc"] < 0.7
    assert honest["neighbour_ratio_time"] == pytest.approx(1, abs=0.15) and honest["copies_time"] < 0.2
    assert noisy["discriminative_score_spectral"] > 0.45 > 0.2 > honest["discriminative_score_spectral"]
    for measure in ("log_psd", "acf", "cross_correlation", "signature", "context_fid"):
        assert noisy[measure] > 3 * honest[measure] >= 0
    assert noisy["coverage"] < 0.2 < honest["coverage"]
    # A copy passes what looks at distributions alone: that is why no number stands by itself.
    assert copied["log_psd"] <= honest["log_psd"] and copied["coverage"] > 0.9


def test_the_measures_of_two_seeds_merge_into_means_with_intervals(real, yardstick):
    told = yardstick.measures(real.test)
    merged = merge([told, told])
    assert merged["fidelity"]["log_psd"]["seeds"] == 2
    assert merged["privacy"]["by_subject"]["time"]["members"] == 4


def test_without_held_out_people_membership_is_null_with_the_reason(real, yardstick):
    nobody = real.fit.select(np.empty(0, np.int64))
    bare = replace(yardstick, real=replace(real, held_out_time=nobody, validation=nobody))
    assert "held_out_time and validation" in bare.membership(real.test)["reason"]
    assert strongest_attack(bare.membership(real.test))["value"] is None
    in_time = replace(yardstick, real=replace(real, test=real.held_out_time))
    assert "in time" in in_time.membership(real.test)["reason"]


def test_every_arm_is_trained_for_the_same_number_of_steps(real, training):
    arms = Arms.measured(real, people(7, 200, ""), ["cnn"], training)
    assert set(arms.scores) == {"trtr", "tstr", "trts", "tstr_plus_real", "tstr_ratio", "majority_vote"}
    assert arms.scores["trtr"]["cnn"]["macro_f1"] > 0.9 and arms.scores["trts"]["cnn"]["macro_f1"] > 0.9
    assert arms.scores["majority_vote"]["accuracy"] == pytest.approx(0.5)
    steps = {row["part"]: row["step"] for row in training.rows}
    assert steps["trtr cnn"] == steps["tstr cnn"] == steps["both cnn"]
    assert arms.ratio_of(control("noise", real), "noise") < 0.9


def test_where_classes_carry_nothing_every_arm_is_null_with_the_reason(real, training):
    arms = of_no_use(real, training, "there are no labels")
    assert arms.tstr() == null("there are no labels") == arms.ratio() == arms.ratio_of(real.test, "any")


def test_a_path_ends_at_the_first_null_above_it():
    measures = {"a": null("too few"), "b": {"c": 1.0}}
    assert at(measures, ("a", "c")) == null("too few")
    assert at(measures, ("b", "c")) == 1.0
    assert at(measures, ("b", "d"))["value"] is None
