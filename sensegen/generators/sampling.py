"""Windows in batches of few sizes, so that a compiled sampler is compiled once for each; noise depends on the place
alone, and not on the size."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from jaxtyping import Float, Int

from sensegen.distributed import by_threads

BATCHES = (16, 64, 128, 256, 512)  # few windows are wanted soon, many in all


class Sampler(NamedTuple):
    """`draw`: all that is left to chance, row by row, given a seed and a batch of labels and of further arrays; `make`:
    the windows, given the labels and what was drawn for them."""

    draw: Callable[..., Sequence[tf.Tensor]]
    make: Callable[..., tf.Tensor]


def in_batches(
    sampler: Sampler, labels: Int[np.ndarray, "window"], seed: int, *arrays: Float[np.ndarray, "window ..."]
) -> Float[np.ndarray, "window ..."]:
    """What a sampler makes of all labels, and of the rows of further arrays beside them."""
    inputs = (labels.astype(np.int32), *arrays)
    size = _size(len(labels))

    def batch(first: int) -> np.ndarray:
        rows = [array[first : first + size] for array in inputs]
        padded = [tf.constant(_padded(of, size)) for of in rows]
        made: np.ndarray = sampler.make(padded[0], *sampler.draw(tf.constant([seed, first], tf.int32), *padded)).numpy()
        return made[: len(rows[0])]

    # Two at once: much of a sampler is small work of one thread, one after another.
    return np.concatenate(list(by_threads(batch, range(0, max(len(labels), 1), size))))


def of_each(
    sampler: Sampler, asked: Sequence[tuple[Int[np.ndarray, "window"], int]]
) -> list[Float[np.ndarray, "window ..."]]:
    """What `in_batches` makes of each of several labels and seeds, all in one batch; each of them and all together at
    most `BATCHES[-1]` windows. In a batch of another size, sums are rounded otherwise."""
    drawn = []
    for labels, seed in asked:
        size, count = _size(len(labels)), len(labels)
        padded = tf.constant(_padded(labels.astype(np.int32), size))
        chances = sampler.draw(tf.constant([seed, 0], tf.int32), padded)
        drawn.append([array.numpy()[:count] for array in (padded, *chances)])
    joined = [np.concatenate(arrays) for arrays in zip(*drawn, strict=True)]
    size = _size(len(joined[0]))
    made = sampler.make(*(tf.constant(_padded(array, size)) for array in joined)).numpy()
    ends = np.cumsum([len(labels) for labels, _ in asked])
    return np.split(made[: ends[-1]], ends[:-1])


def _size(windows: int) -> int:
    return next((size for size in BATCHES if size >= windows), BATCHES[-1])


def _padded(rows: np.ndarray, size: int) -> np.ndarray:
    """As many rows as a batch has: the last one again and again, or noughts."""
    missing = [(0, size - len(rows))] + [(0, 0)] * (rows.ndim - 1)
    return np.pad(rows, missing, mode="edge" if len(rows) else "constant")
