"""A stage lives no longer than the run that started it, and two runs never share a workspace.

DVC starts a stage through a shell, and the flow starts DVC. A `kill -9` of either reaches neither the shell nor
the stage, which would train on as an orphan. A thread therefore watches the chain above and ends this process
when a link is gone. Checkpoints are renamed into place, so ending at any instant loses nothing but time.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

POLL_SECONDS = 0.5
LOCK_WAIT_SECONDS = 2.0  # an orphan of a killed run notices within a poll; its successor should not trip over it
START_TICKS = 19  # the field of /proc/PID/stat, counted from the one behind the name
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"})


class WorkspaceBusy(RuntimeError):
    """Another run holds the workspace; the message names its process."""


@contextmanager
def workspace_lock(root: Path, name: str = "stage", wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold the workspace alone, as a `stage` or as a whole `run` of stages; the same process may take it again.

    The system drops the lock when the process ends, however it ends.

    Raises:
        WorkspaceBusy: if another process holds it.
    """
    import filelock

    # The number stands in a file of its own: whoever tries to take the lock may empty the lock file.
    holder = root / ".cache" / f"{name}.pid"
    holder.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(root / ".cache" / f"{name}.lock", is_singleton=True)
    try:
        lock.acquire(timeout=wait_seconds)
    except filelock.Timeout:
        raise WorkspaceBusy(
            f"Another run (process {_holder(holder)}) is working in this folder; wait for it or stop it."
        ) from None
    try:
        holder.write_text(f"{os.getpid()}\n", encoding="utf-8")
        yield
    finally:
        lock.release()


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip() or "unknown"
    except OSError:
        return "unknown"


def watch(environment: Mapping[str, str]) -> None:
    """End this process at once (exit code 1) when a process of the chain that started it has ended.

    The chain is every ancestor up to DVC's process, if DVC started us (`DVC_STAGE` is set), and the flow's process
    (`SENSEGEN_FLOW_PID`). Started by hand, nothing is watched: a person may want to leave it running.
    """
    chain = starters(environment)
    if chain:
        threading.Thread(target=_watch, args=(chain,), name="lifeline", daemon=True).start()


def starters(environment: Mapping[str, str]) -> "list[psutil.Process]":
    """The processes whose end must end this one. A starter that has already ended ends this process here."""
    import psutil

    me = psutil.Process()
    chain = _up_to_dvc(me) if environment.get("DVC_STAGE") else []
    flow = environment.get("SENSEGEN_FLOW_PID", "")
    if not flow:
        return chain
    try:
        process = psutil.Process(int(flow))
        reused = process.create_time() > me.create_time()
    except (ValueError, psutil.NoSuchProcess):
        reused = True
    if reused:
        _end(f"the flow (process {flow})")
    return [*chain, process]


def _up_to_dvc(me: "psutil.Process") -> "list[psutil.Process]":
    ancestors = me.parents()
    for count, ancestor in enumerate(ancestors, start=1):
        if _is_dvc(_command(ancestor)):
            return ancestors[:count]
    # DVC may also be called inside another program, which no name gives away: the first that is no shell.
    for count, ancestor in enumerate(ancestors, start=1):
        if ancestor.pid > 1 and _name(_command(ancestor)) not in SHELLS:
            return ancestors[:count]
    _end("dvc")
    return []


def _is_dvc(command: Sequence[str]) -> bool:
    return any(Path(argument).name in ("dvc", "dvc.exe") for argument in command)


def _command(process: "psutil.Process") -> list[str]:
    import psutil

    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _name(command: Sequence[str]) -> str:
    return Path(command[0]).name.lstrip("-") if command else ""


def _watch(chain: "list[psutil.Process]") -> None:
    names = {process.pid: " ".join(_command(process)[:4]) for process in chain}
    while True:
        for process in chain:
            if not is_alive(process):
                _end(f"process {process.pid} ({names[process.pid]})")
        time.sleep(POLL_SECONDS)


def is_alive(process: "psutil.Process") -> bool:
    """Whether this very process still runs: its number may have gone to another, and a zombie has ended."""
    import psutil

    try:
        # is_running compares the creation time as well as the number.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def started(process: "psutil.Process") -> str:
    """Which process this is among all that have its number: the same at every call, though the clock be moved.

    A start is counted from the machine's own, which Linux tells by the clock as it stands now: after a step of the
    clock, a living process would be taken for another one. So there it is told in ticks, with the machine's start.
    """
    try:
        told = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = told.rpartition(")")[2].split()  # the name before may hold anything
        machine = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{fields[START_TICKS]}@{machine}"
    except OSError:  # no Linux, or gone: then psutil says so
        return f"{process.create_time():.2f}"


def _end(starter: str) -> None:
    # The pipe may have lost its reader with the process that ended, and writing may block: do not depend on it.
    message = f"\nStopping: {starter}, which started this stage, has ended.\n"
    speaker = threading.Thread(target=_say, args=(message,), daemon=True)
    speaker.start()
    speaker.join(timeout=1.0)
    os._exit(1)


def _say(message: str) -> None:
    try:
        os.write(sys.stderr.fileno(), message.encode())
    except (OSError, ValueError):
        return
