"""Environment variables of a run: where Prefect keeps its state, no telemetry, and what a stage is told.

`prepare` must come before the first import of prefect, mlflow or dvc, which read them when imported.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def prepare(root: Path) -> None:
    """Set what is not set yet: somebody's own server (`PREFECT_API_URL`) or folder is honoured, then the project's own
    server (`sensegen up`)."""
    from flows.deploying import servers

    if api := servers.prefect_api(root):
        os.environ.setdefault("PREFECT_API_URL", api)
    for name, value in _defaults(root).items():
        os.environ.setdefault(name, value)


def _defaults(root: Path) -> Mapping[str, str]:
    return {
        "PREFECT_HOME": str(root / ".prefect"),
        # The server that lives as long as one run takes 10 s to start, and longer on a busy machine.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        # The client and the server of Prefect are switched off apart.
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DVC_NO_ANALYTICS": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }


def of_stage(parent_run_id: str, flow_run_id: str) -> dict[str, str]:
    """The environment a stage is started in.

    `python` in `dvc.yaml` is this interpreter, output comes line by line, and the stage knows the runs it
    belongs to and the process it must not outlive.
    """
    interpreter_folder = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": os.pathsep.join([interpreter_folder, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "SENSEGEN_PARENT_RUN_ID": parent_run_id,
        "SENSEGEN_PREFECT_RUN_ID": flow_run_id,
        "SENSEGEN_FLOW_PID": str(os.getpid()),
    }
