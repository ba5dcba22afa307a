"""Models on disk: a folder of `config.json` and `weights.safetensors`, the same bytes for the same model.

No pickle, so that a model from elsewhere cannot run code, and no save time, which a `.keras` file embeds.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sensegen.artifacts import writing

FILES = ("config.json", "weights.safetensors")


def save(folder: Path, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a model's config and weights; the folder appears whole or not at all."""
    from safetensors.numpy import save_file

    with writing(folder) as temporary:
        temporary.mkdir(parents=True)
        (temporary / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        save_file(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary / "weights.safetensors"
        )


def digest(folder: Path, names: Sequence[str] = FILES) -> str:
    """The sha256 of a model folder: of the bytes of its files, one after the other.

    Raises:
        FileNotFoundError: if the folder holds no model.
    """
    found = hashlib.sha256()
    for name in names:
        found.update((folder / name).read_bytes())
    return found.hexdigest()


def load(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The config and the arrays that `save` wrote.

    Raises:
        FileNotFoundError: if the folder holds no model.
    """
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config, load_file(folder / "weights.safetensors")
