"""Randomness is an argument: every use of it has a name, and its own stream."""

import zlib

import numpy as np


def rng(seed: int, *names: str | int) -> np.random.Generator:
    """The stream for one named use of randomness, e.g. `rng(params.seed, "split")`.

    A draw added to one use does not change the numbers of another.
    """
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])


def derived_seed(seed: int, *names: str | int) -> int:
    """A seed below 2**31 for libraries that take an integer, by the same names."""
    return int(rng(seed, *names).integers(2**31))
