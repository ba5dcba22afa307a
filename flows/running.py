"""A run from the command line: the flow without a server of its own, and its failures as plain exceptions."""

import importlib
import threading
from pathlib import Path

from flows.outcome import Result

# Imported while Prefect's temporary server starts in another process: each takes seconds, and is needed after.
NEEDED_SOON = ("dvc.repo.reproduce", "mlflow")


def run(root: Path) -> Result:
    """Run the flow in this process and its main thread.

    Raises:
        StageFailed: if a stage failed.
    """
    from flows import pipeline

    threading.Thread(target=_import, args=(NEEDED_SOON,), daemon=True).start()
    pipeline.hide_foreseen_tracebacks()
    return pipeline.pipeline(root)


def _import(names: tuple[str, ...]) -> None:
    for name in names:
        importlib.import_module(name)
