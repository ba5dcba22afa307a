"""What a JSON schema says of one value, in words, and values as YAML writes them in one line."""

from collections.abc import Mapping
from typing import Any

import numpy as np

Schema = Mapping[str, Any]
CONSTANTS = {None: "null", True: "true", False: "false"}
WORDS = {"boolean": "`true`, `false`", "integer": "whole number", "number": "number", "string": "text"}


def may_be(field: Schema) -> str:
    """The type and range of one value: `whole number, 1 to 8`."""
    if "anyOf" in field:
        return " or ".join(may_be(one) for one in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "$ref" in field:
        return "mapping"
    if field["type"] == "null":
        return "`null`"
    if field["type"] == "array":
        return ("one or more" if field.get("minItems") else "list") + f" of: {may_be(field['items'])}"
    return ", ".join(filter(None, [WORDS[field["type"]], _range(field), _pattern(field)]))


def _range(field: Schema) -> str:
    low, above = field.get("minimum"), field.get("exclusiveMinimum")
    high, below = field.get("maximum"), field.get("exclusiveMaximum")
    if low is not None and high is not None:
        bounds = [f"{in_line(low)} to {in_line(high)}"]
    else:
        named = (("at least", low), ("above", above), ("at most", high), ("below", below))
        bounds = [f"{word} {in_line(bound)}" for word, bound in named if bound is not None]
    multiple = [f"a multiple of {field['multipleOf']}"] if "multipleOf" in field else []
    return ", ".join([*bounds, *multiple])


def _pattern(field: Schema) -> str:
    return f"as `{field['pattern']}`" if "pattern" in field else ""


def in_line(value: Any) -> str:
    """A value of `params.yaml`, written as there: `{low: -6.0, high: 2.0}`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {in_line(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(in_line(inner) for inner in value) + "]"
    if isinstance(value, float):
        return np.format_float_positional(value, trim="0")
    return CONSTANTS[value] if value is None or isinstance(value, bool) else str(value)
