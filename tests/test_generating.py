"""`sensegen generate`: windows in physical units in one file that says where they come from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL_RECURRENT, put_windows, sines
from typer.testing import CliRunner, Result

from flows.cli import app
from sensegen import window_files
from sensegen.artifacts import Artifacts
from sensegen.generators import build_generator
from sensegen.params.models import FlowMatchingParams
from sensegen.params.section import Section
from sensegen.scaling import Scaling

FLOW = FlowMatchingParams(
    kind="flow_matching", width=8, heads=2, precision="bfloat16", sampling_steps=2, temperature=1.0
)
RECURRENT = SMALL_RECURRENT.model_copy(update={"cell": "lstm"})
LEVEL = 9.81  # of channel a, in its unit, where scaled values are 0


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A workspace with a flow that has seen windows, as the stages leave one."""
    return workspace(tmp_path_factory.mktemp("project"), FLOW)


@pytest.fixture(scope="module")
def stepwise(tmp_path_factory) -> Path:
    """A workspace with a generator that goes step by step."""
    return workspace(tmp_path_factory.mktemp("stepwise"), RECURRENT)


def workspace(root: Path, params: Section) -> Path:
    for name in ("params.yaml", "dvc.yaml"):
        (root / name).write_text("", encoding="utf-8")
    windows = replace(sines(np.random.default_rng(0), 40, length=16), units=("g", "rad/s"))
    generator = build_generator(windows.shape, params, seed=0)
    generator.settle(windows)
    artifacts = Artifacts(root)
    generator.save(artifacts.alternate / "generator")
    put_windows(artifacts.window, windows, Scaling(np.array([LEVEL, 0.0]), np.array([2.0, 1.0])))
    return root


def generate(project: Path, monkeypatch, *arguments: str) -> Result:
    monkeypatch.chdir(project)
    for name in ("PREFECT_HOME", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"):
        monkeypatch.setenv(name, "")
    return CliRunner().invoke(app, ["generate", *arguments])


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".npz"])
def test_windows_of_one_activity_come_in_units_with_names_rate_and_provenance(project, monkeypatch, ending):
    path = project / f"fast{ending}"
    told = generate(project, monkeypatch, "--activity", "fast", "--windows", "30", "--seed", "5", "--out", str(path))
    assert told.exit_code == 0, told.output
    read = window_files.read(path)
    assert (read.values.shape, read.channels, read.units, read.rate_hz) == ((30, 16, 2), ("a", "b"), ("g", "rad/s"), 32)
    assert read.classes == ("fast",)
    assert read.values[..., 0].mean() == pytest.approx(LEVEL, abs=1)
    origin = window_files.provenance(path)
    asked = {"activity": "fast", "windows": 30, "seed": 5, "seconds": None, "prompt": None, "temperature": None}
    assert origin["synthetic"] and origin["request"] == asked
    assert origin["model"]["kind"] == "flow_matching" and len(origin["model"]["sha256"]) == 64
    assert set(origin["learned_from"]) == {"windows.json", "signals.npy", "fit.npy"}


def test_the_same_seed_gives_the_same_file_and_another_seed_another(project, monkeypatch):
    for name, seed in (("first", "1"), ("again", "1"), ("other", "2")):
        assert generate(project, monkeypatch, "--seed", seed, "--out", f"{name}.parquet").exit_code == 0
    first, again, other = (window_files.read(project / f"{name}.parquet") for name in ("first", "again", "other"))
    assert np.array_equal(first.values, again.values) and not np.array_equal(first.values, other.values)
    assert np.bincount(first.labels).tolist() == [50, 50]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--activity", "flying", "--out", "no.csv"], "The generator knows slow, fast, but was asked for flying."),
        (["--out", "no.xlsx"], "must end with one of .parquet, .csv, .npz"),
        (["--windows", "0", "--out", "no.csv"], "Invalid value for '--windows'"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_written(project, monkeypatch, arguments, message):
    told = generate(project, monkeypatch, *arguments)
    assert told.exit_code != 0 and message in told.output
    assert not list(project.glob("no.*"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["project", "stepwise"])
def test_a_lower_temperature_gives_windows_that_differ_less(kind, request, monkeypatch):
    spread = {}
    for temperature in ("0.2", "1.0"):
        arguments = ["--activity", "slow", "--temperature", temperature, "--out", f"{temperature}.npz"]
        told = generate(root := request.getfixturevalue(kind), monkeypatch, *arguments)
        assert told.exit_code == 0, told.output
        spread[temperature] = window_files.read(root / f"{temperature}.npz").values.std(axis=0).mean()
    assert spread["0.2"] < 0.7 * spread["1.0"]
    refused = generate(root, monkeypatch, "--temperature", "-1", "--out", "no.npz")
    assert refused.exit_code != 0 and "--temperature must be above 0 and at most 2" in refused.output


def test_a_step_by_step_generator_goes_on_from_given_windows_for_as_long_as_is_asked(stepwise, monkeypatch):
    begin = sines(np.random.default_rng(5), 3, length=10)
    begin.values[..., 0] += LEVEL
    window_files.write(stepwise / "begin.npz", replace(begin, units=("g", "rad/s")))
    arguments = ["--activity", "slow", "--windows", "5", "--seconds", "2", "--out", "on.parquet"]
    told = generate(stepwise, monkeypatch, *arguments, "--prompt", "begin.npz")
    assert told.exit_code == 0 and "5 windows of 2 s" in told.output
    made = window_files.read(stepwise / "on.parquet")
    assert made.values.shape == (5, 64, 2)
    assert made.values[:, :10] == pytest.approx(begin.values[[0, 1, 2, 0, 1]], abs=1e-5)
    assert not np.array_equal(made.values[0, 10:], made.values[3, 10:])


def test_a_prompt_of_other_channels_is_refused(stepwise, monkeypatch):
    window_files.write(stepwise / "other.npz", sines(np.random.default_rng(5), 3, length=10))
    told = generate(stepwise, monkeypatch, "--prompt", "other.npz", "--out", "no.csv")
    assert told.exit_code == 1 and "must have units ('g', 'rad/s'), but has ('g', 'g')" in told.output


def test_a_flow_refuses_other_lengths(project, monkeypatch):
    told = generate(project, monkeypatch, "--seconds", "9", "--out", "no.csv")
    assert told.exit_code == 1 and "train a generator of kind mdn_rnn" in told.output


def test_before_any_run_it_says_what_to_do(tmp_path, monkeypatch):
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text("", encoding="utf-8")
    told = generate(tmp_path, monkeypatch, "--out", "no.csv")
    assert told.exit_code == 1 and "Run `sensegen run` first" in told.output
