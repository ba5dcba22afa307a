"""A network of dense, LSTM, LSTM, dense as a LiteRT file of four operators and a cut.

LiteRT has an operator for a whole LSTM layer. Its converter knows how to find it in Keras 2 only; of Keras 3 it makes a
loop, which holds some weights twice and cannot be calibrated in useful time. So the file is written directly
(`flatbuffer`), in float, with int8 weights, or in int8.
"""

import numpy as np
from jaxtyping import Float

from sensegen.export.flatbuffer import ModelBuilder
from sensegen.export.lstm_layers import GATES, Layers
from sensegen.export.lstm_numbers import DynamicRange, FloatNumbers, Int8, Numbers

NONE = -1  # the operator's word for a tensor that is not there


class LSTMFile:
    """The file of `Layers` in some `Numbers`."""

    def __init__(self, layers: Layers, numbers: Numbers):
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
