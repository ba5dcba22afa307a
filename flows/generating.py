"""`sensegen generate`: windows of the trained generator into one file, in physical units, with where they come from.

Generators that make windows step by step (`Sequential`) also make longer or shorter ones, and go on from the beginning
of windows that are given: the person, the phone and the phase are those of the beginning.
"""

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sensegen import released
from sensegen.artifacts import Artifacts
from sensegen.released import Asked, Release

if TYPE_CHECKING:
    from sensegen.generators.generator import Generator
    from sensegen.windows import Windows


@dataclass(frozen=True)
class Request(Asked):
    """What else may be asked for.

    `seconds` is the length of windows (None: as trained); `prompt` a file of windows that they begin with, each in
    turn; `temperature` how much of the generator's noise is drawn (None: as in params.yaml).
    """

    seconds: float | None = None
    prompt: Path | None = None
    temperature: float | None = None


def generate(root: Path, request: Request, out: Path) -> "Windows":
    """Sample the generator of the last run and write its windows; whole or not at all.

    Raises:
        ValueError: no generator has been trained, it knows no such activity, or the ending of `out` is unknown.
    """
    from sensegen import window_files

    artifacts = Artifacts(root)
    folder = artifacts.alternate / "generator"
    if not (folder / "config.json").exists() or not (artifacts.window / "windows.json").exists():
        raise ValueError(f"There is no trained generator in {folder}. Run `sensegen run` first.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if out.suffix.lower() not in window_files.WRITERS:  # before minutes of sampling
        raise ValueError(f"{out} must end with one of {', '.join(window_files.WRITERS)}, which say how to write it.")
    with tempfile.TemporaryDirectory() as temporary:
        released.write(Path(temporary) / "release", folder, artifacts.window)
        windows = _sampled(Release.load(Path(temporary) / "release"), request)
    window_files.write(out, windows, provenance(folder, artifacts.window, request))
    return windows


def provenance(folder: Path, learned: Path, request: Request) -> dict[str, Any]:
    """The model by its hash, the windows that it learned from by theirs, and what was asked for."""
    from sensegen.fetching.provenance import sha256

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return {
        "made_by": f"sensegen {version('sensegen')}",
        "synthetic": True,
        "model": {**config, "sha256": sha256(folder / "weights.safetensors")},
        "learned_from": {name: sha256(learned / name) for name in ("windows.json", "signals.npy", "fit.npy")},
        "request": {**asdict(request), "prompt": str(request.prompt) if request.prompt else None},
    }


def _sampled(release: Release, request: Request) -> "Windows":
    generator = _warmed(release.generator, request.temperature)
    length = generator.shape.length if request.seconds is None else round(request.seconds * release.empty.rate_hz)
    if request.prompt is None and length == generator.shape.length:
        return release.windows(request)
    labels = request.labels(release.classes)
    values = _continued(generator, _prompt(request, release), labels, length, request.seed)
    return release.in_units(values, labels)


def _warmed(generator: "Generator", temperature: float | None) -> "Generator":
    from sensegen.generators.conditional import Conditional

    if temperature is None:
        return generator
    if not isinstance(generator, Conditional):
        raise ValueError(f"A {generator.kind} draws at temperature 1 alone. Leave --temperature out.")
    if not 0 < temperature <= 2:
        raise ValueError(f"--temperature must be above 0 and at most 2, but is {temperature}.")
    generator.temperature = temperature
    return generator


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


def _prompt(request: Request, release: Release) -> np.ndarray:
    """The scaled beginning of each window, of no sample where none is given."""
    if request.prompt is None:
        return np.empty((request.windows, 0, release.generator.shape.channels), np.float32)
    from sensegen import window_files

    given = window_files.read(request.prompt)
    for name in ("channels", "units", "rate_hz"):
        of_prompt, must = getattr(given, name), getattr(release.empty, name)
        if of_prompt != must:
            raise ValueError(f"{request.prompt} must have {name} {must}, but has {of_prompt}.")
    scaled = release.scaling.apply(np.asarray(given.values, np.float64))
    return scaled[np.resize(np.arange(len(given)), request.windows)]
