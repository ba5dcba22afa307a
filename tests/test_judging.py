"""Windows of any source, judged from the command line: numbers and page, or one clear line and nothing written."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT, sines
from typer.testing import CliRunner, Result

from flows.cli import app
from sensegen import training, window_files
from sensegen.windows import Windows

SPLITS = {"fit": (0, 120), "validation": (1, 40), "held_out_time": (2, 40), "test": (3, 60)}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project with quick judges, and a folder of real windows as anybody may have them."""
    root = tmp_path_factory.mktemp("project")
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    document["evaluate"]["encoder"] |= {"filters": 8, "epochs": 2}
    document["evaluate"]["random_convolution"] = {"features": 84}
    document["evaluate"]["judges"] |= {"kinds": ["spectral"], "windows": 60}
    (root / "params.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    shutil.copy(ROOT / "dvc.yaml", root / "dvc.yaml")
    (root / "real").mkdir()
    for name, (seed, count) in SPLITS.items():
        person = {"held_out_time": "fit"}.get(name, name)
        window_files.write(root / "real" / f"{name}.npz", people(seed, count, person))
    return root


def people(seed: int, count: int, name: str) -> Windows:
    made = sines(np.random.default_rng(seed), count)
    return replace(made, subjects=tuple(f"{name}{at % 4}" for at in range(count)))


def evaluate(project: Path, monkeypatch, windows: Windows, ending: str) -> tuple[Result, Path]:
    monkeypatch.chdir(project)
    monkeypatch.setattr(
        training, "set_up", lambda runtime: None
    )  # once a process, and earlier tests have had their turn
    for name in ("PREFECT_HOME", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"):
        monkeypatch.setenv(name, "")
    window_files.write(project / f"theirs{ending}", windows)
    out = project / f"judged_{ending[1:]}"
    shutil.rmtree(out, ignore_errors=True)
    arguments = ["evaluate", "--real", "real", "--synthetic", f"theirs{ending}", "--out", str(out)]
    return CliRunner().invoke(app, arguments), out


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_the_windows_of_anybody_get_numbers_a_page_and_a_model_card(project, monkeypatch, ending):
    told, out = evaluate(project, monkeypatch, people(9, 120, ""), ending)
    assert told.exit_code == 0, told.output
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["tstr"]["random_convolution"]["macro_f1"]["mean"] > 0.9
    assert metrics["controls"]["bootstrap"]["copies_time"] == 1
    assert "came without those of the same generator" in metrics["alternation"]["reason"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"theirs{ending}" in page and (out / "model_card.md").is_file()
    assert {path.name for path in out.iterdir()} == {
        *("metrics.json", "confusion.csv", "embedding.csv", "remarks.json", "report.html", "model_card.md")
    }


def test_a_copy_is_called_a_copy(project, monkeypatch):
    real = window_files.read(project / "real" / "fit.npz")
    told, out = evaluate(project, monkeypatch, real, ".npz")
    assert told.exit_code == 0, told.output
    page = (out / "report.html").read_text(encoding="utf-8")
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "Copies: yes" in words and "unless these are copies" not in words


def test_what_only_weakens_the_answer_is_a_visible_remark(project, monkeypatch):
    turned = people(9, 120, "")
    turned = replace(turned, values=turned.values[:, :, ::-1] * 9.80665, channels=turned.channels[::-1])
    told, out = evaluate(project, monkeypatch, turned.select(turned.labels == 0), ".npz")
    remarks = json.loads((out / "remarks.json").read_text(encoding="utf-8"))
    for words in ("put in the order a, b", "m/s2 for g", "no window is of fast"):
        assert any(words in remark for remark in remarks), remarks
        assert words in told.output


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda windows: replace(windows, rate_hz=50.0), "the rate must be 32 Hz"),
        (lambda windows: replace(windows, values=windows.values[:, :20]), "must have 32 samples"),
        (lambda windows: replace(windows, channels=("a", "c")), "channels b are missing"),
        (lambda windows: replace(windows, classes=("slow", "jumping")), "labels jumping are none of the real ones"),
        (lambda windows: replace(windows, values=windows.values * np.nan), "hold NaN"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_nothing_is_written(project, monkeypatch, broken, words):
    told, out = evaluate(project, monkeypatch, broken(people(9, 60, "")), ".npz")
    assert told.exit_code == 1 and words in told.output
    assert "Traceback" not in told.output and not out.exists()


def test_a_folder_without_windows_is_refused(project, monkeypatch):
    monkeypatch.chdir(project)
    told = CliRunner().invoke(app, ["evaluate", "--real", ".", "--synthetic", "none.npz"])
    assert told.exit_code == 1 and "has none for fit and test" in told.output
