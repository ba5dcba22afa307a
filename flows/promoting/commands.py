"""The commands of the registry: models, promote, rollback."""

from typing import Annotated

import typer

from flows import command

Version = Annotated[int | None, typer.Option(help="Its number; else the challenger, which is the newest.")]
REFUSED_EXIT_CODE = 3


def models() -> None:
    """List the registered models: the newest first, with their roles and what was decided of them."""
    import json

    from rich.table import Table

    registry = _registry()
    from sensegen.tracking import registry as roles

    holders = {name: holder.number for name in (roles.CHAMPION, roles.CHALLENGER) if (holder := registry.named(name))}
    table = Table(title=f"model {registry.model}")
    for column in ("version", "role", "data", "sha256", "decided"):
        table.add_column(column)
    for one in registry.versions():
        role = ", ".join(name for name, number in holders.items() if number == int(one.version))
        verdict = json.loads(one.tags.get(roles.VERDICT, "{}")).get("reason", "")
        sha256 = one.tags.get(roles.SHA256, "")[:12]
        table.add_row(str(one.version), role, one.tags.get("dataset", ""), sha256, verdict)
    command.console().print(table)


def promote(version: Version = None) -> None:
    """Judge a model beside the champion on validation people; it takes its place only if it is better."""
    root = command.prepared_root()
    from flows.promoting.models import promote as judge
    from sensegen.params import InvalidParams

    try:
        judged, verdict = judge(root, version)
    except InvalidParams as error:
        raise command.failed(str(error), 2) from None
    except (ValueError, OSError) as error:
        raise command.failed(str(error)) from None
    what = f"version {judged.number} of {judged.model}: {verdict.reason}."
    if not verdict.promoted:
        raise command.failed(f"Refused, {what}", REFUSED_EXIT_CODE)
    typer.echo(f"Promoted, {what} `sensegen rollback` takes it back.")


def rollback() -> None:
    """Give the champion's place back to the version that it took it from."""
    registry = _registry()
    try:
        before = registry.roll_back()
    except ValueError as error:
        raise command.failed(str(error)) from None
    typer.echo(f"Version {before.number} of {before.model} is the champion again.")


def _registry():  # type: ignore[no-untyped-def]
    root = command.prepared_root()
    from sensegen import params as schema
    from sensegen.tracking.registry import Registry

    try:
        return Registry(root, schema.load(root / "params.yaml").promotion.model)
    except ValueError as error:
        raise command.failed(str(error)) from None
