"""The commands of what runs by itself: up, down, deploy, worker."""

import os
import sys
from typing import Annotated

import typer

from flows import command

PrefectPort = Annotated[int, typer.Option(help="Of Prefect's server.")]
MLflowPort = Annotated[int, typer.Option(help="Of MLflow's server.")]
HealthPort = Annotated[int | None, typer.Option(help="Answer at /health of this port of this machine while it polls.")]
DEPLOY_SECONDS = 300.0
NO_SERVER = "There is no Prefect server. Start this project's with `sensegen up`, or name one in PREFECT_API_URL."


def up(prefect_port: PrefectPort = 4200, mlflow_port: MLflowPort = 5000) -> None:
    """Start the servers of Prefect and MLflow on this machine alone; what runs already is left alone."""
    root = command.prepared_root()
    from flows.deploying import servers

    try:
        for server in servers.up(root, {"prefect": prefect_port, "mlflow": mlflow_port}):
            log = servers.log(root, server.name)
            typer.echo(f"{server.name}: {server.address}   (process {server.pid}, log {log})")
    except ChildProcessError as error:
        raise command.failed(str(error)) from None


def down() -> None:
    """Stop the servers that `sensegen up` started."""
    root = command.prepared_root()
    from flows.deploying import servers

    ended = servers.down(root, tuple(servers.COMMANDS))
    typer.echo("\n".join(f"{server.name}: stopped" for server in ended) or "No server of this project runs.")


def deploy() -> None:
    """Bring prefect.yaml's deployments, their pool and the alerts to the server; a second call changes nothing."""
    root = command.prepared_root()
    if "PREFECT_API_URL" not in os.environ:
        raise command.failed(NO_SERVER)
    from flows.deploying import alerts, deployments
    from sensegen import lifeline

    try:
        # One after the other: two at once would each make the automation, and everybody would be told twice.
        with lifeline.workspace_lock(root, "deploy", wait_seconds=DEPLOY_SECONDS):
            changed = [*deployments.put(root), *alerts.put()]
    except (ChildProcessError, ValueError, lifeline.WorkspaceBusy) as error:
        raise command.failed(str(error)) from None
    typer.echo("\n".join(changed) or "Everything is as prefect.yaml and the environment have it.")


def worker(health_port: HealthPort = None) -> None:
    """Run what is due, until Ctrl-C: one run at a time, since they share this folder."""
    root = command.prepared_root()
    if "PREFECT_API_URL" not in os.environ:
        raise command.failed(NO_SERVER)
    from flows import ui
    from flows.deploying import cut_off, servers
    from flows.deploying.deployments import POOL, ROOT
    from flows.deploying.servers import HOST

    if os.environ["PREFECT_API_URL"] == servers.prefect_api(root):
        for name in cut_off.end(root, ui.address(root)):
            typer.echo(f"Run {name} was cut off, and is marked as crashed.")
    arguments = ["worker", "start", "--pool", POOL, "--limit", "1", "--name", "sensegen"]
    environment = {**os.environ, ROOT: str(root), "PYTHONPATH": os.pathsep.join([str(root), *_python_path()])}
    if health_port is not None:
        arguments.append("--with-healthcheck")
        environment |= {"PREFECT_WORKER_WEBSERVER_HOST": HOST, "PREFECT_WORKER_WEBSERVER_PORT": str(health_port)}
    os.chdir(root)
    # In this process's place, so that whatever ends it ends the worker.
    os.execve(sys.executable, [sys.executable, "-m", "prefect", *arguments], environment)


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
