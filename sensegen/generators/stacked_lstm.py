"""A stack of Keras' LSTM layers as one loop over time, with a gradient of its own.

While the first layer works on a step, the second works on the step before it, and so on, so that all layers work at
once. What need not wait is taken out of the loop: the first layer's projection of the inputs, and in the backward pass
the gradients of all kernels, which the usual gradient of a loop adds up step by step in small products, spending most
of its time there. Products may be of bfloat16 numbers; memories and sums stay in float32.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

Step = Callable[[tf.Tensor, list[Any]], tuple[tf.Tensor, list[Any]]]


class Kernels(NamedTuple):
    """Of each layer: the kernel (unit, 4 * unit) of its own outputs, gates in Keras' order i, f, c, o, and its bias;
    and of all but the first layer the kernel of the outputs of the layer below."""

    own: list[tf.Tensor]
    bias: list[tf.Tensor]
    below: list[tf.Tensor]


def outputs_of(layers: Sequence[keras.layers.LSTM], inputs: tf.Tensor, precision: str) -> tf.Tensor:
    """What the last of layers of equal width makes of inputs (batch, time, feature), from states of noughts: (batch,
    time, unit)."""
    features = inputs.shape[2]
    for layer in layers:
        if not layer.built:
            layer.build((None, None, features))
        features = layer.units
    cells = [layer.cell for layer in layers]
    kernels = Kernels(
        [tf.convert_to_tensor(cell.recurrent_kernel) for cell in cells],
        [tf.convert_to_tensor(cell.bias) for cell in cells],
        [tf.convert_to_tensor(cell.kernel) for cell in cells[1:]],
    )
    projected = tf.transpose(inputs @ cells[0].kernel, (1, 0, 2))
    recurrence = _recurrence(kernels, tf.as_dtype(precision))
    return tf.transpose(recurrence(projected, *tf.nest.flatten(kernels)), (1, 0, 2))


def stepper(layers: Sequence[keras.layers.LSTM], precision: str) -> Step:
    """A step of layers that have weights, for a loop that feeds back what it makes: from inputs (batch, feature) and
    the state of each layer (output and memory, batch and unit) to the last layer's output and all states after it."""
    kind, cells = tf.as_dtype(precision), [layer.cell for layer in layers]
    kernels = [[tf.cast(kernel, kind) for kernel in (cell.recurrent_kernel, cell.kernel)] for cell in cells]

    def step(inputs: tf.Tensor, states: list[Any]) -> tuple[tf.Tensor, list[Any]]:
        after = []
        for cell, (own, below), (output, memory) in zip(cells, kernels, states, strict=True):
            products = tf.cast(output, kind) @ own, tf.cast(inputs, kind) @ below
            output, memory, _ = _forward(*products, tf.convert_to_tensor(cell.bias), memory, tf.constant(1.0))
            inputs = tf.cast(output, tf.float32)
            after.append([inputs, memory])
        return inputs, after

    return step


