"""UCI HAR as the benchmarks need it: the params of its preset, and the windows of the published protocol."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import yaml

from sensegen import cutting, datasets, params, presets, recordings, splitting, window_folder
from sensegen.artifacts import Artifacts, scratch
from sensegen.params import Params
from sensegen.progress import reporter
from sensegen.windows import Windows

ROOT = Path(__file__).resolve().parents[1]
Rows = Mapping[str, np.ndarray]  # of the windows, by split


def preset_params() -> Params:
    """The params that `make run PRESET=uci_har` uses, without changing params.yaml."""
    committed = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = presets.applied(committed, (ROOT / "presets" / "uci_har.yaml").read_text(encoding="utf-8"))
    return params.check(yaml.safe_load(text))


def published_folder(folder: Path) -> Path:
    """The window folder of the published protocol: all 7,352 training windows, which scale them, and 2,947 of test."""

    def published(splits: Rows) -> Rows:
        train = np.sort(np.concatenate([rows for name, rows in splits.items() if name != "test"]))
        return {"fit": train, "test": splits["test"]}

    return window_folder_of(preset_params(), folder, published)


def opened(windows: Path) -> tuple[Windows, Windows]:
    """The splits fit and test of a window folder."""
    return Windows.open(windows / "fit"), Windows.open(windows / "test")


def our_split(folder: Path) -> Path:
    """The window folder of the pipeline's own four splits; `folder` takes the files."""
    return window_folder_of(preset_params(), folder, four_splits)


def four_splits(splits: Rows) -> Rows:
    """The pipeline's own."""
    return {name: splits[name] for name in splitting.SPLITS}


def window_folder_of(checked: Params, folder: Path, parts: Callable[[Rows], Rows]) -> Path:
    """Fetch the archive, cut it and write the windows of each part, as the stages do."""
    source, dataset, artifacts = datasets.check(checked), datasets.get(checked.dataset.name), Artifacts(folder)
    dataset.fetch(artifacts.download / "raw", checked, reporter("download"), folder / "downloads")
    recordings.write(datasets.read_all(artifacts.download / "raw", checked.dataset), folder / "recordings")
    with scratch(artifacts.window / ".pieces") as pieces:
        whole = cutting.cut(folder / "recordings", pieces, checked.window, source, checked.runtime)
        splits = splitting.split(whole.index, checked.window, source)
        window_folder.write(artifacts.window, whole, parts(splits), checked.window, source)
    return artifacts.window
