"""A run from the command line: the flow without a server of its own, and its failures as plain exceptions."""

import signal
import sys
import threading
from pathlib import Path
from typing import NoReturn

from flows import dvc_graph, temporary_server
from flows.outcome import Result
from sensegen import tracking


def run(root: Path) -> Result:
    """Run the flow in this process and its main thread.

    Raises:
        StageFailed: if a stage failed.
    """
    # Prefect raises in the flow at SIGTERM and then sends the signal on: only an ordinary exit ends its server too.
    signal.signal(signal.SIGTERM, _exit)
    temporary_server.ends_with_this_process()
    from flows import pipeline

    threading.Thread(target=_warm_up, daemon=True).start()
    pipeline.hide_foreseen_tracebacks()
    return pipeline.pipeline(root)


def _exit(signal_number: int, frame: object) -> NoReturn:
    sys.exit(128 + signal_number)


def _warm_up() -> None:
    """While Prefect's temporary server starts in another process: each takes seconds, and is needed after."""
    dvc_graph.warm_up()
    tracking.warm_up()
