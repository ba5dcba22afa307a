"""The documents say what is so: commands exist and parse, links lead somewhere, made pages are up to date.

Each check also runs over something that breaks it. The tutorial is run in tests/test_tutorial.py.
"""

import importlib.util
import re
import sys
from itertools import pairwise
from pathlib import Path
from unittest import mock

import pytest
import yaml
from documents import Command, broken_links, commands, sensegen_commands, slugs, wrong_sensegen

from benchmarks.__main__ import BENCHMARKS
from flows import documenting, incidents
from flows.documenting import graph_picture
from flows.documenting.schema_words import in_line, may_be
from sensegen import presets
from sensegen.artifacts import STAGES
from sensegen.params import Params

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
PAGES = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "my_files/README.md", *DOCS]
COMMANDS = [command for page in PAGES for command in commands(page, (ROOT / page).read_text(encoding="utf-8"))]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def of(program: str) -> list[Command]:
    return [command for command in COMMANDS if command.words[0] == program and command.words[1:]]


def typed(line: str) -> Command:
    (command,) = commands("page.md", f"```\n{line}\n```\n")
    return command


def wrong_make(command: Command) -> str | None:
    targets = set(re.findall(r"^(\w+):(?!=)", MAKEFILE, re.MULTILINE))
    variables = set(re.findall(r"^(\w+) \?=", MAKEFILE, re.MULTILINE))
    for word in command.words[1:]:
        name, assigned, _ = word.partition("=")
        if name not in (variables if assigned else targets):
            return f"{command}: make knows no {name}"
    return None


def wrong_module(command: Command) -> str | None:
    """Of `python -m MODULE ...`: the module is there, and what it is to do is known to it."""
    if command.words[1:2] != ("-m",):
        return None
    module, *arguments = command.words[2:]
    if importlib.util.find_spec(module) is None:
        return f"{command}: there is no module {module}"
    if module in ("benchmarks", "stages") and arguments and arguments[0] != "1":
        known = {"benchmarks": BENCHMARKS, "stages": STAGES}[module]
        return None if arguments[0] in known else f"{command}: {module} has no {arguments[0]}"
    if module.startswith("flows."):
        origin = importlib.util.find_spec(module + (".__main__" if module == "flows.documenting" else "")).origin
        strange = [word for word in arguments if f'"{word}"' not in Path(origin).read_text(encoding="utf-8")]
        return f"{command}: {module} does not know {', '.join(strange)}" if strange else None
    return None


def wrong_dvc(command: Command) -> str | None:
    from dvc.cli.parser import DvcParserError, get_main_parser

    try:
        with mock.patch.object(sys, "argv", ["dvc"]):  # which it looks at besides, for -q and -v
            asked = get_main_parser().parse_args(list(command.words[1:]))
    except (DvcParserError, SystemExit):
        return f"{command}: dvc does not understand it"
    unknown = set(getattr(asked, "targets", None) or ()) - {*STAGES, "1"}
    return f"{command}: there is no stage {', '.join(unknown)}" if unknown else None


def names_of(kind: str) -> list[tuple[Command, str]]:
    """The presets or spaces that commands name."""
    option = {"presets": "--preset", "spaces": "--space"}[kind]
    found = []
    for command in COMMANDS:
        words = command.words
        found += [(command, name) for before, name in pairwise(words) if before == option]
        if kind == "presets":
            found += [(command, words[2])] if words[:2] == ("sensegen", "preset") and len(words) > 2 else []
            found += [(command, word.removeprefix("PRESET=")) for word in words if word.startswith("PRESET=")]
    return [(command, name) for command, name in found if re.fullmatch(r"[a-z_]+\w*", name)]


def test_commands_are_found_at_all():
    assert len(of("sensegen")) > 60 and len(of("make")) > 15 and len(of("python")) > 9 and len(of("dvc")) > 3
    assert {command.page for command in of("sensegen") if command.whole} >= {"docs/tutorial.md", "docs/operations.md"}


def test_every_command_of_sensegen_exists_and_its_options_parse():
    assert [f"{command}: {wrong}" for command in of("sensegen") if (wrong := wrong_sensegen(command))] == []


def test_every_target_of_make_exists():
    assert [wrong for command in of("make") if (wrong := wrong_make(command))] == []


def test_every_module_benchmark_and_stage_that_is_to_be_run_exists():
    assert [wrong for command in of("python") if (wrong := wrong_module(command))] == []


def test_every_command_of_dvc_parses_and_names_stages():
    assert [wrong for command in of("dvc") if (wrong := wrong_dvc(command))] == []


@pytest.mark.parametrize("kind", ["presets", "spaces"])
def test_presets_and_spaces_that_commands_name_exist(kind):
    known = set(presets.names(ROOT / kind))
    made = {  # by the page itself
        (page, name)
        for page in PAGES
        for name in re.findall(kind + r"/(\w+)\.yaml", (ROOT / page).read_text(encoding="utf-8"))
    }
    named = names_of(kind)
    assert named
    assert [str(command) for command, name in named if name not in known and (command.page, name) not in made] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sensegen trian", "no command trian"),
        ("sensegen run --fast", "no option --fast"),
        ("sensegen serve --port many", "valid integer"),
        ("sensegen inspect", "Missing argument"),
        ("sensegen generate --windows 5", "Missing option"),
    ],
)
def test_a_command_of_sensegen_that_would_be_refused_is_reported(line, said):
    assert said in (wrong_sensegen(typed(line)) or "")


