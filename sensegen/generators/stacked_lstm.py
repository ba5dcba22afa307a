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
    recurrence = _recurrence(len(cells), tf.as_dtype(precision))
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


def _recurrence(layers: int, kind: tf.DType) -> Any:
    """The loop, of projected inputs (time, batch, 4 * unit) and kernels: outputs (time, batch, unit) of the last layer.

    Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000). In step n of the loop layer l works on
    step n - l of the sequence, and its state is nought before its first.
    """
    late = layers - 1

    @tf.custom_gradient
    def recurrence(projected: tf.Tensor, *flat: tf.Tensor) -> tuple[tf.Tensor, Any]:
        bias = flat[layers : 2 * layers]
        own, below = ([tf.cast(kernel, kind) for kernel in part] for part in (flat[:layers], flat[2 * layers :]))
        length, batch, units = projected.shape[0], tf.shape(projected)[1], own[0].shape[0]
        begun = tf.cast(tf.range(length + late)[:, None] >= tf.range(layers), tf.float32)
        nought = tf.zeros((batch, units))
        no_output, no_gates = tf.cast(nought, kind), tf.zeros((batch, 4 * units), kind)

        def forward(states: list[Any], now: tuple[tf.Tensor, tf.Tensor]) -> list[Any]:
            first, has_begun = now
            outputs = [output for output, _, _ in states]
            from_below = [first, *(output @ kernel for output, kernel in zip(outputs, below, strict=False))]
            return [
                _forward(outputs[at] @ own[at], from_below[at], bias[at], states[at][1], has_begun[at])
                for at in range(layers)
            ]

        inputs = tf.pad(tf.cast(projected, kind), ((0, late), (0, 0), (0, 0)))
        states = tf.scan(forward, (inputs, begun), [(no_output, nought, no_gates)] * layers)

        def gradient(of_last: tf.Tensor) -> tuple[tf.Tensor, ...]:
            befores = [tf.concat([nought[None], memories[:-1]], axis=0) for _, memories, _ in states]

            def backward(after: list[Any], now: tuple[Any, ...]) -> list[Any]:
                from_last, states, befores, has_begun = now
                of_raws = [of_raw for of_raw, _ in after]
                pairs = zip(of_raws[1:], below, strict=True)
                from_above = [*(tf.matmul(of_raw, kernel, transpose_b=True) for of_raw, kernel in pairs), from_last]
                return [
                    _backward(
                        tf.matmul(of_raws[at], own[at], transpose_b=True) + from_above[at],
                        after[at][1],
                        states[at][1:],
                        befores[at],
                        has_begun[at],
                    )
                    for at in range(layers)
                ]

            last = tf.pad(tf.cast(of_last, kind), ((late, 0), (0, 0), (0, 0)))
            found = tf.scan(backward, (last, states, befores, begun), [(no_gates, nought)] * layers, reverse=True)
            of_raws = [of_raw for of_raw, _ in found]
            outputs = [tf.concat([no_output[None], output[:-1]], axis=0) for output, _, _ in states]
            return (
                tf.cast(of_raws[0][:length], tf.float32),
                *(_of_kernel(*pair) for pair in zip(outputs, of_raws, strict=True)),
                *(tf.reduce_sum(tf.cast(of_raw, tf.float32), axis=(0, 1)) for of_raw in of_raws),
                *(_of_kernel(*pair) for pair in zip(outputs, of_raws[1:], strict=False)),
            )

        return tf.cast(states[-1][0][late:], tf.float32), gradient

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
