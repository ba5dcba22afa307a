"""Benchmarks go on where they were stopped, and their tables say what the rows say."""

import ast
import inspect
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import yaml

from benchmarks import augmentation, fusion, gates, peers, pipelines, train_tsgm, warm_starts, window_length
from benchmarks.ledger import Ledger, settings_hash
from benchmarks.uci_har import ROOT
from sensegen import params, window_files
from sensegen.evaluation.leave_one_out import Told
from sensegen.tracking.store import connect

COUNTED = {"low_windows": 4, "low_right": 3, "low_majority_right": 4}
NONE_HIGH = {"high_windows": 0, "high_right": 0, "high_majority_right": 0}


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    return Ledger(tmp_path / "new" / "runs.csv", ("commit", "kind", "seed", "score"), ("kind", "seed"))


def test_a_run_is_found_by_its_key_whatever_the_commit(ledger):
    assert ledger.find({"kind": "a", "seed": 0}) is None
    ledger.append({"commit": "old", "kind": "a", "seed": 0, "score": "0.5"})
    ledger.append({"commit": "old", "kind": "a", "seed": 1, "score": "0.7"})
    found = ledger.find({"commit": "new", "kind": "a", "seed": 1})
    assert found == {"commit": "old", "kind": "a", "seed": "1", "score": "0.7"}
    assert ledger.find({"kind": "b", "seed": 0}) is None
    assert len(ledger.path.read_text().splitlines()) == 3


def test_settings_are_told_apart_whatever_their_order():
    assert settings_hash({"a": 1, "b": [2]}) == settings_hash({"b": [2], "a": 1}) != settings_hash({"a": 1, "b": [3]})


def fusion_rows() -> list[dict[str, str]]:
    """Early fusion scores 0.5, all others 0.6, but channel-based with two layers 0.4 for one person."""
    rows = []
    for kind, layers in fusion.LECTURE:
        for subject in ("p1", "p2"):
            f1 = 0.5 if kind == "early" else 0.4 if (kind, layers, subject) == ("channel_late", 2, "p2") else 0.6
            rows.append(
                {
                    **{"architecture": kind, "layers": str(layers), "subject": subject, "parameters": "1000"},
                    **{"macro_f1": str(f1), "balanced_accuracy": "0.7", "majority_balanced_accuracy": "0.0526"},
                    "seconds": "10",
                }
            )
    return rows


def test_the_table_of_fusion_has_the_population_spread_and_the_lectures_figure():
    body = list(fusion._body(fusion_rows()))
    assert len(body) == 8
    (row,) = (row for row in body if row[:2] == ["CB-LF", "2"])
    assert row[3] == "0.500 (0.100)" and row[5] == "0.053" and row[7] == "0.81 (0.045)"
    assert "CB-LF in 3 of 4" in fusion._reading(fusion_rows()) and "SF-HF in 4 of 4" in fusion._reading(fusion_rows())


def test_fusion_groups_the_channels_of_each_of_ten_sensors():
    checked = fusion.dsads_params()
    groups = fusion._classifier_params(2).sensors
    named = [[checked.window.channels[at] for at in group] for group in groups]
    assert len(named) == 10 and named[3] == ["right_arm_gyro_x", "right_arm_gyro_y", "right_arm_gyro_z"]
    assert fusion._settings(checked) != fusion._settings(
        checked.model_copy(update={"window": checked.window.model_copy(update={"overlap": 0.5})})
    )


def test_a_fusion_training_that_was_run_is_not_run_again(tmp_path, monkeypatch, two_classes):
    monkeypatch.setattr(fusion, "LEDGER", replace(fusion.LEDGER, path=tmp_path / "fusion.csv"))
    ran = []
    monkeypatch.setattr(fusion, "_trained", lambda network, *rest: ran.append(network) or {"macro_f1": "0.5"})
    checked = fusion.dsads_params()
    for network in (("early", 2), ("early", 3), ("early", 2)):
        fusion.measured(fusion.Job(network, two_classes, "S1", checked, tmp_path))
    assert ran == [("early", 2), ("early", 3)]


def test_windows_of_a_student_are_counted_by_class():
    told = Told("S1", np.array([0, 0, 0, 0]), np.array([0, 0, 1, 0]), np.array([0, 0, 0, 0]))
    assert window_length._counts(told, ("low", "high")) == {name: str(n) for name, n in (COUNTED | NONE_HIGH).items()}


def test_the_balanced_score_is_of_all_windows_and_a_constant_vote_has_one_half():
    low = COUNTED | NONE_HIGH
    high = {"low_windows": 0, "low_right": 0, "low_majority_right": 0}
    high |= {"high_windows": 10, "high_right": 1, "high_majority_right": 0}
    rows = [{name: str(n) for name, n in row.items()} for row in (low, high)]
    assert window_length._balanced(rows, "right") == f"{(3 / 4 + 1 / 10) / 2:.3f}"
    assert window_length._balanced(rows, "majority_right") == "0.500"


