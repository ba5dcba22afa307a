"""Which checkpoint belongs to which run: a key made of the params and the inputs of a stage.

The inputs are those that `dvc.yaml` lists for the stage, code included: a checkpoint of other code is not resumed.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

import yaml

from sensegen.params import Params


def checkpoint_key(root: Path, stage: str, params: Params) -> str:
    """16 hexadecimal digits that change with every param and every file that the stage depends on."""
    document = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    values = params.model_dump(mode="json", by_alias=True)
    digest = hashlib.sha256()
    for section in document.get("params", []):
        digest.update(f"{section}={_at(values, section)!r}\n".encode())
    for dependency in document["deps"]:
        path = root / re.sub(r"\$\{([\w.]+)\}", lambda match: str(_at(values, match[1])), dependency)
        digest.update(f"{dependency}={_content(path)}\n".encode())
    return digest.hexdigest()[:16]


def _at(values: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


def _content(path: Path) -> str:
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(path).as_posix()}\0".encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
