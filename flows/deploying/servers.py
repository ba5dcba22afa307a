"""The servers of Prefect and MLflow on this machine alone, as processes that outlive the command that started them."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sensegen import lifeline
from sensegen.artifacts import write_text

HOST = "127.0.0.1"
LEASES = "prefect.server.concurrency.lease_storage.filesystem"
START_SECONDS, END_SECONDS = 180.0, 20.0


@dataclass(frozen=True)
class Server:
    """A server as it was started: its process by number and start, since numbers are given again."""

    name: str
    port: int
    pid: int
    started: str

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    def alive(self) -> bool:
        """Whether that very process still runs."""
        import psutil

        try:
            process = psutil.Process(self.pid)
            return lifeline.started(process) == self.started and lifeline.is_alive(process)
        except psutil.NoSuchProcess:
            return False


def folder(root: Path) -> Path:
    """Where is written down what runs, with a log a server."""
    return root / ".cache" / "servers"


def log(root: Path, name: str) -> Path:
    """Where a server writes what it has to say."""
    return folder(root) / f"{name}.log"


def running(root: Path, name: str) -> Server | None:
    """The server of that name, if it runs."""
    path = folder(root) / f"{name}.json"
    try:
        server = Server(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None
    return server if server.alive() else None


def prefect_api(root: Path) -> str | None:
    """The address of the project's Prefect server, if it runs."""
    server = running(root, "prefect")
    return f"{server.address}/api" if server else None


def up(root: Path, ports: Mapping[str, int]) -> list[Server]:
    """Start what does not run, and wait until it answers.

    Raises:
        ChildProcessError: if one ends, or does not answer in time; its log says why.
    """
    servers = [running(root, name) or _started(root, name, port) for name, port in ports.items()]
    for server in servers:
        _wait(root, server)
    return servers


def down(root: Path, names: tuple[str, ...]) -> list[Server]:
    """End what runs, with all processes of it; first in words, then for good."""
    ended = [server for name in names if (server := running(root, name))]
    for server in ended:
        _end(server)
        (folder(root) / f"{server.name}.json").unlink(missing_ok=True)
    return ended


def _started(root: Path, name: str, port: int) -> Server:
    import psutil

    if _answers(f"http://{HOST}:{port}"):
        raise ChildProcessError(f"Port {port} is taken by another program. Choose another one for {name} (--help).")
    place = folder(root)
    place.mkdir(parents=True, exist_ok=True)
    command, settings = COMMANDS[name](root, port)
    with log(root, name).open("ab") as said:
        process = subprocess.Popen(
            command,
            cwd=root,
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(name, port, process.pid, lifeline.started(psutil.Process(process.pid)))
    write_text(place / f"{name}.json", json.dumps(asdict(server)) + "\n")
    return server


def _wait(root: Path, server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(f"{server.address}{HEALTH[server.name]}"):
        if not server.alive() or time.monotonic() > deadline:
            said = log(root, server.name)
            last = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] or [""]
            raise ChildProcessError(f"The server of {server.name} does not answer: {last[0]}\nIts log is {said}.")
        time.sleep(0.2)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True  # of whatever kind, it is an answer
    except OSError:
        return False


def _end(server: Server) -> None:
    import psutil

    try:
        process = psutil.Process(server.pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for one in family:
        _signal(one, "terminate")
    _, left = psutil.wait_procs(family, timeout=END_SECONDS)
    for one in left:
        _signal(one, "kill")
    psutil.wait_procs(left, timeout=END_SECONDS)


def _signal(process: object, how: str) -> None:
    import psutil

    with suppress(psutil.NoSuchProcess):
        getattr(process, how)()


def _prefect(root: Path, port: int) -> tuple[list[str], dict[str, str]]:
    from flows.deploying import server_log

    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    settings = {"PREFECT_UI_API_URL": f"http://{HOST}:{port}/api", "PREFECT_API_URL": ""}
    # In files: leases that are kept in memory go with a server that is restarted. The run that held one would be ended
    # for want of it, and its deployment's only slot would never be free again.
    settings |= {"PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES}
    return command, settings | {"PREFECT_LOGGING_SETTINGS_PATH": str(server_log.SETTINGS)}


def mlflow(root: Path, port: int) -> tuple[list[str], dict[str, str]]:
    """The command and the environment that serve MLflow's page and store to this machine."""
    from sensegen.tracking import tracking_uri

    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", tracking_uri(root), "--serve-artifacts"]
    command += ["--artifacts-destination", (root / "mlruns" / "artifacts").as_uri()]
    # Jobs are for MLflow's evaluation service: without them it starts in half the time, as one process.
    return command, {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


COMMANDS = {"prefect": _prefect, "mlflow": mlflow}
HEALTH = {"prefect": "/api/health", "mlflow": "/health"}