def test_what_a_peer_is_given_and_gives_back_are_windows_as_anybody_writes_them(tmp_path, two_classes):
    window_files.write(tmp_path / "fit.npz", two_classes)
    given = train_tsgm.read(tmp_path / "fit.npz")
    train_tsgm.write(tmp_path / "synthetic.npz", 2.0 * given["values"], given)
    back = window_files.read(tmp_path / "synthetic.npz")
    np.testing.assert_array_equal(back.values, 2 * two_classes.values)
    names = [[windows.classes[label] for label in windows.labels] for windows in (back, two_classes)]
    assert names[0] == names[1] and set(back.subjects) == {""}
    for about in ("channels", "units", "rate_hz"):
        assert getattr(back, about) == getattr(two_classes, about)


def test_a_peers_script_imports_nothing_of_this_project():
    nodes = list(ast.walk(ast.parse(inspect.getsource(train_tsgm))))
    names = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    ours = {"sensegen", "benchmarks", "flows", "stages"}
    assert "numpy" in names and not {name.split(".")[0] for name in names} & ours


def metrics_of_a_peer() -> dict[str, Any]:
    """As a metrics.json: each number that a row shows is its place among the paths, all but one over seeds."""
    metrics: dict[str, Any] = {}
    for place, path in enumerate(peers.PATHS.values()):
        node = metrics
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = {"mean": float(place), "low": -1.0, "high": 9.0, "seeds": 2}
    metrics["detection"]["gru"]["floor"] = 0.25
    attacks = {"time": {"auc": {"mean": 0.6}}, "halves": {"auc": {"value": None, "reason": "too few"}}}
    return {**metrics, "privacy": {"by_window": attacks}}


def test_a_peers_row_is_read_from_metrics():
    told = peers.figures(metrics_of_a_peer())
    assert told["trtr"] == "0" and told["tstr"] == "1" and told["gru_floor"] == "0.25"
    assert told["membership_auc"] == "0.6"
    row = {**told, "peer": "P", "version": "1", "minutes": "9.5", "epochs": "3", "judging_minutes": "4.0"}
    cells = dict(zip(peers.HEADS, peers._shown(row), strict=True))
    assert (
        cells["TSTR / TRTR"] == "2.000 (1.000 / 0.000)" and cells["training, processor minutes (epochs)"] == "9.5 (3)"
    )
    assert cells["told apart, gru"] == "4.000 (0.250)"


def test_what_was_not_measured_of_a_peer_is_said():
    metrics = {**metrics_of_a_peer(), "memorisation": {"value": None, "reason": "no window held out in time"}}
    told = peers.figures({**metrics, "privacy": {"value": None, "reason": "no window held out in time"}})
    assert told["copies_time"] == told["membership_auc"] == peers.UNMEASURED
    row = {**told, "peer": "P", "version": "1", "minutes": "0.1", "epochs": "", "judging_minutes": "4.0"}
    assert "not measured; not measured" in peers._shown(row)


def test_a_peer_that_was_judged_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "LEDGER", replace(peers.LEDGER, path=tmp_path / "peers.csv"))
    monkeypatch.setattr(peers, "SCRATCH", tmp_path)
    made = []
    monkeypatch.setattr(peers, "_judged", lambda name, peer: made.append(peer.settings) or {})

    for epochs in (1, 2, 1):
        peers.measured("P", peers.Peer("1.0", {"epochs": epochs}, peers.surrogates))
    assert made == [{"epochs": 1}, {"epochs": 2}]


def gate_row(seed: int, generator: str, **measured: str) -> dict[str, str]:
    names = {name: measured.get(name, "") for name in gates.GATES}
    head = {"dataset": "uci_har", "generator": generator, "seed": str(seed), "params_sha256": "0", "commit": "c"}
    return {**head, "precision": "float32", "training_minutes": "9.0", **names}


def test_a_gate_is_reached_by_the_mean_over_seeds_and_each_family_has_its_own():
    for generator, reached in (("flow_matching", "no"), ("mdn_rnn", "yes")):
        lines = gates.shown([gate_row(seed, generator, ratio_cnn=f"{0.97 + 0.02 * seed}") for seed in (0, 1)])
        (line,) = (line for line in lines if line.startswith("| TSTR / TRTR, cnn"))
        assert "| 0.980 (" in line and line.endswith(f"| {reached} |")
        assert "seeds 0, 1" in lines[0] and "not measured" in "".join(lines)


def test_of_a_seed_that_was_run_again_the_newest_row_counts():
    old, other = gate_row(0, "mdn_rnn", ratio_cnn="0.1"), gate_row(1, "mdn_rnn", ratio_cnn="0.9")
    new = {**gate_row(0, "mdn_rnn", ratio_cnn="0.8"), "commit": "later"}
    flow = gate_row(0, "flow_matching")
    assert gates.grouped([old, other, flow, new]) == [[flow], [new, other]]


