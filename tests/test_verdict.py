"""The first screen says what the numbers say, and nothing that a copy or a dead judge could make it say."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reports import Story, laid_out, leave_behind, memorised, metrics_of, params_of, privacy_of, results_of

from flows.summary import main_numbers
from sensegen.evaluation.controls import POWER
from sensegen.evaluation.real import Real
from sensegen.evaluation.spectrum import Band
from sensegen.evaluation.suite import Evaluation
from sensegen.reporting import tables, telling
from sensegen.reporting.bands import band_in_words, ratio_in_words
from sensegen.reporting.control_table import COLUMNS, control_table
from sensegen.reporting.copying import copies, membership
from sensegen.reporting.downloads import downloads
from sensegen.reporting.judged import Terms, counts_of, judged_page, judged_results
from sensegen.reporting.model_card import model_card
from sensegen.reporting.page import build_report
from sensegen.reporting.reading import read_results
from sensegen.reporting.sides import Sides
from sensegen.reporting.usefulness import faithful, useful
from sensegen.reporting.verdict import verdict
from sensegen.reporting.wording import scorecards
from sensegen.scaling import Scaling

NULL = {"value": None, "reason": "nobody looked"}


@pytest.fixture
def metrics():
    return metrics_of(Story())


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return results_of(Story(), tmp_path_factory.mktemp("verdict"))


def said(results, metrics):
    told = replace(results, metrics=metrics)
    return verdict(told, Sides.of(told).worst)


def answer(found, question):
    return next(answer for answer in found.answers if answer.question == question)


def as_copied(metrics):
    """Numbers as a bootstrap copy of the training windows has them: all of the best."""
    ratio = {"mean": 1.0, "low": 0.99, "high": 1.01, "seeds": 3}
    judge = metrics["detection"]["cnn"]
    judge |= {"discriminative_score": judge["floor"], "auc": judge["floor_auc"]}
    return metrics | {
        "tstr_ratio": {"cnn": {"macro_f1": ratio}},
        "detection": {"cnn": judge},
        "fidelity": metrics["fidelity"] | {"synthetic": metrics["fidelity"]["real_halves"]},
        "memorisation": memorised(share=1.0, ratio=0.0), "privacy": privacy_of(0.97),
    }  # fmt: skip


def test_a_copy_of_the_training_windows_reads_as_one_and_nothing_speaks_for_it(results, metrics):
    found = said(results, as_copied(metrics))
    assert found.alarming and "copies of training windows" in found.headline
    assert answer(found, "Copies").text == "Copies: yes, 100 % in time and 100 % in spectrum"
    assert [answer.tone for answer in found.answers] == ["bad"] * 5
    text = laid_out(replace(results, metrics=as_copied(metrics)))
    assert "Copies: yes, 100 %" in text and "Useful: yes, as a copy is" in text


def test_the_same_numbers_without_the_copies_are_good(results, metrics):
    clean = as_copied(metrics) | {"memorisation": memorised(share=0.0, ratio=1.0), "privacy": privacy_of(0.5)}
    found = said(results, clean)
    assert [answer.tone for answer in found.answers] == ["good"] * 5
    assert answer(found, "Useful").word == "yes" and answer(found, "Copies").word == "none"


def test_where_nobody_looked_for_copies_no_answer_is_without_an_unless(results, metrics):
    found = said(results, as_copied(metrics) | {"memorisation": NULL, "privacy": NULL})
    assert answer(found, "Copies").word == "not measured"
    assert "unless these are copies" in answer(found, "Useful").word
    assert "good" not in [answer.tone for answer in found.answers]


@pytest.mark.parametrize(
    ("share", "ratio", "word"),
    [
        (0.0, 1.1, "none"),
        (0.0005, 1.1, "none beyond the floor"),
        (0.005, 1.1, "hardly any (0.5 %)"),
        (0.05, 0.9, "yes, 5 %"),
        (0.0, 0.2, "suspected"),
    ],
)
def test_copies_are_told_beside_the_floor_and_by_the_distance(metrics, share, ratio, word):
    assert copies(metrics | {"memorisation": memorised(share, ratio)}).word.startswith(word)


def test_windows_of_little_authenticity_are_suspected(metrics):
    near = memorised(share=0.0, ratio=0.9)
    near["authenticity"]["time"] = {"over_classes": 0.2, "floor": 0.8}
    found = copies(metrics | {"memorisation": near})
    assert found.word == "suspected" and "only 20 %" in found.because


def test_copies_in_spectrum_alone_are_copies(metrics):
    one, other = memorised(share=1.0, ratio=0.0), memorised(share=0.0, ratio=1.0)
    mixed = {kind: {"time": other[kind]["time"], "spectrum": one[kind]["spectrum"]} for kind in one}
    assert copies(metrics | {"memorisation": mixed}).word == "yes, 100 % in spectrum"


def test_membership_is_told_by_the_strongest_attack_and_only_where_attacks_can_tell(metrics):
    assert membership(metrics).word == "not told by these attacks"
    strong = privacy_of(0.5)
    strong["by_window"]["halves"]["auc"] = 0.8
    assert membership(metrics | {"privacy": strong}).tone == "bad"
    blind = metrics | {"controls": metrics["controls"] | {"bootstrap": {"membership_auc": 0.6}}}
    assert membership(blind).tone == "unknown" and "Even of outright copies" in membership(blind).details[0]


def test_the_band_is_named_that_tells_the_windows_apart(results, metrics):
    found = answer(said(results, metrics), "Distinguishable")
    assert found.word.startswith("yes, by the spectrum of acc_x ")
    near = metrics | {"fidelity": {name: {"log_psd": 0.1} for name in ("synthetic", "real_halves", "real_test")}}
    assert answer(said(results, near), "Distinguishable").word == "yes"


@pytest.mark.parametrize("cheat", POWER)
def test_a_judge_below_any_bar_of_its_power_proves_nothing_by_finding_nothing(results, metrics, cheat):
    judge = metrics["detection"]["cnn"] | {"discriminative_score": 0.0, "auc": 0.5, cheat: POWER[cheat] - 0.01}
    found = answer(said(results, metrics | {"detection": {"cnn": judge}}), "Distinguishable")
    assert (found.word, found.tone) == ("not known", "unknown")
    assert "This judge proves nothing" in " ".join(found.details)
    passed = judge | {cheat: POWER[cheat]}
    assert answer(said(results, metrics | {"detection": {"cnn": passed}}), "Distinguishable").tone == "good"


def test_what_a_weak_judge_did_find_counts(results, metrics):
    weak = metrics["detection"]["cnn"] | {"phase_surrogate": 0.1}
    found = answer(said(results, metrics | {"detection": {"cnn": weak}}), "Distinguishable")
    assert found.tone == "bad" and "what it found it found" in " ".join(found.details)


def test_a_judge_whose_power_nobody_measured_proves_nothing_by_finding_nothing(results, metrics):
    judge = metrics["detection"]["cnn"] | {"discriminative_score": 0.0, "auc": 0.5, "noise": NULL}
    found = answer(said(results, metrics | {"detection": {"cnn": judge}}), "Distinguishable")
    assert found.word == "not known" and "was not measured on noise" in " ".join(found.details)


def test_one_seed_needs_a_score_above_its_floor_by_more_than_the_windows_explain():
    metrics = {"detection": {"cnn": {"discriminative_score": 0.05, "floor": 0.02, **dict.fromkeys(POWER, 0.5)}}}
    assert not telling.told(metrics, "cnn", 100).apart
    assert telling.told(metrics, "cnn", 100_000).apart


def test_a_judge_whose_threshold_is_off_tells_apart_by_its_order(metrics):
    judge = metrics["detection"]["cnn"] | {"discriminative_score": 0.0, "auc": 0.9, "floor_auc": 0.5}
    assert telling.told({"detection": {"cnn": judge}}, "cnn", 1_000).apart
    assert not telling.told({"detection": {"cnn": judge | {"auc": 0.52}}}, "cnn", 1_000).apart


@pytest.mark.parametrize(
    ("ratio", "word"),
    [
        ((0.99, 0.97, 1.01), "yes"),
        ((0.97, 0.80, 1.14), "yes, as far as 2 seeds can tell"),
        ((0.80, 0.78, 0.82), "partly"),
        ((0.30, 0.25, 0.35), "no"),
    ],
)
def test_usefulness_is_a_word_for_the_worst_classifier_and_its_interval(metrics, ratio, word):
    told = dict(zip(("mean", "low", "high"), ratio, strict=True))
    found = useful(metrics | {"tstr_ratio": {"cnn": {"macro_f1": told}, "lstm": {"macro_f1": 1.0}}}, seeds=2)
    if word == "yes":
        assert found.word == "yes"
    assert found.word.startswith(word)


def test_what_is_no_better_than_the_largest_class_is_of_no_use(metrics):
    metrics["majority_vote"]["macro_f1"] = 0.95
    assert useful(metrics, seeds=2).word == "no"


def test_faithful_counts_the_measures_within_what_real_people_are_apart(metrics):
    found = faithful(metrics)
    assert found.word == "partly" and "3 of 4 measures" in found.because
    assert "spectrum (4.7 times as far)" in found.details[0]


def test_how_many_seeds_and_windows_are_behind_it_is_said(results, metrics):
    basis = " ".join(said(results, metrics).basis)
    assert "2 repetitions" in basis and "40 fit" in basis and "Judges saw at most 20 of a side" in basis


def test_what_was_not_measured_is_on_the_first_screen_by_reason(results, metrics):
    found = {reason: names for names, reason in said(results, metrics | {"forecast": NULL}).missing}
    assert found["nobody looked"] == "Forecasts learned from synthetic windows"
    assert "a flow of its own" in found


@pytest.mark.parametrize("left", [{}, {"windows": {"fit": 3}}])
def test_a_page_of_nulls_alone_still_says_so(results, metrics, left):
    for nothing in (dict.fromkeys(metrics, NULL) | left, left):
        found = said(results, nothing)
        assert {answer.tone for answer in found.answers} == {"unknown"}
        empty = replace(results, metrics=nothing, confusion=(), embedding=())
        text = laid_out(empty)
        assert "Useful: not measured" in text and "No controls were measured" in text
        assert "Where windows lie beside each other" not in text


def paths(node, above=()):
    for key, child in node.items():
        yield (*above, key)
        if isinstance(child, dict) and not {"mean", "reason"} & child.keys():
            yield from paths(child, (*above, key))


def without(metrics, path):
    """The metrics with a null at a path."""
    changed = json.loads(json.dumps(metrics))
    node = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = NULL
    return changed


def test_anything_may_be_null(results, metrics):
    for path in paths(metrics):
        holed = replace(results, metrics=without(metrics, path))
        found = verdict(holed, None)
        assert len(found.answers) == 5, path
        assert model_card(holed, found) and downloads(holed) and scorecards(holed.metrics, 100) is not None, path
        control_table(holed.metrics), tables.metric_groups(holed.metrics), tables.alternation(holed.metrics)
        assert main_numbers(holed.metrics), path
        if len(path) == 1:
            assert laid_out(holed)


def test_a_table_of_controls_marks_what_gives_a_cheat_away(metrics):
    table = control_table(metrics)
    keys = [column.key for column in table.columns]
    caught = {row.key: {key for key, cell in zip(keys, row.cells, strict=True) if cell.caught} for row in table.rows}
    assert [row.key for row in table.rows][:3] == ["real_halves", "real_test", "synthetic"]
    assert caught["bootstrap"] == {"copies_time", "membership_auc"} and caught["noise"] == {"log_psd"}
    assert caught["synthetic"] == {"log_psd"} and not caught["real_halves"] | caught["real_test"]
    assert "Copies (bootstrap): caught by copies (time) and membership AUC." in table.sentences


def test_a_cheat_that_nothing_catches_is_named():
    row = {"log_psd": 0.1, "copies_time": 0.0}
    table = control_table({"controls": dict.fromkeys(("real_halves", "real_test", "bootstrap"), row)})
    assert table.sentences == ("Copies (bootstrap): no measure here tells them from real windows by a clear factor.",)


@pytest.mark.parametrize(
    ("key", "real", "fine", "bad"),
    [
        ("tstr_ratio", 0.98, 0.93, 0.85), ("discriminative_score", 0.30, 0.35, 0.45), ("auc", 0.88, 0.93, 0.99),
        ("mmd", 0.01, -0.001, 0.03), ("coverage", 0.5, 0.4, 0.3), ("neighbour_ratio_time", 0.9, 1.1, 0.2),
        ("copies_time", 0.0, 0.01, 0.1), ("authenticity_time", 0.54, 0.4, 0.0), ("prediction_ratio", 1.0, 0.9, 2.0),
        ("membership_auc", 0.5, 0.6, 0.9),
    ],
)  # fmt: skip
def test_a_measure_knows_which_end_is_bad(key, real, fine, bad):
    (column,) = (column for column in COLUMNS if column.key == key)
    assert not column.clearly_worse(fine, [real]) and column.clearly_worse(bad, [real])


@pytest.mark.parametrize(
    ("band", "rate_hz", "words"),
    [
        (Band(15.2, 25.0, 1.0), 50.0, "above 15.2 Hz"), (Band(0.390625, 4.0, 1.0), 50.0, "below 4 Hz"),
        (Band(3.0, 8.0, 1.0), 50.0, "between 3 and 8 Hz"), (Band(0.390625, 25.0, 1.0), 50.0, "at all frequencies"),
        (Band(5.0, 5.0, 1.0), 50.0, "at 5 Hz"),
        (Band(1 / (8 * 604_800), 1 / (4 * 604_800), 1.0), 1 / 604_800, "at periods of 4 to 8 weeks"),
    ],
)  # fmt: skip
def test_a_band_is_told_in_words(band, rate_hz, words):
    assert band_in_words(band, rate_hz, 128) == words


def test_a_power_is_told_by_how_many_times_it_is_wrong():
    assert ratio_in_words(Band(1, 2, np.log(12))) == "12 times too much power"
    assert ratio_in_words(Band(1, 2, -np.log(3))) == "3 times too little power"
    assert ratio_in_words(Band(1, 2, 1e4)) == "more than 1000 times too much power"


def judged(params, two_classes, metrics, remarks):
    few = two_classes.select(np.arange(40))
    real = Real(few, few.select(np.arange(0)), few.select(np.arange(0)), few, Scaling(np.zeros(2), np.ones(2)))
    terms = Terms("<their> file.csv", params.evaluate, 0, remarks, {"file.csv": "ab" * 32, "real/": ""})
    return Evaluation(metrics, [], []), real, few, terms


def test_windows_without_a_pipeline_have_a_page_with_their_remarks_first(params, two_classes, metrics):
    remarks = ("gyro_x spreads 57 times as far: is it in <degrees>?",)
    report = judged_page(*judged(params, two_classes, metrics, remarks))
    text = laid_out(judged_results(*judged(params, two_classes, metrics, remarks)))
    assert text.index(remarks[0]) < text.index("Useful:") < text.index("Not measured")
    for absent in ("Training", "Alternation", "refused", "Data Docs", "generator mdn_rnn"):
        assert absent not in text
    assert "<their>" not in report.html and "<degrees>" not in report.html
    assert "\\<degrees\\>" in report.model_card
    assert set(report.figures) == {"windows_1_a.png", "windows_2_b.png"}


def test_windows_are_counted_by_class_and_person(two_classes):
    counts = counts_of({"fit": two_classes, "test": two_classes.select(np.arange(0))})
    assert set(counts) == {"fit"}
    assert counts["fit"]["classes"] == {"slow": 48, "fast": 48} and counts["fit"]["skew"] == 1
    assert counts["fit"]["subjects"] == {f"S{at}": 24 for at in range(4)}


def test_the_model_card_has_the_fields_and_the_numbers_of_the_page(tmp_path):
    import yaml

    card = build_report(read_results(params_of(Story()), leave_behind(Story(), tmp_path))).model_card
    front = yaml.safe_load(card.split("---")[1])
    assert front["license"] == "cc-by-4.0" and front["datasets"] == ["simulated"]
    told = {one["name"]: one["value"] for one in front["model-index"][0]["results"][0]["metrics"]}
    assert told["TSTR macro-F1, CNN"] == 0.92
    headings = [line for line in card.splitlines() if line.startswith("## ")]
    names = ("Description", "Intended use", "Limits", "Training data", "Evaluation", "How to cite")
    assert headings == [f"## {name}" for name in names]
    assert "0.908 to 0.931" in card and Path(tmp_path).name not in card


def test_a_csv_holds_every_digit(results, metrics):
    from urllib.parse import unquote

    metrics["trtr"]["cnn"]["macro_f1"]["mean"] = 0.1234567890123456
    made = downloads(replace(results, metrics=metrics))
    text = unquote(made["metrics"].link.split(",", 1)[1])
    assert "trtr/cnn/macro_f1,0.1234567890123456," in text
    assert json.dumps(metrics["controls"]["bootstrap"]["log_psd"]) in unquote(made["controls"].link)
