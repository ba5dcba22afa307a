"""`python -m stages`: what a person sees, what a stage leaves, and that nothing trains on as an orphan."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sensegen import lifeline
from sensegen.params import InvalidParams
from stages import __main__ as entry

ROOT = Path(__file__).resolve().parents[1]
SLEEPER = """
    from pathlib import Path
    import os, time

    def run(params, artifacts, tracker):
        (artifacts.root / "stage.pid.test").write_text(str(os.getpid()))
        time.sleep(60)
"""


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracking database with its tables, and no experiment: making them takes seconds."""
    from sensegen.tracking.store import _client

    folder = tmp_path_factory.mktemp("store")
    _client(folder).search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def project(tmp_path: Path, migrated_store: Path) -> Callable[[str], Path]:
    """A project whose stage `window` has the given code."""

    def make(code: str) -> Path:
        shutil.copy(ROOT / "params.yaml", tmp_path)
        (tmp_path / "mlruns").mkdir()
        shutil.copy(migrated_store, tmp_path / "mlruns")
        (tmp_path / "stages").mkdir()
        for name in ("__init__.py", "__main__.py"):
            shutil.copy(ROOT / "stages" / name, tmp_path / "stages")
        (tmp_path / "stages" / "window.py").write_text(textwrap.dedent(code))
        return tmp_path

    return make


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "SENSEGEN_"))}
    return kept | {"PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"} | more


