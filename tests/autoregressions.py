"""Recordings of a known process, and windows of them as the stage leaves them."""

import json
from pathlib import Path

import numpy as np

from sensegen.artifacts import Artifacts

SWING = np.array([[[1.2, 0.0], [0.3, 0.5]], [[-0.6, 0.0], [0.0, 0.2]]])  # lag, to, from


def process(length: int, seed: int, coefficients: np.ndarray = SWING, loudness: float = 1.0) -> np.ndarray:
    """A vector autoregression with noise of variance 1 (times `loudness`) in each channel."""
    stream = np.random.default_rng(seed)
    order, channels = coefficients.shape[:2]
    values = np.zeros((length + 100, channels))
    for time in range(order, len(values)):
        noise = loudness * stream.standard_normal(channels)
        values[time] = noise + sum(coefficients[lag] @ values[time - 1 - lag] for lag in range(order))
    return values[100:]


def window_folder(root: Path, signals: np.ndarray, rows: dict[str, list[list[int]]], length: int) -> None:
    """Windows as the stage leaves them: all samples, and of each split (start, label, subject)."""
    folder = Artifacts(root).window
    folder.mkdir(parents=True)
    about = {
        **{"channels": ["acc_x", "acc_y"], "units": ["g", "g"], "rate_hz": 50.0, "length": length},
        **{"classes": ["walk", "rest"], "subjects": ["A", "B"], "scaling": {"mean": [1.0, 0.0], "stddev": [2.0, 1.0]}},
    }
    (folder / "windows.json").write_text(json.dumps(about), encoding="utf-8")
    np.save(folder / "signals.npy", signals.astype(np.float32))
    for name, starts in rows.items():
        np.save(folder / f"{name}.npy", np.array(starts))
