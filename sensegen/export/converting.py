"""From a function of TensorFlow to files: LiteRT's converter in each of its formats, and ONNX.

The converter is given a function whose weights are constants already: from a Keras 3 model itself it makes operators of
Flex, for which a phone needs a second runtime of many megabytes.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from sensegen.export.flatbuffer import bare

ONNX_VERSION = 17  # of its operators
Rows = Sequence[np.ndarray]  # of each input, a row a window


@dataclass(frozen=True)
class Exportable:
    """A function of one window, what goes in and comes out by name, and typical inputs to find ranges by."""

    function: Callable[..., Any]
    inputs: Mapping[str, tf.TensorSpec]
    calibration: Rows

    @cached_property
    def frozen(self) -> Any:
        """The function with its weights as constants."""
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        named = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in self.inputs.items()]
        with inner_functions_inlined():
            traced = tf.function(self.function, autograph=False).get_concrete_function(*named)
        return convert_variables_to_constants_v2(traced, lower_control_flow=False)


@contextmanager
def inner_functions_inlined() -> Iterator[None]:
    """Functions that a model compiles by itself become part of what is traced: ONNX has no calls of functions, and for
    a few windows compiling them takes longer than all else."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def as_float(converter: Any, calibration: Rows) -> None:
    """Nothing is rounded."""


def as_dynamic_range(converter: Any, calibration: Rows) -> None:
    """Weights in int8; what is worked out stays float."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def as_mixed_int8(converter: Any, calibration: Rows) -> None:
    """Products and sums in int8, by the ranges that typical inputs show; what has no such operator stays float."""
    as_dynamic_range(converter, calibration)
    converter.representative_dataset = lambda: (
        [each[at : at + 1] for each in calibration] for at in _rows(calibration)
    )


def as_int8(converter: Any, calibration: Rows) -> None:
    """All in int8, what goes in and comes out too: for processors that have nothing else."""
    as_mixed_int8(converter, calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8


def _rows(arrays: Rows) -> range:
    return range(len(arrays[0]))


FORMATS = {"float": as_float, "dynamic_range": as_dynamic_range, "int8": as_int8}
FLOAT_BETWEEN = {**FORMATS, "int8": as_mixed_int8}  # for functions that are more than a network


def to_litert(exportable: Exportable, formats: Mapping[str, Callable[[Any, Rows], None]]) -> dict[str, bytes]:
    """The function in each format, of operators that every LiteRT has."""
    frozen, files = exportable.frozen, {}
    for name, choose in formats.items():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
        choose(converter, exportable.calibration)
        with warnings.catch_warnings():
            # It wants statistics of inputs that are int8 to be given, and then finds them by the typical inputs.
            warnings.filterwarnings("ignore", "Statistics for quantized inputs were expected", UserWarning)
            content = converter.convert()
        files[name] = bare(content, list(exportable.inputs))
    return files


def to_onnx(exportable: Exportable) -> bytes:
    """The function in float as ONNX."""
    from tf2onnx import optimizer, tfonnx

    from sensegen.export.onnx_names import renamed

    frozen = exportable.frozen
    inputs, outputs = ([tensor.name for tensor in tensors] for tensors in (frozen.inputs, frozen.outputs))
    # Not by its `from_graph_def`, which freezes what is frozen, slowly, and throws that away.
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(frozen.graph.as_graph_def(), name="")
        made = tfonnx.process_tf_graph(graph, opset=ONNX_VERSION, input_names=inputs, output_names=outputs)
    return renamed(optimizer.optimize_graph(made).make_model("sensegen"), list(exportable.inputs))
