"""Windows in batches of one size, so that a compiled sampler is compiled once; noise depends on the place alone."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from jaxtyping import Float, Int

BATCH = 512
Sampler = Callable[..., tf.Tensor]  # of a seed and a batch of each array


def in_batches(
    sampler: Sampler, labels: Int[np.ndarray, "window"], seed: int, *arrays: Float[np.ndarray, "window ..."]
) -> Float[np.ndarray, "window ..."]:
    """What a sampler makes of all labels, and of the rows of further arrays beside them."""
    made = []
    for first in range(0, max(len(labels), 1), BATCH):
        rows = slice(first, first + BATCH)
        batch = [tf.constant(_padded(array[rows])) for array in (labels.astype(np.int32), *arrays)]
        made.append(sampler(tf.constant([seed, first], tf.int32), *batch).numpy()[: len(labels[rows])])
    return np.concatenate(made)


def _padded(rows: np.ndarray) -> np.ndarray:
    """As many rows as a batch has: the last one again and again, or noughts."""
    missing = [(0, BATCH - len(rows))] + [(0, 0)] * (rows.ndim - 1)
    return np.pad(rows, missing, mode="edge" if len(rows) else "constant")
