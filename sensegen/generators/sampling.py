"""Windows in batches of few sizes, so that a compiled sampler is compiled once for each; noise depends on the place
alone, and not on the size."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from jaxtyping import Float, Int

from sensegen.distributed import by_threads

BATCHES = (16, 64, 512)  # few windows are wanted soon, many in all
Sampler = Callable[..., tf.Tensor]  # of a seed and a batch of each array


def in_batches(
    sampler: Sampler, labels: Int[np.ndarray, "window"], seed: int, *arrays: Float[np.ndarray, "window ..."]
) -> Float[np.ndarray, "window ..."]:
    """What a sampler makes of all labels, and of the rows of further arrays beside them."""
    inputs = (labels.astype(np.int32), *arrays)
    size = next((size for size in BATCHES if size >= len(labels)), BATCHES[-1])

    def batch(first: int) -> np.ndarray:
        rows = [array[first : first + size] for array in inputs]
        made: np.ndarray = sampler(
            tf.constant([seed, first], tf.int32), *(tf.constant(_padded(of, size)) for of in rows)
        ).numpy()
        return made[: len(rows[0])]

    # Two at once: much of a sampler is small work of one thread, one after another.
    return np.concatenate(list(by_threads(batch, range(0, max(len(labels), 1), size))))


def _padded(rows: np.ndarray, size: int) -> np.ndarray:
    """As many rows as a batch has: the last one again and again, or noughts."""
    missing = [(0, size - len(rows))] + [(0, 0)] * (rows.ndim - 1)
    return np.pad(rows, missing, mode="edge" if len(rows) else "constant")
