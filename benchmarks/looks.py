"""What still gives windows away, of the pipeline's last run on UCI HAR (of `sensegen run`, in this folder).

`python -m benchmarks looks` writes the table of its generator, and a picture in docs/images: windows drawn at random,
as the report shows them.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from benchmarks import table
from benchmarks.ledger import commit
from benchmarks.uci_har import ROOT
from sensegen import params as schema
from sensegen.artifacts import Artifacts, writing
from sensegen.evaluation.real import Real
from sensegen.windows import Windows

PICTURES, SHOWN = ROOT / "docs" / "images", "windows_3_total_acc.png"
STRIDE, STRIDE_SECONDS, DRIFT_SECONDS = "body_acc_x", (0.7, 1.5), 0.64
Signals = Float[np.ndarray, "window time channel"]


def run() -> list[str]:
    """The table and the picture.

    Raises:
        ValueError: if the run was of other data.
    """
    artifacts, params = Artifacts(ROOT), schema.load(ROOT / "params.yaml")
    if params.dataset.name != "uci_har":
        raise ValueError(
            f"dataset.name must be uci_har, whose channels are looked at, but is {params.dataset.name}: `sensegen run "
            "--preset uci_har` first."
        )
    sides = windows_of(artifacts)
    heads = ("activity", *(f"{title}: {', '.join(sides)}" for title in MEASURES))
    generator = params.train_generator.generator.kind
    lines = [
        f"uci_har, {generator}, seed {params.seed}, at {commit()}; medians of windows.",
        "",
        *table.markdown(heads, [[name, *told(sides, label)] for label, name in enumerate(sides["fit people"].classes)]),
    ]
    with writing(PICTURES / f"looks_{generator}.png") as path:
        shutil.copyfile(artifacts.report / "figures" / SHOWN, path)
    table.put(f"looks: {generator}", lines)
    return lines


def windows_of(artifacts: Artifacts) -> Mapping[str, Windows]:
    """Made windows, those that the generator saw, and those of test people, in physical units."""
    real = Real.open(artifacts.window)
    made, labels = (np.load(artifacts.evaluate / f"{name}.npy") for name in ("synthetic", "synthetic_labels"))
    fit, test = (
        replace(split, values=real.scaling.invert(np.asarray(split.values))) for split in (real.fit, real.test)
    )
    synthetic = replace(fit, values=made, labels=labels, subjects=("",) * len(made))
    return {"made": synthetic, "fit people": fit, "test people": test}


def told(sides: Mapping[str, Windows], label: int) -> list[str]:
    """A cell a measure: the numbers of all sides, of one activity."""
    chosen = [side.select(np.flatnonzero(side.labels == label)) for side in sides.values()]
    return [", ".join(f"{measure(side):.2f}" for side in chosen) for measure in MEASURES.values()]


def stride(windows: Windows) -> float:
    """How like the next one a stride is: the best correlation with what comes 0.7 to 1.5 s later."""
    values = windows.values[:, :, [windows.channels.index(STRIDE)]]
    first, last = (round(seconds * windows.rate_hz) for seconds in STRIDE_SECONDS)
    best = np.max([correlation(values, lag) for lag in range(first, last + 1)], axis=0)
    return float(np.median(best))


def jolts(windows: Windows) -> float:
    """How sudden changes are: the excess kurtosis of a signal's differences, 0 of Gaussian ones."""
    from scipy.stats import kurtosis

    return float(np.median(kurtosis(np.diff(windows.values, axis=1), axis=1)))


def drift(windows: Windows) -> float:
    """How steadily a signal drifts: its correlation with what comes 0.64 s later."""
    return float(np.median(correlation(windows.values, round(DRIFT_SECONDS * windows.rate_hz))))


def correlation(values: Signals, lag: int) -> Float[np.ndarray, "window channel"]:
    """Of each window and channel with itself, `lag` samples later."""
    now, later = (part - part.mean(axis=1, keepdims=True) for part in (values[:, :-lag], values[:, lag:]))
    norm = np.sqrt((now**2).sum(axis=1) * (later**2).sum(axis=1))
    return (now * later).sum(axis=1) / np.maximum(norm, np.finfo(float).tiny)


MEASURES: Mapping[str, Callable[[Windows], float]] = {
    "a stride and the next": stride,
    "sudden changes": jolts,
    "drift": drift,
}
