"""The whole evaluation: every key is filled or says why not, and no cheat gets past the table of controls."""

import math
from dataclasses import replace

import numpy as np
import pytest
import yaml
from conftest import QUICK_JUDGES, ROOT, SMALL_CNN, sines, succeed

from sensegen.divergence import AlertLog, Diverged
from sensegen.evaluation.controls import CONTROLS, POWER
from sensegen.evaluation.draw import Judged
from sensegen.evaluation.interval import is_null
from sensegen.evaluation.real import Real
from sensegen.evaluation.suite import draws, evaluate, with_comparison
from sensegen.params import Params
from sensegen.params.models import RandomConvolutionParams
from sensegen.scaling import Scaling
from sensegen.training_run import Training
from sensegen.windows import Windows

KEYS = {
    *("trtr", "tstr", "trts", "tstr_plus_real", "tstr_ratio", "majority_vote", "paired", "augmentation"),
    *("detection", "fidelity", "physics", "memorisation", "privacy", "forecast", "alternation", "controls", "windows"),
}
COMPARISON = {"generator_steps": 7, "validation_loss": {"with": -1.0, "without": -2.0}}


@pytest.fixture(scope="module")
def quick(params) -> Params:
    """The committed params with small, quick networks."""
    changed = {
        **{"seeds": 2, "control_seeds": 1, "classifiers": ["cnn", "random_convolution"], "cnn": SMALL_CNN},
        "random_convolution": RandomConvolutionParams(features=168),
        "encoder": SMALL_CNN,
        "judges": QUICK_JUDGES,
    }
    alone = params.runtime.model_copy(update={"workers": 1})
    return params.model_copy(update={"runtime": alone, "evaluate": params.evaluate.model_copy(update=changed)})


@pytest.fixture(scope="module")
def training(quick, tmp_path_factory) -> Training:
    return Training(quick, AlertLog(tmp_path_factory.mktemp("alerts") / "alerts.jsonl", "evaluate"))


@pytest.fixture(scope="module")
def quickest(training) -> Training:
    """Without any network but the encoder."""
    evaluate_params = training.params.evaluate
    judges = evaluate_params.judges.model_copy(update={"kinds": ["spectral"]})
    changed = evaluate_params.model_copy(update={"classifiers": ["random_convolution"], "judges": judges})
    return replace(training, params=training.params.model_copy(update={"evaluate": changed}))


def people(seed: int, count: int, name: str) -> Windows:
    made = sines(np.random.default_rng(seed), count)
    return replace(made, subjects=tuple(f"{name}{at % 4}" for at in range(count)))


def as_synthetic(windows: Windows) -> Windows:
    return replace(windows, subjects=("",) * len(windows))


@pytest.fixture(scope="module")
def real() -> Real:
    fit, held_out = people(0, 240, "fit"), people(1, 60, "fit")
    return Real(fit, people(2, 60, "val"), held_out, people(3, 120, "test"), Scaling(np.zeros(2), np.ones(2)))


@pytest.fixture(scope="module")
def judged(real, training):
    """An honest generator, whose control has its labels swapped."""
    good = [as_synthetic(people(seed, 240, "")) for seed in (5, 6)]
    lying = [replace(windows, labels=1 - windows.labels) for windows in good]
    return evaluate(real, [Judged(*pair) for pair in zip(good, lying, strict=True)], training)


def test_every_key_is_filled(judged):
    assert set(judged.metrics) == KEYS
    null = [key for key, node in judged.metrics.items() if is_null(node)]
    assert null == ["augmentation"] and "without the generator" in judged.metrics["augmentation"]["reason"]


def test_an_honest_generator_is_useful_and_one_whose_labels_lie_is_not(judged):
    told = judged.metrics
    for kind in ("cnn", "random_convolution"):
        assert told["trtr"][kind]["macro_f1"]["mean"] > 0.95 and told["tstr"][kind]["macro_f1"]["mean"] > 0.95
        assert abs(told["paired"][kind]["tstr_less_trtr"]["mean"]) < 0.05
    assert told["alternation"]["with"]["tstr_macro_f1"]["mean"] > 0.95
    assert told["alternation"]["without"]["tstr_macro_f1"]["mean"] < 0.1
    assert told["majority_vote"]["accuracy"]["mean"] == pytest.approx(0.5)


def with_controls_twice(training: Training) -> Training:
    evaluate_params = training.params.evaluate
    changed = evaluate_params.model_copy(update={"control_seeds": 2, "classifiers": ["random_convolution"]})
    return replace(training, params=training.params.model_copy(update={"evaluate": changed}))


@pytest.mark.slow
@pytest.mark.chosen
def test_each_judge_stands_beside_its_floor_and_its_power(real, training):
    drawn = [Judged(as_synthetic(people(seed, 240, ""))) for seed in (5, 6)]
    detection = evaluate(real, drawn, with_controls_twice(training)).metrics["detection"]
    assert set(detection) == {"cnn", "gru", "spectral"}
    for told in detection.values():
        assert told["discriminative_score"]["seeds"] == told["floor"]["seeds"] == 2
        assert told["noise"]["mean"] > 0.45 and told["floor"]["mean"] < 0.2


