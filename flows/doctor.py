"""What would make a run fail on this machine, and what to do about it."""

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flows import dvc_graph, ui, workspace
from sensegen.addresses import without_password

if TYPE_CHECKING:
    from rich.console import Console

Level = Literal["good", "note", "wrong"]
PYTHONS = ((3, 11), (3, 13))
FREE_DISK_GIB = 2.0
MEMORY_GIB = 4.0
PREFECT_PORT = 4200
PACKAGES = (
    "dvc",
    "great-expectations",
    "keras",
    "mlflow",
    "numpy",
    "pandas",
    "prefect",
    "tensorflow-cpu",
    "tensorflow",
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `wrong` will make a run fail, `note` may."""

    level: Level
    subject: str
    text: str


def examine(root: Path) -> list[Finding]:
    """Look at everything; no check keeps another from being made."""
    return [finding for check in CHECKS for finding in check(root)]


def python_version(root: Path) -> Iterator[Finding]:
    """Whether this interpreter is one the lock was made for."""
    found = ".".join(map(str, sys.version_info[:3]))
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        yield Finding("good", "Python", found)
    else:
        yield Finding("wrong", "Python", f"{found}, but 3.11 to 3.13 is needed: make PYTHON=/path/to/python3.12 run")


def packages(root: Path) -> Iterator[Finding]:
    """Whether the main packages are at the versions of a lock."""
    locked = _locked_versions(root / "requirements.lock") | _locked_versions(root / "requirements-gpu.lock")
    differing = []
    for name in PACKAGES:
        installed = _installed_version(name)
        if installed and name in locked and installed != locked[name]:
            differing.append(f"{name} {installed} (locked: {locked[name]})")
    if not any(_installed_version(name) for name in ("tensorflow-cpu", "tensorflow")):
        differing.append("no TensorFlow")
    if differing:
        yield Finding("wrong", "packages", f"{', '.join(differing)}. Remove .venv and run make again.")
    else:
        yield Finding("good", "packages", "as locked")


def folders(root: Path) -> Iterator[Finding]:
    """Whether a run may write where it writes."""
    closed = [name for name in (".", "artifacts", "mlruns", ".cache", ".prefect", ".dvc") if _is_closed(root / name)]
    if closed:
        yield Finding("wrong", "folders", f"cannot write to {', '.join(closed)} in {root}: give yourself write access")
    else:
        yield Finding("good", "folders", "writable")


def disk(root: Path) -> Iterator[Finding]:
    """Whether outputs and DVC's copies of them fit."""
    free_gib = shutil.disk_usage(root).free / 2**30
    if free_gib < FREE_DISK_GIB:
        yield Finding("wrong", "disk", f"{free_gib:.1f} GiB free, {FREE_DISK_GIB:.0f} needed: dvc gc --workspace")
    else:
        yield Finding("good", "disk", f"{free_gib:.1f} GiB free")


def memory(root: Path) -> Iterator[Finding]:
    """Whether the largest stage fits."""
    import psutil

    available_gib = psutil.virtual_memory().available / 2**30
    level: Level = "good" if available_gib >= MEMORY_GIB else "note"
    advice = "" if level == "good" else f", a stage may use {MEMORY_GIB:.0f}: end other programs"
    yield Finding(level, "memory", f"{available_gib:.1f} GiB available{advice}")


def ports(root: Path) -> Iterator[Finding]:
    """Whether the pages can be served; a run needs neither port."""
    for port, use in ((ui.PORT, "make ui"), (PREFECT_PORT, "prefect server start")):
        with socket.socket() as probe:
            probe.settimeout(1.0)
            taken = probe.connect_ex((ui.HOST, port)) == 0
        if taken:
            yield Finding("note", f"port {port}", f"something answers there already; `{use}` needs it or another one")
        else:
            yield Finding("good", f"port {port}", "free")


def locks(root: Path) -> Iterator[Finding]:
    """Whether a run is going on, or left DVC's list of busy files behind."""
    try:
        with workspace.only_run(root):
            yield Finding("good", "locks", "no run is going on")
    except workspace.WorkspaceBusy as busy:
        yield Finding("note", "locks", str(busy))


def parameters(root: Path) -> Iterator[Finding]:
    """Whether params.yaml can be used."""
    from sensegen import datasets, params

    try:
        datasets.check(params.load(root / "params.yaml"))
        yield Finding("good", "params.yaml", "valid")
    except params.InvalidParams as error:
        yield Finding("wrong", "params.yaml", str(error))


def tracking_store(root: Path) -> Iterator[Finding]:
    """Whether the MLflow store belongs to this folder: it keeps the absolute place of its files."""
    if not (root / "mlruns" / "mlflow.db").is_file():
        yield Finding("good", "MLflow store", "none yet; the first run makes it")
        return
    from sensegen.tracking import store

    try:
        store.connect(root)
        yield Finding("good", "MLflow store", "belongs to this folder")
    except ValueError as error:
        yield Finding("wrong", "MLflow store", str(error))


def mirror(root: Path) -> Iterator[Finding]:
    """Where archives come from."""
    try:
        place, _ = without_password(os.environ.get("SENSEGEN_MIRROR", ""))
    except ValueError:  # whose text may hold the password
        yield Finding("wrong", "mirror", "SENSEGEN_MIRROR is neither a folder nor an address: correct or unset it")
        return
    if not place:
        yield Finding("good", "mirror", "SENSEGEN_MIRROR is not set: archives come from their official addresses")
    elif "://" in place or Path(place).is_dir():
        yield Finding("good", "mirror", place)
    else:
        yield Finding("wrong", "mirror", f"SENSEGEN_MIRROR is {place}, which is no folder: correct or unset it")


def git(root: Path) -> Iterator[Finding]:
    """Whether runs can be traced to a commit."""
    if shutil.which("git") is None:
        yield Finding("wrong", "git", "not installed, but DVC and the commit tags need it")
    elif not (root / ".git").exists():
        yield Finding("note", "git", "this folder is no clone: runs carry no commit, and DVC needs core.no_scm=true")
    else:
        yield Finding("good", "git", "present")


def dvc_status(root: Path) -> Iterator[Finding]:
    """Which stages a run would work on."""
    try:
        changed = dvc_graph.changes(root)
    except dvc_graph.GraphUnreadable as error:
        yield Finding("wrong", "stages", str(error))
        return
    yield Finding("good", "stages", f"to run: {', '.join(changed)}" if changed else "nothing has changed")


CHECKS: tuple[Callable[[Path], Iterator[Finding]], ...] = (
    python_version, packages, folders, disk, memory, ports, locks, parameters, tracking_store, mirror, git, dvc_status,
)  # fmt: skip


def show(console: "Console", findings: list[Finding]) -> None:
    """Print a line a finding."""
    colours = {"good": "green", "note": "yellow", "wrong": "red"}
    for finding in findings:
        console.print(f"{finding.level:5}", style=colours[finding.level], end=" ", highlight=False)
        console.print(f"{finding.subject}: {finding.text}", markup=False, highlight=False, soft_wrap=True)


def _locked_versions(lock: Path) -> dict[str, str]:
    if not lock.is_file():
        return {}
    pairs = (line.split()[0].partition("==") for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line)
    return {name: version for name, _, version in pairs if version}


def _installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _is_closed(folder: Path) -> bool:
    return folder.exists() and not os.access(folder, os.W_OK)
