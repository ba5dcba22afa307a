"""A generator that can leave the project: its weights beside what turns its windows into physical units.

A release is a folder of `config.json` and `weights.safetensors`, as `weights` writes them, and `windows.json`, which
tells channels, units, classes, rate and scaling. It names no person. One sha256 stands for all three files.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import Int

from sensegen import weights
from sensegen.artifacts import writing
from sensegen.scaling import Scaling
from sensegen.windows import Windows

if TYPE_CHECKING:
    from sensegen.generators.generator import Generator

MEANING = "windows.json"
FILES = (*weights.FILES, MEANING)
TOLD = ("channels", "units", "classes", "rate_hz", "length", "scaling")  # of a window folder; its people are not


class Tampered(ValueError):
    """A release is not the one that was registered."""


@dataclass(frozen=True)
class Asked:
    """So many windows of an activity (None: of all, in equal numbers), drawn by a seed."""

    activity: str | None
    windows: int
    seed: int

    def labels(self, classes: tuple[str, ...]) -> Int[np.ndarray, "window"]:
        """The class of each window.

        Raises:
            ValueError: if the generator knows no such activity.
        """
        if self.activity is None:
            return np.sort(np.resize(np.arange(len(classes)), self.windows))
        if self.activity not in classes:
            raise ValueError(f"The generator knows {', '.join(classes)}, but was asked for {self.activity}.")
        return np.full(self.windows, classes.index(self.activity))


@dataclass(frozen=True)
class Release:
    """A generator with the meaning of its windows."""

    generator: "Generator"
    scaling: Scaling
    empty: Windows  # no window, and all that is told of them
    sha256: str

    @classmethod
    def load(cls, folder: Path, sha256: str | None = None) -> Self:
        """Load a release; where a sha256 is told, it must be that one.

        Raises:
            Tampered: if it is another one.
            FileNotFoundError: if the folder holds no release.
        """
        from sensegen.generators import load_generator

        found = check(folder, sha256)
        generator, told = load_generator(folder), json.loads((folder / MEANING).read_text(encoding="utf-8"))
        shape = generator.shape
        empty = Windows(
            np.empty((0, shape.length, shape.channels), np.float32),
            np.empty(0, np.int64),
            (),
            tuple(told["channels"]),
            tuple(told["classes"]),
            told["rate_hz"],
            tuple(told["units"]),
        )
        return cls(generator, Scaling.load(folder), empty, found)

    @property
    def classes(self) -> tuple[str, ...]:
        """The activities that it can be asked for."""
        return self.empty.classes

    def windows(self, asked: Asked) -> Windows:
        """Windows in physical units.

        Raises:
            ValueError: if it knows no such activity.
        """
        labels = asked.labels(self.classes)
        return self.in_units(self.generator.sample(labels, asked.seed), labels)

    def windows_each(self, asked: Sequence[tuple[Int[np.ndarray, "window"], int]]) -> list[Windows]:
        """Windows in physical units of each of several labels and seeds, which are made as few batches."""
        made = self.generator.sample_each(asked)
        return [self.in_units(values, labels) for values, (labels, _) in zip(made, asked, strict=True)]

    def in_units(self, values: np.ndarray, labels: Int[np.ndarray, "window"]) -> Windows:
        """Scaled windows of the generator in physical units."""
        told = {name: getattr(self.empty, name) for name in ("channels", "classes", "rate_hz", "units")}
        return Windows(self.scaling.invert(values).astype(np.float32), labels, ("",) * len(labels), **told)

    def about(self) -> dict[str, Any]:
        """What it makes, for whoever wants to ask it."""
        shape = asdict(self.generator.shape)
        told = {name: getattr(self.empty, name) for name in ("channels", "units", "classes", "rate_hz")}
        return {"kind": self.generator.kind, "samples": shape["length"], **told, "sha256": self.sha256}


def write(folder: Path, generator: Path, windows: Path) -> None:
    """Put a generator's folder and what its windows mean (of the window folder that it learned from) into one folder;
    whole or not at all."""
    told = json.loads((windows / MEANING).read_text(encoding="utf-8"))
    with writing(folder) as temporary:
        temporary.mkdir(parents=True)
        for name in weights.FILES:
            shutil.copyfile(generator / name, temporary / name)
        text = json.dumps({key: told[key] for key in TOLD}, indent=2) + "\n"
        (temporary / MEANING).write_text(text, encoding="utf-8")


def digest(folder: Path) -> str:
    """The sha256 of a release: of the bytes of its files in their order.

    Raises:
        FileNotFoundError: if the folder holds no release.
    """
    return weights.digest(folder, FILES)


def check(folder: Path, sha256: str | None) -> str:
    """The sha256 of a release; where one is told, it must be that one.

    Raises:
        Tampered: if it is another one.
        FileNotFoundError: if the folder holds no release.
    """
    found = digest(folder)
    if sha256 and sha256 != found:
        raise Tampered(
            f"The release must have the sha256 {sha256}, with which it was logged, but has {found}: a file of it was "
            "changed. Do not use it; roll back to another version, or train it again."
        )
    return found
