"""Prefect's temporary server lives no longer than the run that started it.

Prefect ends its server when the run exits. After a `kill -9` of the run nobody would, so a small process waits for
the run's end at a pipe, which the system closes however a process ends, and then ends the server that is marked as
this run's. This file is that process too, started by its path: it imports nothing of the project.
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

MARK = "SENSEGEN_SERVER_OF"
APPLICATION = "prefect.server.api.server:create_app"
SETTLE_SECONDS = 0.5  # a server that was being started as the run ended has its own command line by then
GRACE_SECONDS = 5.0


def ends_with_this_process() -> None:
    """From now on, a server that Prefect starts is ended even if this process is killed."""
    mark = f"{os.getpid()}-{time.time_ns()}"
    os.environ[MARK] = mark  # Prefect gives its server the whole environment
    # In a session of its own: Ctrl-C is for the run, which ends its server itself.
    command = [sys.executable, "-P", __file__, mark]
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    # Kept open until this process ends, since Prefect too ends its server only then.
    _watchers.append(watcher)


_watchers: "list[subprocess.Popen[bytes]]" = []


def end_servers(mark: str) -> None:
    """End every Prefect server that carries the mark."""
    import psutil

    servers = [process for process in psutil.process_iter() if _is_marked_server(process, mark)]
    for server in servers:
        with suppress(psutil.NoSuchProcess):
            server.terminate()
    for server in psutil.wait_procs(servers, timeout=GRACE_SECONDS)[1]:
        with suppress(psutil.NoSuchProcess):
            server.kill()


def _is_marked_server(process: "psutil.Process", mark: str) -> bool:
    import psutil

    try:
        return APPLICATION in process.cmdline() and process.environ().get(MARK) == mark
    except (psutil.Error, OSError):  # another user's, or just gone
        return False


def main() -> None:
    """Wait for the end of the run that holds the other end of standard input; then end its server."""
    sys.stdin.buffer.read()
    time.sleep(SETTLE_SECONDS)
    end_servers(sys.argv[1])


if __name__ == "__main__":
    main()
