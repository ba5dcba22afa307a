"""Tables in docs/benchmarks.md: each benchmark replaces its own section and leaves the others."""

import re
from collections.abc import Sequence
from pathlib import Path

from sensegen.artifacts import write_text

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
HEAD = "# Benchmarks\n\nWritten by `python -m benchmarks NAME`, never by hand. Compare ratios: machines are noisy.\n"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table, a string a line."""
    lines = [columns, ["---"] * len(columns), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def put(name: str, lines: list[str]) -> None:
    """Replace the section `name` of the page, or add it."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    section = "\n".join([f"## {name}", "", *lines]).rstrip()
    pattern = re.compile(rf"^## {re.escape(name)}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    page = pattern.sub(lambda _: f"{section}\n\n", page) if pattern.search(page) else f"{page.rstrip()}\n\n{section}"
    write_text(PAGE, f"{page.rstrip()}\n")