def test_confusion_and_embedding_are_of_the_first_seed(judged, real):
    kinds = {(row["arm"], row["classifier"]) for row in judged.confusion}
    assert kinds == {(arm, kind) for arm in ("trtr", "tstr") for kind in ("cnn", "random_convolution")}
    assert len(judged.confusion) == 4 * len(real.test)
    sets = [row["set"] for row in judged.embedding]
    assert sets.count("real") == 240 and {"synthetic", "bootstrap", "noise"} <= set(sets)
    assert all(math.isfinite(float(row[axis])) for row in judged.embedding for axis in ("x", "y"))


@pytest.mark.slow
@pytest.mark.chosen
def test_the_numbers_are_the_same_again_and_in_another_process(real, quickest):
    drawn = [Judged(as_synthetic(people(seed, 240, ""))) for seed in (5, 6)]
    here = quickest.params.runtime.model_copy(update={"workers": 2, "threads": 1})
    there = replace(quickest, params=quickest.params.model_copy(update={"runtime": here}))
    first, again, other = (evaluate(real, drawn, training) for training in (quickest, quickest, there))
    assert first.metrics == again.metrics and first.embedding == again.embedding
    # Of two processes each begins anew: TensorFlow's threads are set, which the numbers of its networks depend on.
    for key in ("memorisation", "privacy", "forecast", "detection", "tstr"):
        assert first.metrics[key] == other.metrics[key]
    assert "came without those" in first.metrics["alternation"]["reason"]


def test_windows_of_one_class_have_no_usefulness_and_all_the_rest(real, quickest):
    def slow(windows: Windows) -> Windows:
        return windows.select(windows.labels == 0)

    one = replace(real, **{name: slow(getattr(real, name)) for name in ("fit", "validation", "held_out_time", "test")})
    drawn = [
        Judged(slow(as_synthetic(people(seed, 240, ""))), slow(as_synthetic(people(9, 240, "")))) for seed in (5, 6)
    ]
    told = with_comparison(evaluate(one, drawn, with_controls_twice(quickest)).metrics, COMPARISON)
    nulls = [told[key] for key in ("trtr", "tstr", "trts", "tstr_plus_real", "tstr_ratio", "paired")]
    nulls += [told["alternation"]["with"]["tstr_macro_f1"], told["controls"]["bootstrap"]["tstr_ratio"]]
    assert all(part["value"] is None and "one class (slow)" in part["reason"] for part in nulls)
    assert told["detection"]["spectral"]["noise"]["mean"] > 0.45
    assert told["controls"]["bootstrap"]["copies_time"]["mean"] == 1
    assert told["alternation"]["without"]["discriminative_score"]["seeds"] == 2


def test_ten_windows_give_nulls_with_reasons_and_no_error(real, quickest):
    ten = [Judged(as_synthetic(people(seed, 10, ""))) for seed in (5, 6)]
    told = evaluate(real, ten, quickest).metrics
    assert set(told) == KEYS
    assert "10 windows of each side are needed" in str(told["memorisation"]["copies"]["time"]["per_class"]["slow"])
    assert told["trtr"]["random_convolution"]["macro_f1"]["mean"] > 0.95


def test_a_class_that_synthetic_windows_lack_shows_in_the_numbers(real, quickest):
    lacking = [Judged(as_synthetic(people(seed, 240, "")).select(np.arange(0, 240, 2))) for seed in (5, 6)]
    told = evaluate(real, lacking, quickest).metrics
    assert told["tstr"]["random_convolution"]["per_class"]["fast"]["recall"]["mean"] == 0


def test_draws_have_the_activities_of_the_real_windows_and_differ_by_seed(params):
    like = sines(np.random.default_rng(0), 10)

    def sample(labels, seed):
        return np.random.default_rng(seed).normal(size=like.values.shape) + labels[:, None, None]

    first, second = draws(sample, like, params)
    assert isinstance(first, Windows) and np.array_equal(first.labels, like.labels)
    assert not np.array_equal(first.values, second.values)


def test_the_comparison_of_the_alternation_joins_its_metrics():
    metrics = {"alternation": {"with": {"tstr_macro_f1": 1}, "without": {"tstr_macro_f1": 2}}}
    assert with_comparison(metrics, COMPARISON)["alternation"] == {
        "generator_steps": 7,
        "with": {"tstr_macro_f1": 1, "validation_loss": -1.0},
        "without": {"tstr_macro_f1": 2, "validation_loss": -2.0},
    }


# --- the table of controls, on windows of simulated people

