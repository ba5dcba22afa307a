"""A network of dense, LSTM, LSTM, dense as a LiteRT file of four operators and a cut.

LiteRT has an operator for a whole LSTM layer. Its converter knows how to find it in Keras 2 only; of Keras 3 it makes a
loop, which holds some weights twice, is many times slower, and cannot be calibrated in useful time. So the file is
written directly (`flatbuffer`), in float, with int8 weights, or in int8.

In int8 a cell's memory is int16 in units of a power of two and all else is as for any layer: an output in units of its
own, weights symmetric, a bias in units of input times weight (`lstm.cc` and `unidirectional_sequence_lstm.cc`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

GATES = ("input", "forget", "cell", "output")  # in Keras' order, which is that of the operator
NONE = -1  # the operator's word for a tensor that is not there
LARGEST = 127
ONNX_VERSION = 17
FINEST_MEMORY, COARSEST_MEMORY = -15, -9  # powers of two that the operator takes


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


class LSTMFile:
    """The file of `Layers` in some `Numbers`."""

    def __init__(self, layers: Layers, numbers: Numbers):
        from sensegen.export.flatbuffer import ModelBuilder

        self.layers, self.numbers, self.builder = layers, numbers, ModelBuilder()
        self.schema = self.builder.schema

    def content(self) -> bytes:
        """The bytes."""
        length, weights = self.layers.length, self.layers.weights
        shape = (1, length, weights["inputs/kernel"].shape[1])
        window = self.builder.tensor("window", shape, *self.numbers.worked_out("window"))
        values = self._dense("inputs", window, "window", (1, length))
        values = self._lstm("first", values, "inputs")
        values = self._cut("second", self._lstm("second", values, "first"))
        return self.builder.content([window], [self._dense("logits", values, "second", (1,))])

    def _dense(self, name: str, values: int, seen: str, before: tuple[int, ...]) -> int:
        tensors = [values, *self._weights(f"{name}/kernel", f"{name}/bias", seen)]
        units = len(self.layers.weights[f"{name}/bias"])
        out = self.builder.tensor(name, (*before, units), *self.numbers.worked_out(name))
        options, activations = self.schema.FullyConnectedOptionsT(), self.schema.ActivationFunctionType
        options.keepNumDims = len(before) > 1
        options.fusedActivationFunction = activations.RELU if name == "inputs" else activations.NONE
        self.builder.operator("FULLY_CONNECTED", self.numbers.dense_version, (tensors, [out], None), options)
        return out

    def _lstm(self, name: str, values: int, seen: str) -> int:
        pairs = [self._weights(f"{name}/kernel/{gate}", f"{name}/bias/{gate}", seen) for gate in GATES]
        own = [self._weight(f"{name}/recurrent_kernel/{gate}") for gate in GATES]
        units, said = self.layers.weights[f"{name}/bias/input"].size, self.numbers.worked_out(name)
        states = [
            self.builder.variable(f"{name}/output", (1, units), *said),
            self.builder.variable(f"{name}/memory", (1, units), *self.numbers.memory(name)),
        ]
        kernels, biases = zip(*pairs, strict=True)
        tensors = [values, *kernels, *own, *[NONE] * 3, *biases, *[NONE] * 2, *states, *[NONE] * 4]
        out = self.builder.tensor(name, (1, self.layers.length, units), *said)
        between = [self.builder.tensor(f"{name}/between/{at}", (1, units), *said) for at in range(len(GATES) + 1)]
        options = self.schema.UnidirectionalSequenceLSTMOptionsT()
        options.fusedActivationFunction = self.schema.ActivationFunctionType.TANH
        operator = ("UNIDIRECTIONAL_SEQUENCE_LSTM", self.numbers.lstm_version)
        self.builder.operator(*operator, (tensors, [out], between), options)
        return out

    def _cut(self, name: str, values: int) -> int:
        """The last step of a layer."""
        last, units = self.layers.length - 1, self.layers.weights[f"{name}/bias/input"].size
        corners = ([0, last, 0], [1, last + 1, units], [1, 1, 1])
        places = [self.builder.constant(f"corner_{at}", np.array(one, np.int32)) for at, one in enumerate(corners)]
        out = self.builder.tensor(f"{name}/last", (1, units), *self.numbers.worked_out(name))
        options = self.schema.StridedSliceOptionsT()
        options.shrinkAxisMask = 0b010
        self.builder.operator("STRIDED_SLICE", self.numbers.cut_version, ([values, *places], [out], None), options)
        return out

    def _weights(self, kernel: str, bias: str, seen: str) -> tuple[int, int]:
        values = self.numbers.bias(self.layers.weights[bias], self.layers.weights[kernel], seen)
        return self._weight(kernel), self.builder.constant(bias, *values)

    def _weight(self, name: str) -> int:
        return self.builder.constant(name, *self.numbers.weight(self.layers.weights[name]))


def to_litert(layers: Layers, calibration: Float[np.ndarray, "window time channel"]) -> dict[str, bytes]:
    """The file in each format."""
    kinds = {"float": FloatNumbers(), "dynamic_range": DynamicRange(), "int8": Int8(layers.reached(calibration))}
    return {name: LSTMFile(layers, numbers).content() for name, numbers in kinds.items()}


def _symmetric_scale(values: np.ndarray) -> np.float32:
    return np.float32(np.abs(values).max() / LARGEST) or np.float32(1)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * values))


def _array(variable: Any) -> Float[np.ndarray, "..."]:
    return np.asarray(variable.numpy(), np.float32)


def to_onnx(layers: Layers) -> bytes:
    """The same network as ONNX, which has an operator for a whole LSTM layer, too."""
    from onnx import TensorProto, helper, numpy_helper

    weights, constants, nodes = layers.weights, {"first_axis": np.array([1], np.int64), "last": np.array(-1)}, []
    for name in ("inputs", "logits"):
        constants |= {f"{name}/kernel": weights[f"{name}/kernel"].T, f"{name}/bias": weights[f"{name}/bias"]}
    nodes += [
        helper.make_node("MatMul", ["window", "inputs/kernel"], ["inputs/product"]),
        helper.make_node("Add", ["inputs/product", "inputs/bias"], ["inputs/sum"]),
        helper.make_node("Relu", ["inputs/sum"], ["inputs"]),
        helper.make_node("Transpose", ["inputs"], ["inputs/by_time"], perm=[1, 0, 2]),
    ]
    values = "inputs/by_time"
    for name in ("first", "second"):
        constants |= _onnx_lstm(name, weights)
        given = [values, *(f"{name}/{part}" for part in ("kernel", "recurrent_kernel", "bias"))]
        units = weights[f"{name}/bias/input"].size
        nodes.append(helper.make_node("LSTM", given, [f"{name}/directions"], hidden_size=units))
        nodes.append(helper.make_node("Squeeze", [f"{name}/directions", "first_axis"], [name]))
        values = name
    nodes += [
        helper.make_node("Gather", [values, "last"], ["second/last"], axis=0),
        helper.make_node("Gemm", ["second/last", "logits/kernel", "logits/bias"], ["output_0"]),
    ]
    sides = [
        ("window", (1, layers.length, weights["inputs/kernel"].shape[1])),
        ("output_0", (1, weights["logits/bias"].size)),
    ]
    told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in sides]
    stored = [numpy_helper.from_array(np.array(array, order="C"), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "sensegen", told[:1], told[1:], stored)
    opset = helper.make_opsetid("", ONNX_VERSION)
    model = helper.make_model_gen_version(graph, opset_imports=[opset], producer_name="sensegen")
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _onnx_lstm(name: str, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Kernels (direction, gate, unit) and biases of one direction, gates as ONNX has them: i, o, f, c."""
    joined = {
        part: np.concatenate([weights[f"{name}/{part}/{gate}"] for gate in ("input", "output", "forget", "cell")])[None]
        for part in ("kernel", "recurrent_kernel", "bias")
    }
    joined["bias"] = np.concatenate([joined["bias"], np.zeros_like(joined["bias"])], axis=1)
    return {f"{name}/{part}": array for part, array in joined.items()}
