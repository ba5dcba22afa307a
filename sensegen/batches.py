"""Batches as a function of the step alone, so that a resumed run sees what an uninterrupted one sees."""

from collections.abc import Sequence

import numpy as np

from sensegen.seeding import rng


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
        epoch, at = divmod(step, self.epoch_steps)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, rng(self.seed, "epoch", epoch).permutation(self.windows)
        rows = self._order[at * self.size : (at + 1) * self.size]
        return tuple(array[rows] for array in self.arrays)
