"""Presets: named sets of changes to `params.yaml`, applied so that comments, order and number formats stay.

A preset is a nested mapping of the keys it changes. A mapping that names its variant (`kind` or `name`) replaces
what stands in `params.yaml`, since other variants have other keys; any other mapping is merged into it.
"""

import difflib
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

END_OF_LINE = 2  # where ruamel.yaml keeps the comment behind a key's value


class UnknownPreset(ValueError):
    """There is no preset of that name; the message names the nearest ones."""


def names(folder: Path) -> list[str]:
    """The presets in a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def read(folder: Path, name: str) -> str:
    """The text of a preset.

    Raises:
        UnknownPreset: if the folder holds no such preset.
    """
    known = names(folder)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(known)}."
        raise UnknownPreset(f"There is no preset {name!r} in {folder}. {hint}")
    return (folder / f"{name}.yaml").read_text(encoding="utf-8")


def applied(params_text: str, preset_text: str) -> str:
    """The text of `params.yaml` with a preset's changes; whether they make sense is for the caller to check."""
    yaml = _yaml()
    params = yaml.load(params_text)
    if changes := yaml.load(preset_text):
        _merge(params, changes)
    stream = StringIO()
    yaml.dump(params, stream)
    return stream.getvalue()


def difference(before: str, after: str, name: str = "params.yaml") -> list[str]:
    """The unified difference, a line each."""
    lines = before.splitlines(), after.splitlines()
    return list(difflib.unified_diff(*lines, f"{name} (before)", f"{name} (after)", lineterm="", n=1))


def _merge(old: Any, changes: Any) -> None:
    from ruamel.yaml.comments import CommentedMap

    for key, value in changes.items():
        current = old.get(key)
        if not (isinstance(value, CommentedMap) and isinstance(current, CommentedMap)):
            old[key] = value
        elif {"kind", "name"} & value.keys():
            _replace(current, value)
        else:
            _merge(current, value)
        _align_comment(old, changes, key)


def _align_comment(old: "CommentedMap", new: "CommentedMap", key: str) -> None:
    """Where a longer value had pushed a comment to the right, bring it back to where the preset has it."""
    if key in old.ca.items and key in new.ca.items:
        here, there = old.ca.items[key][END_OF_LINE], new.ca.items[key][END_OF_LINE]
        if here is not None and there is not None:
            here.start_mark.column = there.start_mark.column


def _replace(old: Any, new: Any) -> None:
    """Give `old` exactly the keys and values of `new`; keys that stay keep their comments, others bring their own."""
    between = _take_lines_below(old)
    _take_lines_below(new)
    for key in [key for key in old if key not in new]:
        del old[key]
        old.ca.items.pop(key, None)
    for position, (key, value) in enumerate(new.items()):
        if key in old:
            old[key] = value
            continue
        old.insert(position, key, value)
        if key in new.ca.items:
            old.ca.items[key] = new.ca.items[key]
    _put_lines_below(old, between)


def _take_lines_below(mapping: "CommentedMap") -> str:
    """Cut off the empty lines and comments under a mapping, which ruamel.yaml hangs on its last key."""
    token = _end_of_line(mapping)
    if token is None:
        return ""
    first, newline, below = token.value.partition("\n")
    token.value = first + newline
    return str(below)


def _put_lines_below(mapping: "CommentedMap", below: str) -> None:
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken

    token = _end_of_line(mapping)
    if token is not None:
        token.value += below
    elif below:
        last = next(reversed(mapping))
        mapping.ca.items[last] = [None, None, CommentToken("\n" + below, CommentMark(0), None), None]


def _end_of_line(mapping: "CommentedMap") -> Any:
    comments = mapping.ca.items.get(next(reversed(mapping)))
    return comments[END_OF_LINE] if comments else None


def _yaml() -> "YAML":
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.representer.add_representer(type(None), _null)
    return yaml


def _null(representer: Any, value: None) -> Any:
    """`null` spelled out: a key with nothing behind it looks forgotten."""
    del value
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")
