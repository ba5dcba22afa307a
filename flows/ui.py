"""The pages of MLflow and of Optuna, served to this machine alone."""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

HOST = "127.0.0.1"
PORT = 5000


def run_address(run: Any) -> str:
    """Where a pipeline's MLflow run is shown while the page is served."""
    experiment_id = run.client.get_run(run.run_id).info.experiment_id
    return f"http://{HOST}:{PORT}/#/experiments/{experiment_id}/runs/{run.run_id}"


def serve(root: Path, port: int = PORT) -> NoReturn:
    """Become the server of the page, until it is interrupted."""
    from sensegen.tracking import tracking_uri

    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", tracking_uri(root), "--serve-artifacts"]
    command += ["--artifacts-destination", (root / "mlruns" / "artifacts").as_uri()]
    # Jobs are for MLflow's evaluation service: without them it starts in half the time, as one process.
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
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
