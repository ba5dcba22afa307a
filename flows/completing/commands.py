"""The commands and their options."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows import command
from flows.completing.completion import Request, complete

if TYPE_CHECKING:
    from sensegen.completion.tasks import Task

File = Annotated[Path, typer.Argument(help="A recording: a table with time_s and a column a channel, or described.")]
Out = Annotated[Path, typer.Option(help="Where medians and intervals go: CSV or Parquet. A picture goes beside it.")]
Described = Annotated[Path | None, typer.Option(help="How the file is to be read, as `sensegen inspect` drafts it.")]
Season = Annotated[float | None, typer.Option(min=0, help="Length of a season: 31556952 is a year.")]
Alone = Annotated[bool, typer.Option("--alone", help="Learn from the file itself, not from the last run's windows.")]
Draws = Annotated[int, typer.Option(min=20, max=10_000, help="How many draws.")]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same draws.")]
DrawsOut = Annotated[Path | None, typer.Option(help="Also write all draws, as windows: CSV or Parquet.")]


def densify(
    file: File,
    out: Out,
    factor: Annotated[int, typer.Option(min=2, max=64, help="Samples in place of one.")] = 4,
    description: Described = None,
    season_seconds: Season = None,
    draws: Draws = 100,
    seed: Seed = 0,
    draws_out: DrawsOut = None,
) -> None:
    """Draw what lies between the samples of a recording, as the last run's windows at the higher rate have it."""
    from sensegen.completion.tasks import Densify

    request = Request(file, out, description, False, season_seconds, draws, seed, draws_out)
    _complete(request, Densify(factor))


def fill(
    file: File,
    out: Out,
    alone: Alone = False,
    description: Described = None,
    season_seconds: Season = None,
    draws: Draws = 100,
    seed: Seed = 0,
    draws_out: DrawsOut = None,
) -> None:
    """Draw what is missing of a recording: rows left out, and empty cells."""
    from sensegen.completion.tasks import Fill

    _complete(Request(file, out, description, alone, season_seconds, draws, seed, draws_out), Fill())


def extrapolate(
    file: File,
    out: Out,
    seconds: Annotated[float, typer.Option(min=0, help="How far beyond the last sample.")],
    alone: Alone = False,
    description: Described = None,
    season_seconds: Season = None,
    draws: Draws = 100,
    seed: Seed = 0,
    draws_out: DrawsOut = None,
) -> None:
    """Draw how a recording may have gone on."""
    from sensegen.completion.tasks import Extrapolate

    _complete(Request(file, out, description, alone, season_seconds, draws, seed, draws_out), Extrapolate(seconds))


def _complete(request: Request, asked: "Task") -> None:
    root = command.prepared_root()
    try:
        outcome = complete(root, request, asked)
    except (ValueError, OSError) as error:
        raise command.failed(str(error)) from None
    for note in outcome.notes:
        typer.echo(f"Note: {note}")
    drawn = sum(int((~one.recorded.stretch.known).sum()) for one in outcome.completed)
    typer.echo(f"{drawn:,} values drawn, {request.draws} times, in {request.out}; look at {outcome.picture}")
