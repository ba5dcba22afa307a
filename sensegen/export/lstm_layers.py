"""The weights of a network of dense, LSTM, LSTM, dense, and the values that it reaches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

GATES = ("input", "forget", "cell", "output")  # in Keras' order, which is that of LiteRT's operator


@dataclass(frozen=True)
class Layers:
    """The four layers' weights as the operators want them, (out, in); of an LSTM by gate."""

    length: int
    weights: Mapping[str, Float[np.ndarray, "..."]]

    @classmethod
    def of(cls, model: Any, length: int) -> "Layers":
        """Of a classifier with `inputs_layer`, `first`, `second` and `head`."""
        found = {}
        for name, layer in (("inputs", model.inputs_layer), ("logits", model.head)):
            found[f"{name}/kernel"], found[f"{name}/bias"] = _array(layer.kernel).T, _array(layer.bias)
        for name, layer in (("first", model.first), ("second", model.second)):
            for part in ("kernel", "recurrent_kernel", "bias"):
                by_gate = np.split(_array(getattr(layer.cell, part)), len(GATES), axis=-1)
                found |= {f"{name}/{part}/{gate}": one.T for gate, one in zip(GATES, by_gate, strict=True)}
        return cls(length, found)

    def reached(self, windows: Float[np.ndarray, "window time channel"]) -> dict[str, tuple[float, float]]:
        """The least and the largest value of what goes in, of each layer, and of each memory."""
        weights, found = self.weights, {"window": windows}
        found["inputs"] = np.maximum(windows @ weights["inputs/kernel"].T + weights["inputs/bias"], 0)
        found["first"], found["first/memory"] = self._lstm("first", found["inputs"])
        found["second"], found["second/memory"] = self._lstm("second", found["first"])
        found["logits"] = found["second"][:, -1] @ weights["logits/kernel"].T + weights["logits/bias"]
        return {name: (float(values.min()), float(values.max())) for name, values in found.items()}

    def _lstm(self, name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kernel, own, bias = (
            np.concatenate([self.weights[f"{name}/{part}/{gate}"] for gate in GATES]).T
            for part in ("kernel", "recurrent_kernel", "bias")
        )
        output = memory = np.zeros((len(values), own.shape[0]), np.float32)
        outputs, memories = [], []
        for step in range(values.shape[1]):
            enter, forget, new, leave = np.split(values[:, step] @ kernel + output @ own + bias, len(GATES), axis=-1)
            memory = _sigmoid(forget) * memory + _sigmoid(enter) * np.tanh(new)
            output = _sigmoid(leave) * np.tanh(memory)
            outputs.append(output)
            memories.append(memory)
        return np.stack(outputs, axis=1), np.stack(memories, axis=1)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * values))


def _array(variable: Any) -> Float[np.ndarray, "..."]:
    return np.asarray(variable.numpy(), np.float32)
