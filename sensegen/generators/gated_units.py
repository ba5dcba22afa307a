"""Keras' GRU as a loop over time with a gradient of its own, whose gradient is its own as well.

A gradient penalty is differentiated twice, and TensorFlow's gradient of the gradient of a loop spends its time on what
the loops must keep for each other. But a small change runs through the units by a linear recurrence (`Slopes`), and
gradients run through the same one backwards. So each loop has one product a step, and all else, the gradients of the
kernels and of the slopes too, is worked out for all steps at once.

Inside, arrays are (time, batch, ...). Cho et al. (2014), with the reset gate after the product as in Keras.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

GATES = 3  # update, reset, new: Keras' order
SEGMENT = 16  # steps that are compiled as one


class Slopes(NamedTuple):
    """How the output of each step changes with the output before it by itself (time, batch, unit), and by way of what
    each gate is told by it (`own`) and by the inputs (`entering`): (time, batch, 3 * unit)."""

    stays: tf.Tensor
    own: tf.Tensor
    entering: tf.Tensor


def outputs_of(layer: keras.layers.GRU, inputs: tf.Tensor) -> tf.Tensor:
    """What a layer makes of inputs (time, batch, feature), from a state of noughts: (time, batch, unit)."""
    if tf.config.functions_run_eagerly():  # for a file, where steps one by one take many times the room of a loop
        return by_layer(layer, inputs)
    if not layer.built:
        layer.build((None, None, inputs.shape[2]))
    of_inputs, of_own = tf.unstack(tf.convert_to_tensor(layer.cell.bias))
    projected = _each_times(inputs, tf.convert_to_tensor(layer.cell.kernel)) + of_inputs
    return _recurrence(projected, tf.convert_to_tensor(layer.cell.recurrent_kernel), of_own)


def by_layer(layer: keras.layers.GRU, inputs: tf.Tensor) -> tf.Tensor:
    """The same by Keras' own loop."""
    return tf.transpose(layer(tf.transpose(inputs, (1, 0, 2))), (1, 0, 2))


@tf.custom_gradient
def _recurrence(projected: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Any]:
    outputs = _run(_outputs, (projected,), kernel, bias)

    def gradient(of_outputs: tf.Tensor) -> tuple[tf.Tensor, ...]:
        of_projected, *of_weights = _gradients(projected, kernel, bias, of_outputs, _before(outputs))
        return of_projected, *map(_final, of_weights)

    return outputs, gradient


