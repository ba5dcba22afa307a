"""What MLflow did not take to a run's end lies in `.cache/undelivered/` until a later run finds MLflow well again."""

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sensegen.artifacts import remove, write_text
from sensegen.tracking import store
from sensegen.tracking.calls import Call, first_cause, refused_for_good

if TYPE_CHECKING:
    from mlflow import MlflowClient

CALLS = "calls.jsonl"

logger = logging.getLogger(__name__)


def home(root: Path, run_id: str) -> Path:
    """Where the files lie that are to be told of a run, and at last what was not told."""
    return root / ".cache" / "undelivered" / run_id


def write_down(root: Path, run_id: str, calls: Sequence[Call]) -> Path:
    """Keep calls for a later run that has the same store or server; where."""
    path = home(root, run_id) / CALLS
    lines = [{"store": _store(root)}, *map(asdict, calls)]
    write_text(path, "".join(json.dumps(line, default=float) + "\n" for line in lines))
    return path


def deliver(client: "MlflowClient", root: Path) -> None:
    """Make the calls that earlier runs left, in their order; what MLflow still does not take stays."""
    import filelock

    folder = root / ".cache" / "undelivered"
    if not (left := sorted(folder.glob(f"*/{CALLS}"))):
        return
    # Trials of a search begin at once: whoever comes second leaves it to the first.
    with suppress(filelock.Timeout), filelock.FileLock(folder / ".lock", timeout=0):
        for path in left:
            if path.is_file():
                _deliver(client, root, path)


def _deliver(client: "MlflowClient", root: Path, path: Path) -> None:
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    if json.loads(first)["store"] != _store(root):
        return
    calls = [Call(**json.loads(line)) for line in lines]
    run_id = path.parent.name
    for told, call in enumerate(calls):
        try:
            call.make(client)
        except Exception as error:
            if not refused_for_good(error):
                write_down(root, run_id, calls[told:])
                return
            logger.warning("MLflow refuses %s of run %s (%s).", call.what, run_id, first_cause(error))
    remove(path.parent)
    logger.warning("MLflow has now taken what it did not take of run %s.", run_id)


def _store(root: Path) -> str:
    return store.server() or store.tracking_uri(root)
