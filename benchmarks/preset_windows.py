"""All windows of a preset, in one split: for benchmarks that deal the people out themselves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.uci_har import ROOT
from sensegen import cutting, datasets, params, presets, recordings, window_folder
from sensegen.artifacts import Artifacts, scratch
from sensegen.params import Params
from sensegen.progress import reporter
from sensegen.windows import Windows


def preset_params(preset: str, window: Mapping[str, Any]) -> Params:
    """The params that `make run PRESET=...` uses, with changes to the section `window`; params.yaml stays as it is."""
    committed = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = presets.applied(committed, (ROOT / "presets" / f"{preset}.yaml").read_text(encoding="utf-8"))
    raw = yaml.safe_load(text)
    raw["window"] |= window
    return params.check(raw)


def all_windows(checked: Params, folder: Path) -> Windows:
    """Every window, scaled by all of them: scale again by the people fitted on. `folder` takes the files."""
    source, dataset = datasets.check(checked), datasets.get(checked.dataset.name)
    artifacts, recorded = Artifacts(folder), folder / "recordings"
    if not recorded.exists():
        dataset.fetch(artifacts.download / "raw", checked, reporter("download"), folder / "downloads")
        recordings.write(datasets.read_all(artifacts.download / "raw", checked.dataset), recorded)
    with scratch(artifacts.window / ".pieces") as pieces:
        whole = cutting.cut(recorded, pieces, checked.window, source, checked.runtime)
        window_folder.write(artifacts.window, whole, {"fit": np.arange(len(whole.index))}, checked.window, source)
    return Windows.open(artifacts.window / "fit")
