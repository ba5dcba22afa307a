"""Where everything is written, and how: under a temporary name first, then renamed.

The one rule: a stage's name is its file, its key in `dvc.yaml`, its section in `params.yaml`, its folder
here and its task in the flow.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Artifacts:
    """The output folder of each stage: `artifacts.window` is `<root>/artifacts/window`."""

    download: Path
    validate: Path
    window: Path
    train_generator: Path
    train_discriminator: Path
    alternate: Path
    augment: Path
    evaluate: Path
    report: Path
    export: Path

    def __init__(self, root: Path):
        self.root = root
        for stage in STAGES:
            setattr(self, stage, root / "artifacts" / stage)

    def alerts(self, stage: str) -> Path:
        """The divergence alerts of a stage, appended to as they happen (one JSON object a line)."""
        return self.root / ".cache" / "alerts" / f"{stage}.jsonl"

    def checkpoints(self, stage: str, key: str) -> Path:
        """The resume points of a stage for one set of params and inputs."""
        return self.root / ".cache" / "checkpoints" / stage / key


STAGES = tuple(Artifacts.__annotations__)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path (file or folder) that takes the name `path` when the block succeeds.

    When the block fails, nothing is left behind and what stood at `path` stands there still.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.writing-{os.getpid()}")
    remove(temporary)
    try:
        yield temporary
        if temporary.is_dir():
            remove(path)
        temporary.replace(path)
    finally:
        remove(temporary)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """An empty folder for as long as the block lasts; what a killed process left there is gone, too.

    It stands beside the outs, so that what is made in it can be renamed into place.
    """
    remove(folder)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        remove(folder)


def remove(path: Path) -> None:
    """Remove a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
