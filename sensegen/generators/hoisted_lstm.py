"""Keras' LSTM with all that need not wait for the step before taken out of the loop over time.

The projection of the inputs, and in the backward pass the gradients of the inputs and of both kernels, are one product
over all steps each; in the loop there is left one product a step in either direction. The usual gradient of a loop adds
up the kernels' gradients step by step, in small products, and spends most of its time there.
"""

from typing import Any

import keras
import tensorflow as tf


class HoistedLSTM(keras.layers.LSTM):
    """The same layer with the same weights: the whole sequence of outputs, from a state of noughts, without a mask."""

    def __init__(self, units: int, name: str):
        super().__init__(units, return_sequences=True, name=name)

    def call(self, sequences: tf.Tensor, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        del training  # nothing is dropped out
        if initial_state is not None or mask is not None:
            raise ValueError("HoistedLSTM begins with a state of noughts and knows no mask; use keras.layers.LSTM.")
        cell = self.cell
        projected = tf.transpose(sequences @ cell.kernel + cell.bias, (1, 0, 2))
        return tf.transpose(recurrence(projected, tf.convert_to_tensor(cell.recurrent_kernel)), (1, 0, 2))


@tf.custom_gradient
def recurrence(projected: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """Outputs (time, batch, unit) of projected inputs (time, batch, 4 * unit), gates in Keras' order i, f, c, o.

    Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000); the gradient is written out below.
    """
    nought = tf.zeros((tf.shape(projected)[1], kernel.shape[0]), projected.dtype)

    def forward(state: tuple[tf.Tensor, ...], at_step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        output, memory, _ = state
        raw = at_step + output @ kernel
        enter, forget, new, leave = tf.split(raw, 4, axis=-1)
        enter, forget, leave, new = tf.sigmoid(enter), tf.sigmoid(forget), tf.sigmoid(leave), tf.tanh(new)
        memory = forget * memory + enter * new
        return leave * tf.tanh(memory), memory, tf.concat([enter, forget, new, leave], axis=-1)

    start = (nought, nought, tf.zeros_like(projected[0]))
    outputs, memories, gates = tf.scan(forward, projected, start)

    def gradient(of_outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        before = tf.concat([nought[None], memories[:-1]], axis=0)

        def backward(state: tuple[tf.Tensor, ...], at_step: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
            of_raw, of_memory = state
            of_output, gate, memory, memory_before = at_step
            enter, forget, new, leave = tf.split(gate, 4, axis=-1)
            of_output += tf.matmul(of_raw, kernel, transpose_b=True)
            bent = tf.tanh(memory)
            of_memory += of_output * leave * (1 - bent * bent)
            of_gates = [
                of_memory * new * enter * (1 - enter),
                of_memory * memory_before * forget * (1 - forget),
                of_memory * enter * (1 - new * new),
                of_output * bent * leave * (1 - leave),
            ]
            return tf.concat(of_gates, axis=-1), of_memory * forget

        steps = (of_outputs, gates, memories, before)
        of_projected, _ = tf.scan(backward, steps, (tf.zeros_like(projected[0]), nought), reverse=True)
        outputs_before = tf.concat([nought[None], outputs[:-1]], axis=0)
        units = kernel.shape[0]
        of_kernel = tf.matmul(
            tf.reshape(outputs_before, (-1, units)), tf.reshape(of_projected, (-1, 4 * units)), transpose_a=True
        )
        return of_projected, of_kernel

    return outputs, gradient
