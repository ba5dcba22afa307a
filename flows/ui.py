"""The pages of MLflow and of Optuna, served to this machine alone."""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from flows.deploying import servers
from flows.deploying.servers import HOST

PORT = 5000


def address(root: Path) -> str:
    """Where MLflow's page is, or would be if it were served."""
    server = servers.running(root, "mlflow")
    return server.address if server else f"http://{HOST}:{PORT}"


def run_address(root: Path, run: Any) -> str:
    """Where a pipeline's MLflow run is shown while the page is served."""
    experiment_id = run.client.get_run(run.run_id).info.experiment_id
    return f"{address(root)}/#/experiments/{experiment_id}/runs/{run.run_id}"


def serve(root: Path, port: int = PORT) -> NoReturn:
    """Become the server of the page, until it is interrupted."""
    command, settings = servers.mlflow(root, port)
    os.chdir(root)
    # In this process's place, so that whatever ends it ends the server.
    os.execve(sys.executable, command, {**os.environ, **settings})


def serve_study(root: Path, study: str, port: int = PORT) -> NoReturn:
    """Become the server of a study's page, until it is interrupted.

    Raises:
        ValueError: if there is no such study.
    """
    from sensegen.tuning.study import Home

    home = Home.of(root, study)
    if not home.journal.is_file():
        known = sorted(path.parent.name for path in home.folder.parent.glob("*/" + home.journal.name))
        raise ValueError(
            f"There is no study {study!r}. There are: {', '.join(known) or 'none yet, see sensegen tune'}."
        )
    page = str(Path(sys.executable).with_name("optuna-dashboard"))
    os.execv(page, [page, str(home.journal), "--host", HOST, "--port", str(port), "--server", "wsgiref", "--quiet"])
