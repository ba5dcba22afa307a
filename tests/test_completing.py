"""What is missing of anybody's recording, by the commands: kept, filled, told of; and what does not fit is refused."""

from pathlib import Path

import numpy as np
import pytest
from autoregressions import process, window_folder
from typer.testing import CliRunner, Result

from flows.cli import app
from sensegen import window_files


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A workspace with windows of two people, another for validation, as the stage leaves them."""
    root = tmp_path_factory.mktemp("completing")
    for name in ("params.yaml", "dvc.yaml"):
        (root / name).write_text("", encoding="utf-8")
    signals = np.concatenate([process(1000, seed) for seed in range(6)])
    starts = {name: range(first, last - 63, 64) for name, first, last in PLACES}
    rows = {name: [[start, 0, start // 1000 % 2] for start in part] for name, part in starts.items()}
    window_folder(root, signals, rows, 64)
    return root


PLACES = (("fit", 0, 4000), ("validation", 4000, 5000), ("held_out_time", 5000, 6000))


def command(project: Path, monkeypatch, *arguments: str) -> Result:
    monkeypatch.chdir(project)
    for name in ("PREFECT_HOME", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    return CliRunner().invoke(app, list(arguments))


def put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def recorded(path: Path, values: np.ndarray, rate_hz: float = 50.0) -> Path:
    lines = [",".join("" if np.isnan(value) else repr(float(value)) for value in row) for row in values]
    rows = [f"{at / rate_hz!r},{line}" for at, line in enumerate(lines)]
    return put(path, "\n".join(["time_s,acc_x [g],acc_y", *rows]) + "\n")


def read_back(path: Path) -> dict[str, np.ndarray]:
    from pyarrow import csv

    told = csv.read_csv(path, read_options=csv.ReadOptions(skip_rows=1))
    return {name: np.array(told[name].to_pylist()) for name in told.column_names}


def test_a_gap_is_filled_kept_told_of_and_drawn(project, tmp_path, monkeypatch):
    truth = process(300, 50) * [2.0, 1.0] + [1.0, 0.0]
    shown = truth.copy()
    shown[100:120] = shown[200:240, 1:] = np.nan
    file, out, draws = recorded(tmp_path / "a.csv", shown), tmp_path / "out.csv", tmp_path / "draws.parquet"
    result = command(project, monkeypatch, "fill", str(file), "--out", str(out), "--draws-out", str(draws))
    assert result.exit_code == 0, result.output
    assert "80 values drawn, 100 times" in result.output
    found = read_back(out)
    known = ~np.isnan(shown)
    for at, name in enumerate(("acc_x [g]", "acc_y [g]")):
        assert np.array_equal(found[name][known[:, at]], truth[known[:, at], at])
        assert np.array_equal(found[f"{name} recorded"], known[:, at])
        inside = (found[f"{name} 5 %"] <= truth[:, at]) & (truth[:, at] <= found[f"{name} 95 %"])
        assert inside[~known[:, at]].mean() > 0.6
    assert window_files.read(draws).values.shape == (100, 300, 2)
    assert window_files.provenance(draws)["task"] == "Fill()"
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    before = out.read_bytes()
    assert command(project, monkeypatch, "fill", str(file), "--out", str(out)).exit_code == 0
    assert out.read_bytes().split(b"\n", 1)[1] == before.split(b"\n", 1)[1]


def test_a_slower_recording_comes_out_at_the_rate_of_the_windows(project, tmp_path, monkeypatch):
    truth = process(1001, 51) * [2.0, 1.0] + [1.0, 0.0]
    file, out = recorded(tmp_path / "a.csv", truth[::2], 25.0), tmp_path / "out.csv"
    result = command(project, monkeypatch, "densify", str(file), "--out", str(out), "--factor", "2")
    assert result.exit_code == 0, result.output
    found = read_back(out)
    assert np.array_equal(found["acc_x [g]"][::2], truth[::2, 0])
    between = np.interp(np.arange(1001), np.arange(0, 1001, 2), truth[::2, 0])
    assert np.abs(found["acc_x [g]"] - truth[:, 0]).mean() < np.abs(between - truth[:, 0]).mean()


def test_the_times_of_a_recording_whose_clock_is_a_little_off_are_its_own(project, tmp_path, monkeypatch):
    file, out = recorded(tmp_path / "a.csv", process(301, 55), 50.25), tmp_path / "out.csv"
    result = command(project, monkeypatch, "extrapolate", str(file), "--out", str(out), "--seconds", "0.2")
    assert result.exit_code == 0, result.output
    np.testing.assert_allclose(read_back(out)["time_s"][:301], np.arange(301) / 50.25, atol=1e-6)


def test_a_file_goes_on_by_what_it_tells_itself(tmp_path, project, monkeypatch):
    file, out = recorded(tmp_path / "a.csv", process(600, 52)), tmp_path / "out.csv"
    result = command(project, monkeypatch, "extrapolate", str(file), "--out", str(out), "--seconds", "2", "--alone")
    assert result.exit_code == 0, result.output
    found = read_back(out)
    assert len(found["time_s"]) == 700
    assert found["time_s"][-1] == pytest.approx(13.98)
    assert np.std(found["acc_y 95 %"][600:] - found["acc_y 5 %"][600:]) > 0


def test_a_short_file_alone_is_gone_on_with_and_that_its_spread_is_not_measured_is_told(tmp_path, project, monkeypatch):
    file, out = recorded(tmp_path / "a.csv", process(30, 54)), tmp_path / "out.csv"
    result = command(project, monkeypatch, "extrapolate", str(file), "--out", str(out), "--seconds", "0.2", "--alone")
    assert result.exit_code == 0, result.output
    assert "Intervals are those of the model" in result.output
    assert len(read_back(out)["time_s"]) == 40


def test_a_description_reads_any_file(tmp_path, project, monkeypatch):
    values = process(400, 53)
    values[50:60] = np.nan
    rows = [f"{20 * at};{x};{y}" for at, (x, y) in enumerate(values) if not np.isnan(x)]
    put(tmp_path / "mine.txt", "\n".join(["ms;ax;ay", *rows]) + "\n")
    described = put(
        tmp_path / "mine.yaml",
        "citation: mine\nlicence: mine\nfolder: .\nfiles: '*.txt'\nformat: {kind: csv, separator: ';'}\n"
        "recording: {kind: file, pattern: '(?P<recording>.*)[.]txt'}\nsubject: {kind: constant, name: me}\n"
        "activity: {kind: none}\ntime: {kind: column, column: ms, unit: ms}\n"
        "signals: {acc: {columns: [ax, ay], channels: [acc_x, acc_y], unit: g, rate_hz: 50, low: -100, high: 100}}\n",
    )
    arguments = ("fill", str(tmp_path / "mine.txt"), "--out", str(tmp_path / "out.csv"))
    result = command(project, monkeypatch, *arguments, "--description", str(described))
    assert result.exit_code == 0, result.output
    assert len(read_back(tmp_path / "out.csv")["acc_x [g]"]) == 400


@pytest.mark.parametrize(
    ("arguments", "header", "told"),
    [
        (("densify", "--factor", "3"), "time_s,acc_x,acc_y", "would come out at 150 Hz, but what was learned is at 50"),
        (("fill",), "time_s,acc_x,gyro", "lacks acc_y"),
        (("fill",), "time_s,acc_x [m/s2],acc_y", "acc_x must be in g, as learned, but is in m/s2"),
        (("fill",), "time_s,acc_x,acc_y", "Nothing is missing"),
        (("extrapolate", "--seconds", "0.001"), "time_s,acc_x,acc_y", "at least a sample"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(project, tmp_path, monkeypatch, arguments, header, told):
    rows = [f"{at / 50},1,{at % 3}" for at in range(50)]
    file, out = put(tmp_path / "a.csv", "\n".join([header, *rows]) + "\n"), tmp_path / "out.csv"
    result = command(project, monkeypatch, *arguments, str(file), "--out", str(out))
    assert (result.exit_code, list(tmp_path.iterdir())) == (1, [file])
    assert told in result.output


def test_the_recording_is_not_written_over(project, tmp_path, monkeypatch):
    file = recorded(tmp_path / "a.csv", process(60, 0))
    before = file.read_bytes()
    result = command(project, monkeypatch, "extrapolate", str(file), "--out", str(file), "--seconds", "1")
    assert (result.exit_code, file.read_bytes()) == (1, before)
    assert "files of their own" in result.output


def test_without_windows_the_way_on_is_told(tmp_path, monkeypatch):
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text("", encoding="utf-8")
    file = recorded(tmp_path / "a.csv", process(60, 0))
    result = command(tmp_path, monkeypatch, "extrapolate", str(file), "--out", "b.csv", "--seconds", "1")
    assert result.exit_code == 1
    assert "--alone" in result.output
