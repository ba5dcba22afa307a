"""LiteRT's file format: what a file holds, files of our own making, and files as bare as they run.

A converter names tensors after what it did, counting up as it goes, writes equal weights as often as they are used, and
notes how it was called. None of it is run, and the first is not the same in every process.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

ALIGNMENT = 16  # bytes: what the format asks of constants
IDENTIFIER = b"TFL3"
VERSION = 3


class ModelBuilder:
    """A model of one subgraph, made tensor by tensor and operator by operator."""

    def __init__(self) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.schema = schema
        self.graph = schema.SubGraphT()
        self.graph.name, self.graph.tensors, self.graph.operators = "main", [], []
        self.model = schema.ModelT()
        self.model.version, self.model.description = VERSION, "sensegen"
        self.model.buffers, self.model.operatorCodes, self.model.subgraphs = [schema.BufferT()], [], [self.graph]
        self.codes: dict[tuple[int, int], int] = {}

    def tensor(self, name: str, shape: Sequence[int], kind: Any, scale: Any = None, zero: int = 0) -> int:
        """A tensor that is worked out, of numbers `kind` (NumPy's); in units of `scale` around `zero` if given."""
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, list(shape), 0
        tensor.type = getattr(self.schema.TensorType, np.dtype(kind).name.upper())
        tensor.quantization = self.schema.QuantizationParametersT()
        if scale is not None:
            tensor.quantization.scale, tensor.quantization.zeroPoint = [float(scale)], [int(zero)]
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def variable(self, name: str, shape: Sequence[int], kind: Any, scale: Any = None, zero: int = 0) -> int:
        """A tensor that stays from one run to the next, until it is reset."""
        place = self.tensor(name, shape, kind, scale, zero)
        self.graph.tensors[place].isVariable = True
        return place

    def constant(self, name: str, values: np.ndarray, scale: Any = None) -> int:
        """A tensor with values, symmetric in units of `scale` if given."""
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        place = self.tensor(name, values.shape, values.dtype, scale)
        self.graph.tensors[place].buffer = len(self.model.buffers) - 1
        return place

    def operator(self, name: str, version: int, tensors: tuple[Any, ...], options: Any) -> None:
        """A builtin operator on `tensors`: those that go in, those that come out, and its own."""
        code = getattr(self.schema.BuiltinOperator, name)
        if (code, version) not in self.codes:
            self.codes[code, version] = len(self.model.operatorCodes)
            listed = self.schema.OperatorCodeT()
            listed.builtinCode, listed.version = code, version
            listed.deprecatedBuiltinCode = min(code, self.schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
            self.model.operatorCodes.append(listed)
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self.codes[code, version]
        operator.inputs, operator.outputs, operator.intermediates = tensors
        operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        operator.builtinOptions = options
        self.graph.operators.append(operator)

    def content(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The bytes of the file."""
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        return packed(self.model)


def packed(model: Any) -> bytes:
    """The bytes of a model, its constants where the format wants them."""
    import flatbuffers

    class Aligned(flatbuffers.Builder):
        def CreateNumpyVector(self, values: np.ndarray) -> int:  # noqa: N802, its name there
            self.StartVector(values.itemsize, values.size, ALIGNMENT)
            self.head = self.Head() - values.nbytes
            self.Bytes[self.head : self.head + values.nbytes] = values.tobytes(order="C")
            self.vectorNumElems = values.size
            return self.EndVector()

    builder = Aligned(1024)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def unpacked(content: bytes) -> Any:
    """The model of a file, to look at or to change."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def operators(content: bytes) -> set[str]:
    """The names of the operators that a file asks for; custom ones, as those of Flex, by their own names."""
    from ai_edge_litert import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    codes = unpacked(content).operatorCodes
    return {code.customCode.decode() if code.customCode else names[code.builtinCode] for code in codes}


def bare(content: bytes, inputs: Sequence[str]) -> bytes:
    """The same model without names that nobody asks for, without notes, and with equal constants once.

    Inputs are named so, in order, and outputs `output_0` and so on.
    """
    model = unpacked(content)
    for at, graph in enumerate(model.subgraphs):
        graph.name = str(at)
        for place, tensor in enumerate(graph.tensors):
            tensor.name = str(place)
    main = model.subgraphs[0]
    for place, name in zip(main.inputs, inputs, strict=True):
        main.tensors[place].name = name
    for at, place in enumerate(main.outputs):
        main.tensors[place].name = f"output_{at}"
    _share_constants(model)
    model.metadata, model.metadataBuffer, model.signatureDefs, model.description = [], [], [], "sensegen"
    return packed(model)


def _share_constants(model: Any) -> None:
    """Equal buffers become one; those that no tensor points at go. The first is the format's own, and empty."""
    kept, place_of = [model.buffers[0]], {b"": 0}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            key = b"" if data is None else np.asarray(data, np.uint8).tobytes()
            if key not in place_of:
                place_of[key] = len(kept)
                kept.append(model.buffers[tensor.buffer])
            tensor.buffer = place_of[key]
    model.buffers = kept
