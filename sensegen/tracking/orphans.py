"""Runs whose process ended without a word: a `kill -9` leaves them RUNNING for ever, so the next start ends them."""

import os
import socket
from typing import TYPE_CHECKING

from sensegen import lifeline

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = "process"


def process_tag() -> dict[str, str]:
    """Names this very process: its machine, number and start, since numbers are given again."""
    import psutil

    return {TAG: f"{socket.gethostname()} {os.getpid()} {lifeline.started(psutil.Process())}"}


def end_orphans(client: "MlflowClient", experiment_id: str) -> None:
    """Mark as KILLED the open runs of processes of this machine that are gone."""
    for run in client.search_runs([experiment_id], filter_string="attributes.status = 'RUNNING'"):
        if _is_gone(run.data.tags.get(TAG, "")):
            client.set_terminated(run.info.run_id, status="KILLED")


def _is_gone(tag: str) -> bool:
    import psutil

    machine, _, process = tag.partition(" ")
    number, _, started = process.partition(" ")
    if machine != socket.gethostname() or not number.isdigit():
        return False
    try:
        return lifeline.started(psutil.Process(int(number))) != started
    except psutil.NoSuchProcess:
        return True
