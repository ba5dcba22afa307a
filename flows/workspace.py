"""The folder a run works in, and the lock that keeps a second run out of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class WorkspaceBusy(RuntimeError):
    """Another run works in this folder."""


class NoWorkspace(RuntimeError):
    """The current folder does not belong to a project."""


def find_root(start: Path) -> Path:
    """The nearest folder, from `start` upward, that holds `params.yaml` and `dvc.yaml`.

    Raises:
        NoWorkspace: if there is none.
    """
    for folder in (start, *start.parents):
        if (folder / "params.yaml").is_file() and (folder / "dvc.yaml").is_file():
            return folder
    raise NoWorkspace(f"{start} is not inside a project: no params.yaml beside a dvc.yaml. Change to its folder.")


@contextmanager
def only_run(root: Path) -> Iterator[None]:
    """Hold the workspace; the same process may take it again inside.

    Raises:
        WorkspaceBusy: at once, naming the process that holds it.
    """
    lock_path, pid_path = root / ".cache" / "run.lock", root / ".cache" / "run.pid"
    lock_path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_path, timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise WorkspaceBusy(
            f"A run already works in {root}{_holder(pid_path)}. Wait for it to end, or stop it, then run again."
        ) from None
    try:
        # Beside the lock, since taking a lock empties its file.
        pid_path.write_text(f"{os.getpid()}\n", encoding="utf-8")
        yield
    finally:
        lock.release()


def _holder(pid_path: Path) -> str:
    try:
        return f" (process {pid_path.read_text(encoding='utf-8').strip()})"
    except OSError:
        return ""