@tf.custom_gradient
def _gradients(
    projected: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, of_outputs: tf.Tensor, before: tf.Tensor
) -> tuple[tuple[tf.Tensor, ...], Any]:
    """From the gradient of the outputs to those of projected inputs, kernel and bias."""
    told = _each_times(before, kernel) + bias
    slopes = _slopes(projected, told, before)
    of_each = _run_back(slopes, of_outputs, kernel)
    of_projected, of_told = _by_slopes(slopes, of_each)

    def gradient(along: tf.Tensor, *of_weights: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        """That gradient times a direction `along` is the change of outputs along it, times the gradient of outputs."""
        del of_weights  # noughts: `_final` sees to it
        changes = _run(_changes, (slopes.stays, slopes.own, _driven(slopes, along)), kernel)
        earlier = _before(changes)
        of_slopes = _of_slopes(of_each, earlier, _each_times(earlier, kernel), along)
        of_entering, of_own, of_before = _through_slopes(projected, told, before, of_slopes)
        of_before += _each_times(of_own, tf.transpose(kernel))
        then_entering, then_own = _by_slopes(slopes, _run_back(slopes, _after(of_before), kernel))
        of_own += then_own
        of_kernel = _of_kernel(before, of_own) + _of_kernel(earlier, of_told)
        return of_entering + then_entering, of_kernel, _of_bias(of_own), changes, None

    return (of_projected, _of_kernel(before, of_told), _of_bias(of_told)), gradient


@tf.custom_gradient
def _final(values: tf.Tensor) -> tuple[tf.Tensor, Any]:
    def gradient(of_values: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError("The gradients of a GRU's weights have no gradient here: only those of its inputs.")

    return tf.identity(values), gradient


def _run(segment: Any, steps: tuple[tf.Tensor, ...], kernel: tf.Tensor, *bias: tf.Tensor) -> tf.Tensor:
    """The states (time, batch, unit) after all steps, by a function of a segment of them and of the state before."""
    state, parts = tf.zeros((tf.shape(steps[0])[1], kernel.shape[0])), []
    for first in range(0, steps[0].shape[0], SEGMENT):
        parts.append(segment(*(part[first : first + SEGMENT] for part in steps), state, kernel, *bias))
        state = parts[-1][-1]
    return tf.concat(parts, axis=0)


def _run_back(slopes: Slopes, of_outputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The gradients of the outputs with what follows of them: the recurrence of `_changes`, transposed."""
    across, parts = tf.transpose(kernel), []
    back = tf.zeros_like(of_outputs[0])
    for first in reversed(range(0, of_outputs.shape[0], SEGMENT)):
        now = slice(first, first + SEGMENT)
        of_each, back = _changes_back(slopes.stays[now], slopes.own[now], of_outputs[now], back, across)
        parts.append(of_each)
    return tf.concat(parts[::-1], axis=0)


@tf.function(jit_compile=True)
def _outputs(entering: tf.Tensor, before: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Steps of the units, from what the gates are told by inputs, from an output on."""
    outputs = []
    for told in tf.unstack(entering):
        update, _, new, _ = _gates(told, before @ kernel + bias)
        before = update * before + (1 - update) * new
        outputs.append(before)
    return tf.stack(outputs)


@tf.function(jit_compile=True)
def _changes(stays: tf.Tensor, own: tf.Tensor, driven: tf.Tensor, before: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """How outputs change where each step's is `driven` by a change of its own."""
    changes = []
    for of_stays, of_own, of_driven in zip(*map(tf.unstack, (stays, own, driven)), strict=True):
        before = of_stays * before + _summed(of_own * (before @ kernel)) + of_driven
        changes.append(before)
    return tf.stack(changes)


@tf.function(jit_compile=True)
def _changes_back(
    stays: tf.Tensor, own: tf.Tensor, of_outputs: tf.Tensor, back: tf.Tensor, across: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    of_each = []
    for of_stays, of_own, of_output in reversed(list(zip(*map(tf.unstack, (stays, own, of_outputs)), strict=True))):
        of_each.append(of_output + back)
        back = of_stays * of_each[-1] + (_for_each_gate(of_each[-1]) * of_own) @ across
    return tf.stack(of_each[::-1]), back


@tf.function(jit_compile=True)
def _slopes(projected: tf.Tensor, told: tf.Tensor, before: tf.Tensor) -> Slopes:
    update, reset, new, told_new = _gates(projected, told)
    by_update = (before - new) * update * (1 - update)
    by_new = (1 - update) * (1 - new * new)
    by_reset = by_new * told_new * reset * (1 - reset)
    return Slopes(
        stays=update,
        own=tf.concat([by_update, by_reset, by_new * reset], axis=-1),
        entering=tf.concat([by_update, by_reset, by_new], axis=-1),
    )


@tf.function(jit_compile=True)
def _through_slopes(
    projected: tf.Tensor, told: tf.Tensor, before: tf.Tensor, of_slopes: Slopes
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The gradients of all that `_slopes` are made of, from those of the slopes."""
    update, reset, new, told_new = _gates(projected, told)
    bent_update, bent_reset, bent_new = update * (1 - update), reset * (1 - reset), 1 - new * new
    by_own, by_entering = (tf.split(part, GATES, -1) for part in (of_slopes.own, of_slopes.entering))
    of_by_update, of_by_reset = by_own[0] + by_entering[0], by_own[1] + by_entering[1]
    of_by_new = by_entering[2] + reset * by_own[2] + told_new * bent_reset * of_by_reset
    of_new = -bent_new * (bent_update * of_by_update + 2 * new * (1 - update) * of_by_new)
    through_update = (before - new) * (1 - 2 * update) * of_by_update - bent_new * of_by_new
    through_reset = by_own[2] + told_new * (1 - 2 * reset) * of_by_reset
    of_update = bent_update * (of_slopes.stays + through_update)
    of_reset = bent_reset * ((1 - update) * bent_new * through_reset + told_new * of_new)
    of_told_new = (1 - update) * bent_new * bent_reset * of_by_reset + reset * of_new
    of_projected = tf.concat([of_update, of_reset, of_new], axis=-1)
    return of_projected, tf.concat([of_update, of_reset, of_told_new], axis=-1), bent_update * of_by_update


def _gates(projected: tf.Tensor, told: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Update, reset and new, and what new is told by the output before, which reset lets through."""
    entering, own = (tf.split(part, GATES, -1) for part in (projected, told))
    update, reset = (tf.sigmoid(entering[at] + own[at]) for at in (0, 1))
    return update, reset, tf.tanh(entering[2] + reset * own[2]), own[2]


@tf.function(jit_compile=True)
def _of_slopes(of_each: tf.Tensor, earlier: tf.Tensor, told: tf.Tensor, along: tf.Tensor) -> Slopes:
    """The gradients of slopes from those of each output, with its change before, what gates are told of that, and the
    change of what they are told by the inputs."""
    each = _for_each_gate(of_each)
    return Slopes(of_each * earlier, each * told, each * along)


@tf.function(jit_compile=True)
def _by_slopes(slopes: Slopes, of_each: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradients of what gates are told by inputs and by outputs, from those of each output."""
    each = _for_each_gate(of_each)
    return each * slopes.entering, each * slopes.own


@tf.function(jit_compile=True)
def _driven(slopes: Slopes, along: tf.Tensor) -> tf.Tensor:
    return _summed(slopes.entering * along)


def _for_each_gate(values: tf.Tensor) -> tf.Tensor:
    return tf.concat([values] * GATES, axis=-1)  # XLA takes three times as long for tf.tile


def _summed(gates: tf.Tensor) -> tf.Tensor:
    return tf.add_n(tf.split(gates, GATES, axis=-1))


def _before(steps: tf.Tensor) -> tf.Tensor:
    """Of each step what was at the one before it; noughts at first."""
    return tf.concat([tf.zeros_like(steps[:1]), steps[:-1]], axis=0)


def _after(steps: tf.Tensor) -> tf.Tensor:
    return tf.concat([steps[1:], tf.zeros_like(steps[:1])], axis=0)


def _each_times(steps: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """(time, batch, feature) times (feature, number), as two matrices: of three axes TensorFlow takes longer."""
    shape = tf.shape(steps)
    return tf.reshape(_flat(steps) @ kernel, (shape[0], shape[1], kernel.shape[1]))


def _of_kernel(steps: tf.Tensor, of_products: tf.Tensor) -> tf.Tensor:
    return tf.matmul(_flat(steps), _flat(of_products), transpose_a=True)


def _of_bias(of_sums: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(of_sums, axis=(0, 1))


def _flat(steps: tf.Tensor) -> tf.Tensor:
    return tf.reshape(steps, (-1, steps.shape[2]))
