"""A network of dense, LSTM, LSTM, dense as ONNX, which has an operator for a whole LSTM layer, too.

tf2onnx would make a loop of each layer.
"""

from collections.abc import Mapping

import numpy as np

from sensegen.export.lstm_layers import Layers

ONNX_VERSION = 17  # of its operators


def to_onnx(layers: Layers) -> bytes:
    """The bytes of the file."""
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
