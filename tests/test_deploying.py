"""What runs by itself, on real servers of this machine: started once, deployed once, and whoever is to hear, hears."""

import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import psutil
import pytest
import yaml

from flows.deploying import alerts, servers
from flows.incidents import NAMES

ROOT = Path(__file__).resolve().parents[1]
PLAN = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))


SECRET = "T0-B1-s3cret"  # the part of a webhook's address that lets anybody write there


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Receiver(http.server.BaseHTTPRequestHandler):
    """Somebody's webhook: what came, and when."""

    came: ClassVar[list[tuple[float, dict[str, str]]]] = []
    answer: ClassVar[int] = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.came.append((time.time(), json.loads(body)))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def webhook() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/alerts/{SECRET}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def project(tmp_path_factory, webhook) -> Iterator[Path]:
    """A project whose servers run, deployed; one deployment is due every minute."""
    root = tmp_path_factory.mktemp("project")
    for name in ("params.yaml", "dvc.yaml", "prefect.yaml"):
        shutil.copy(ROOT / name, root)
    for name in ("sensegen", "stages", "flows", "benchmarks"):
        (root / name).symlink_to(ROOT / name)
    ports = ["--prefect-port", str(free_port()), "--mlflow-port", str(free_port())]
    told = sensegen(root, webhook, "up", *ports)
    assert told.returncode == 0, told.stdout + told.stderr
    yield root
    sensegen(root, webhook, "down")


