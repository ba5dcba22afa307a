"""The flow on a small DVC project of its own: real Prefect, real DVC, real MLflow, stages that are short scripts."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from flows import environment, stage_process, workspace
from flows.outcome import Result, StageFailed
from sensegen.artifacts import remove

# Prefect's clients leave sockets of the finished test server to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

ROOT = Path(__file__).resolve().parents[1]

FIRST = """
import json, os, pathlib
print("progress first 1/2 half way")
print("progress first 2/2 done")
pathlib.Path("one.json").write_text(json.dumps({"score": {"mean": 0.5, "name": "x"}, "count": 3}))
told = [os.environ.get(name, "") for name in ("SENSEGEN_PARENT_RUN_ID", "SENSEGEN_FLOW_PID")]
pathlib.Path("told.env").write_text(" ".join(told))
"""
SECOND = """
import pathlib
pathlib.Path("two.txt").write_text(pathlib.Path("one.json").read_text() + "!")
"""
GRAPH = """
stages:
  first:
    desc: Writes a number
    cmd: python first.py
    deps: [first.py]
    metrics: [one.json]
    meta:
      prefect: {retries: 0, retry_delay_seconds: 0, timeout_seconds: 60}
  second:
    cmd: python second.py
    deps: [second.py, one.json]
    outs: [two.txt]
    meta:
      prefect: {timeout_seconds: 60}
"""


@pytest.fixture(scope="module", autouse=True)
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    environment.prepare(tmp_path_factory.mktemp("prefect"))
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
    gc.collect()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose DVC is set up, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=folder, check=True)
    shutil.copy(ROOT / "params.yaml", folder / "params.yaml")
    (folder / "dvc.yaml").write_text(GRAPH)
    (folder / "first.py").write_text(FIRST)
    (folder / "second.py").write_text(SECOND)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every test's project stands: MLflow takes 7 s to make a store, and ties it to the place."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture
def project(template: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in place.iterdir():
        if path.name != "mlruns":
            remove(path)
    shutil.copytree(template, place, dirs_exist_ok=True)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    return place


def run(root: Path) -> Result:
    from flows.pipeline import pipeline

    return pipeline(root)


def states(result: Result) -> dict[str, str]:
    return {outcome.stage: outcome.state for outcome in result.outcomes}


def dvc_repro(root: Path) -> str:
    return subprocess.run(
        [sys.executable, "-m", "dvc", "repro"], cwd=root, check=True, capture_output=True, text=True
    ).stdout


def pipeline_run_metrics(root: Path) -> dict[str, float]:
    """The metrics of the newest pipeline run in the project's store."""
    from sensegen.tracking import store

    client, experiment_id = store.connect(root)
    return dict(client.search_runs([experiment_id], order_by=["attributes.start_time DESC"])[0].data.metrics)


def set_stage(root: Path, name: str, code: str, **prefect: float) -> None:
    """Make one script the only stage."""
    (root / f"{name}.py").write_text(code)
    meta = {"prefect": {"retries": 0, "timeout_seconds": 60} | prefect}
    stage = {"cmd": f"python {name}.py", "deps": [f"{name}.py"], "outs": [f"{name}.txt"], "meta": meta}
    (root / "dvc.yaml").write_text(json.dumps({"stages": {name: stage}}))


@pytest.mark.slow
@pytest.mark.chosen
def test_the_flow_and_dvc_repro_leave_the_same_lock_and_skip_each_others_work(project, tmp_path):
    beside = tmp_path / "beside"
    shutil.copytree(project, beside, ignore=shutil.ignore_patterns("mlruns"))
    result = run(project)
    assert states(result) == {"first": "Completed", "second": "Completed"}
    assert dvc_repro(beside).count("Running stage") == 2
    assert (project / "dvc.lock").read_bytes() == (beside / "dvc.lock").read_bytes()
    assert "Running stage" not in dvc_repro(project)


def test_a_stage_that_did_not_change_is_cached_and_its_metrics_are_logged_again(project):
    first = run(project)
    assert first.outcomes[0].metrics == {"score.mean": 0.5, "count": 3.0}
    second = run(project)
    assert states(second) == {"first": "Cached", "second": "Cached"}
    assert second.tracking_address != first.tracking_address
    assert pipeline_run_metrics(project) == {"first/score.mean": 0.5, "first/count": 3.0}


