"""The folder of windows (`sensegen.windows`): signals scaled by what the fit windows show, and an index a split."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from sensegen import filtering
from sensegen.artifacts import write_text, writing
from sensegen.cutting import Cut
from sensegen.distributed import by_threads
from sensegen.labelling import window_length
from sensegen.params.windowing import NoFiltering, WindowParams
from sensegen.scaling import Scaling
from sensegen.source import Source


def write(
    folder: Path, whole: Cut, splits: Mapping[str, Int[np.ndarray, "window"]], params: WindowParams, source: Source
) -> Scaling:
    """Scale by the fit windows (there must be some) and write the window folder; gives the scaling.

    A class that no window of these splits is of (dropped, or never recorded) is not among the classes of the folder:
    a model has an input or an output for each of them, and would be asked about what nobody ever shows it.
    """
    occurring = np.unique(np.concatenate([whole.index.label[chosen] for chosen in splits.values()]))
    scaling = Scaling.fit(whole.covered_blocks(splits["fit"], window_length(params)))
    with writing(folder / "signals.npy") as path, path.open("wb") as file:
        shape = (whole.samples, whole.channels)
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for scaled in by_threads(lambda block: scaling.apply(block).astype("<f4"), whole.blocks()):
            file.write(scaled.data)
    for split, chosen in splits.items():
        with writing(folder / f"{split}.npy") as path, path.open("wb") as file:
            np.save(file, whole.index.rows(chosen, occurring))
    classes = [source.labels[label] for label in occurring]
    write_text(folder / "windows.json", json.dumps(_meaning(scaling, classes, params, source), indent=2) + "\n")
    return scaling


def _meaning(scaling: Scaling, classes: list[str], params: WindowParams, source: Source) -> dict[str, Any]:
    return {
        "channels": params.channels,
        "units": _units(params, source),
        "rate_hz": params.rate_hz,
        "length": window_length(params),
        "classes": classes,
        "subjects": source.subjects,
        "scaling": {"mean": scaling.mean.tolist(), "stddev": scaling.stddev.tolist()},
    }


def _units(params: WindowParams, source: Source) -> list[str]:
    unit_of = {channel: bounds.unit for bounds in source.signals.values() for channel in bounds.channels}
    if not isinstance(params.filtering, NoFiltering):
        unit = source.signals[params.filtering.acceleration].unit
        unit_of |= dict.fromkeys(filtering.body_channels(params.filtering), unit)
    return [unit_of[channel] for channel in params.channels]
