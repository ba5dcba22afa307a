"""Faults from outside, each a real one: servers that are killed, a locked database, a moved clock, a full disk. Nothing
is lost, nothing hangs, and a person is told. docs/faults.md has the whole table."""

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from flows.deploying import servers
from sensegen import lifeline, tracking
from sensegen.tracking import orphans

ROOT = Path(__file__).resolve().parents[1]
# Whoever starts the tests in the background has Ctrl-C's signal ignored in all that they start.
SENSEGEN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from flows.cli import app
app()
"""

# It tells progress until it is let go, as a training does.
LONG = """
import pathlib, time
for step in range(1, 100_000):
    print(f"progress long {step}/100000 going on", flush=True)
    print("step", step, flush=True)
    pathlib.Path("step.new").write_text(str(step))
    pathlib.Path("step.new").rename("step")
    if pathlib.Path("go").exists():
        break
    time.sleep(0.1)
pathlib.Path("long.txt").write_text("done")
"""
GRAPH = {"cmd": "python long.py", "deps": ["long.py"], "outs": ["long.txt"], "meta": {"prefect": {"retries": 0}}}

# A deployment of one run at a time, as those of the project are, whose run goes on until the file `go` is there.
HOLDING = """
import os, time
from pathlib import Path
from prefect import flow

@flow(persist_result=False)
def hold():
    Path("held.new").write_text(str(os.getpid()))
    Path("held.new").rename("held")
    while not Path("go").exists():
        time.sleep(0.1)
"""
PULL = {"prefect.deployments.steps.set_working_directory": {"directory": "{{ $SENSEGEN_ROOT }}"}}
DEPLOYED = {
    **{"name": "holding", "entrypoint": "holding.py:hold", "description": "Holds", "tags": [], "parameters": {}},
    **{"work_pool": {"name": "sensegen"}, "concurrency_limit": {"limit": 1, "collision_strategy": "ENQUEUE"}},
}
PLAN = {"name": "sensegen", "pull": [PULL], "deployments": [DEPLOYED]}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def settings(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DVC_", "SENSEGEN_"))}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    interpreter = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**kept, "PYTHONPATH": path, "PATH": interpreter, "DVC_NO_ANALYTICS": "1", **more}


def until(true: Callable[[], object], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


class Running:
    """A command of sensegen in a project, and what it has said so far."""

    def __init__(self, root: Path, *arguments: str, said: Path | None = None, **more: str):
        self.said = said or root / "said"
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SENSEGEN, *arguments],
                cwd=root,
                env=settings(**more),
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        return self.said.read_text(encoding="utf-8", errors="replace")

    def steps(self) -> int:
        """How many lines of the stage have been passed on."""
        return self.text().count("- step ")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextmanager
def started(root: Path, *arguments: str, said: Path | None = None, **more: str) -> Iterator[Running]:
    running = Running(root, *arguments, said=said, **more)
    try:
        yield running
    finally:
        running.end()


def small_project(root: Path) -> Path:
    """One stage that goes on until the file `go` is there."""
    root.mkdir(exist_ok=True)
    shutil.copy(ROOT / "params.yaml", root)
    (root / "long.py").write_text(LONG, encoding="utf-8")
    (root / "dvc.yaml").write_text(json.dumps({"stages": {"long": GRAPH}}), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=root, check=True)
    return root


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small project and its Prefect server."""
    root = small_project(tmp_path_factory.mktemp("project"))
    for name in ("sensegen", "stages", "flows"):
        (root / name).symlink_to(ROOT / name)
    (root / "prefect.yaml").write_text(json.dumps(PLAN), encoding="utf-8")
    (root / "holding.py").write_text(HOLDING, encoding="utf-8")
    try:
        up(root, free_port())
        yield root
    finally:
        servers.down(root, ("prefect",))


UP = """
import sys
from pathlib import Path
from flows import environment
root = Path(".").resolve()
environment.prepare(root)
from flows.deploying import servers
servers.up(root, {"prefect": int(sys.argv[1])})
"""


def up(project: Path, port: int) -> None:
    """Start the project's Prefect server; by a program that ends, as `sensegen up` does."""
    told = subprocess.run([sys.executable, "-c", UP, str(port)], cwd=project, env=settings(), stderr=subprocess.PIPE)
    assert told.returncode == 0, told.stderr.decode()


