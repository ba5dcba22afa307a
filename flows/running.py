"""A run from the command line: the flow without a server of its own, and its failures as plain exceptions."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from flows import dvc_graph, stage_process, temporary_server
from flows.outcome import Result
from sensegen import tracking

LEAVING_SECONDS = stage_process.GRACE_SECONDS + 10.0  # the stage's processes have had their time, MLflow too


class ServerLost(ConnectionError):
    """Prefect's server does not answer; the message says what to do."""


def run(root: Path) -> Result:
    """Run the flow in this process and its main thread.

    Raises:
        StageFailed: if a stage failed.
        ServerLost: if Prefect's server cannot be reached, or not any more when the run has ended.
    """
    # Prefect raises in the flow at SIGTERM and then sends the signal on: only an ordinary exit ends its server too.
    signal.signal(signal.SIGTERM, _exit)
    temporary_server.ends_with_this_process()
    from flows import pipeline

    threading.Thread(target=_warm_up, daemon=True).start()
    pipeline.hide_foreseen_tracebacks()
    try:
        with _left_in_time():
            return pipeline.pipeline(root)
    except Exception as error:
        if not _lost_its_server(error):
            raise
        raise ServerLost(
            f"Prefect's server does not answer ({error}). What is finished is kept: run again when it does. `sensegen "
            "up` starts the project's own; without any (unset PREFECT_API_URL), each run has one for itself."
        ) from error


def _lost_its_server(error: Exception) -> bool:
    import httpx

    return isinstance(error, httpx.TransportError) or str(error).startswith("Failed to reach API")


def _exit(signal_number: int, frame: object) -> NoReturn:
    sys.exit(128 + signal_number)


@contextmanager
def _left_in_time() -> Iterator[None]:
    """End this process some time after Ctrl-C or SIGTERM, whoever holds it: to a server that is gone, Prefect tells the
    end for minutes. The stage and the MLflow run have been ended by then.

    The signal is seen beside its handlers, since Prefect puts one of its own in between.
    """
    seen, see = os.pipe()
    os.set_blocking(see, False)
    before = signal.set_wakeup_fd(see, warn_on_full_buffer=False)
    threading.Thread(target=_leave_after, args=(seen,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(see)


def _leave_after(seen: int) -> None:
    while (number := os.read(seen, 1)) and number[0] not in (signal.SIGINT, signal.SIGTERM):
        pass
    if number:
        time.sleep(LEAVING_SECONDS)
        sys.stderr.write("Cancelled; Prefect's server did not take it. The next run goes on from what is finished.\n")
        sys.stderr.flush()
        os._exit(128 + number[0])
    os.close(seen)


def _warm_up() -> None:
    """While Prefect's temporary server starts in another process: each takes seconds, and is needed after."""
    dvc_graph.warm_up()
    tracking.warm_up()
