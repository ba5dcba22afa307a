"""What a person is told about params that cannot be used: the key, what came, and the nearest valid key."""

import difflib
from collections.abc import Set
from typing import Any


def explain(error: dict[str, Any], known: Set[str], document: str = "params.yaml") -> str:
    """One of Pydantic's errors as a sentence; `known` holds every valid dotted key of the document."""
    key = _key(error["loc"], known)
    if error["type"] == "extra_forbidden":
        return f"{key} is no key of {document} (got {error['input']!r}).{_suggestion(key, known)}"
    if error["type"] == "missing":
        return f"{key} is missing. Add it to {document}."
    if error["type"] == "union_tag_invalid":
        return _unknown_variant(key, error["ctx"])
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    hint = _as_number(error["input"]) if error["type"] == "float_type" else ""
    return f"{key}: {error['msg']} (got {error['input']!r}).{hint}"


def _as_number(value: object) -> str:
    """What to write instead of a number that YAML takes for text, such as 1e-3: the point and the sign are needed."""
    try:
        number = repr(float(str(value)))
    except ValueError:
        return ""
    return f" YAML takes that for text; write {number if '.' in number else number.replace('e', '.0e')}."


def _unknown_variant(key: str, context: dict[str, Any]) -> str:
    choices = [choice.strip("' ") for choice in context["expected_tags"].split(",")]
    near = difflib.get_close_matches(context["tag"], choices, n=1, cutoff=0.0)[0]
    discriminator = context["discriminator"].strip("'")
    return f"{key}.{discriminator} must be one of {', '.join(choices)} (got {context['tag']!r}). Did you mean {near}?"


def _key(location: tuple[str | int, ...], known: Set[str]) -> str:
    """The dotted key in the YAML: Pydantic adds the chosen variant behind a key that has variants."""
    key = str(location[0]) if location else "params.yaml"
    for part in location[1:]:
        if f"{key}.{part}" in known or part == location[-1]:
            key = f"{key}.{part}"
    return key


def _suggestion(key: str, known: Set[str]) -> str:
    siblings = sorted(name for name in known if name.rpartition(".")[0] == key.rpartition(".")[0])
    near = difflib.get_close_matches(key, siblings, n=1, cutoff=0.0)
    near = near or difflib.get_close_matches(key, sorted(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""