@pytest.fixture
def anew(project: Path) -> Path:
    """The project with nothing done yet, and its server there, whatever a test before left."""
    if servers.running(project, "prefect") is None:
        up(project, free_port())
    for name in ("go", "step", "long.txt", "dvc.lock"):
        (project / name).unlink(missing_ok=True)
    with (project / "long.py").open("a", encoding="utf-8") as script:  # else DVC remembers
        script.write(f"# {time.time_ns()}\n")
    return project


def server_of(project: Path) -> servers.Server:
    server = servers.running(project, "prefect")
    assert server is not None
    return server


# Prefect's client asks five times, for a minute; asked once, what happens after that minute happens at once.
IMPATIENT = {"PREFECT_CLIENT_MAX_RETRIES": "1"}


@pytest.mark.slow
@pytest.mark.chosen
def test_a_run_goes_on_without_its_prefect_server_and_ends_well_when_it_is_back(anew):
    with started(anew, "run", **IMPATIENT) as run:
        until(lambda: run.steps() > 3)
        port = server_of(anew).port
        os.kill(server_of(anew).pid, signal.SIGKILL)
        gone, steps = time.monotonic(), run.steps()
        until(lambda: "Prefect was not told the progress of long" in run.text())
        until(lambda: run.steps() > steps + 80)  # the stage is followed all the while
        assert run.process.poll() is None and time.monotonic() - gone > 5
        up(anew, port)
        (anew / "go").touch()
        assert run.process.wait(300) == 0, run.text()
    assert "Completed" in run.text() and (anew / "long.txt").read_text() == "done"


@pytest.mark.slow
@pytest.mark.chosen
def test_a_run_whose_prefect_server_never_comes_back_runs_its_stages_and_says_so(anew):
    port = server_of(anew).port
    with started(anew, "run", **IMPATIENT) as run:
        until(lambda: run.steps() > 0)
        os.kill(server_of(anew).pid, signal.SIGKILL)
        (anew / "go").touch()
        assert run.process.wait(300) == 1
    assert (anew / "long.txt").read_text() == "done"
    assert "Prefect's server does not answer" in run.text() and "What is finished is kept" in run.text()
    up(anew, port)


@pytest.mark.slow
@pytest.mark.chosen
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_whose_prefect_server_is_dead_is_ended_by_a_signal_with_its_stage(anew, number):
    port = server_of(anew).port
    with started(anew, "run") as run:
        until((anew / "step").exists)
        family = psutil.Process(run.process.pid).children(recursive=True)
        os.kill(server_of(anew).pid, signal.SIGKILL)
        run.process.send_signal(number)
        assert run.process.wait(90) == 128 + number
    assert "The next run goes on from what is finished" in run.text()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    up(anew, port)


CLIENT = """
import json, sys
from uuid import UUID
from prefect.client.orchestration import get_client
from prefect.states import Completed, Pending, Running
client = get_client(sync_client=True).__enter__()
"""
COUNTED = (
    CLIENT
    + """
automations = [one["name"] for one in client._client.post("/automations/filter", json={}).json()]
print(json.dumps([automations, [one.name for one in client.read_deployments()]]))
"""
)


