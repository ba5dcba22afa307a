"""Where raw files came from and what exactly they are: enough to tell two copies of a dataset apart."""

import hashlib
from pathlib import Path
from typing import Any

from sensegen.source import Source


def record(dataset: str, source: Source, folder: Path) -> dict[str, Any]:
    """Citation, licence and page of the source, and path -> sha256 of every file under `folder`, sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "dataset": dataset,
        "citation": source.citation,
        "licence": source.licence,
        "page": source.page,
        "files": {path.relative_to(folder).as_posix(): sha256(path) for path in paths},
    }


def sha256(path: Path) -> str:
    """The hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