def test_other_commands_that_do_not_exist_are_reported():
    assert wrong_make(typed("make everything")) and wrong_make(typed("make run COLOUR=red"))
    assert wrong_module(typed("python -m benchmarks gate")) and wrong_module(typed("python -m stages train"))
    assert wrong_module(typed("python -m flows.code_deps --read")) and wrong_module(typed("python -m nowhere"))
    assert wrong_dvc(typed("dvc reproduce")) and wrong_dvc(typed("dvc repro training"))


def test_commands_are_read_out_of_blocks_sentences_and_continued_lines():
    text = (
        "Say `sensegen ui [--port N]` or:\n\n    make run  # all\n\nand\n```sh\n$ sensegen run \\\n  --quick\n"
        "cat > x <<'END'\nsensegen nothing\nEND\nX=1 dvc repro &\necho sensegen\n```\n"
    )
    assert [(command.words, command.whole) for command in commands("page", text)] == [
        (("sensegen", "run", "--quick"), True),
        (("dvc", "repro"), True),
        (("make", "run"), True),
        (("sensegen", "ui", "--port", "1"), False),
    ]


def test_every_command_stands_in_the_readme_and_every_alert_and_variable_where_it_is_explained():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in sensegen_commands() if f"`sensegen {name}" not in readme] == []
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [kind for kind in incidents.NAMES if kind != "promoted" and f"`{kind}`" not in operations] == []
    read = [
        *(path for folder in ("flows", "sensegen") for path in (ROOT / folder).rglob("*.py")),
        *ROOT.rglob("*.yaml"),
    ]
    code = "".join(path.read_text(encoding="utf-8") for path in read)
    pages = "".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    assert {name for name in re.findall(r"SENSEGEN_[A-Z_]+[A-Z]\b", pages) if name not in code} == set()


@pytest.mark.parametrize("page", PAGES)
def test_links_and_images_of_a_page_exist(page):
    assert list(broken_links(ROOT, page)) == []


def test_a_broken_link_is_reported(tmp_path):
    (tmp_path / "there.md").write_text("# One `thing`, and more\n")
    (tmp_path / "page.md").write_text(
        "[a](there.md#one-thing-and-more) [b](gone.md) ![c](gone.png) [d](there.md#two) [e](https://x.org) [f](#none)\n"
        "```\n[g](gone.md)\n```\n"
    )
    assert [line.split()[3].rstrip(",") for line in broken_links(tmp_path, "page.md")] == [
        *("gone.md", "gone.png", "there.md#two", "#none")
    ]


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    absent = [page for page in DOCS if page != "docs/README.md" and f"({Path(page).name})" not in index]
    assert absent == [], "add them to docs/README.md"


@pytest.mark.parametrize("name", ["docs/params.md", "docs/images/stages.svg"])
def test_a_made_page_is_what_is_made_now(name):
    made, committed = documenting.pages(ROOT)[name], (ROOT / name).read_text(encoding="utf-8")
    assert committed == made, f"{name} is out of date: python -m flows.documenting --write"


def test_every_key_of_the_schema_says_what_it_is():
    schema = Params.model_json_schema()
    silent = [
        f"{name}.{key}"
        for name, section in schema["$defs"].items()
        for key, field in section["properties"].items()
        if not {"description", "const", "$ref", "oneOf"} & set(field)
        and not any("$ref" in one for one in field.get("anyOf", ()))
    ]
    assert silent == [], "give them a description in sensegen/params/"


def test_every_key_of_params_stands_in_the_reference_with_its_value():
    page = (ROOT / "docs" / "params.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE))
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for section, values in document.items():
        for key, value in values.items() if isinstance(values, dict) else ():
            text = parts[section]
            assert f"`{key}" in text or key in ("kind", "name"), f"{section}.{key}"
            if not isinstance(value, dict) and key not in ("kind", "name"):
                assert f"| `{in_line(value)}` |" in text, f"{section}.{key}"


def test_ranges_are_told_as_the_schema_has_them():
    assert may_be({"type": "integer", "minimum": 1, "maximum": 8}) == "whole number, 1 to 8"
    assert may_be({"type": "number", "exclusiveMinimum": 0, "maximum": 1}) == "number, above 0, at most 1"
    assert may_be({"anyOf": [{"type": "string"}, {"type": "null"}]}) == "text or `null`"
    assert (
        in_line({"rate": 1e-05, "names": ["a"], "none": None, "on": True})
        == "{rate: 0.00001, names: [a], none: null, on: true}"
    )


def test_the_picture_has_a_box_a_stage_and_an_arrow_a_reader():
    graph = {
        "one": {
            "desc": "First & last",
            "deps": ["my_files"],
            "outs": ["artifacts/one/raw.csv", "artifacts/one/curves.csv"],
        },
        "two": {"desc": "Second", "deps": ["artifacts/one/raw.csv"], "outs": ["artifacts/two/made"]},
        "three": {
            "desc": "Third",
            "deps": ["artifacts/one/curves.csv", "artifacts/two/made"],
            "outs": [{"artifacts/three/page.html": {"cache": False}}],
        },
    }
    picture = graph_picture.picture(graph)
    assert picture.count('class="box"') == 3 and picture.count("l9 -4 v8 z") == 3
    assert "First &amp; last" in picture
    assert re.findall(r">(→ [^<]*)<", picture) == ["→ raw", "→ made", "→ page.html"]


def test_headings_become_anchors_as_github_makes_them():
    assert slugs("# A b\n## `c_d`: e, f?\n```\n# no\n```\n") == {"a-b", "c_d-e-f"}
