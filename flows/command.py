"""What commands share: the workspace, params.yaml changed and checked, and failures as exit codes."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console


def change_params(root: Path, *changes: str, dry_run: bool = False, named: str = "that") -> None:
    """Change params.yaml by the texts of presets, if what comes out can be used, and show the difference."""
    from sensegen import artifacts, params, presets

    path = root / "params.yaml"
    before = after = path.read_text(encoding="utf-8")
    for text in changes:
        after = presets.applied(after, text)
    try:
        check_text(after, f"params.yaml with {named}")
    except params.InvalidParams as error:
        raise failed(str(error), 2) from None
    if after == before:
        typer.echo(f"params.yaml is already as {named} wants it.")
        return
    show_difference(before, after)
    if not dry_run:
        artifacts.write_text(path, after)


def show_difference(before: str, after: str) -> None:
    from sensegen import presets

    colours = {"+": "green", "-": "red", "@": "cyan"}
    page = console()
    for line in presets.difference(before, after):
        style = colours.get(line[:1]) if not line.startswith(("+++", "---")) else "bold"
        page.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def check_params(root: Path) -> None:
    from sensegen import params

    try:
        check_text((root / "params.yaml").read_text(encoding="utf-8"), "params.yaml")
    except params.InvalidParams as error:
        raise failed(str(error), 2) from None


def check_text(text: str, name: str) -> None:
    import yaml

    from sensegen import datasets, params

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise params.InvalidParams(f"{name} is not YAML that can be read: {error}") from None
    datasets.check(params.check(document, name))


def prepared_root() -> Path:
    from flows import environment, workspace

    try:
        root = workspace.find_root(Path.cwd())
    except workspace.NoWorkspace as nowhere:
        raise failed(str(nowhere)) from None
    environment.prepare(root)
    return root


def console() -> "Console":
    from rich.console import Console

    return Console()


def failed(message: str, exit_code: int = 1) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(exit_code)
