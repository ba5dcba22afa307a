"""As what numbers a network with LSTMs is written to a LiteRT file.

In int8 a cell's memory is int16 in units of a power of two and all else is as for any layer: an output in units of its
own, weights symmetric, a bias in units of input times weight (`lstm.cc` and `unidirectional_sequence_lstm.cc`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

LARGEST = 127
FINEST_MEMORY, COARSEST_MEMORY = -15, -9  # powers of two that the operator takes


class Numbers(ABC):
    """Abstract: as what numbers the tensors of a file are written."""

    dense_version: int
    lstm_version: int
    cut_version: int

    @abstractmethod
    def worked_out(self, name: str) -> tuple[Any, ...]:
        """Kind, and scale and zero if there are, of what a layer says."""

    @abstractmethod
    def memory(self, name: str) -> tuple[Any, ...]:
        """The same of an LSTM's memory."""

    @abstractmethod
    def weight(self, values: np.ndarray) -> tuple[Any, ...]:
        """A kernel's numbers, and their scale if there is one."""

    @abstractmethod
    def bias(self, values: np.ndarray, kernel: np.ndarray, seen: str) -> tuple[Any, ...]:
        """The same of the bias beside a kernel that sees layer `seen`."""


class FloatNumbers(Numbers):
    """All in float."""

    dense_version, lstm_version, cut_version = 5, 1, 1

    def worked_out(self, name: str) -> tuple[Any, ...]:
        return (np.float32,)

    def memory(self, name: str) -> tuple[Any, ...]:
        return (np.float32,)

    def weight(self, values: np.ndarray) -> tuple[Any, ...]:
        return (values,)

    def bias(self, values: np.ndarray, kernel: np.ndarray, seen: str) -> tuple[Any, ...]:
        return (values,)


class DynamicRange(FloatNumbers):
    """Kernels in int8."""

    lstm_version = 2

    def weight(self, values: np.ndarray) -> tuple[Any, ...]:
        scale = _symmetric_scale(values)
        return np.round(values / scale).astype(np.int8), scale


class Int8(DynamicRange):
    """All in int8, by the values that were reached."""

    lstm_version, cut_version = 3, 2

    def __init__(self, reached: Mapping[str, tuple[float, float]]):
        self.reached = reached

    def worked_out(self, name: str) -> tuple[Any, ...]:
        low, high = min(self.reached[name][0], 0.0), max(self.reached[name][1], 0.0)
        scale = np.float32((high - low) / 255) or np.float32(1)
        return np.int8, scale, int(np.round(-128 - low / scale))

    def memory(self, name: str) -> tuple[Any, ...]:
        largest = max(map(abs, self.reached[f"{name}/memory"])) or 1.0
        power = int(np.clip(np.ceil(np.log2(largest / 32767)), FINEST_MEMORY, COARSEST_MEMORY))
        return np.int16, 2.0**power, 0

    def bias(self, values: np.ndarray, kernel: np.ndarray, seen: str) -> tuple[Any, ...]:
        scale = self.worked_out(seen)[1] * _symmetric_scale(kernel)
        return np.round(values / scale).astype(np.int32), scale


def _symmetric_scale(values: np.ndarray) -> np.float32:
    return np.float32(np.abs(values).max() / LARGEST) or np.float32(1)
