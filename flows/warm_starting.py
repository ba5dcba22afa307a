"""A model is brought into the project's folder for training to begin with: `sensegen warm-start`."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from sensegen.artifacts import writing
from sensegen.weights import FILES, digest

FOLDER = Path("my_files") / "warm_start"


def bring(root: Path, source: str) -> tuple[str, str]:
    """Copy a model, and give its folder in the project and its sha256.

    `source` is a generator's folder, or `models:/...` in the project's tracking store: what an alias stands for may
    change, and a folder elsewhere too, so training knows the copy alone.

    Raises:
        ValueError: if there is no such model.
    """
    place = root / FOLDER / "new"
    if source.startswith("models:/"):
        from sensegen.tracking import fetch_release

        with tempfile.TemporaryDirectory() as temporary:
            fetch_release(root, source, Path(temporary) / "release")
            _copy(Path(temporary) / "release", place)
    else:
        _copy(Path(source), place)
    found = digest(place)
    final = FOLDER / found[:16]
    with writing(root / final) as whole:
        place.rename(whole)
    return final.as_posix(), found


def from_version(root: Path, address: str) -> None:
    """Let training begin with a registered model: copied, and written down in params.yaml."""
    from sensegen import presets
    from sensegen.artifacts import write_text

    path = root / "params.yaml"
    text = changes(*bring(root, address), [], None)
    write_text(path, presets.applied(path.read_text(encoding="utf-8"), text))


def changes(model: str, sha256: str, frozen: list[str], frozen_epochs: int | None) -> str:
    """What params.yaml is to say of it, as a preset."""
    told: dict[str, Any] = {"model": model, "sha256": sha256, "frozen": frozen, "frozen_epochs": frozen_epochs}
    return str(yaml.safe_dump({"train_generator": {"warm_start": told}}, sort_keys=False))


def _copy(folder: Path, place: Path) -> None:
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise ValueError(
            f"{folder} must be the folder of a generator, such as artifacts/alternate/generator, but has no "
            f"{missing[0]}. Or name a model as models:/m-ID."
        )
    with writing(place) as whole:
        whole.mkdir(parents=True)
        for name in FILES:
            shutil.copyfile(folder / name, whole / name)
