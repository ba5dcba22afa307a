"""`sensegen generate`: windows of the trained generator into one file, in physical units, with where they come from.

Generators that make windows step by step (`Sequential`) also make longer or shorter ones, and go on from the beginning
of windows that are given: the person, the phone and the phase are those of the beginning.
"""

import json
import os
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sensegen.artifacts import Artifacts

if TYPE_CHECKING:
    from sensegen.generators.generator import Generator
    from sensegen.scaling import Scaling
    from sensegen.windows import Windows


@dataclass(frozen=True)
class Request:
    """How many windows, of which activity (None: of all, in equal numbers), drawn by which seed.

    `seconds` is their length (None: as trained); `prompt` a file of windows that they begin with, each in turn.
    """

    activity: str | None
    windows: int
    seed: int
    seconds: float | None = None
    prompt: Path | None = None

    def labels(self, classes: tuple[str, ...]) -> np.ndarray:
        """The class of each window.

        Raises:
            ValueError: if the generator knows no such activity.
        """
        if self.activity is None:
            return np.sort(np.resize(np.arange(len(classes)), self.windows))
        if self.activity not in classes:
            raise ValueError(f"The generator knows {', '.join(classes)}, but was asked for {self.activity}.")
        return np.full(self.windows, classes.index(self.activity))


def generate(root: Path, request: Request, out: Path) -> "Windows":
    """Sample the generator of the last run and write its windows; whole or not at all.

    Raises:
        ValueError: no generator has been trained, it knows no such activity, or the ending of `out` is unknown.
    """
    from sensegen import window_files

    artifacts = Artifacts(root)
    folder, about = artifacts.alternate / "generator", artifacts.window / "windows.json"
    if not (folder / "config.json").exists() or not about.exists():
        raise ValueError(f"There is no trained generator in {folder}. Run `sensegen run` first.")
    if out.suffix.lower() not in window_files.WRITERS:  # before minutes of sampling
        raise ValueError(f"{out} must end with one of {', '.join(window_files.WRITERS)}, which say how to write it.")
    windows = _sampled(folder, json.loads(about.read_text(encoding="utf-8")), request)
    window_files.write(out, windows, provenance(folder, about, request))
    return windows


def provenance(folder: Path, about: Path, request: Request) -> dict[str, Any]:
    """The model by its hash, the windows that it learned from by theirs, and what was asked for."""
    from sensegen.provenance import sha256

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return {
        "made_by": f"sensegen {version('sensegen')}",
        "synthetic": True,
        "model": {**config, "sha256": sha256(folder / "weights.safetensors")},
        "learned_from": {name: sha256(about.parent / name) for name in ("windows.json", "signals.npy", "fit.npy")},
        "request": {**asdict(request), "prompt": str(request.prompt) if request.prompt else None},
    }


def _sampled(folder: Path, about: dict[str, Any], request: Request) -> "Windows":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from sensegen.generators import load_generator
    from sensegen.scaling import Scaling
    from sensegen.windows import Windows

    classes = tuple(about["classes"])
    labels = request.labels(classes)
    scaling = Scaling(np.array(about["scaling"]["mean"]), np.array(about["scaling"]["stddev"]))
    generator = load_generator(folder)
    length = generator.shape.length if request.seconds is None else round(request.seconds * about["rate_hz"])
    if request.prompt is None and length == generator.shape.length:
        values = generator.sample(labels, request.seed)
    else:
        prompt = _prompt(request, about, scaling, generator.shape.channels)
        values = _continued(generator, prompt, labels, length, request.seed)
    return Windows(
        scaling.invert(values).astype(np.float32),
        labels,
        ("",) * len(labels),
        tuple(about["channels"]),
        classes,
        about["rate_hz"],
        tuple(about["units"]),
    )


def _continued(generator: "Generator", prompt: np.ndarray, labels: np.ndarray, length: int, seed: int) -> np.ndarray:
    from sensegen.generators.generator import Sequential

    if not isinstance(generator, Sequential):
        raise ValueError(
            f"A {generator.kind} makes whole windows of {generator.shape.length} samples. Ask for no other length and "
            "no prompt, or train a generator of kind mdn_rnn, which goes step by step."
        )
    if length < 1:
        raise ValueError(f"--seconds must be at least a sample, but gives {length}.")
    return generator.continued(prompt, labels, length, seed)


def _prompt(request: Request, about: dict[str, Any], scaling: "Scaling", channels: int) -> np.ndarray:
    """The scaled beginning of each window, of no sample where none is given."""
    if request.prompt is None:
        return np.empty((request.windows, 0, channels), np.float32)
    from sensegen import window_files

    given = window_files.read(request.prompt)
    expected = (tuple(about["channels"]), tuple(about["units"]), about["rate_hz"])
    for name, of_prompt, must in zip(
        ("channels", "units", "a rate (Hz) of"), (given.channels, given.units, given.rate_hz), expected, strict=True
    ):
        if of_prompt != must:
            raise ValueError(f"{request.prompt} must have {name} {must}, but has {of_prompt}.")
    return scaling.apply(np.asarray(given.values, np.float64))[np.resize(np.arange(len(given)), request.windows)]
