"""docs/params.md: every key of `params.yaml`, what it may be, what it is there, and what it means.

Made from the JSON schema of `sensegen.params.Params`; ranges and words stand there and nowhere else.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.documenting.schema_words import Schema, in_line, may_be

HEAD = """# params.yaml, key by key

Made by `python -m flows.documenting --write` from the schema (`sensegen/params/`), `params.yaml` and `dvc.yaml`: change
those.

`params.yaml` holds every key of each section and no other: there are no defaults elsewhere. What is unknown, missing or
out of range is refused by its whole key (`evaluate.judges.windows` for `judges.windows` of `evaluate`) before anything
runs. Values are the committed ones; presets and you change them (`sensegen preset NAME --dry-run` shows what a preset
would). Where there are variants, `kind` or `name` says which keys there are. A changed section makes those stages run
again that read it, and those behind them that get other bytes."""
HEADER = "| key | may be | is | |\n|---|---|---|---|"
HEADER_WITHOUT_VALUES = "| key | may be | |\n|---|---|---|"
AGAIN = "Parts that come again"


@dataclass(frozen=True)
class Written:
    """What stands in `params.yaml`, in each preset, and in the stages of `dvc.yaml`."""

    values: Mapping[str, Any]
    presets: Mapping[str, Mapping[str, Any]]
    graph: Mapping[str, Any]


def page(schema: Schema, written: Written) -> str:
    """The whole page."""
    reference = _Reference(schema, written)
    sections = [name for name, field in schema["properties"].items() if "type" not in field]
    plain = {name: field for name, field in schema["properties"].items() if "type" in field}
    links = [f"[`{name}`](#{name})" for name in sections] + [f"[{AGAIN.lower()}](#{AGAIN.lower().replace(' ', '-')})"]
    parts = [HEAD, f"Sections: {', '.join(links)}.", reference.table(plain, written.values)]
    for name in sections:
        parts += reference.section(name, schema["properties"][name])
    return "\n\n".join([*parts, *reference.shared_parts()]) + "\n"


class _Reference:
    def __init__(self, schema: Schema, written: Written):
        self.definitions, self.written = schema["$defs"], written
        uses = Counter(name for holder in (schema, *self.definitions.values()) for name in _referred(holder))
        self.shared = sorted(name for name, count in uses.items() if count > 1)

    def section(self, name: str, field: Schema) -> Iterator[str]:
        """Heading, words, table and variants of one section of `params.yaml`."""
        readers = [f"`{stage}`" for stage, entry in self.written.graph.items() if name in _sections(entry["params"])]
        read = f"Read by {', '.join(readers)}." if readers else "No stage reads it."
        yield f"## {name}"
        if "$ref" in field:
            definition = self.definitions[_target(field)]
            yield f"{definition['description']} {read}"
            yield self.table(definition["properties"], self.written.values[name])
        else:
            yield read
        yield from self.below(name, field, self.written.values[name])

    def table(self, fields: Mapping[str, Schema], values: Any) -> str:
        """A row a key, with the values if there are any."""
        return "\n".join([HEADER if values else HEADER_WITHOUT_VALUES, *self._rows("", fields, values)])

    def _rows(self, prefix: str, fields: Mapping[str, Schema], values: Any) -> Iterator[str]:
        for name, field in fields.items():
            value = values[name] if values else ...
            if (inner := _target(field)) and inner not in self.shared:
                within = None if value is ... else value
                yield from self._rows(f"{prefix}{name}.", self.definitions[inner]["properties"], within)
            elif "const" not in field:
                shown = "" if value is ... else f" `{self._shown(field, value)}` |"
                yield f"| `{prefix}{name}` | {self._may_be(field)} |{shown} {self._words(field)} |"

    def below(self, key: str, field: Schema, value: Any) -> Iterator[str]:
        """What needs tables of its own below a key: variants, and what is a mapping or null."""
        if "oneOf" in field:
            for kind, name in _variants(field).items():
                if name not in self.shared:
                    yield from self._variant((key, field["discriminator"]["propertyName"], kind), name, value)
        elif (target := _target(field)) and target not in self.shared:
            for name, inner in self.definitions[target]["properties"].items():
                yield from self.below(f"{key}.{name}", inner, value and value[name])
        elif target := next((_target(one) for one in field.get("anyOf", ()) if "$ref" in one), None):
            yield f"### {key}"
            yield f"{self.definitions[target]['description']} `null`: none."
            yield self.table(self.definitions[target]["properties"], value)

    def _variant(self, place: tuple[str, str, str], name: str, value: Any) -> Iterator[str]:
        key, tag, kind = place
        is_set = bool(value) and value[tag] == kind
        by = [preset for preset, changes in self.written.presets.items() if _at(changes, key).get(tag) == kind]
        fields = self.definitions[name]["properties"]
        yield f"### {key}: {kind}"
        yield self.definitions[name]["description"] + (
            f" Presets: {', '.join(f'`{one}`' for one in by)}." if by else ""
        )
        if len(fields) > 1:
            yield self.table(fields, value if is_set else None)

    def shared_parts(self) -> Iterator[str]:
        """The parts that several sections have."""
        yield f"## {AGAIN}"
        for name in self.shared:
            yield f"### {_heading(name)}"
            yield self.definitions[name]["description"]
            yield self.table(self.definitions[name]["properties"], None)

    def _may_be(self, field: Schema) -> str:
        if "oneOf" in field:
            return ", ".join(self._linked(f"`{kind}`", name) for kind, name in _variants(field).items())
        return self._linked("", target) if (target := _target(field)) else may_be(field)

    def _linked(self, text: str, name: str) -> str:
        heading = _heading(name)
        return f"[{text or heading}](#{heading})" if name in self.shared else text

    def _shown(self, field: Schema, value: Any) -> str:
        return str(value[field["discriminator"]["propertyName"]]) if "oneOf" in field else in_line(value)

    def _words(self, field: Schema) -> str:
        if "oneOf" in field:
            return f"by `{field['discriminator']['propertyName']}`"
        optional = [one for one in (field, *field.get("anyOf", ())) if "$ref" in one]
        return str(field.get("description") or self.definitions[_target(optional[0]) or ""]["description"])


def _referred(holder: Schema) -> Iterator[str]:
    """The definitions that the keys of one refer to, each as often as it does."""
    for field in holder["properties"].values():
        for one in (field, *field.get("oneOf", ()), *field.get("anyOf", ())):
            if target := _target(one):
                yield target


def _target(field: Schema) -> str | None:
    return field["$ref"].rpartition("/")[2] if "$ref" in field else None


def _variants(field: Schema) -> Mapping[str, str]:
    mapping = field["discriminator"]["mapping"]
    by_place = [one["$ref"] for one in field["oneOf"]]
    return {
        kind: ref.rpartition("/")[2] for kind, ref in sorted(mapping.items(), key=lambda one: by_place.index(one[1]))
    }


def _sections(params: Iterable[str]) -> set[str]:
    return {key.split(".")[0] for key in params}


def _at(values: Any, key: str) -> Mapping[str, Any]:
    for part in key.split("."):
        values = values.get(part) or {} if isinstance(values, Mapping) else {}
    return values if isinstance(values, Mapping) else {}


def _heading(name: str) -> str:
    """`CNNClassifierParams` as `cnn_classifier`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.removesuffix("Params")).lower()
