"""Files as a phone would run them, on one core, window by window: float in, float out, whatever is between."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float


class Runner(Protocol):
    """Runs one window: its inputs by name, its outputs in order."""

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]: ...


class LiteRT:
    """A .tflite file."""

    def __init__(self, content: bytes):
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(model_content=content, num_threads=1)
        self.interpreter.allocate_tensors()
        self.inputs = {told["name"]: told for told in self.interpreter.get_input_details()}
        self.outputs = self.interpreter.get_output_details()

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        self.interpreter.reset_all_variables()  # an LSTM's memory would stay from window to window
        for name, told in self.inputs.items():
            self.interpreter.set_tensor(told["index"], _rounded(inputs[name], told))
        self.interpreter.invoke()
        return [_unrounded(self.interpreter.get_tensor(told["index"]), told) for told in self.outputs]


class ONNX:
    """An .onnx file."""

    def __init__(self, content: bytes):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self.names = [told.name for told in self.session.get_inputs()]

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        found: list[np.ndarray] = self.session.run(None, {name: inputs[name] for name in self.names})
        return found


def runner(name: str, content: bytes) -> Runner:
    """What runs a file of this name."""
    return ONNX(content) if name == "onnx" else LiteRT(content)


def _rounded(values: np.ndarray, told: Mapping[str, Any]) -> np.ndarray:
    if told["dtype"] != np.int8:
        return values.astype(told["dtype"])
    scale, zero = told["quantization"]
    return np.clip(np.round(values / scale) + zero, -128, 127).astype(np.int8)


def _unrounded(values: np.ndarray, told: Mapping[str, Any]) -> Float[np.ndarray, "..."]:
    scale, zero = told["quantization"]
    return (values.astype(np.float32) - zero) * np.float32(scale) if told["dtype"] == np.int8 else values
