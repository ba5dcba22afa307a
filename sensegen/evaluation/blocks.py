"""Windows or feature vectors a few at a time, or a random few of them: no measure holds all of them twice."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from sensegen.seeding import rng

BLOCK_NUMBERS = 2**20  # 8 MiB as float64
MEND = "Reject such windows before evaluation."
Rows = Float[np.ndarray, "window ..."]


def blocks(values: Rows, numbers: int | None = None) -> Iterator[Rows]:
    """The windows in order, as float64 arrays of at most `BLOCK_NUMBERS` numbers (and at least one window).

    `numbers` is what a window grows to on the way, where that is more than the window itself.

    Raises:
        ValueError: where a value is not finite: no distance to such windows is a number.
    """
    rows = max(1, BLOCK_NUMBERS // max(1, numbers or int(np.prod(values.shape[1:]))))
    for first in range(0, len(values), rows):
        yield _finite(values[first : first + rows], first)


def few(values: Rows, most: int, seed: int, name: str) -> Float[np.ndarray, "window feature"]:
    """At most `most` windows drawn without replacement, each as one vector of float64, in their order.

    Raises:
        ValueError: where a drawn value is not finite.
    """
    if len(values) > most:
        values = values[np.sort(rng(seed, "few", name).permutation(len(values))[:most])]
    taken = np.asarray(values, np.float64).reshape(len(values), -1)
    if not np.isfinite(taken).all():
        raise ValueError("Windows to compare must be finite, but some of those drawn are not. " + MEND)
    return taken


def check_alike(real: Rows, synthetic: Rows) -> None:
    """Make sure that two sets can be compared.

    Raises:
        ValueError: where the axes after the first differ, or a side has no windows.
    """
    if real.shape[1:] != synthetic.shape[1:]:
        raise ValueError(
            f"Real and synthetic windows must have the same axes after the first, but got {real.shape[1:]} and "
            f"{synthetic.shape[1:]}. Cut both to the same length and the same channels."
        )
    if not len(real) or not len(synthetic):
        raise ValueError(
            f"Both sides must have windows, but got {len(real)} real and {len(synthetic)} synthetic ones. "
            "Leave the measure out where a side has none."
        )


def too_few(real: Rows, synthetic: Rows, fewest: int) -> str | None:
    """Why a measure of two sets that can be compared cannot be taken of so few windows; None where it can."""
    check_alike(real, synthetic)
    if min(len(real), len(synthetic)) >= fewest:
        return None
    return f"it takes {fewest} windows of either side, but there are {len(real)} and {len(synthetic)}"


def _finite(values: Rows, first: int) -> Rows:
    taken = np.asarray(values, np.float64)
    if not np.isfinite(taken).all():
        wrong = first + int(np.argmin(np.isfinite(taken).reshape(len(taken), -1).all(axis=1)))
        raise ValueError(f"Windows to compare must be finite, but window {wrong} is not. {MEND}")
    return taken
