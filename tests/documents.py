"""What pages of Markdown hold: commands, links, headings; and what is wrong with them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import typer.main

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<block>.*?)^```$", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?:(?<=\n\n)|(?<=\A))(?:    \S.*\n?)+")
HERE_DOCUMENT = re.compile(r"<<'(?P<word>\w+)'.*?\n.*?^(?P=word)$", re.DOTALL | re.MULTILINE)
QUOTED = re.compile(r"`(?P<code>[^`\n]+(?:\n[^`\n]+)?)`")
LINK = re.compile(r"(?<!\\)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
ASSIGNMENT = re.compile(r"[A-Z_]+=")
PLACEHOLDER = re.compile(r"^[A-Z]+\d?$")
PROGRAMS = ("sensegen", "make", "dvc", "python")


@dataclass(frozen=True)
class Command:
    """A command of a page; `whole` where it stands in a block to be typed, and not within a sentence."""

    page: str
    words: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def commands(page: str, text: str) -> list[Command]:
    """The commands of the project on a page, with 1 in place of names for anything (`FILE`, `N`)."""
    blocks = [found["block"] for found in FENCE.finditer(text)]
    prose = FENCE.sub("", text)
    blocks += [found[0] for found in INDENTED.finditer(prose)]
    lines = [line for block in blocks for line in _lines(block)]
    typed = [(line, True) for line in lines] + [(found["code"], False) for found in QUOTED.finditer(prose)]
    return [Command(page, words, whole) for line, whole in typed if (words := _words(line))]


def _lines(block: str) -> list[str]:
    return HERE_DOCUMENT.sub("", block).replace("\\\n", " ").splitlines()


def _words(line: str) -> tuple[str, ...]:
    line = re.sub(r"^\s*\$ ", "", line.replace("\n", " "))
    try:
        words = shlex.split(re.sub(r"[\[\]]|(?<=[\]\w])\.\.\.(?=\s|$)", "", line), comments=True)
    except ValueError:  # no command: an apostrophe
        return ()
    while words and ASSIGNMENT.match(words[0]):
        words.pop(0)
    ends = [at for at, word in enumerate(words) if word in ("&", "|", "&&", ";", ">")]
    words = words[: min(ends, default=len(words))]
    return tuple("1" if PLACEHOLDER.match(word) else word for word in words) if words and words[0] in PROGRAMS else ()


@cache
def sensegen_commands() -> dict[str, Any]:
    """The commands of the command line by their names, as click has them."""
    from flows.cli import app

    return dict(typer.main.get_command(app).commands)


def wrong_sensegen(command: Command) -> str | None:
    """What the command line would say to it: parsed as typed if it is whole, else only its names are looked up."""
    name, *arguments = command.words[1:] or ("--help",)
    if name.startswith("-"):
        return None if name in ("--help", "--version") else f"sensegen has no option {name}"
    known = sensegen_commands().get(name)
    if known is None:
        return f"sensegen has no command {name}"
    options = {option for param in known.params for option in (*param.opts, *param.secondary_opts)} | {"--help"}
    if strange := [word for word in arguments if word.startswith("--") and word.split("=")[0] not in options]:
        return f"sensegen {name} has no option {', '.join(strange)}"
    if command.whole:
        try:
            known.make_context(name, arguments)
        except Exception as error:
            if not hasattr(error, "format_message"):  # typer's own copy of click's UsageError, which has no public name
                raise
            return f"sensegen {name}: {error.format_message()}"
    return None


def slugs(text: str) -> set[str]:
    """The anchors of a page, as GitHub makes them of its headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(root: Path, page: str) -> Iterator[str]:
    """Links of a page to files of the project, or to headings, that do not exist."""
    text = (root / page).read_text(encoding="utf-8")
    for found in LINK.finditer(FENCE.sub("", text)):
        place, _, anchor = unquote(found["target"]).partition("#")
        if re.match(r"[a-z]+:", place):
            continue
        target = (root / page).parent / place if place else root / page
        if not target.exists():
            yield f"{page} links to {found['target']}, which does not exist"
        elif anchor and target.suffix == ".md" and anchor not in slugs(target.read_text(encoding="utf-8")):
            yield f"{page} links to {found['target']}, but there is no such heading"
