"""A search for params: what it may draw, what it remembers of whoever was killed, and what it learns from a failure."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import SMALL_RECURRENT, succeed

from flows.tuning import show_best
from sensegen import params as schema
from sensegen import presets
from sensegen.generators import build_generator
from sensegen.params import InvalidParams
from sensegen.tuning import space as spaces
from sensegen.tuning import study as studies
from sensegen.tuning import summary
from sensegen.tuning.carried_weights import CarriedWeights
from sensegen.tuning.search import Search, best_preset, gone_on_with, search
from sensegen.tuning.space import Choice, Range, Space
from sensegen.tuning.study import Home, Plan, StudyBusy
from sensegen.windows import WindowShape

ROOT = Path(__file__).resolve().parents[1]
UNITS = "train_generator.generator.units"
RATE = "train_generator.optimiser.learning_rate"
PLAN = Plan(several=False, seed=0, epochs=4)
SMALL_SPACE = """preset: small
search:
  train_generator.generator.cell: {values: [lstm, gru]}
  train_generator.generator.units: {low: 4, high: 12, log: true}
  train_generator.optimiser.learning_rate: {low: 0.001, high: 0.03, log: true}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A small project with windows."""
    root = tmp_path_factory.mktemp("project")
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    document["dataset"]["seconds_per_activity"] = 8.0
    document["runtime"]["workers"] = 1
    document["evaluate"]["random_convolution"]["features"] = 84
    (root / "params.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    for name in ("dvc.yaml", "sensegen", "stages", "flows"):
        (root / name).symlink_to(ROOT / name)
    for name in ("presets", "spaces"):
        (root / name).mkdir()
    training = {"optimiser": {"learning_rate": 0.003, "batch_windows": 16, "gradient_norm": 1.0}, "epochs": 4}
    small = {"train_generator": {"generator": SMALL_RECURRENT.model_dump(), **training, "patience": None}}
    (root / "presets" / "small.yaml").write_text(yaml.safe_dump(small), encoding="utf-8")
    (root / "spaces" / "small.yaml").write_text(SMALL_SPACE, encoding="utf-8")
    succeed(root, "download", "validate", "window")
    return root


def asked(root: Path, name: str, trials: int, **changed) -> Search:
    return Search(root, name, "small", trials, **changed)


def run(root: Path, name: str, trials: int, **changed):
    shown = []
    study = search(asked(root, name, trials, **changed), lambda done, total, told: shown.append((done, total, told)))
    return study, shown


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "spaces").glob("*.yaml")))
def test_every_point_of_the_spaces_that_come_with_the_project_is_params(name):
    space = spaces.read(ROOT / "spaces", name)
    assert spaces.impossible(spaces.base_text(ROOT, space), space, seed=0) == []


def test_a_dimension_is_there_only_where_its_condition_holds():
    import optuna

    space = spaces.read(ROOT / "spaces", "wgan_gp")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [space.drawn(study.ask()) for _ in range(20)]
    network = "train_generator.generator.network"
    kinds = {tried[f"{network}.kind"] for tried in drawn}
    assert kinds == {"gru", "convolution"}
    for tried in drawn:
        recurrent = tried[f"{network}.kind"] == "gru"
        assert (f"{network}.units" in tried) == recurrent and (f"{network}.width" in tried) != recurrent
        text = spaces.base_text(ROOT, space)
        checked = spaces.tried_params(text, tried)
        assert checked == schema.check(yaml.safe_load(presets.applied(text, spaces.preset_text(tried))))
        assert checked.train_generator.generator.network.kind == tried[f"{network}.kind"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("preset: small\nsearch: {}\n", "at least 1 item"),
        ("preset: small\nsearch: {seed: {low: 3, high: 3, log: false}}\n", "low must be below high"),
        ("preset: small\nsearch: {seed: {low: 0, high: 3, log: true}}\n", "above 0 where log"),
        ("preset: small\nsearch: {seed: {values: []}}\n", "at least 1 item"),
        ("preset: [\n", "is no search space"),
    ],
)
def test_what_is_wrong_with_a_space_is_told(text, said, tmp_path):
    (tmp_path / "odd.yaml").write_text(text)
    with pytest.raises(InvalidParams, match=said):
        spaces.read(tmp_path, "odd")


def test_an_unknown_space_names_those_that_there_are(tmp_path):
    (tmp_path / "one.yaml").write_text(SMALL_SPACE)
    with pytest.raises(InvalidParams, match=r"no search space 'two'.*one"):
        spaces.read(tmp_path, "two")


@pytest.mark.slow
def test_a_space_of_nothing_but_impossible_corners_is_refused_and_some_are_counted(project):
    text = spaces.base_text(project, spaces.read(project / "spaces", "small"))
    nothing = Space(preset="small", search={"evaluate.seeds": Range(low=0, high=1, log=False)})
    with pytest.raises(InvalidParams, match=r"No point.*evaluate\.seeds"):
        spaces.impossible(text, nothing, seed=0)
    half = Space(preset="small", search={"evaluate.seeds": Choice(values=[1, 2])})
    assert 60 < len(spaces.impossible(text, half, seed=0)) < 140
    with pytest.raises(InvalidParams, match=r"wrong is no key of params\.yaml"):
        spaces.tried_params(text, {"wrong.units": 3})


@pytest.fixture(scope="module")
def whole(project):
    """A study of three trials, and what was shown of them."""
    return run(project, "whole", 3)


@pytest.mark.slow
def test_a_search_begins_with_the_params_as_they_were_and_scores_every_trial(whole):
    study, shown = whole
    trials = studies.finished(study)
    assert [(done, total) for done, total, _ in shown] == [(1, 3), (2, 3), (3, 3)]
    assert (trials[0].params[UNITS], trials[0].params[RATE]) == (8, 0.003)
    assert trials[0].user_attrs["begun_with"] == "params as they were"
    for trial in studies.scored(study):
        assert trial.values[0] == pytest.approx(trial.user_attrs["useful"] - trial.user_attrs["told_apart"])
    assert studies.best(study)[0].values[0] == max(trial.values[0] for trial in studies.scored(study))


@pytest.mark.slow
def test_a_ray_cluster_runs_the_same_trials(project, whole, tmp_path):
    root = tmp_path / "on_ray"
    shutil.copytree(project, root, symlinks=True, ignore=shutil.ignore_patterns(".cache", "mlruns"))
    text = (root / "params.yaml").read_text(encoding="utf-8")
    (root / "params.yaml").write_text(presets.applied(text, "runtime: {engine: ray, workers: 2}"), encoding="utf-8")
    study, shown = run(root, "on_ray", 2)
    assert [done for done, _, _ in shown] == [1, 2]
    first, here = (min(studies.scored(one), key=lambda trial: trial.number) for one in (study, whole[0]))
    assert first.params == here.params
    assert first.values == pytest.approx(here.values, abs=0.02)  # its products were summed by one thread


@pytest.mark.slow
def test_the_best_one_as_a_preset_is_what_was_tried(project, whole):
    leader = studies.best(whole[0])[0]
    preset = best_preset(asked(project, "whole", 3), leader)
    params = yaml.safe_load(presets.applied((project / "params.yaml").read_text(encoding="utf-8"), preset))
    checked = schema.check(params).train_generator
    assert checked.generator.units == leader.params[UNITS] and checked.generator.kind == "mdn_rnn"
    assert checked.optimiser.learning_rate == pytest.approx(leader.params[RATE], rel=1e-5)
    text = spaces.base_text(project, spaces.read(project / "spaces", "small"))
    assert checked == spaces.tried_params(text, leader.params).train_generator
    assert f"trial {leader.number}" in preset and "validation people" in preset


@pytest.mark.slow
def test_a_trial_may_be_shorter_than_the_preset_that_comes_of_it(project):
    study, _ = run(project, "short", 1, epochs=1)
    (trial,) = studies.scored(study)
    assert trial.user_attrs["epochs"] == 1
    assert yaml.safe_load(best_preset(asked(project, "short", 1), trial))["train_generator"]["epochs"] == 4


@pytest.mark.slow
def test_a_study_that_has_its_trials_is_left_alone_and_another_may_begin_with_its_best(project, whole):
    again, shown = run(project, "whole", 3)
    assert not shown and len(studies.finished(again)) == 3
    second, shown = run(project, "second", 1, warm_from="whole")
    assert len(shown) == 1
    queued = [trial for trial in second.trials if trial.user_attrs["begun_with"] == "best of whole"]
    others = [trial.params for trial in studies.best(whole[0])[:3] if trial.number]  # the first is that of the params
    assert others and [trial.system_attrs["fixed_params"] for trial in queued] == others
    with pytest.raises(InvalidParams, match="begun with other params"):
        studies.begin(asked(project, "whole", 3).home(), PLAN, "another mark")
    with pytest.raises(InvalidParams, match="no study 'nowhere'"):
        run(project, "third", 1, warm_from="nowhere")


def test_what_is_searched_time_and_again_begins_anew_where_params_or_windows_are_others(project, tmp_path):
    import optuna

    root = tmp_path / "project"
    shutil.copytree(project, root, symlinks=True, ignore=shutil.ignore_patterns("mlruns", ".cache"))
    first = gone_on_with(asked(root, "weekly", 0), 1)
    assert (first.trials, first.warm_from) == (1, None)
    with studies.only_tuner(first.home()):
        studies.begin(first.home(), PLAN, "mark").add_trial(optuna.trial.create_trial(value=1.0))
    _change(root / "params.yaml", "runtime", "workers", 2)  # moves no score
    assert gone_on_with(asked(root, "weekly", 0), 1) == replace(first, trials=2)
    _change(root / "params.yaml", "evaluate", "seeds", 3)
    second = gone_on_with(asked(root, "weekly", 0), 1)
    assert second.study != first.study and (second.trials, second.warm_from) == (1, first.study)
    written = {"path": "artifacts/window/fit.npy", "md5": "other"}
    (root / "dvc.lock").write_text(yaml.safe_dump({"stages": {"window": {"outs": [written]}}}), encoding="utf-8")
    assert gone_on_with(asked(root, "weekly", 0), 1).study not in (first.study, second.study)


def _change(path: Path, section: str, key: str, value: object) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document[section][key] = value
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


@pytest.mark.slow
def test_each_trial_is_a_run_under_one_parent_with_the_same_metrics(project, whole):
    from sensegen.tracking.store import connect

    client, experiment = connect(project)
    runs = client.search_runs(experiment, filter_string="tags.mlflow.runName LIKE 'whole %'")
    parent = client.search_runs(experiment, filter_string="tags.mlflow.runName = 'tune whole'")[-1]
    assert {found.data.tags["mlflow.parentRunId"] for found in runs} == {parent.info.run_id}
    assert len(runs) == 3 and {found.info.status for found in runs} == {"FINISHED"}
    for found in runs:
        number = int(found.info.run_name.split()[-1])
        assert found.data.params[UNITS] == str(whole[0].trials[number].params[UNITS])
        assert "generator/all/validation_loss" in found.data.metrics
    scored = [found for found in runs if "pruned" not in found.data.tags]
    assert all({"score", "useful", "told_apart"} <= found.data.metrics.keys() for found in scored)
    assert "best/score" in parent.data.metrics


def made_up(scores: int) -> tuple:
    """A study whose score is one of its params, and none of the other."""
    import optuna

    space = Space(
        preset="small",
        search={UNITS: Range(low=4, high=400, log=True), RATE: Range(low=0.0, high=1.0, log=False)},
    )
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: space.drawn(trial)[RATE], n_trials=scores)
    return study, space


def test_what_mattered_is_told_where_there_are_trials_enough():
    study, _ = made_up(60)
    assert summary.importance(study)[RATE] > 0.8
    assert summary.importance(made_up(3)[0]) == {}


@pytest.mark.slow
def test_a_search_leaves_a_table_and_a_picture(project, whole, tmp_path):
    import csv

    from PIL import Image

    folder = asked(project, "whole", 3).home().folder
    with (folder / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == ["0", "1", "2"]
    assert {row[UNITS] for row in rows} == {str(trial.params[UNITS]) for trial in whole[0].trials}
    written = summary.write(*made_up(20), tmp_path)
    assert [path.name for path in written] == ["trials.csv", "search.png"]
    with Image.open(written[1]) as picture:
        assert picture.width > 1000
    assert (folder / "search.png").stat().st_size > 1000


@pytest.mark.slow
def test_trials_go_on_with_the_weights_of_the_best_one_so_far_where_that_is_asked_for(project):
    (project / "spaces" / "rates.yaml").write_text(f"preset: small\nsearch:\n  {RATE}: {{values: [0.003, 0.002]}}\n")
    asked = Search(project, "carried", "rates", 3, carry_weights=True)
    study = search(asked, lambda done, total, told: None)
    first, *others = study.trials
    assert "weights_of" not in first.user_attrs
    assert {trial.user_attrs["weights_of"] for trial in others} <= {0, 1} and others[0].user_attrs["weights_anew"] == []
    curves = [list(trial.intermediate_values.values()) for trial in (first, others[0])]  # of the negative loss
    assert curves[0][0] < curves[0][-1] - 0.01 < curves[1][0]
    with pytest.raises(InvalidParams, match="begun with other params"):
        search(Search(project, "carried", "rates", 4), lambda done, total, told: None)


def test_weights_are_those_of_the_best_trial_not_of_the_last_one_that_led(tmp_path):
    import optuna

    study, carried = optuna.create_study(direction="maximize"), CarriedWeights(tmp_path)
    generators = {number: build_generator(WindowShape(16, 2, 2), SMALL_RECURRENT, seed=number) for number in range(3)}
    first, second = study.ask(), study.ask()
    for trial, score in ((second, 0.5), (first, 0.9)):  # the first one ends last
        carried.keep(generators[trial.number], trial, score)
        trial.set_user_attr("score", score)
        study.tell(trial, score)
    third = study.ask()
    carried.begin(generators[2], third)
    assert third.user_attrs["weights_of"] == 0
    (name, *_) = generators[2].trained()
    assert np.array_equal(generators[2].arrays()[name], generators[0].arrays()[name])


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [(RATE, "1.0e+38", "diverged"), ("train_generator.generator.samples_a_step", 7, "samples_a_step must divide")],
)
def test_a_trial_that_diverges_or_is_impossible_is_pruned_with_its_reason(project, key, value, reason):
    (project / "spaces" / "odd.yaml").write_text(f"preset: small\nsearch:\n  {key}: {{values: [{value}]}}\n")
    study = search(Search(project, f"odd_{reason.split()[0]}", "odd", 1), lambda done, total, told: None)
    (trial,) = study.trials
    assert trial.state.name == "PRUNED" and reason in trial.user_attrs["ended_by"]


@pytest.mark.slow
@pytest.mark.chosen
def test_a_trial_that_is_behind_tells_for_how_long_it_was_trained(project, monkeypatch):
    import optuna
    from rich.console import Console

    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: trial.study.trials[-1].last_step == 2)
    study, [(_, _, told)] = run(project, "behind", 1)
    (trial,) = study.trials
    assert (trial.state.name, told.reason, trial.user_attrs["epochs"]) == ("PRUNED", "behind", 2)
    with (console := Console(width=200)).capture() as shown:
        show_best(study, console)
    assert "1 trials, 1 ended early, 2 epochs in all" in shown.get()


@pytest.mark.slow
def test_of_two_objectives_the_front_is_told(project):
    study, _ = run(project, "front", 2, several=True)
    front = studies.best(study)
    assert front and all(len(trial.values) == 2 for trial in front)
    for trial in studies.scored(study):
        assert any(o.values[0] >= trial.values[0] and o.values[1] <= trial.values[1] for o in front)


def test_a_second_tuner_of_a_study_is_refused(tmp_path):
    home = Home(tmp_path / "held")
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from sensegen.tuning.study import Home, only_tuner
with only_tuner(Home(Path({str(home.folder)!r}))):
    print('held', flush=True)
    sys.stdin.read()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with pytest.raises(StudyBusy, match=r"Another `sensegen tune`.*--study"), studies.only_tuner(home):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with studies.only_tuner(home):
        pass


def test_what_a_killed_tuner_left_running_is_tried_again_and_a_cut_off_line_is_dropped(tmp_path):
    home = Home(tmp_path / "left")
    home.folder.mkdir()
    study = studies.begin(home, PLAN, "mark")
    done, left = study.ask(), study.ask()
    for trial in (done, left):
        trial.suggest_int(UNITS, 4, 12)
    study.tell(done, 0.5)
    with home.journal.open("ab") as file:
        file.write(b'{"op_code": 6, "work')
    after = studies.begin(home, PLAN, "mark")
    assert [trial.values for trial in studies.finished(after)] == [[0.5]]
    assert after.trials[1].state.name == "FAIL"
    assert after.ask().suggest_int(UNITS, 4, 12) == left.params[UNITS]


def test_a_damaged_study_is_refused_with_what_to_do(tmp_path):
    home = Home(tmp_path / "damaged")
    home.folder.mkdir()
    studies.begin(home, PLAN, "mark")
    home.journal.write_bytes(b"no journal\n" + home.journal.read_bytes())
    with pytest.raises(InvalidParams, match=r"cannot be read.*mv .*damaged"):
        studies.begin(home, PLAN, "mark")


def test_a_study_has_its_page(tmp_path):
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    home = Home.of(tmp_path, "shown")
    home.folder.mkdir(parents=True)
    study = studies.begin(home, PLAN, "mark")
    study.tell(study.ask(), 0.25)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from flows.cli import app; app()", "ui", "--port", str(port), "--study", "shown"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    try:
        (summary,) = answer(f"http://127.0.0.1:{port}/api/studies", server)["study_summaries"]
        assert summary["study_name"] == "shown"
    finally:
        server.kill()
        server.wait()
    told = subprocess.run([*command[:-1], "unknown"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert told.returncode == 1 and "no study 'unknown'. There are: shown" in told.stderr


def answer(address: str, server: subprocess.Popen) -> dict:
    """What a server says, once it is up."""
    for _ in range(600):
        assert server.poll() is None
        try:
            with urllib.request.urlopen(address, timeout=10) as told:
                return json.loads(told.read())
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


@pytest.mark.slow
def test_ctrl_c_ends_a_search_at_once_and_what_was_found_is_kept(project, tmp_path):
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from rich.console import Console
from flows import tuning
from sensegen.tuning.search import Search
with tuning.cancelled_at_once(130):
    tuning.tune(Search(Path({str(project)!r}), 'cancelled', 'small', 9), Console())
"""
    with (tmp_path / "told").open("w") as told:
        tuner = subprocess.Popen([sys.executable, "-c", code], stdout=told, stderr=told, cwd=ROOT)
    home = asked(project, "cancelled", 9).home()
    while not home.journal.exists() or not studies.finished(studies.opened(home, PLAN)):
        assert tuner.poll() is None, (tmp_path / "told").read_text()
        time.sleep(0.2)
    tuner.send_signal(signal.SIGINT)
    assert tuner.wait(timeout=20) == 130
    assert "The same command goes on" in (tmp_path / "told").read_text()
    assert len(studies.finished(studies.opened(home, PLAN))) < 9


@pytest.mark.slow
@pytest.mark.chosen
def test_a_tuner_killed_minus_nine_loses_no_finished_trial(project):
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from sensegen.tuning.search import Search, search
search(Search(Path({str(project)!r}), 'killed', 'small', 5), lambda *told: print('ended', flush=True))
"""
    tuner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert tuner.stdout is not None
    while (line := tuner.stdout.readline()) and line != "ended\n":
        pass  # progress
    time.sleep(0.5)  # into the next trial
    os.kill(tuner.pid, signal.SIGKILL)
    tuner.communicate()
    assert line == "ended\n"
    before = {t.number: t.values for t in studies.finished(studies.opened(asked(project, "killed", 5).home(), PLAN))}
    assert len(before) >= 1
    study, shown = run(project, "killed", len(before) + 1)
    after = {trial.number: trial.values for trial in studies.finished(study)}
    assert len(after) == len(before) + 1 and before.items() <= after.items()
    assert len(shown) == 1
    assert not [trial for trial in study.trials if trial.state.name == "RUNNING"]


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "", ".."])
def test_the_name_of_a_study_does_not_lead_out_of_its_folder(name, tmp_path):
    with pytest.raises(InvalidParams, match="name of a study"):
        Home.of(tmp_path, name)