def test_pipelines_that_have_a_row_of_the_same_params_are_not_run_again(tmp_path, monkeypatch):
    monkeypatch.setattr(pipelines, "SEEDS", {("simulated", "quick"): range(2), ("simulated", "mdn_rnn"): range(1)})
    ledger = Ledger(tmp_path / "gates.csv", gates.LEDGER.columns, gates.LEDGER.key)
    jobs = list(pipelines.missing(ledger))
    assert [(job.presets, job.seed) for job in jobs] == [
        (("simulated", "quick"), 0),
        (("simulated", "mdn_rnn"), 0),
        (("simulated", "quick"), 1),
    ]
    settings = [params.check(yaml.safe_load(job.params_text)) for job in jobs]
    assert [(one.seed, one.runtime.threads) for one in settings] == [(0, 1), (0, 1), (1, 1)]
    ledger.append(gates.known(settings[0]) | {"commit": "earlier"})
    assert list(pipelines.missing(ledger)) == jobs[1:]


def test_minutes_of_training_are_those_of_all_attempts_since_the_one_before_that_ended(tmp_path, monkeypatch):
    client, experiment = connect(tmp_path)
    for first, last, status in ((1, 60, "FINISHED"), (70, 72, "KILLED"), (80, 83, "FINISHED")):
        run = client.create_run(experiment, start_time=first * 60_000, run_name="train_generator")
        client.set_terminated(run.info.run_id, status, end_time=last * 60_000)
    monkeypatch.setattr(gates, "ROOT", tmp_path)
    assert gates.training_minutes() == 5


def test_gates_read_nested_metrics_and_leave_out_what_was_not_measured():
    null = {"value": None, "reason": "no gravity"}
    distance = {"synthetic": {"log_psd": {"mean": 0.2, "low": 0, "high": 1}}, "real_test": {"log_psd": 0.4}}
    metrics = {"fidelity": distance, "tstr_ratio": null, "physics": {"synthetic": {"gravity": null}}}
    assert gates.GATES["log_psd"].value(metrics) == pytest.approx(0.5)
    for name in ("ratio_cnn", "gravity_off", "gravity_spread", "membership_time"):
        assert gates.GATES[name].value(metrics) is None
    lengths = {"synthetic": {"mean_g": 1.01, "stddev_g": 0.02}, "real": {"mean_g": 1.02, "stddev_g": 0.016}}
    metrics["physics"]["synthetic"]["gravity"] = {"acc": lengths}
    assert gates.GATES["gravity_off"].value(metrics) == pytest.approx(0.01)
    assert gates.GATES["gravity_spread"].value(metrics) == pytest.approx(1.25)


def test_a_warm_start_needs_the_share_of_steps_after_which_it_has_the_lowest_loss_from_nothing():
    scratch = np.array([3.0, 2.0, 1.5, 1.0, 1.2])
    assert warm_starts.steps_needed(scratch, np.array([2.0, 0.9, 1.4, 0.8, 0.7])) == 2 / 4
    assert warm_starts.steps_needed(scratch, np.array([1.1] * 5)) == np.inf
    (name, pair), *_ = warm_starts.PAIRS.items()
    known = {"pair": name, "settings": warm_starts.settings(pair), "commit": "c", "carried": "7 of 9"}
    rows = [
        {**known, "seed": seed, "arm": arm, "epoch": str(epoch), "validation_loss": str(loss)}
        for seed in ("0", "1")
        for arm, losses in zip(warm_starts.ARMS, ((3.0, 1.0), (1.0, 0.5)), strict=True)
        for epoch, loss in enumerate(losses, start=1)
    ]
    line = dict(zip(warm_starts.HEADS, warm_starts._line(name, pair, rows), strict=True))
    assert line["seeds"] == "2" and line["weights carried"] == "7 of 9"
    assert line["steps needed"].startswith("0.500") and line["warm less from nothing"].startswith("-0.500")


def test_a_curve_of_augmentation_is_a_row_a_classifier_and_none_is_told(tmp_path, monkeypatch, params):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "artifacts" / "augment").mkdir(parents=True)
    monkeypatch.setattr(augmentation, "ROOT", tmp_path)
    path = tmp_path / "artifacts" / "augment" / "curve.json"
    path.write_text(json.dumps({"value": None, "reason": "not asked for"}))
    with pytest.raises(ValueError, match="No curve was measured: not asked for"):
        list(augmentation.measured())
    told = {arm: {"mean": 0.5, "low": 0.4, "high": 0.6, "seeds": 3} for arm in augmentation.ARMS}
    curve = {"10 a class": {"windows": 60, **dict.fromkeys(params.evaluate.classifiers, told)}}
    path.write_text(json.dumps(curve))
    rows = list(augmentation.measured())
    assert [row["classifier"] for row in rows] == params.evaluate.classifiers
    assert rows[0].keys() == set(augmentation.LEDGER.columns)
    assert "0.500 (0.400 to 0.600)" in augmentation._line(rows[0])
