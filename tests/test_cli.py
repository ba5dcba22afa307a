"""The command line: quick to answer, whole or not at all, and one clear line for each mistake."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows import doctor
from flows.cli import app

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("tensorflow", "keras", "prefect", "mlflow", "dvc", "pandas", "great_expectations", "numpy")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    monkeypatch.chdir(tmp_path)
    # Both are set by the command, and would stay for later tests.
    for name in ("PREFECT_HOME", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"):
        monkeypatch.setenv(name, "")
    return tmp_path


def sensegen(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_help_imports_nothing_heavy():
    code = "import sys; from flows.cli import app; app(['--help'], standalone_mode=False); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "doctor" in told
    assert not set(HEAVY) & set(told.splitlines()[-1].split())


def test_the_version_is_that_of_the_package():
    assert sensegen("--version").output == "sensegen 0.1.0\n"


def test_a_preset_changes_values_shows_the_difference_and_keeps_comments(project):
    before = (project / "params.yaml").read_text()
    told = sensegen("preset", "quick")
    after = (project / "params.yaml").read_text()
    assert told.exit_code == 0
    assert "-  epochs: 40" in told.output and "+  epochs: 2" in told.output
    assert after != before
    assert after.count("#") == before.count("#")


def test_a_dry_run_shows_the_difference_and_writes_nothing(project):
    before = (project / "params.yaml").read_bytes()
    assert "+  epochs: 2" in sensegen("preset", "quick", "--dry-run").output
    assert (project / "params.yaml").read_bytes() == before


def test_an_unknown_preset_is_refused_with_the_nearest_name(project):
    told = sensegen("preset", "uci_hra")
    assert told.exit_code == 2
    assert "Did you mean uci_har" in told.output


def test_a_preset_with_a_typo_is_refused_and_params_stay_as_they_were(project):
    (project / "presets" / "typo.yaml").write_text("train_generator:\n  epocs: 3\n")
    before = (project / "params.yaml").read_bytes()
    told = sensegen("preset", "typo")
    assert told.exit_code == 2
    assert "train_generator.epocs" in told.output and "Did you mean train_generator.epochs?" in told.output
    assert (project / "params.yaml").read_bytes() == before


def test_wrong_params_are_refused_before_anything_starts(project):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("overlap: 0.5", "overlap: 1.5"))
    told = sensegen("run")
    assert told.exit_code == 2
    assert "window.overlap" in told.output


def test_outside_a_project_the_answer_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = sensegen("run")
    assert told.exit_code == 1
    assert "is not inside a project" in told.output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_is_one_message_and_params_stay(project):
    before = (project / "params.yaml").read_text()
    (project / ".cache").mkdir()
    (project / ".cache" / "run.pid").symlink_to("/dev/full")
    result = sensegen("preset", "uci_har")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"The disk that holds {project} is full")
    assert (project / "params.yaml").read_text() == before


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("mount") is None, reason="mounts a small disk")
def test_a_disk_with_no_room_to_start_is_told_before_any_server_starts(project, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        for name in ("params.yaml", "dvc.yaml"):
            shutil.copy(project / name, small / name)
        code = "from flows.cli import app; app(['run'])"
        told = subprocess.run([sys.executable, "-c", code], cwd=small, capture_output=True, text=True)
        assert told.returncode == 1
        assert f"The disk that holds {small} is full" in " ".join(told.stderr.split())
        assert "Traceback" not in told.stderr
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize(
    ("mirror", "level", "text"),
    [
        ("", "good", "official addresses"),
        ("https://me:secret@mirror.example.org/data", "good", "https://mirror.example.org/data"),
        ("https://me:secret@[mirror", "wrong", "neither a folder nor an address"),
        ("/nowhere/at/all", "wrong", "is no folder"),
    ],
)
def test_doctor_looks_at_the_mirror_and_tells_no_password(tmp_path, monkeypatch, mirror, level, text):
    monkeypatch.setenv("SENSEGEN_MIRROR", mirror)
    (found,) = doctor.mirror(tmp_path)
    assert found.level == level and text in found.text and "secret" not in found.text
