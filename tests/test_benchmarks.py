"""Benchmarks go on where they were stopped, and their tables say what the rows say."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import fusion, window_length
from benchmarks.ledger import Ledger, settings_hash
from sensegen.evaluation.leave_one_out import Told

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
        fusion.measured(network, two_classes, "S1", checked, tmp_path)
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
