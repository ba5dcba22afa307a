"""A full disk, known by what different libraries raise, and what a person is told about it."""

import errno
import shutil
from pathlib import Path

NEEDED_TO_START_BYTES = 64 * 2**20


def is_reported_by(error: BaseException) -> bool:
    """Whether an error says that the disk is full, or a quota on it used up."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # safetensors, SQLite and NumPy's tofile report a full disk without an errno.
    told = str(error)
    if isinstance(error, OSError) and error.errno is None and "requested and" in told:
        return True
    return "No space left on device" in told or "database or disk is full" in told


def leaves_no_room(root: Path) -> bool:
    """Whether so little is free that the servers and stores of a run would fail as they start, each in its own way."""
    return shutil.disk_usage(root).free < NEEDED_TO_START_BYTES


def message(root: Path) -> str:
    """What to do, with the space there is on the disk that holds `root`."""
    usage = shutil.disk_usage(root)
    return (
        f"The disk that holds {root} is full ({usage.free / 2**20:,.0f} of {usage.total / 2**20:,.0f} MiB free), or "
        "your quota on it is used up. Nothing half-written was kept. Free some space and run the same command again: "
        "finished stages and checkpoints are still there."
    )
