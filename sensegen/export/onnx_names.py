"""An ONNX model as it is in every process: tf2onnx counts up all that it has ever named, and orders by names."""

from collections.abc import Iterator, Sequence
from typing import Any


def renamed(model: Any, inputs: Sequence[str]) -> bytes:
    """The bytes of the model, its inputs named so, its outputs `output_0` and so on, and all else by a number."""
    graph = model.graph
    names = {"": ""} | {value.name: name for value, name in zip(graph.input, inputs, strict=True)}
    names |= {value.name: f"output_{at}" for at, value in enumerate(graph.output)}
    _share_constants(graph)
    _rename(graph, names)
    model.producer_name, model.producer_version, model.doc_string = "sensegen", "", ""
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _share_constants(graph: Any) -> None:
    """Equal constants become one: which of them tf2onnx leaves is another in every process."""
    first: dict[bytes, str] = {}
    other: dict[str, str] = {}
    for constant in graph.initializer:
        nameless = type(constant)()
        nameless.CopyFrom(constant)
        nameless.name = nameless.doc_string = ""
        other[constant.name] = first.setdefault(nameless.SerializeToString(deterministic=True), constant.name)
    for node in _all_nodes(graph):
        node.input[:] = [other.get(name, name) for name in node.input]
    _replace(graph.initializer, [constant for constant in graph.initializer if other[constant.name] == constant.name])


def _all_nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for inner in _inner(node):
            yield from _all_nodes(inner)


def _rename(graph: Any, names: dict[str, str]) -> None:
    """Names are those of the graphs around, too; a number is never given twice."""

    def name_of(old: str) -> str:
        return names.setdefault(old, f"value_{len(names)}")

    _order_copies(graph)
    nodes = list(_in_order(graph))
    for value in [*graph.input, *graph.output]:
        value.name = name_of(value.name)
        for size in value.type.tensor_type.shape.dim:
            size.ClearField("dim_param")  # of a size that it does not know, a name with a number
    for node in nodes:
        for told in ("name", "doc_string", *(() if node.domain else ("domain",))):  # empty is not the same as unsaid
            node.ClearField(told)
        node.input[:] = [name_of(old) for old in node.input]
        for inner in _inner(node):
            _rename(inner, names)
        node.output[:] = [name_of(old) for old in node.output]
    for constant in graph.initializer:
        constant.name = name_of(constant.name)
    _replace(graph.node, nodes)
    _replace(graph.initializer, sorted(graph.initializer, key=lambda constant: constant.name))
    del graph.value_info[:]
    graph.name, graph.doc_string = "sensegen", ""


def _order_copies(graph: Any) -> None:
    """Of two outputs that are one number, the second is the copy: which one tf2onnx copies is another every time."""
    places = {value.name: at for at, value in enumerate(graph.output)}
    for copy in [node for node in graph.node if node.op_type == "Identity"]:
        (given,), (made,) = copy.input, copy.output
        if given in places and made in places:
            first, second = sorted((given, made), key=places.__getitem__)
            for node in graph.node:
                node.input[:] = [first if name in (given, made) else name for name in node.input]
                node.output[:] = [first if name == given else name for name in node.output]
            copy.output[:] = [second]


def _in_order(graph: Any) -> Iterator[Any]:
    """Nodes behind those that they need, from the outputs down, and none that no output needs."""
    maker = {output: node for node in graph.node for output in node.output if output}
    done: set[int] = set()
    waiting = [(maker[value.name], False) for value in reversed(graph.output) if value.name in maker]
    while waiting:
        node, needs_are_there = waiting.pop()
        if id(node) in done:
            continue
        if needs_are_there:
            done.add(id(node))
            yield node
            continue
        waiting.append((node, True))
        waiting += [(maker[name], False) for name in reversed(list(_needed(node))) if name in maker]


def _needed(node: Any) -> Iterator[str]:
    """The names of what goes into a node, by way of the graphs inside of it too."""
    yield from node.input
    for inner in _inner(node):
        for within in inner.node:
            yield from _needed(within)
        yield from (value.name for value in inner.output)


def _inner(node: Any) -> list[Any]:
    return [attribute.g for attribute in node.attribute if attribute.HasField("g")]


def _replace(field: Any, values: Sequence[Any]) -> None:
    copies = [type(value).FromString(value.SerializeToString()) for value in values]
    del field[:]
    field.extend(copies)
