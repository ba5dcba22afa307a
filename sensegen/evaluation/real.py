"""The real windows that an evaluation compares with: four splits in one scale.

Either the folder that the stage `window` wrote, or a folder with a file a split (`fit.parquet`, `test.npz`, ...) of
windows from anywhere, in physical units. `fit` and `test` must be there; without `held_out_time` nothing can be said
about memorisation, and without it or `validation` nothing about membership.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sensegen import window_files
from sensegen.evaluation.comparison import comparable
from sensegen.scaling import Scaling
from sensegen.windows import Windows

SPLITS = ("fit", "validation", "held_out_time", "test")


@dataclass(frozen=True)
class Real:
    """Scaled windows of each split (of none, where a split was not given), and the scaling back to their units."""

    fit: Windows
    validation: Windows
    held_out_time: Windows
    test: Windows
    scaling: Scaling

    @classmethod
    def open(cls, folder: Path) -> "Real":
        """The splits in a folder.

        Raises:
            ValueError: a split is missing, stands there twice, or is not comparable with `fit`.
        """
        if (folder / "windows.json").is_file():
            fit, validation, held_out_time, test = (Windows.open(folder / name) for name in SPLITS)
            return cls(fit, validation, held_out_time, test, Scaling.load(folder))
        return _of_files(folder)


def _of_files(folder: Path) -> Real:
    paths = {name: _split_file(folder, name) for name in SPLITS}
    if missing := [name for name in ("fit", "test") if paths[name] is None]:
        known = ", ".join(window_files.READERS)
        raise ValueError(
            f"{folder} must be a folder of the stage window, or hold a file (one of {known}) for each of fit and test, "
            f"but has none for {' and '.join(missing)}."
        )
    given = {name: window_files.read(path) for name, path in paths.items() if path is not None}
    values = np.asarray(given["fit"].values)
    samples = values.reshape(-1, values.shape[2]).astype(float)
    scaling = Scaling.fit([(samples, np.ones(len(samples), np.int64))])
    classes = tuple(sorted({name for windows in given.values() for name in windows.classes}))
    labels = np.array([classes.index(name) for name in given["fit"].classes])[given["fit"].labels]
    scaled = scaling.apply(values.astype(float)).astype(np.float32)
    fit = replace(given["fit"], values=scaled, labels=labels, classes=classes)
    validation, held_out_time, test = (_as_fit(fit, scaling, given.get(name), name) for name in SPLITS[1:])
    return Real(fit, validation, held_out_time, test, scaling)


def _as_fit(fit: Windows, scaling: Scaling, given: Windows | None, name: str) -> Windows:
    if given is None:
        return fit.select(np.empty(0, np.int64))
    try:
        return comparable(fit, scaling, given).windows
    except ValueError as error:
        raise ValueError(f"Split {name}: {error}") from None


def _split_file(folder: Path, name: str) -> Path | None:
    found: Sequence[Path] = [path for ending in window_files.READERS if (path := folder / f"{name}{ending}").is_file()]
    if len(found) > 1:
        raise ValueError(f"{folder} holds {' and '.join(path.name for path in found)}; keep one file a split.")
    return found[0] if found else None