LOW = {"neighbour_ratio_time": 0.5, "neighbour_ratio_spectrum": 0.5}  # caught below
HIGH = {  # caught above
    **{"discriminative_score_spectral": 0.4, "log_psd": 1.0, "copies_time": 0.5, "copies_spectrum": 0.5},
    **{"membership_auc": 0.8, "context_fid": 1.0, "prediction_ratio": 1.5},
}
CATCHES = {
    "bootstrap": {
        "neighbour_ratio_time",
        "neighbour_ratio_spectrum",
        "copies_time",
        "copies_spectrum",
        "membership_auc",
    },
    "jitter_1": {*LOW, "copies_time", "membership_auc"},
    "jitter_5": {"neighbour_ratio_time", "copies_time", "membership_auc"},
    "pca_mixture": {"discriminative_score_spectral"},
    "phase_surrogate": {"discriminative_score_spectral", "neighbour_ratio_spectrum", "copies_spectrum"},
    "autoregression": {"discriminative_score_spectral"},
    "noise": {"discriminative_score_spectral", "log_psd", "context_fid", "prediction_ratio"},
}
PASSES = {  # what a cheat gets past, so that no measure can be read alone
    "bootstrap": {"discriminative_score_spectral", "log_psd", "context_fid"},
    "phase_surrogate": {"copies_time", "neighbour_ratio_time", "prediction_ratio"},
    "pca_mixture": {"copies_time", "membership_auc", "context_fid"},
    "real_halves": {"discriminative_score_spectral", "log_psd", "copies_time", "context_fid"},
    "real_test": {"discriminative_score_spectral", "log_psd", "copies_time", "copies_spectrum", "context_fid"},
}


@pytest.fixture(scope="module")
def table(tmp_path_factory, quick) -> dict:
    root = tmp_path_factory.mktemp("simulated")
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    document["dataset"]["seconds_per_activity"] = 30.0
    (root / "params.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    for name in ("dvc.yaml", "sensegen", "stages", "flows"):
        (root / name).symlink_to(ROOT / name)
    succeed(root, "download", "validate", "window")
    real = Real.open(root / "artifacts" / "window")
    judges = quick.evaluate.judges.model_copy(update={"kinds": ["spectral"]})
    changed = {"judges": judges, "classifiers": ["random_convolution"]}
    quick = quick.model_copy(update={"evaluate": quick.evaluate.model_copy(update=changed)})
    training = Training(quick, AlertLog(root / "alerts.jsonl", "evaluate"))
    judged = [Judged(as_synthetic(real.fit))] * 2
    return evaluate(real, judged, training).metrics["controls"]


def caught(row: dict) -> set[str]:
    numbers = {name: number for name, number in row.items() if not is_null(number)}
    low = {name for name, bar in LOW.items() if numbers.get(name, 1.0) < bar}
    return low | {name for name, bar in HIGH.items() if numbers.get(name, 0.0) > bar}


@pytest.mark.slow
@pytest.mark.chosen
@pytest.mark.parametrize("control", sorted(CONTROLS))
def test_each_cheat_is_caught_by_what_is_meant_to_catch_it(table, control):
    assert CATCHES[control] <= caught(table[control]), table[control]


@pytest.mark.slow
@pytest.mark.chosen
@pytest.mark.parametrize("row", sorted(PASSES))
def test_what_a_row_gets_past(table, row):
    assert not PASSES[row] & caught(table[row]), table[row]


@pytest.mark.slow
@pytest.mark.chosen
def test_a_generator_that_copies_is_caught_like_the_bootstrap(table):
    assert CATCHES["bootstrap"] <= caught(table["synthetic"])


def test_the_power_that_a_judge_must_prove_is_on_controls_that_exist():
    assert set(POWER) <= set(CONTROLS)


def test_a_control_that_cannot_be_made_is_null_with_the_reason(real, quickest):
    lone = replace(real, fit=real.fit.select(np.array([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 1])))
    told = evaluate(lone, [Judged(as_synthetic(lone.fit))] * 2, quickest).metrics["controls"]
    assert "cannot be made" in told["pca_mixture"]["reason"]


def test_alerts_of_other_processes_are_told(real, quickest, tmp_path):
    heard = []

    class Listener:
        def on_alert(self, event):
            heard.append(event)

    log = AlertLog(tmp_path / "alerts.jsonl", "evaluate", [Listener()])
    wild = quickest.params.evaluate.encoder.model_copy(
        update={"optimiser": quickest.params.evaluate.encoder.optimiser.model_copy(update={"learning_rate": 1e30})}
    )
    evaluate_params = quickest.params.evaluate.model_copy(update={"encoder": wild})
    training = Training(quickest.params.model_copy(update={"evaluate": evaluate_params}), log)
    with pytest.raises(Diverged):
        evaluate(real, [Judged(as_synthetic(people(5, 240, "")))] * 2, training)
    assert (tmp_path / "alerts.jsonl").read_text().count("encoder") > 1