def test_a_deployment_may_hand_over_the_folder_as_text(project):
    from flows.pipeline import pipeline

    assert states(pipeline(str(project))) == {"first": "Completed", "second": "Completed"}


def test_only_what_depends_on_a_change_runs_again(project):
    run(project)
    (project / "second.py").write_text(SECOND + "\n# changed\n")
    assert states(run(project)) == {"first": "Cached", "second": "Completed"}
    (project / "first.py").write_text(FIRST + "\n# changed, but writes the same\n")
    assert states(run(project)) == {"first": "Completed", "second": "Cached"}


def test_a_result_of_former_params_is_restored_from_the_run_cache(project):
    run(project)
    (project / "second.py").write_text(SECOND + "\n# changed\n")
    run(project)
    (project / "second.py").write_text(SECOND)
    assert states(run(project)) == {"first": "Cached", "second": "Restored"}


def test_a_stage_knows_the_runs_it_belongs_to(project):
    result = run(project)
    parent_run_id, flow_pid = (project / "told.env").read_text().split()
    assert result.tracking_address.endswith(parent_run_id)
    assert int(flow_pid) == os.getpid()


def test_the_flow_leaves_progress_and_a_table_of_stages_on_the_artifacts_page(project):
    from prefect.artifacts import Artifact

    run(project)
    assert float(Artifact.get("progress-first").data) == 100.0
    table = json.loads(Artifact.get("stages").data)
    assert [(row["stage"], row["state"]) for row in table] == [("first", "Completed"), ("second", "Completed")]


def test_a_failing_stage_fails_the_flow_with_its_last_message(project):
    code = "import sys\nprint('going on')\nsys.exit('params.yaml cannot be used:\\n  epochs is missing')"
    set_stage(project, "broken", code, retries=1)
    with pytest.raises(StageFailed, match=r"params.yaml cannot be used:\n  epochs is missing") as failure:
        run(project)
    assert failure.value.exit_code == 1
    assert "going on" not in str(failure.value)


@pytest.mark.parametrize(("exit_code", "attempts"), [(42, 1), (2, 1), (1, 2)])
def test_only_what_may_pass_next_time_is_tried_again(project, exit_code, attempts):
    code = f"import sys\nopen('attempts', 'a').write('x')\nprint('diverged for good')\nsys.exit({exit_code})"
    set_stage(project, "failing", code, retries=1)
    with pytest.raises(StageFailed, match="diverged for good") as failure:
        run(project)
    assert failure.value.exit_code == exit_code
    assert (project / "attempts").read_text() == "x" * attempts


def test_each_alert_of_this_run_becomes_a_prefect_event(project):
    from prefect.events.clients import AssertingEventsClient
    from prefect.events.worker import EventsWorker

    alerts = project / ".cache" / "alerts" / "training.jsonl"
    alerts.parent.mkdir(parents=True)
    alerts.write_text('{"stage": "training", "step": 1, "reason": "of a former run"}\n')
    told = [("nan", "loss"), ("dead_critic", "the critic is flat")]
    lines = "".join(
        json.dumps({"stage": "training", "step": 7, "kind": kind, "reason": reason}) + "\n" for kind, reason in told
    )
    code = f"open('.cache/alerts/training.jsonl', 'a').write({lines!r}); open('training.txt', 'w').write('x')"
    set_stage(project, "training", code)
    AssertingEventsClient.reset()
    EventsWorker.set_client_override(AssertingEventsClient)
    try:
        run(project)
        EventsWorker.instance().drain()
    finally:
        EventsWorker.set_client_override(None)
    events = [event for client in AssertingEventsClient.all for event in client.events]
    told = [event for event in events if event.event.startswith("sensegen.training.")]
    assert [event.event for event in told] == ["sensegen.training.diverged", "sensegen.training.dead_critic"]
    assert [event.payload["step"] for event in told] == [7, 7]
    assert {event.resource.id for event in told} == {"sensegen.stage.training"}


def test_a_replaced_file_of_alerts_is_followed_even_if_the_new_one_is_as_long(tmp_path):
    path = tmp_path / "training.jsonl"
    with closing(stage_process.AlertFollower(path)) as follower:
        assert follower.new() == []
        path.write_text('{"step": 1}\n{"step": 2}\n{"st')
        assert [alert["step"] for alert in follower.new()] == [1, 2]
        path.unlink()
        path.write_text('{"step": 3}\n{"step": 4}\n{"step": 5}\n')
        assert [alert["step"] for alert in follower.new()] == [3, 4, 5]
        path.unlink()
        assert follower.new() == []
        path.write_text('{"step": 6}\n')
        assert [alert["step"] for alert in follower.new()] == [6]


