"""A model's folder for a device: the model in each format, and `model.json` with what has to be known to use it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sensegen.artifacts import writing
from sensegen.scaling import Scaling
from sensegen.windows import Windows

ONNX = "onnx"


@dataclass(frozen=True)
class Bundle:
    """The files of one model by format, what is said of it, and tables that lie beside it.

    A model that has no files says why under `reason`.
    """

    about: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)
    tables: Mapping[str, np.ndarray] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write the folder, whole or not at all."""
        with writing(folder) as temporary:
            temporary.mkdir()
            for name, content in self.files.items():
                (temporary / file_name(name)).write_bytes(content)
            for name, table in self.tables.items():
                np.save(temporary / f"{name}.npy", table)
            about = {**self.about, "files": {name: file_name(name) for name in self.files}}
            (temporary / "model.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def file_name(name: str) -> str:
    """Of the file of a format."""
    return "model.onnx" if name == ONNX else f"{name}.tflite"


def meaning(windows: Windows, scaling: Scaling) -> dict[str, Any]:
    """What the numbers of windows mean: whoever runs a model scales by these, and keeps a window of this length."""
    return {
        "channels": list(windows.channels),
        "units": list(windows.units),
        "rate_hz": windows.rate_hz,
        "length": windows.shape.length,
        "mean": scaling.mean.tolist(),
        "stddev": scaling.stddev.tolist(),
        "classes": list(windows.classes),
    }
