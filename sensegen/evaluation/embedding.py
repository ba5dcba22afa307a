"""Where windows lie beside each other: two principal components of what the frozen encoder sees, for a picture.

The plane is that of the real fit windows alone, so that no generator can turn it; what a plane cannot show is not
shown, so it is a picture and no measure.
"""

from collections.abc import Mapping

import numpy as np

from sensegen.evaluation.draw import Draw
from sensegen.evaluation.encoder import Encoder
from sensegen.guard import Row
from sensegen.seeding import rng
from sensegen.windows import Windows

MOST = 400  # points a set: more of them hide each other
SHOWN = ("bootstrap", "pca_mixture", "phase_surrogate", "noise")  # of the controls


def points(encoder: Encoder, draw: Draw) -> list[Row]:
    """Rows of `set`, `activity`, `x` and `y`, in standard deviations of the fit windows along the first component."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    sets: Mapping[str, Windows] = {
        "real": draw.real.fit,
        "synthetic": draw.judged.synthetic,
        **{name: windows for name, windows in draw.cheats.items() if name in SHOWN},
    }
    few = {name: _few(windows, draw.seed, name) for name, windows in sets.items()}
    features = {name: encoder.features(windows.values) for name, windows in few.items()}
    scaler = StandardScaler().fit(features["real"])
    width = min(2, *features["real"].shape)
    plane = PCA(width, svd_solver="full").fit(scaler.transform(features["real"]))
    spread = float(np.sqrt(plane.explained_variance_[0])) or 1.0
    return [
        {"set": name, "activity": windows.classes[label], "x": f"{place[0]:.4f}", "y": f"{place[-1]:.4f}"}
        for name, windows in few.items()
        for label, place in zip(windows.labels, plane.transform(scaler.transform(features[name])) / spread, strict=True)
    ]


def _few(windows: Windows, seed: int, name: str) -> Windows:
    return windows.select(np.sort(rng(seed, "embedding", name).permutation(len(windows))[:MOST]))
