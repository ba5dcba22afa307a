"""What is done with models; only `commands` talks to a person."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensegen import params as schema
from sensegen import released
from sensegen.artifacts import Artifacts

if TYPE_CHECKING:
    from sensegen.params import Params
    from sensegen.promotion import Judged, Verdict
    from sensegen.released import Release
    from sensegen.tracking.registry import Registry, Version


def register(root: Path, params: "Params", run: Any, metrics: Mapping[str, float]) -> "Version":
    """Register the generator of the last run as a version, with params, hashes of its data and metrics.

    Raises:
        ValueError: if the store cannot be used.
        FileNotFoundError: if no generator has been trained.
    """
    from sensegen.tracking import provenance
    from sensegen.tracking.registry import Registry

    artifacts = Artifacts(root)
    data = {f"data.{path}": md5 for path, md5 in provenance.input_hashes(root, "train_generator").items()}
    tags = provenance.tags(root, params) | data | {"dataset": params.dataset.name}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "release"
        released.write(folder, artifacts.alternate / "generator", artifacts.window)
        return Registry(root, params.promotion.model).register(folder, run.run_id, tags, metrics)


def promote(root: Path, number: int | None = None) -> "tuple[Version, Verdict]":
    """Judge a version (None: the challenger) beside the champion; it takes its place only if it is better.

    Raises:
        ValueError: there is no such version, it is champion already, a release was tampered with, or there are no
            windows to judge by.
    """
    from sensegen.promotion import Verdict, decided
    from sensegen.tracking.registry import CHALLENGER, CHAMPION, Registry

    params = schema.load(root / "params.yaml")
    registry = Registry(root, params.promotion.model)
    challenger = registry.numbered(number) if number is not None else registry.named(CHALLENGER)
    champion = registry.named(CHAMPION)
    if challenger is None:
        raise ValueError(f"Model {registry.model} has no version yet. `sensegen run` registers one.")
    if challenger == champion:
        raise ValueError(f"Version {challenger.number} of {registry.model} is the champion already.")
    try:
        judged = [_judged(root, params, registry, version) for version in (challenger, champion) if version]
        verdict = decided(judged[0], judged[1] if champion else None, params.promotion)
    except released.Tampered:
        raise
    except ValueError as error:
        verdict = Verdict(False, f"it cannot be compared: {error}", {})
    registry.judge(challenger, asdict(verdict))
    if verdict.promoted:
        registry.promote(challenger)
    return challenger, verdict


def _judged(root: Path, params: "Params", registry: "Registry", version: "Version") -> "Judged":
    from sensegen.divergence import AlertLog
    from sensegen.evaluation import draw
    from sensegen.evaluation.real import Real
    from sensegen.promotion import judged
    from sensegen.training_run import Training

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    draw.set_up(params.runtime)
    training = Training(params, AlertLog(root / ".cache" / "alerts" / "promotion.jsonl", "promotion"))
    return judged(taken(root, registry, version), Real.open(Artifacts(root).window), training)


def served(root: Path, params: "Params", address: str | None) -> "Release":
    """The release to serve: that of an address, or the champion.

    Raises:
        ValueError: if there is none, or its files are not those that were logged.
    """
    from sensegen.released import Release
    from sensegen.tracking import fetch_release
    from sensegen.tracking.registry import CHAMPION, Registry

    if address is None:
        registry = Registry(root, params.promotion.model)
        champion = registry.named(CHAMPION)
        if champion is None:
            raise ValueError(f"Model {registry.model} has no champion yet: `sensegen run`, then `sensegen promote`.")
        return taken(root, registry, champion)
    with tempfile.TemporaryDirectory() as temporary:
        fetch_release(root, address, Path(temporary) / "release")
        return Release.load(Path(temporary) / "release")


def taken(root: Path, registry: "Registry", version: "Version") -> "Release":
    """The release of a version, checked by its sha256.

    Raises:
        Tampered: if its files are not those that were registered.
    """
    from sensegen.released import Release
    from sensegen.tracking import fetch_release

    with tempfile.TemporaryDirectory() as temporary:
        fetch_release(root, version.address, Path(temporary) / "release")
        return Release.load(Path(temporary) / "release", version.sha256)
