"""The folder a run works in, and the lock that keeps a second run out of it."""

from contextlib import AbstractContextManager
from pathlib import Path

from sensegen.lifeline import WorkspaceBusy, workspace_lock

__all__ = ["NoWorkspace", "WorkspaceBusy", "find_root", "only_run", "turn"]

PATIENCE_SECONDS = 12 * 3600.0


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


def only_run(root: Path) -> AbstractContextManager[None]:
    """Hold the workspace for a whole run; the same process may take it again inside.

    Raises:
        WorkspaceBusy: at once, naming the process that holds it.
    """
    return workspace_lock(root, "run", wait_seconds=0)


def turn(root: Path) -> AbstractContextManager[None]:
    """Hold the workspace as `only_run` does, after whoever has it: what is due while a person works here waits.

    Raises:
        WorkspaceBusy: if it is not free within half a day.
    """
    return workspace_lock(root, "run", wait_seconds=PATIENCE_SECONDS)