def start(root: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stages", *arguments],
        cwd=root,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(root: Path, *arguments: str) -> tuple[int, str, str]:
    with start(root, *arguments) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def stage_process(root: Path) -> psutil.Process:
    """The process of the sleeping stage, once it has got there."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        if text := (root / "stage.pid.test").read_text() if (root / "stage.pid.test").exists() else "":
            return psutil.Process(int(text))
        time.sleep(0.05)
    raise AssertionError("The stage did not start.")


def seconds_until_gone(process: psutil.Process) -> float:
    began = time.monotonic()
    while lifeline.is_alive(process) and time.monotonic() < began + 10:
        time.sleep(0.05)
    return time.monotonic() - began


def test_a_stage_tells_its_time_and_memory_last(project):
    root = project("def run(params, artifacts, tracker): print('progress window 1/1 done')")
    code, out, err = finish(root, "window")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "progress window 1/1 done"
    assert out.splitlines()[-1].startswith("stage window done in ")
    assert 20 < float(out.split("peak memory ")[1].split()[0]) < 4096


def test_an_unknown_stage_is_answered_with_the_nearest(tmp_path):
    code, _, err = finish(tmp_path, "train_generatr")
    assert code == 2
    assert "Did you mean train_generator" in err


def test_bad_params_end_with_two_and_name_the_key(project):
    root = project("def run(params, artifacts, tracker): ...")
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("overlap: 0.5", "overlap: 1.5"))
    code, out, err = finish(root, "window")
    assert (code, out) == (2, "")
    assert "window.overlap" in err and "1.5" in err and "Traceback" not in err


def test_params_that_the_dataset_cannot_serve_end_with_two(project):
    root = project("def run(params, artifacts, tracker): ...")
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("[S11, S12]", "[S11, S99]"))
    code, _, err = finish(root, "window")
    assert code == 2
    assert "S99" in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("line", "expected_code", "message"),
    [
        ("raise ValueError('needs 3, got 2')", 1, "Stage window failed: needs 3, got 2"),
        (
            "open(artifacts.validate / 'recordings')",
            1,
            "artifacts/validate/recordings is not there. Run the stage before: python -m stages validate",
        ),
    ],
    ids=["a bad value", "no upstream artifact"],
)
def test_a_foreseen_error_is_one_message_without_traceback(project, line, expected_code, message):
    code, _, err = finish(project(f"def run(params, artifacts, tracker):\n    {line}"), "window")
    assert code == expected_code
    assert message in err and "Traceback" not in err


def test_the_lines_of_a_message_after_its_first_are_indented(capsys):
    entry._complain("It failed:\n  what failed\nWhat to do", 1)
    assert capsys.readouterr().err == "It failed:\n  what failed\n  What to do\n"


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        OSError("100 requested and 12 written"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
        ValueError("The tracking store cannot be used: (sqlite3.OperationalError) database or disk is full"),
    ],
    ids=["the system", "NumPy", "safetensors", "SQLite"],
)
def test_a_full_disk_is_named_whoever_reports_it(tmp_path, error):
    message, code = entry.explain(error, tmp_path, "window")
    assert code == 1
    assert message.startswith(f"The disk that holds {tmp_path} is full")


def test_params_refused_by_a_stage_end_with_two(tmp_path):
    assert entry.explain(InvalidParams("no such key"), tmp_path, "window") == ("no such key", 2)


def test_a_training_that_diverged_for_good_ends_with_forty_two(tmp_path):
    from sensegen.divergence import Diverged

    error = Diverged("loss is nan after 4 rollbacks")
    message, code = entry.explain(error, tmp_path, "alternate")
    assert code == 42
    assert "alternate" in message and "loss is nan after 4 rollbacks" in message


def test_an_unforeseen_error_keeps_its_traceback(project):
    code, _, err = finish(project("def run(params, artifacts, tracker):\n    {}['key']"), "window")
    assert code == 1
    assert "Traceback" in err and "KeyError" in err


def test_a_value_error_from_inside_a_library_keeps_its_traceback(project):
    code, _, err = finish(project("import json\ndef run(params, artifacts, tracker):\n    json.loads('{')"), "window")
    assert code == 1
    assert "Traceback" in err


def test_the_second_run_in_a_folder_is_told_who_holds_it(project):
    root = project(SLEEPER)
    with start(root, "window") as first:
        try:
            process = stage_process(root)
            code, _, err = finish(root, "window")
        finally:
            first.kill()
    assert code == 1
    assert f"Another run (process {process.pid}) is working in this folder; wait for it or stop it." in err


def test_sigterm_unwinds_the_stage_and_frees_the_folder(project):
    root = project("""
        import os, time

        def run(params, artifacts, tracker):
            try:
                (artifacts.root / "stage.pid.test").write_text(str(os.getpid()))
                time.sleep(60)
            finally:
                (artifacts.root / "unwound").touch()
    """)
    with start(root, "window") as process:
        stage_process(root)
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    assert (root / "unwound").exists() and "Traceback" not in err
    with lifeline.workspace_lock(root):
        assert (root / ".cache" / "stage.pid").read_text().strip() == str(os.getpid())


@pytest.fixture
def dvc_project(project) -> Path:
    """The sleeping stage in a DVC workspace."""
    root = project(SLEEPER)
    (root / "dvc.yaml").write_text(f"stages:\n  window:\n    cmd: {sys.executable} -m stages window\n    outs: [out]\n")
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text(f"[core]\n    no_scm = true\n    site_cache_dir = {root / 'site'}\n")
    return root


FLOW = """
import os, subprocess, sys, time
os.environ["SENSEGEN_FLOW_PID"] = str(os.getpid())
dvc = subprocess.Popen([sys.executable, "-m", "dvc", "repro", "window"], start_new_session=True)
open("dvc.pid", "w").write(str(dvc.pid))
dvc.wait()
time.sleep(60)  # lives on, so that it is the end of dvc that the stage notices
"""


@pytest.mark.parametrize("victim", ["dvc", "flow"])
def test_kill_nine_of_dvc_or_of_the_flow_leaves_no_orphan(dvc_project, victim):
    with subprocess.Popen(
        [sys.executable, "-c", FLOW],
        cwd=dvc_project,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as flow:
        stage = stage_process(dvc_project)
        dvc = psutil.Process(int((dvc_project / "dvc.pid").read_text()))
        (dvc if victim == "dvc" else flow).kill()
        assert seconds_until_gone(stage) < 5
        assert seconds_until_gone(dvc) < 10
        flow.kill()


def test_a_stage_started_by_hand_watches_nobody():
    assert lifeline.starters({}) == []


def test_a_flow_that_has_already_ended_ends_the_stage(project):
    root = project(SLEEPER)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    with start(root, "window", SENSEGEN_FLOW_PID=str(ended.pid)) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"the flow (process {ended.pid})" in err


def test_a_younger_process_with_the_number_of_the_flow_is_not_the_flow():
    code = "import sys; from sensegen import lifeline; lifeline.starters({'SENSEGEN_FLOW_PID': sys.stdin.readline()})"
    options = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **options) as stage:
        time.sleep(0.1)
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as younger:
            _, err = stage.communicate(f"{younger.pid}\n", timeout=20)
            younger.communicate(b"\n")
    assert stage.returncode == 1
    assert "has ended" in err
