"""How the values of each channel are distributed, counted in passing: what `reference.json` keeps, and drift from it.

Values are counted in narrow bins between the limits that the dataset declares, so a count takes the same memory for
any number of samples, counts of several processes add up exactly, and what was refused can be taken out again.
Drift is the population stability index over the ten parts that held a tenth each of the reference: the sum of
(share now - share then) ln(share now / share then). Below 0.1 is usually called stable, above 0.25 shifted. Samples of
a sensor follow each other closely, so a few short recordings may differ by chance: compare like with like.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sensegen.params import InvalidParams
from sensegen.source import Bounds, Source

BINS = 4096
PARTS = 10
WAITING_SAMPLES = 1 << 16
LEAST_SHARE = 1e-4  # instead of 0, whose logarithm is infinite


class Distribution:
    """Counts of the finite values of one signal; those beyond a limit count at the limit."""

    def __init__(self, bounds: Bounds):
        self.bounds = bounds
        self.counts: Int[np.ndarray, "channel bin"] = np.zeros((len(bounds.channels), BINS), np.int64)
        self.waiting: list[np.ndarray] = []
        self.samples = 0

    def add(self, values: Float[np.ndarray, "time channel"]) -> None:
        """Count the values of one recording."""
        self.waiting.append(values)
        self.samples += len(values)
        if self.samples >= WAITING_SAMPLES:
            self.flush()

    def flush(self) -> None:
        """Count what waits; binning many short recordings at once is what makes it cheap."""
        if self.waiting:
            self.counts += _binned(np.concatenate(self.waiting), self.bounds)
            self.waiting, self.samples = [], 0

    def take_out(self, values: Float[np.ndarray, "time channel"]) -> None:
        """Undo `add` of a recording."""
        self.counts -= _binned(values, self.bounds)

    def shares_below(self, channel: int) -> Float[np.ndarray, "edge"]:
        """The share of the values below each edge of the bins; zeros where there is no value."""
        cumulative = np.concatenate([[0], np.cumsum(self.counts[channel])])
        return cumulative / max(1, cumulative[-1])


def counted(source: Source) -> dict[str, Distribution]:
    """Empty counts of every signal whose limits are finite."""
    return {
        name: Distribution(bounds)
        for name, bounds in source.signals.items()
        if np.isfinite([bounds.low, bounds.high]).all() and bounds.low < bounds.high
    }


def _binned(values: Float[np.ndarray, "time channel"], bounds: Bounds) -> Int[np.ndarray, "channel bin"]:
    counts = np.empty((values.shape[1], BINS), np.int64)
    for channel, column in enumerate(values.T):
        places = (column[np.isfinite(column)] - bounds.low) * (BINS / (bounds.high - bounds.low))
        counts[channel] = np.bincount(np.clip(places, 0, BINS - 1).astype(np.int64), minlength=BINS)
    return counts


def _edges(bounds: Bounds) -> Float[np.ndarray, "edge"]:
    return bounds.low + (bounds.high - bounds.low) * np.arange(BINS + 1) / BINS


def reference(distributions: Mapping[str, Distribution]) -> dict[str, Any]:
    """What `reference.json` holds of each channel: unit, samples, the nine inner quantiles and the ten shares."""
    found = {}
    for name, one in distributions.items():
        one.flush()
        for at, channel in enumerate(one.bounds.channels):
            if samples := int(one.counts[at].sum()):
                below, edges = one.shares_below(at), _edges(one.bounds)
                inner = np.unique(np.searchsorted(below, np.arange(1, PARTS) / PARTS))
                shares = np.diff(below[inner], prepend=0, append=1)
                found[f"{name}.{channel}"] = {
                    "unit": one.bounds.unit,
                    "samples": samples,
                    "quantiles": edges[inner].tolist(),
                    "shares": shares.tolist(),
                }
    return found


def to_json(reference: Mapping[str, Any]) -> str:
    """The text of `reference.json`."""
    return json.dumps({"channels": reference}, indent=2, sort_keys=True) + "\n"


def read(path: Path) -> dict[str, Any]:
    """The channels of a `reference.json`, or of the one in a folder.

    Raises:
        InvalidParams: if there is none, or if it is of another kind.
    """
    path = path / "reference.json" if path.is_dir() else path
    try:
        channels = json.loads(path.read_text(encoding="utf-8"))["channels"]
        return {name: {key: one[key] for key in ("unit", "quantiles", "shares")} for name, one in channels.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidParams(
            f"validate.reference must be a reference.json that the stage validate wrote, or its folder, but {path} "
            f"cannot be read as one: {error}. Correct it, or set it to null."
        ) from error


def drift(distributions: Mapping[str, Distribution], earlier: Mapping[str, Any]) -> dict[str, float]:
    """The population stability index of each channel that both have, in the same unit; 0 is no drift."""
    indices = {}
    for name, one in distributions.items():
        one.flush()
        for at, channel in enumerate(one.bounds.channels):
            then = earlier.get(f"{name}.{channel}")
            if then is None or then["unit"] != one.bounds.unit or not one.counts[at].any():
                continue
            below = np.interp(then["quantiles"], _edges(one.bounds), one.shares_below(at))
            now = np.maximum(np.diff(below, prepend=0, append=1), LEAST_SHARE)
            was = np.maximum(np.array(then["shares"]), LEAST_SHARE)
            indices[f"{name}.{channel}"] = float(((now - was) * np.log(now / was)).sum())
    return indices