def asked(project: Path, code: str, *arguments: str) -> str:
    """What a program prints that talks to the project's server."""
    told = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=project,
        env=settings(PREFECT_API_URL=servers.prefect_api(project) or "", PREFECT_HOME=str(project / ".prefect")),
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_two_deployments_at_once_make_everything_once(project):
    url = {"SENSEGEN_ALERT_WEBHOOK": "http://127.0.0.1:9/alerts"}
    command = [sys.executable, "-c", SENSEGEN, "deploy"]
    both = [
        subprocess.Popen(
            command, cwd=project, env=settings(**url), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(2)
    ]
    told = sorted(process.communicate(timeout=300)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0], told
    assert "Everything is as prefect.yaml and the environment have it." in told[0]
    assert "automation sensegen-incidents made" in told[1]
    automations, deployments = json.loads(asked(project, COUNTED))
    assert automations.count("sensegen-incidents") == 1
    assert deployments == ["holding"]


STARTED = (
    CLIENT
    + """
one = client.read_deployment_by_name("hold/holding")
run = client.create_flow_run_from_deployment(one.id)
for state in (Pending(), Running()):
    told = client.set_flow_run_state(run.id, state)
    assert told.status.value == "ACCEPT", told
print(run.id, client.read_flow_run(run.id).state.state_details.deployment_concurrency_lease_id)
"""
)
ENDED = (
    CLIENT
    + """
client.renew_concurrency_lease(UUID(sys.argv[2]), 300)
assert client.set_flow_run_state(UUID(sys.argv[1]), Completed()).status.value == "ACCEPT"
next = client.create_flow_run_from_deployment(client.read_deployment_by_name("hold/holding").id)
print(client.set_flow_run_state(next.id, Pending()).status.value)
client.set_flow_run_state(next.id, Completed(), force=True)
"""
)


def test_a_deployments_run_and_its_only_slot_outlive_a_restart_of_the_server(project):
    """Else the run is ended for want of its lease, and no later one ever begins."""
    assert Running(project, "deploy").process.wait(300) == 0
    run, lease = asked(project, STARTED).split()
    server = server_of(project)
    os.kill(server.pid, signal.SIGKILL)
    up(project, server.port)
    assert asked(project, ENDED, run, lease) == "ACCEPT\n"


BEGUN = (
    CLIENT
    + """
print(client.create_flow_run_from_deployment(client.read_deployment_by_name("hold/holding").id).id)
"""
)
STATE = (
    CLIENT
    + """
print(client.read_flow_run(UUID(sys.argv[1])).state.type.value)
"""
)


def begun(project: Path) -> tuple[str, int]:
    """A run of the deployment that a worker has begun: its id and its process."""
    for name in ("held", "go"):
        (project / name).unlink(missing_ok=True)
    run = asked(project, BEGUN).strip()
    until((project / "held").exists, 300)
    return run, int((project / "held").read_text())


@pytest.mark.slow
@pytest.mark.chosen
def test_a_killed_worker_loses_no_run_and_its_successor_ends_what_was_cut_off(project):
    assert Running(project, "deploy").process.wait(300) == 0
    with started(project, "worker") as worker:
        run, _ = begun(project)
        worker.process.kill()
        worker.process.wait()
        assert asked(project, STATE, run) == "RUNNING\n"
        (project / "go").touch()
        until(lambda: asked(project, STATE, run) == "COMPLETED\n")  # a run needs its worker no more
    with started(project, "worker") as worker:
        cut, process = begun(project)
        worker.process.kill()
        os.kill(process, signal.SIGKILL)  # as in a power cut
        worker.process.wait()
    assert asked(project, STATE, cut) == "RUNNING\n"
    with started(project, "worker") as worker:
        until(lambda: "was cut off" in worker.text())
        assert asked(project, STATE, cut) == "CRASHED\n"
        following, _ = begun(project)  # the only slot is free
        (project / "go").touch()
        until(lambda: asked(project, STATE, following) == "COMPLETED\n")


HOLD = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextmanager
def locked(database: Path, seconds: float) -> Iterator[None]:
    """Another process has a transaction of its own open for so long."""
    command = [sys.executable, "-c", HOLD, str(database), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        yield
        holder.kill()


@pytest.mark.slow
@pytest.mark.chosen
def test_a_locked_tracking_store_takes_what_it_refused_when_it_is_free_again(tmp_path, params, caplog, monkeypatch):
    monkeypatch.setattr("sensegen.tracking.run.SECONDS_BETWEEN_TRIES", 0.0)
    with tracking.start(params, stage="window", root=tmp_path) as tracker:
        tracker.log_metrics({"loss": 3.0}, step=1)
        with locked(tmp_path / "mlruns" / "mlflow.db", 300):
            with caplog.at_level(logging.WARNING):
                tracker.log_metrics({"loss": 2.0}, step=2)
            with pytest.raises(ValueError, match=r"keeps it locked.*Run the same command again") as told:
                tracking.start(params, stage="window", root=tmp_path).__enter__()
            assert "mv " not in str(told.value)  # nothing is wrong with it
        tracker.log_metrics({"loss": 1.0}, step=3)
    assert "database is locked" in caplog.text and "it is tried again" in caplog.text
    history = tracker.client.get_metric_history(tracker.run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 3.0), (2, 2.0), (3, 1.0)]


def test_a_locked_prefect_database_stops_no_run(anew):
    with started(anew, "run") as run:
        until(lambda: run.steps() > 3)
        with locked(anew / ".prefect" / "prefect.db", 300):
            steps = run.steps()
            until(lambda: run.steps() > steps + 100)
        (anew / "go").touch()
        assert run.process.wait(300) == 0, run.text()


MOVED = """
set -e
sed "s/^btime .*/btime $1/" /proc/stat > "$2"
mount --bind "$2" /proc/stat
shift 2
exec "$@"
"""
ASKED = """
import json, sys
from pathlib import Path
import psutil
from flows.deploying.servers import Server
from sensegen.tracking import orphans
server = Server(**json.loads(sys.argv[1]))
print(psutil.Process(server.pid).create_time(), server.alive(), orphans._is_gone(sys.argv[2]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="moves the clock as Linux tells it")
def test_processes_are_known_again_after_a_step_of_the_clock(tmp_path):
    """Linux tells when a process was started by the clock of now: after a step, by another time."""
    me = psutil.Process()
    server = json.dumps({"name": "mlflow", "port": 1, "pid": me.pid, "started": lifeline.started(me)})
    moved = ["unshare", "-m", "sh", "-c", MOVED, "sh", "1000000000", str(tmp_path / "stat")]
    try:
        mounted = subprocess.run([*moved, "true"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs unshare")
    if mounted.returncode:
        pytest.skip("only root may mount")
    command = [*moved, sys.executable, "-c", ASKED, server, orphans.process_tag()["process"]]
    told = subprocess.run(command, env=settings(), capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    created, alive, gone = told.stdout.split()
    assert abs(float(created) - me.create_time()) > 3600  # the clock was moved
    assert (alive, gone) == ("True", "False")


FILLING = """
from sensegen.artifacts import writing

def run(params, artifacts, tracker):
    if not (artifacts.root / "roomy").exists():
        with (artifacts.root / "ballast").open("wb", buffering=0) as ballast:
            try:
                while ballast.write(bytes(4096)):
                    pass
            except OSError:
                print("the disk is full now", flush=True)
        tracker.log_metrics({"loss": 1.0}, 1)
    with writing(artifacts.window / "signals.npy") as path:
        path.write_bytes(bytes(2**20))
"""
FILLED = {"cmd": "python -m stages window", "deps": ["stages/window.py"], "outs": ["artifacts/window/signals.npy"]}


@pytest.mark.slow
@pytest.mark.chosen
@pytest.mark.skipif(sys.platform != "linux" or shutil.which("mount") is None, reason="mounts a small disk")
def test_a_disk_that_fills_up_during_a_run_is_told_and_the_next_run_goes_on(tmp_path):
    """Not the stage alone has no room then: nor have MLflow's store, Prefect's and DVC's."""
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=110m", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        small_project(small)
        (small / "dvc.yaml").write_text(json.dumps({"stages": {"window": FILLED}}), encoding="utf-8")
        (small / "stages").mkdir()
        for name in ("__init__.py", "__main__.py"):
            shutil.copy(ROOT / "stages" / name, small / "stages")
        (small / "stages" / "window.py").write_text(FILLING, encoding="utf-8")
        path = os.pathsep.join([str(small), str(ROOT)])
        with started(small, "run", said=tmp_path / "full", PYTHONPATH=path) as full:
            assert full.process.wait(600) == 1
        last = full.text()[full.text().rindex("Stage window failed") :]
        assert f"The disk that holds {small} is full (0 of 110 MiB free)" in last and "Traceback" not in last
        assert not list((small / "artifacts").rglob("*signals*"))
        (small / "ballast").unlink()
        (small / "roomy").touch()
        with started(small, "run", said=tmp_path / "roomy", PYTHONPATH=path) as roomy:
            assert roomy.process.wait(600) == 0, roomy.text()
        assert (small / "artifacts" / "window" / "signals.npy").stat().st_size == 2**20
    finally:
        subprocess.run(["umount", "-l", small], check=True)