class Loop:
    """The loop over projected inputs (time, batch, 4 * unit).

    Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000). In step n of the loop layer l works on
    step n - l of the sequence, and its state is nought before its first.
    """

    def __init__(self, kernels: Kernels, projected: tf.Tensor, kind: tf.DType):
        self.layers, self.kind = len(kernels.own), kind
        self.own, self.below = ([tf.cast(one, kind) for one in part] for part in (kernels.own, kernels.below))
        self.bias = kernels.bias
        self.length, self.late = projected.shape[0], self.layers - 1
        batch, gates = tf.shape(projected)[1], projected.shape[2]
        self.begun = tf.cast(tf.range(self.length + self.late)[:, None] >= tf.range(self.layers), tf.float32)
        self.nought = tf.zeros((batch, gates // 4))
        self.no_output, self.no_gates = tf.cast(self.nought, kind), tf.zeros((batch, gates), kind)

    def states(self, projected: tf.Tensor) -> list[Any]:
        """Of each layer: outputs, memories and gates after every step (step, batch, ...)."""

        def step(states: list[Any], now: tuple[tf.Tensor, tf.Tensor]) -> list[Any]:
            first, begun = now
            outputs = [output for output, _, _ in states]
            from_below = [first, *(output @ kernel for output, kernel in zip(outputs, self.below, strict=False))]
            return [
                _forward(outputs[at] @ self.own[at], from_below[at], self.bias[at], states[at][1], begun[at])
                for at in range(self.layers)
            ]

        inputs = tf.pad(tf.cast(projected, self.kind), ((0, self.late), (0, 0), (0, 0)))
        return tf.scan(step, (inputs, self.begun), [(self.no_output, self.nought, self.no_gates)] * self.layers)

    def outputs(self, states: list[Any]) -> tf.Tensor:
        """What the last layer says (time, batch, unit)."""
        return tf.cast(states[-1][0][self.late :], tf.float32)

    def gradients(self, states: list[Any], of_last: tf.Tensor) -> tuple[tf.Tensor, Kernels]:
        """From that of the last layer's outputs to those of the projected inputs and the kernels."""
        of_raws = self._of_raws(states, of_last)
        outputs = [tf.concat([self.no_output[None], output[:-1]], axis=0) for output, _, _ in states]
        kernels = Kernels(
            own=[_of_kernel(*pair) for pair in zip(outputs, of_raws, strict=True)],
            bias=[tf.reduce_sum(tf.cast(of_raw, tf.float32), axis=(0, 1)) for of_raw in of_raws],
            below=[_of_kernel(*pair) for pair in zip(outputs, of_raws[1:], strict=False)],
        )
        return tf.cast(of_raws[0][: self.length], tf.float32), kernels

    def _of_raws(self, states: list[Any], of_last: tf.Tensor) -> list[tf.Tensor]:
        """The gradients of what each layer's gates are made of (step, batch, 4 * unit)."""
        befores = [tf.concat([self.nought[None], memories[:-1]], axis=0) for _, memories, _ in states]
        # TensorFlow multiplies few rows by a kernel that is already transposed up to three times faster.
        own, below = ([tf.transpose(kernel) for kernel in part] for part in (self.own, self.below))

        def step(after: list[Any], now: tuple[Any, ...]) -> list[Any]:
            from_last, states, befores, begun = now
            of_raws = [of_raw for of_raw, _ in after]
            from_above = [*(of_raw @ kernel for of_raw, kernel in zip(of_raws[1:], below, strict=True)), from_last]
            from_own = [of_raw @ kernel for of_raw, kernel in zip(of_raws, own, strict=True)]
            return [
                _backward(from_own[at] + from_above[at], after[at][1], states[at][1:], befores[at], begun[at])
                for at in range(self.layers)
            ]

        last = tf.pad(tf.cast(of_last, self.kind), ((self.late, 0), (0, 0), (0, 0)))
        beyond = [(self.no_gates, self.nought)] * self.layers
        return [of_raw for of_raw, _ in tf.scan(step, (last, states, befores, self.begun), beyond, reverse=True)]


def _recurrence(kernels: Kernels, kind: tf.DType) -> Any:
    """The loop's outputs as a function of projected inputs and flattened kernels, as a custom gradient wants them."""

    @tf.custom_gradient
    def recurrence(projected: tf.Tensor, *flat: tf.Tensor) -> tuple[tf.Tensor, Any]:
        loop = Loop(tf.nest.pack_sequence_as(kernels, flat), projected, kind)
        states = loop.states(projected)

        def gradient(of_last: tf.Tensor) -> tuple[tf.Tensor, ...]:
            of_projected, of_kernels = loop.gradients(states, of_last)
            return (of_projected, *tf.nest.flatten(of_kernels))

        return loop.outputs(states), gradient

    return recurrence


@tf.function(jit_compile=True)
def _forward(
    from_own: tf.Tensor, from_below: tf.Tensor, bias: tf.Tensor, memory: tf.Tensor, begun: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Outputs, memory and gates after a step; noughts in a layer that has not begun."""
    raw = tf.cast(from_own, tf.float32) + tf.cast(from_below, tf.float32) + bias
    enter, forget, new, leave = tf.split(raw, 4, axis=-1)
    enter, forget, leave, new = tf.sigmoid(enter), tf.sigmoid(forget), tf.sigmoid(leave), tf.tanh(new)
    memory = begun * (forget * memory + enter * new)
    gates = tf.concat([enter, forget, new, leave], axis=-1)
    return tf.cast(leave * tf.tanh(memory), from_own.dtype), memory, tf.cast(gates, from_own.dtype)


@tf.function(jit_compile=True)
def _backward(
    of_output: tf.Tensor,
    of_memory: tf.Tensor,
    state: tuple[tf.Tensor, tf.Tensor],
    before: tf.Tensor,
    begun: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradients of what the gates are made of, and of the memory of the step before."""
    memory, gates = state
    of_output = tf.cast(of_output, tf.float32)
    enter, forget, new, leave = tf.split(tf.cast(gates, tf.float32), 4, axis=-1)
    bent = tf.tanh(memory)
    of_memory = begun * (of_memory + of_output * leave * (1 - bent * bent))
    of_gates = [
        of_memory * new * enter * (1 - enter),
        of_memory * before * forget * (1 - forget),
        of_memory * enter * (1 - new * new),
        of_output * bent * leave * (1 - leave) * begun,
    ]
    return tf.cast(tf.concat(of_gates, axis=-1), gates.dtype), of_memory * forget


def _of_kernel(outputs: tf.Tensor, of_raws: tf.Tensor) -> tf.Tensor:
    """The gradient of a kernel, from the outputs (step, batch, unit) that it is multiplied with and the gradients of
    what the gates are made of (step, batch, 4 * unit)."""
    flat = [tf.reshape(part, (-1, part.shape[2])) for part in (outputs, of_raws)]
    return tf.cast(tf.matmul(*flat, transpose_a=True), tf.float32)
