"""Each channel to mean 0 and standard deviation 1, by what the fit windows show and nothing else."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Scaling:
    """The mean and the standard deviation of each channel, in the channel's unit."""

    mean: Float[np.ndarray, "channel"]
    stddev: Float[np.ndarray, "channel"]

    @classmethod
    def fit(cls, values: Float[np.ndarray, "sample channel"]) -> Self:
        """Measure the scaling. A channel that never changes keeps its unit, instead of a division by zero."""
        stddev = values.std(axis=0)
        return cls(values.mean(axis=0), np.where(stddev > 0, stddev, 1.0))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The scaling of a window folder, from its `windows.json`."""
        document = json.loads((folder / "windows.json").read_text(encoding="utf-8"))["scaling"]
        return cls(np.array(document["mean"]), np.array(document["stddev"]))

    def apply(self, values: Float[np.ndarray, "... channel"]) -> Float[np.ndarray, "... channel"]:
        """From the channels' units to scaled values."""
        return (values - self.mean) / self.stddev

    def invert(self, values: Float[np.ndarray, "... channel"]) -> Float[np.ndarray, "... channel"]:
        """From scaled values back to the channels' units."""
        return values * self.stddev + self.mean
