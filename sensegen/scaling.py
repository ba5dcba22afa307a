"""Each channel to mean 0 and standard deviation 1, by what the fit windows show and nothing else."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Float, Int

from sensegen.distributed import by_threads

Block = tuple[Float[np.ndarray, "sample channel"], Int[np.ndarray, "sample"]]


@dataclass(frozen=True)
class Scaling:
    """The mean and the standard deviation of each channel, in the channel's unit."""

    mean: Float[np.ndarray, "channel"]
    stddev: Float[np.ndarray, "channel"]

    @classmethod
    def fit(cls, blocks: Iterable[Block]) -> Self:
        """Measure the scaling of samples that come in blocks, each sample as often as its count says.

        That is what the windows would give if each held samples of its own: a sample counts once a window. A channel
        that never changes keeps its unit, instead of a division by zero.

        The moments of blocks are joined as by Chan, Golub and LeVeque (1983), so that nothing cancels.

        Raises:
            ValueError: if no sample counts.
        """
        covered = ((values, counts) for values, counts in blocks if counts.any())
        if (first := next(covered, None)) is None:
            raise ValueError("A scaling needs at least one sample.")
        # From a sample of its own a constant channel lies exactly 0 away, whatever its mean is rounded to.
        origin = first[0][np.argmax(first[1] > 0)]
        total, mean, squares = 0.0, np.zeros_like(origin), np.zeros_like(origin)
        for weight, block_mean, block_squares in by_threads(partial(_moments, origin), chain([first], covered)):
            apart = block_mean - mean
            squares += block_squares + apart**2 * (total * weight / (total + weight))
            mean += apart * (weight / (total + weight))
            total += weight
        stddev = np.sqrt(squares / total)
        return cls(origin + mean, np.where(stddev > 0, stddev, 1.0))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The scaling of a window folder, from its `windows.json`."""
        document = json.loads((folder / "windows.json").read_text(encoding="utf-8"))["scaling"]
        return cls(np.array(document["mean"]), np.array(document["stddev"]))

    def apply(self, values: Float[np.ndarray, "... channel"]) -> Float[np.ndarray, "... channel"]:
        """From the channels' units to scaled values."""
        scaled = values - self.mean
        scaled /= self.stddev
        return scaled

    def invert(self, values: Float[np.ndarray, "... channel"]) -> Float[np.ndarray, "... channel"]:
        """From scaled values back to the channels' units."""
        return values * self.stddev + self.mean


def _moments(
    origin: Float[np.ndarray, "channel"], block: Block
) -> tuple[float, Float[np.ndarray, "channel"], Float[np.ndarray, "channel"]]:
    """How many samples of a block count, their mean less the origin, and the sum of squared distances from it."""
    values, counts = block
    weights, apart = counts.astype(float), np.ascontiguousarray((values - origin).T)  # a channel a row: faster
    total = float(weights.sum())
    mean = np.einsum("cs,s->c", apart, weights) / total
    apart -= mean[:, None]
    return total, mean, np.einsum("cs,cs,s->c", apart, apart, weights)
