"""Batches as a function of the step alone, so that a resumed run sees what an uninterrupted one sees."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from sensegen.seeding import rng

BLOCK = 1024


class EpochBatches:
    """Rows of several arrays together, in a new order every epoch; `batches(step)` is one batch of each array.

    Every batch has the same size (a shorter rest waits for another epoch's order), so that a compiled step is
    compiled once.
    """

    def __init__(self, arrays: Sequence[np.ndarray], batch_windows: int, *, seed: int):
        self.arrays = arrays
        self.seed = seed
        self.windows = len(arrays[0])
        self.size = min(batch_windows, self.windows)
        self.epoch_steps = self.windows // self.size
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def __call__(self, step: int) -> tuple[np.ndarray, ...]:
        rows = self.rows(step)
        return tuple(array[rows] for array in self.arrays)

    def rows(self, step: int) -> Int[np.ndarray, "window"]:
        """Which rows a batch has."""
        epoch, at = divmod(step, self.epoch_steps)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, rng(self.seed, "epoch", epoch).permutation(self.windows)
        return self._order[at * self.size : (at + 1) * self.size]


class CutAnywhere:
    """Batches of windows (the first array) that begin anywhere between a window and the next one that it overlaps.

    Where a recording happened to be cut says nothing of a person, and there are as many more windows to learn from as
    there are samples between two cuts. Windows that no other one follows stay as they are.
    """

    def __init__(self, batches: EpochBatches, labels: Int[np.ndarray, "window"], stride: int):
        self.batches, self.stride = batches, stride
        self.epoch_steps = batches.epoch_steps
        self.followed = followed(batches.arrays[0], labels, stride)

    def __call__(self, step: int) -> tuple[np.ndarray, ...]:
        rows = self.batches.rows(step)
        values, *others = (array[rows] for array in self.batches.arrays)
        followed = self.followed[rows]
        joined = np.concatenate([values, self.batches.arrays[0][rows + followed][:, -self.stride :]], axis=1)
        offsets = followed * rng(self.batches.seed, "offset", step).integers(0, self.stride, len(rows))
        samples = offsets[:, None] + np.arange(values.shape[1])
        return np.take_along_axis(joined, samples[..., None], axis=1), *others


def followed(
    values: Float[np.ndarray, "window time channel"], labels: Int[np.ndarray, "window"], stride: int
) -> Bool[np.ndarray, "window"]:
    """Whether the next window is of the same class and begins with all but the first `stride` samples of this one."""
    shared, count = values.shape[1] - stride, len(values)
    found = np.zeros(count, bool)
    if shared > 0:
        for first in range(0, count - 1, BLOCK):
            block = values[first : min(first + BLOCK, count - 1) + 1]
            same = (block[:-1, stride:] == block[1:, :shared]).all(axis=(1, 2))
            found[first : first + len(same)] = same
        found[:-1] &= labels[:-1] == labels[1:]
    return found