def environment(webhook: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DVC_", "SENSEGEN_"))}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path, alerts.WEBHOOK: webhook}


def sensegen(root: Path, webhook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from flows.cli import app; app()", *arguments]
    return subprocess.run(command, cwd=root, env=environment(webhook), capture_output=True, text=True, timeout=300)


def in_project(root: Path, webhook: str, code: str) -> str:
    """What a program prints that talks to the project's server."""
    settings = {"PREFECT_API_URL": servers.prefect_api(root) or "", "PREFECT_HOME": str(root / ".prefect")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={**environment(webhook), **settings},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_servers_that_run_are_left_alone_and_answer_this_machine_only(project, webhook):
    before = {name: servers.running(project, name) for name in servers.COMMANDS}
    assert sensegen(project, webhook, "up").returncode == 0
    assert {name: servers.running(project, name) for name in servers.COMMANDS} == before
    for server in before.values():
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        ports = [c for one in family for c in one.net_connections() if c.status == psutil.CONN_LISTEN]
        assert ports and {c.laddr.ip for c in ports} == {"127.0.0.1"}


STATE = "import json; from flows.deploying import deployments; print(json.dumps(deployments.state()))"
IDS = """
import json
from prefect.client.orchestration import get_client
from prefect.automations import Automation
from flows.deploying.alerts import NAME
with get_client(sync_client=True) as client:
    found = [str(one.id) for one in client.read_deployments()] + [str(client.read_work_pool("sensegen").id)]
    schedules = [str(s.id) for one in client.read_deployments() for s in one.schedules]
    print(json.dumps(sorted([*found, *schedules, str(Automation.read(name=NAME).id)])))
"""


@pytest.mark.slow
def test_a_second_deployment_changes_nothing_and_a_change_of_the_plan_is_brought(project, webhook):
    first = sensegen(project, webhook, "deploy")
    assert first.returncode == 0, first.stderr
    names = [one["name"] for one in PLAN["deployments"]]
    assert all(f"deployment {name} made" in first.stdout for name in names)
    assert "block sensegen-webhook made" in first.stdout and webhook not in first.stdout
    before = in_project(project, webhook, IDS)
    again = sensegen(project, webhook, "deploy")
    assert again.stdout.startswith("Everything is as prefect.yaml")
    assert in_project(project, webhook, IDS) == before
    text = (project / "prefect.yaml").read_text(encoding="utf-8")
    (project / "prefect.yaml").write_text(text.replace("0 3 * * *", "0 4 * * *"), encoding="utf-8")
    assert sensegen(project, webhook, "deploy").stdout.split("\n")[0] == "deployment nightly changed"
    there = json.loads(in_project(project, webhook, STATE))["deployments"]
    assert there["nightly"]["schedules"] == [["nightly", "0 4 * * *", "UTC"]] and there["nightly"]["limit"] == 1


def test_nothing_starts_twice_at_once_and_schedules_are_made_into_runs(project, webhook):
    """Every deployment has a limit of one, and the server's scheduler makes runs of a cron."""
    assert all(one["concurrency_limit"]["limit"] == 1 for one in PLAN["deployments"])
    sensegen(project, webhook, "deploy")
    code = """
import time
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    for _ in range(100):
        runs = [run for run in client.read_flow_runs() if run.auto_scheduled]
        if runs:
            break
        time.sleep(0.5)
    print(len(runs))
"""
    assert int(in_project(project, webhook, code)) > 0


MEET = """
from pathlib import Path
from flows.incidents import Incidents, NAMES
from prefect.events.worker import EventsWorker
incidents = Incidents(Path('.'), 'http://127.0.0.1:5000/#/experiments/1/runs/abc')
told = [[incidents.meet(kind, 'stage.one', 'loss', {'step': 7}) for _ in range(3)] for kind in NAMES]
assert told == [[True, False, False]] * len(NAMES), told
EventsWorker.instance().drain()
"""


def test_incidents_reach_the_webhook_once_each_with_the_run_and_what_is_none_does_not(project, webhook):
    sensegen(project, webhook, "deploy")
    Receiver.came.clear()
    in_project(project, webhook, MEET)
    kinds = set(NAMES) - {"promoted"}
    deadline = time.monotonic() + 60
    while len(Receiver.came) < len(kinds) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    assert sorted(body["subject"] for _, body in Receiver.came) == sorted(
        f"sensegen: {kind} at stage.one" for kind in kinds
    )
    run = "http://127.0.0.1:5000/#/experiments/1/runs/abc"
    assert {body["body"] for _, body in Receiver.came} == {f"loss\n{run}"}


BLOCKS = """
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    print(*(block.model_dump_json() for block in client.read_block_documents(include_secrets=False)))
"""


def test_the_address_of_a_webhook_is_told_by_no_log_and_no_page_not_even_when_it_fails(project, webhook, monkeypatch):
    sensegen(project, webhook, "deploy")
    monkeypatch.setattr(Receiver, "answer", 500)
    Receiver.came.clear()
    in_project(project, webhook, MEET)
    log, deadline = servers.log(project, "prefect"), time.monotonic() + 60
    while "HTTPStatusError" not in log.read_text(encoding="utf-8") and time.monotonic() < deadline:
        time.sleep(0.2)
    told = "".join(path.read_text(encoding="utf-8") for path in servers.folder(project).glob("*.log"))
    assert "HTTPStatusError" in told and Receiver.came and SECRET not in told
    shown = in_project(project, webhook, BLOCKS)
    assert "sensegen-webhook" in shown and SECRET not in shown


def test_an_address_for_mails_without_a_key_is_refused(project, webhook, monkeypatch):
    monkeypatch.setenv(alerts.EMAIL, "me@example.org")
    with pytest.raises(ValueError, match=f"{alerts.SENDER} and {alerts.SENDGRID_KEY} must be set"):
        list(alerts.blocks({alerts.EMAIL: "me@example.org"}))


def test_what_is_down_is_down_with_all_its_processes(tmp_path, webhook):
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    told = sensegen(tmp_path, webhook, "deploy")
    assert told.returncode == 1 and "sensegen up" in told.stderr
    up = "import sys; from pathlib import Path; from flows.deploying.servers import up; "
    in_project(tmp_path, webhook, f"{up} up(Path('.').resolve(), {{'mlflow': {free_port()}}})")
    mlflow = servers.running(tmp_path, "mlflow")
    family = [psutil.Process(mlflow.pid), *psutil.Process(mlflow.pid).children(recursive=True)]
    taken = servers.Server("prefect", mlflow.port, os.getpid(), "then")
    with pytest.raises(ChildProcessError, match=f"Port {mlflow.port} is taken"):
        servers.up(tmp_path, {"prefect": mlflow.port})
    assert not taken.alive()  # a number that was given again is another process
    assert [server.name for server in servers.down(tmp_path, tuple(servers.COMMANDS))] == ["mlflow"]
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family)
    assert servers.down(tmp_path, tuple(servers.COMMANDS)) == []
