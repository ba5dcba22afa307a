"""The report page: complete, self-contained, escaped, and the same bytes for the same results."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reports import (
    ALERT,
    AXES,
    Elements,
    Story,
    laid_out,
    leave_behind,
    metrics_of,
    params_of,
    report_of,
    results_of,
    words_of,
    write_json,
    write_rows,
)

from sensegen.params import Params
from sensegen.params.windowing import InTimeSplit, KFoldSplit, LeaveOneOutSplit
from sensegen.reporting import clock, drawing, sheets, tables, training_figures, window_figures, wording
from sensegen.reporting.measures import Measure, find, measure, number
from sensegen.reporting.page import build_report, lay_out
from sensegen.reporting.pictures import Pictures, calibration_picture, window_pictures
from sensegen.reporting.reading import read_results
from sensegen.reporting.results import Signals


def test_the_same_results_give_the_same_bytes(tmp_path):
    first, second = (report_of(Story(alerts=(ALERT,)), tmp_path / name) for name in ("one", "two"))
    assert first == second


def test_nothing_is_loaded_from_outside_the_file(tmp_path):
    html = report_of(Story(), tmp_path).html
    loads = [value for tag, attributes in Elements(html).found if tag in ("img", "source", "link", "script", "iframe")
             for name, value in attributes.items() if name in ("src", "href", "srcset")]  # fmt: skip
    assert loads and all(value.startswith("data:") for value in loads)
    assert "url(" not in html and "@import" not in html and html.count("<script") == 1
    assert "default-src 'none'" in html
    assert str(tmp_path) not in html


def test_every_activity_and_channel_is_on_the_page(tmp_path):
    story = Story(classes=tuple(f"ACTIVITY_{n}" for n in range(12)), channels=AXES)
    elements = Elements(report_of(story, tmp_path).html)
    images = " ".join(str(attributes["alt"]) for tag, attributes in elements.found if tag == "img")
    for name in (*story.classes, *story.channels):
        assert re.search(rf"\b{name}\b", elements.text)
        assert re.search(rf"\b{name}\b", images)


def test_every_alert_is_drawn_at_its_step_in_its_panel(tmp_path):
    other = {**ALERT, "stage": "alternate", "part": "discriminator all", "step": 27}
    results = read_results(params_of(Story()), leave_behind(Story(alerts=(ALERT, other)), tmp_path))
    curves = [curve for curve in results.pipeline.curves if curve.stage == "alternate"]
    with drawing.themed(drawing.LIGHT):
        generator, discriminator = training_figures.draw_losses(curves, results.pipeline.alerts, drawing.LIGHT).axes
    assert marks(generator) == []
    assert marks(discriminator) == [27]


def marks(axes) -> list[float]:
    verticals = [line for line in axes.lines if line.get_color() == drawing.LIGHT.alert and line.get_marker() != "v"]
    return [line.get_xdata()[0] for line in verticals]


def test_losses_of_whole_rounds_are_drawn_by_step_with_the_alerts_of_both_models(tmp_path):
    alert = {**ALERT, "stage": "alternate", "step": 15}
    artifacts = leave_behind(Story(alerts=(alert, {**alert, "part": "all without alternation", "step": 7})), tmp_path)
    rows = [{"part": "all", "epoch": n, "step": 10 * n} for n in (1, 2)]
    rows.append({"part": "all without alternation", "epoch": 1, "step": 9, "loss": 0.5})
    write_rows(artifacts.alternate / "curves.csv", "part,epoch,step,loss,validation_loss", rows)
    results = read_results(params_of(Story()), artifacts)
    curves = {curve.part: curve for curve in results.pipeline.curves if curve.stage == "alternate"}
    assert set(curves) == {"all", "discriminator all", "all without alternation"}
    expected = [float(row["discriminator_loss"]) for row in results.pipeline.rounds]
    np.testing.assert_array_equal(curves["discriminator all"].loss, expected)
    control = curves.pop("all without alternation")
    with drawing.themed(drawing.LIGHT):
        panels = training_figures.draw_losses(list(curves.values()), results.pipeline.alerts, drawing.LIGHT).axes
        panels += training_figures.draw_losses([control], results.pipeline.alerts, drawing.LIGHT).axes
    assert [marks(axes) for axes in panels] == [[15], [15], [7]]


def test_every_alert_is_in_words_too(tmp_path):
    alerts = tuple({**ALERT, "step": step} for step in range(1000, 1040))
    text = words_of(Story(alerts=alerts), tmp_path)
    assert "40 times" in text
    assert all(str(step) in text for step in range(1000, 1040))


def test_calibration_is_drawn_bin_by_bin_and_told_in_both_units(tmp_path):
    told = {"unit": "nats a step and channel", "nll_scaled": -1.25, "nll_physical": -3.5, "largest_error": 0.04}
    results = results_of(Story(calibration={**told, "transform": [0.09, 0.05, 0.01, 0.85]}), tmp_path)
    picture = calibration_picture(results.pipeline)
    assert "0.090, 0.050, 0.010, 0.850" in picture.alt
    assert "-1.250 nats a step and channel in scaled and -3.500 in physical units" in picture.caption
    (axes,) = training_figures.draw_transform([0.09, 0.05, 0.01, 0.85], drawing.LIGHT).axes
    assert [bar.get_height() for bar in axes.patches] == [0.09, 0.05, 0.01, 0.85]
    assert "Not known: it gives no likelihood." in words_of(Story(), tmp_path / "other")


def test_an_odd_label_is_shown_as_text_and_never_as_markup(tmp_path):
    odd = "<script>alert(1)</script> & $x_$"
    report = report_of(Story(classes=(odd, "_hidden"), channels=('acc"_x',), parts=(odd, "_hidden")), tmp_path)
    assert report.html.count("<script") == 1, "the page's own"
    assert odd in Elements(report.html).text
    assert "<script" not in report.model_card.replace("\\<", "")


def test_a_null_metric_shows_its_reason(tmp_path):
    null = {"value": None, "reason": "the dataset has no labels"}
    story = Story(metrics=dict.fromkeys(("trtr", "tstr", "tstr_ratio", "detection", "alternation"), null))
    text = words_of(story, tmp_path)
    assert text.count("the dataset has no labels") >= 7
    assert "a flow of its own" in text


def test_a_stage_without_rows_and_an_alternation_without_rounds_are_said_so(tmp_path):
    artifacts = leave_behind(Story(rounds=0, validation_loss=False), tmp_path)
    write_rows(artifacts.train_generator / "curves.csv", "part,epoch,step,loss,validation_loss", [])
    report = build_report(read_results(params_of(Story()), artifacts))
    assert "losses_train_generator.png" not in report.figures
    text = Elements(report.html).text
    assert "This stage trained nothing" in text and "No round was run" in text


def test_a_training_against_a_critic_shows_how_both_did_and_another_one_does_not(tmp_path):
    artifacts = leave_behind(Story(), tmp_path)
    assert "contest.png" not in build_report(read_results(params_of(Story()), artifacts)).figures
    rows = [
        {"part": "all", "epoch": at, "step": 9 * at, "loss": 1, "wasserstein": 2 / at, "output_gradient": 1.1,
         "diversity": 0.5, "saturation": 0.25} for at in range(1, 5)
    ]  # fmt: skip
    write_rows(artifacts.train_generator / "curves.csv", ",".join(rows[0]), rows)
    report = build_report(read_results(params_of(Story()), artifacts))
    assert "contest.png" in report.figures
    assert "critic: real less made 0.5, slope at what is made 1.1, diversity, real windows 1 0.5" in report.html


def test_many_parts_and_losses_of_any_size_can_be_drawn(tmp_path):
    artifacts = leave_behind(Story(parts=tuple(f"P{n}" for n in range(12))), tmp_path)
    rows = [{"part": "all", "step": step, "loss": loss} for step, loss in enumerate((1, 1.1, 1e9, "nan", -3, "inf"))]
    write_rows(artifacts.train_generator / "curves.csv", "part,step,loss", rows)
    report = build_report(read_results(params_of(Story()), artifacts))
    assert {"losses_train_generator.png", "losses_alternate.png", "rounds.png"} <= set(report.figures)


def test_real_windows_are_shown_in_physical_units_with_their_person(tmp_path):
    story = Story(windows_per_activity=2)
    results = read_results(params_of(story), leave_behind(story, tmp_path))
    (sheet,) = sheets.sheets(results.signals, results.shown_labels)
    choice = sheets.choose(results)
    with drawing.themed(drawing.LIGHT):
        axes = window_figures.draw_windows(results, choice, sheet, drawing.LIGHT).axes[1]  # after the legend's
    scaled = np.load(tmp_path / "artifacts" / "window" / "signals.npy").reshape(-1, 128)
    row = choice.rows["real", 0][0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), scaled[row] * 2.0 + 0.5, rtol=1e-6)
    assert axes.get_title(loc="right") == "S01"


def test_a_runaway_synthetic_window_does_not_flatten_the_real_ones(tmp_path):
    results = read_results(params_of(Story()), leave_behind(Story(), tmp_path))
    wild = replace(results, synthetic=replace(results.synthetic, values=results.synthetic.values * 1e6))
    (sheet,) = sheets.sheets(wild.signals, wild.shown_labels)
    low, high = sheets.axis_limits(wild, sheets.choose(wild), sheet.bands)
    assert -8 < low < high < 8
    assert "lie outside" in window_pictures(wild)[0].caption


def test_channels_of_one_sensor_share_a_figure():
    signals = Signals(("rest",), ("acc_x", "acc_y", "heart_rate", "gyro_x"), ("g", "g", "1/min", "rad/s"), 50)
    made = sheets.sheets(signals, [0])
    assert [(sheet.name, sheet.channels) for sheet in made] == [("acc", (0, 1)), ("heart_rate", (2,)), ("gyro", (3,))]


def test_many_channels_of_one_unit_share_a_figure_an_activity_with_a_band_and_a_range_each():
    signals = Signals(("a", "b"), tuple(f"county{n}" for n in range(20)), ("cases",) * 20, 1 / 604_800)
    made = sheets.sheets(signals, [0, 1])
    assert [sheet.name for sheet in made] == ["a", "b"]
    assert [band.title for band in made[1].bands] == list(signals.channels)
    assert all(sheet.compared(band) == (band,) for sheet in made for band in sheet.bands)


def test_a_page_draws_no_more_figures_than_it_can_hold_and_names_the_others(tmp_path):
    units = tuple(f"{unit}_{axis}" for unit in ("torso", "arm", "leg", "head", "foot") for axis in "xyz")
    story = Story(classes=tuple(f"ACTIVITY_{n}" for n in range(19)), channels=units)
    results = read_results(params_of(story), leave_behind(story, tmp_path))
    drawn = sheets.few_enough(sheets.sheets(results.signals, results.shown_labels))
    assert [sheet.name for sheet in drawn] == ["torso", "arm", "leg"]
    assert "Not drawn, to keep the page small: head, foot." in words_of(story, tmp_path / "again")


def test_weekly_counts_of_twenty_counties_in_one_class_make_one_figure_in_weeks(tmp_path):
    counties = tuple(f"county{n}" for n in range(20))
    null = {"value": None, "reason": "the data has no labels"}
    story = Story(classes=("unlabelled",), channels=counties, rate_hz=1 / 604_800, unit="cases",
                  metrics=dict.fromkeys(("trtr", "tstr", "tstr_ratio"), null))  # fmt: skip
    artifacts = leave_behind(story, tmp_path)
    write_rows(artifacts.evaluate / "confusion.csv", "arm,classifier,actual,predicted", [])
    report = build_report(read_results(params_of(story), artifacts))
    assert [name for name in report.figures if name.startswith("windows")] == ["windows_1_unlabelled.png"]
    text = " ".join(Elements(report.html).text.split())
    assert "128 samples (one every 7 days), 20 channels, 1 class" in text
    assert "in cases; real and synthetic panels of a band have the same y axis" in text
    assert text.count("No classifier was measured: the data has no labels.") == 2
    height = Image.open(io.BytesIO(report.figures["windows_1_unlabelled.png"])).size[1]
    assert 20 * 100 < height < 20 * 250


@pytest.mark.parametrize(
    ("rate_hz", "words"),
    [(50.0, "at 50 Hz"), (0.25, "at 0.25 Hz"), (1 / 60, "one every 60 s"), (1 / 604_800, "7 days")],
)
def test_a_rate_is_told_in_units_that_suit_it(rate_hz, words):
    assert words in clock.rate_in_words(rate_hz)


def test_the_time_axis_has_the_largest_unit_of_which_a_window_holds_three():
    assert clock.Clock.of(50.0, 128) == clock.Clock("s", 0.02)
    assert clock.Clock.of(4.0, 720).unit == "min"
    assert clock.Clock.of(1 / 604_800, 26) == clock.Clock("weeks", pytest.approx(1.0))


def test_classes_that_no_window_is_of_are_nowhere_on_the_page(tmp_path):
    artifacts = leave_behind(Story(), tmp_path)
    meaning = json.loads((artifacts.window / "windows.json").read_text(encoding="utf-8"))
    write_json(artifacts.window / "windows.json", {**meaning, "classes": ["WALKING", "SITTING", "TURNING"]})
    results = read_results(params_of(Story()), artifacts)
    assert results.shown_classes == ("WALKING", "SITTING")
    assert "TURNING" not in lay_out(results, Pictures(window_pictures(results), {}, None, None, None))


def test_the_data_is_told_by_class_skew_and_person(tmp_path):
    results = read_results(params_of(Story()), leave_behind(Story(), tmp_path))
    heads, rows = tables.window_counts(results)
    assert heads == ["WALKING", "SITTING", "total", "skew"]
    assert [(split, cells) for split, _, cells in rows] == [
        ("fit", ["5", "5", "10", "1.000"]),
        ("test", ["5", "5", "10", "–"]),
    ]
    assert "S01 (4), S02 (3)" in " ".join(words_of(Story(), tmp_path / "again").split())


def with_split(params: Params, split) -> Params:
    return params.model_copy(update={"window": params.window.model_copy(update={"split": split})})


@pytest.mark.parametrize(
    ("split", "words"),
    [
        (KFoldSplit(kind="k_fold", folds=4, fold=2), "Test is fold 2 of folds 0 to 3"),
        (LeaveOneOutSplit(kind="leave_one_out", test_subject="p3"), "Left out for the test is p3"),
        (InTimeSplit(kind="in_time", validation_share=0.1, test_share=0.2), "prove nothing about new people"),
    ],
)
def test_the_page_says_which_split_this_is_and_what_it_cannot_show(tmp_path, split, words):
    artifacts = leave_behind(Story(), tmp_path)
    page = {
        name: Elements(lay_out(read_results(params, artifacts), Pictures([], {}, None, None, None))).text
        for name, params in (("this", with_split(params_of(Story()), split)), ("people", params_of(Story())))
    }
    assert words in page["this"] and words not in page["people"]
    assert ("Nobody in the validation or test split" in page["this"]) is (split.kind != "in_time")


def test_refused_recordings_are_on_the_page_with_their_reasons(tmp_path):
    artifacts = leave_behind(Story(), tmp_path)
    assert "No quarantine was kept" in laid_out(read_results(params_of(Story()), artifacts))
    (artifacts.validate / "quarantine").mkdir()
    write_json(artifacts.validate / "quarantine" / "reasons.json", [])
    assert "None: every recording" in laid_out(read_results(params_of(Story()), artifacts))
    reasons = [{"expectation": "acc_x.finite", "text": "3 of <9> are not"}, {"expectation": "times", "text": "stand"}]
    refused = [{"name": "p1/a.csv", "reasons": reasons}, {"name": "p2", "reason": "not UTF-8 at line 7"}]
    write_json(artifacts.validate / "quarantine" / "reasons.json", refused)
    text = laid_out(read_results(params_of(Story()), artifacts))
    assert "p1/a.csv" in text and "acc_x.finite: 3 of <9> are not; times: stand" in text
    assert "not UTF-8 at line 7" in text


def test_the_page_links_to_the_data_docs_beside_it(tmp_path):
    artifacts = leave_behind(Story(), tmp_path)
    html = lay_out(read_results(params_of(Story()), artifacts), Pictures([], {}, None, None, None))
    links = [attributes["href"] for tag, attributes in Elements(html).found if tag == "a"]
    (link,) = [link for link in links if str(link).endswith("index.html")]
    assert (artifacts.report / str(link)).resolve() == artifacts.validate / "data_docs" / "index.html"


def test_a_confusion_matrix_counts_actual_by_row(tmp_path):
    artifacts = leave_behind(Story(), tmp_path)
    pairs = [("WALKING", "SITTING")] * 3 + [("WALKING", "WALKING")] + [("SITTING", "SITTING")] * 2
    rows = [{"arm": "tstr", "classifier": "cnn", "actual": a, "predicted": p} for a, p in pairs]
    write_rows(artifacts.evaluate / "confusion.csv", "arm,classifier,actual,predicted", rows)
    (matrix,) = tables.confusions(read_results(params_of(Story()), artifacts))
    assert matrix.rows == [[(1, 25), (3, 75)], [(0, 0), (2, 100)]]


def test_a_prediction_of_an_unknown_class_is_refused_by_name(tmp_path):
    artifacts = leave_behind(Story(), tmp_path)
    row = {"arm": "tstr", "classifier": "cnn", "actual": "WALKING", "predicted": "FLYING"}
    write_rows(artifacts.evaluate / "confusion.csv", "arm,classifier,actual,predicted", [row])
    with pytest.raises(ValueError, match="FLYING"):
        tables.confusions(read_results(params_of(Story()), artifacts))


def test_a_missing_output_is_named(tmp_path):
    artifacts = leave_behind(Story(), tmp_path)
    (artifacts.evaluate / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError) as error:
        read_results(params_of(Story()), artifacts)
    assert Path(error.value.filename) == artifacts.evaluate / "metrics.json"


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        ((0.9, 0.88, 0.92), "less useful"),
        ((0.99, 0.97, 1.01), "does not tell the two apart"),
        ((1.1, 1.05, 1.2), "explanation"),
    ],
)
def test_the_verdict_follows_the_interval_and_not_the_mean_alone(ratio, words):
    metrics = metrics_of(Story())
    metrics["tstr_ratio"]["cnn"]["macro_f1"] = dict(zip(("mean", "low", "high"), ratio, strict=True))
    assert words in wording.scorecards(metrics, 1_000)[0].sentence


def test_a_judge_within_its_floor_tells_nothing_apart():
    metrics = metrics_of(Story())
    assert "it does tell" in wording.scorecards(metrics, 1_000)[-1].sentence
    metrics["detection"]["cnn"]["auc"] = 0.5
    metrics["detection"]["cnn"]["discriminative_score"] = {"mean": 0.03, "low": 0.01, "high": 0.05}
    assert "does not tell them apart" in wording.scorecards(metrics, 1_000)[-1].sentence


def test_a_score_above_its_floor_on_average_alone_is_left_open():
    metrics = metrics_of(Story())
    metrics["detection"]["cnn"]["auc"] = 0.5
    metrics["detection"]["cnn"]["discriminative_score"] = {"mean": 0.25, "low": 0.01, "high": 0.49}
    assert "more seeds" in (sentence := wording.scorecards(metrics, 1_000)[-1].sentence)
    assert "does not tell them apart" not in sentence


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.91234, "0.912"),
        (-0.7, "−0.700"),
        (12.341, "12.34"),
        (456.78, "456.8"),
        (2947, "2\u202f947"),
        (-9.26e-4, "−0.001"),
        (2e-5, "2.00e−05"),
        (float("nan"), "not a number"),
    ],
)
def test_a_number_has_the_digits_that_mean_something(value, text):
    assert number(value) == text


def test_an_interval_that_touches_zero_has_three_digits_at_either_end():
    assert Measure(0.031, -9.26e-4, 0.063).interval == "−0.001 to 0.063"
    assert Measure(0.031, -2e-5, 0.062).interval == "0.000 to 0.062"
    assert Measure(2e-5, 1e-5, 3e-5).interval == "1.00e−05 to 3.00e−05"


def test_a_measure_below_a_null_has_the_reason_of_the_null():
    metrics = {"trtr": {"value": None, "reason": "no labels"}}
    assert find(metrics, "trtr", "cnn", "macro_f1") == Measure(None, reason="no labels")
    with pytest.raises(ValueError, match="a null with a reason"):
        measure({"cnn": 1})


def test_figures_say_nothing_of_who_made_them_and_are_small(tmp_path):
    story = Story(classes=tuple(f"A{n}" for n in range(6)), channels=AXES, windows_per_activity=2)
    report = report_of(story, tmp_path)
    assert all("Software" not in Image.open(io.BytesIO(content)).info for content in report.figures.values())
    assert len(report.html) < 4 * 2**20


def test_the_stage_writes_the_page_and_every_figure(tmp_path):
    from sensegen import tracking
    from stages import report as stage

    artifacts, params = leave_behind(Story(), tmp_path), params_of(Story())
    with tracking.start(params, stage="report", root=tmp_path) as tracker:
        stage.run(params, artifacts, tracker)
    html = (artifacts.report / "report.html").read_text(encoding="utf-8")
    written = [path.read_bytes() for path in sorted((artifacts.report / "figures").iterdir())]
    assert len(written) == 5
    assert all(base64.b64encode(figure).decode() in html for figure in written)


def test_a_judge_that_does_not_catch_noise_is_said_to_prove_nothing():
    metrics = metrics_of(Story())
    metrics["detection"]["cnn"] |= {"discriminative_score": {"mean": 0.01}, "auc": 0.5, "noise": 0.01}
    told = wording.scorecards(metrics, 1_000)[-1]
    assert "proves nothing" in told.sentence and "does not tell them apart" not in told.sentence
    assert [score.label for score in told.scores][:4] == ["Discriminative score", "Floor", "Other people", "Noise"]


def test_a_ratio_of_two_guesses_is_said_to_mean_nothing():
    metrics = metrics_of(Story())
    classes = len(metrics["trtr"]["cnn"]["per_class"])
    metrics["trtr"]["cnn"]["macro_f1"] = {"mean": 1.2 / classes, "low": 0.9 / classes, "high": 1.5 / classes}
    metrics["tstr_ratio"]["cnn"]["macro_f1"] = {"mean": 1.7, "low": 1.1, "high": 2.3}
    assert "no better than a guess among" in (sentence := wording.scorecards(metrics, 1_000)[0].sentence)
    assert "asks for an explanation" not in sentence