def test_a_stage_that_was_killed_fails_with_the_signal_and_not_its_last_line(project):
    set_stage(project, "killed", "import os, signal; print('all is well'); os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(StageFailed, match="Stage killed failed: it was ended by SIGKILL"):
        run(project)


SERVED = """
import subprocess, sys, time
from flows import temporary_server
server = [sys.executable, "-c", "import time; time.sleep(300)", temporary_server.APPLICATION]
another = subprocess.Popen(server, stdout=subprocess.DEVNULL)
temporary_server.ends_with_this_process()
print(another.pid, subprocess.Popen(server, stdout=subprocess.DEVNULL).pid, flush=True)
time.sleep(300)
"""


def test_a_killed_run_leaves_no_server_and_no_other_server_is_touched():
    flow = subprocess.Popen([sys.executable, "-c", SERVED], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert flow.stdout is not None
    another, server = map(int, flow.stdout.readline().split())
    try:
        assert is_running(server)
        flow.kill()
        flow.communicate()
        assert_all_end([server])
        assert is_running(another)
    finally:
        os.kill(another, signal.SIGKILL)


LONG = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
pathlib.Path("pids.writing").write_text(f"{os.getpid()} {child.pid}")
os.rename("pids.writing", "pids")
time.sleep(300)
"""


def test_a_stage_over_its_time_ends_with_everything_it_started(project):
    set_stage(project, "long", LONG, timeout_seconds=4)
    with pytest.raises(StageFailed, match="Stage long took longer than 4 seconds"):
        run(project)
    assert_all_end(pids(project))


def test_a_stage_that_prefect_cancels_before_its_time_is_not_said_to_be_over_it(project):
    """As Prefect does to a run that has lost the lease of its deployment's slot."""
    from prefect._internal.concurrency.cancellation import cancel_sync_after

    set_stage(project, "long", LONG, timeout_seconds=300)
    with cancel_sync_after(300) as scope, ThreadPoolExecutor() as pool:
        cancelled = pool.submit(lambda: (pids(project, wait_seconds=60), scope.cancel()))
        with pytest.raises(StageFailed, match=r"Prefect stopped stage long after \d+ seconds.*goes on"):
            run(project)
        cancelled.result()
    assert_all_end(pids(project))


@pytest.mark.slow
@pytest.mark.chosen
def test_a_cancelled_flow_leaves_no_process(project):
    set_stage(project, "long", LONG, timeout_seconds=300)
    code = "import sys, pathlib; from flows import running; running.run(pathlib.Path(sys.argv[1]))"
    flow = subprocess.Popen([sys.executable, "-c", code, str(project)], cwd=ROOT, start_new_session=True)
    try:
        started = pids(project, wait_seconds=60)
        started += [child.pid for child in psutil.Process(flow.pid).children(recursive=True)]  # Prefect's server too
        flow.send_signal(signal.SIGTERM)
        flow.wait(30)
        assert_all_end(started)
        assert flow.returncode != 0
    finally:
        flow.kill()


def pids(root: Path, wait_seconds: float = 0.0) -> list[int]:
    deadline = time.monotonic() + wait_seconds
    while not (root / "pids").is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    return [int(text) for text in (root / "pids").read_text().split()]


def assert_all_end(process_ids: list[int], within_seconds: float = 12.0) -> None:
    deadline = time.monotonic() + within_seconds
    while any(is_running(process_id) for process_id in process_ids):
        assert time.monotonic() < deadline, "a process of the stage goes on"
        time.sleep(0.1)


def is_running(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_second_run_in_the_same_workspace_is_refused_at_once(project):
    hold = "import sys, pathlib, time; from flows import workspace\n"
    hold += "with workspace.only_run(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    first = subprocess.Popen([sys.executable, "-c", hold, str(project)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None and first.stdout.readline() == "held\n"
        with pytest.raises(workspace.WorkspaceBusy, match=f"process {first.pid}"), workspace.only_run(project):
            pass
    finally:
        first.kill()
        first.communicate()
    with workspace.only_run(project):
        pass  # the system dropped the lock with the process
