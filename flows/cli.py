"""The command line. Nothing heavy is imported before a command needs it: `--help` answers at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from flows import command
from flows.completing import commands
from flows.deploying import commands as deploying
from flows.promoting import commands as promoting

app = typer.Typer(
    help="Turn recordings of sensors into synthetic ones, with an honest report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

CANCELLED_EXIT_CODE = 130


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"sensegen {version('sensegen')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Nothing of its own: `--version` is answered before."""


@app.command()
def run(
    preset: Annotated[str | None, typer.Option(help="First change params.yaml by presets/NAME.yaml.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Cut the budgets in params.yaml, for a smoke run.")] = False,
) -> None:
    """Run every stage whose code, params or inputs have changed."""
    root = command.prepared_root()
    with _only_run(root):
        names = [name for name in (preset, "quick" if quick else None) if name]
        _apply_presets(root, names, dry_run=False) if names else command.check_params(root)
        _run_pipeline(root)


@app.command()
def preset(
    name: Annotated[str, typer.Argument(help="A file in presets/, without .yaml.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
) -> None:
    """Change params.yaml by a preset, keeping its comments, and show the difference."""
    root = command.prepared_root()
    with _only_run(root):
        _apply_presets(root, [name], dry_run=dry_run)


@app.command()
def doctor() -> None:
    """Look for what would make a run fail, and say what to do about it."""
    root = command.prepared_root()
    from flows import doctor as examination

    findings = examination.examine(root)
    examination.show(command.console(), findings)
    if any(finding.level == "wrong" for finding in findings):
        raise typer.Exit(1)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A file of recordings: delimited text or Parquet.")],
    write: Annotated[Path | None, typer.Option(help="Also write a draft of its description here.")] = None,
) -> None:
    """Guess what a file of your own holds: columns, clock, rate, units, labels."""
    from sensegen import drafting

    try:
        drafting.inspect(file, command.console(), write)
    except (ValueError, OSError) as error:
        raise command.failed(str(error)) from None


@app.command()
def evaluate(
    real: Annotated[Path, typer.Option(help="A window folder, or one with fit.* and test.* (Parquet, CSV, NPZ).")],
    synthetic: Annotated[Path, typer.Option(help="Windows of any source, in physical units: Parquet, CSV or NPZ.")],
    out: Annotated[Path, typer.Option(help="Where metrics and page go.")] = Path("judged"),
    seeds: Annotated[int | None, typer.Option(min=2, help="Repetitions; else those of params.yaml.")] = None,
    preset: Annotated[str | None, typer.Option(help="Judge by the numbers of presets/NAME.yaml.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Also by the classifiers that take minutes to train.")] = False,
) -> None:
    """Judge synthetic windows of any source: useful, told apart, faithful, copied; beside floors and controls."""
    root = command.prepared_root()
    from flows import judging, summary
    from sensegen.params import InvalidParams
    from sensegen.presets import UnknownPreset

    try:
        judged, compared = judging.judge(root, judging.Question(real, synthetic, seeds, full, preset), out)
    except (InvalidParams, UnknownPreset) as error:
        raise command.failed(str(error), 2) from None
    except (ValueError, OSError) as error:
        raise command.failed(str(error)) from None
    for remark in compared.remarks:
        typer.echo(f"Note: {remark}")
    summary.show_judged(command.console(), judged.metrics, out)


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Where the windows go: Parquet, CSV or NPZ, by its ending.")],
    activity: Annotated[str | None, typer.Option(help="One activity; else all in equal numbers.")] = None,
    windows: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many windows.")] = 100,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same windows.")] = 0,
    seconds: Annotated[float | None, typer.Option(min=0, help="Length; else as trained. Of an mdn_rnn only.")] = None,
    prompt: Annotated[Path | None, typer.Option(help="Windows to begin with, in a file. Of an mdn_rnn only.")] = None,
    temperature: Annotated[float | None, typer.Option(help="How much noise to draw with; else as trained.")] = None,
) -> None:
    """Write windows of the trained generator to a file, in physical units."""
    root = command.prepared_root()
    from flows import generating

    try:
        asked = generating.Request(activity, windows, seed, seconds, prompt, temperature)
        made = generating.generate(root, asked, out)
    except (ValueError, OSError) as error:
        raise command.failed(str(error)) from None
    length_s = made.values.shape[1] / made.rate_hz
    typer.echo(f"{len(made):,} windows of {length_s:g} s, {', '.join(made.channels)}, in {out}")


densify = app.command()(commands.densify)
fill = app.command()(commands.fill)
extrapolate = app.command()(commands.extrapolate)
models, promote, rollback = (app.command()(one) for one in (promoting.models, promoting.promote, promoting.rollback))
up, down = (app.command()(one) for one in (deploying.up, deploying.down))
deploy, worker = (app.command()(one) for one in (deploying.deploy, deploying.worker))


@app.command()
def serve(
    model: Annotated[str | None, typer.Option(help="models:/...; else the champion of params.yaml's model.")] = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen at; others than this machine need a token.")
    ] = "127.0.0.1",
    threads: Annotated[int, typer.Option(min=1, max=64, help="Requests that are worked on at once.")] = 2,
) -> None:
    """Answer requests for windows over HTTP, with a page to look at them, until Ctrl-C."""
    root = command.prepared_root()
    from flows import serving

    try:
        serving.serve(root, serving.Place(host, port, threads), model)
    except (ValueError, OSError) as error:
        raise command.failed(str(error)) from None


@app.command()
def tune(
    space: Annotated[str, typer.Option(help="What may change: a file in spaces/, without .yaml.")],
    study: Annotated[str | None, typer.Option(help="Its name; one that is known goes on. Else the space's.")] = None,
    trials: Annotated[int, typer.Option(min=1, max=100_000, help="How many in all.")] = 30,
    pareto: Annotated[bool, typer.Option("--pareto", help="Two objectives, useful and not told apart.")] = False,
    warm_from: Annotated[str | None, typer.Option(help="A study whose best params are tried first.")] = None,
    carry_weights: Annotated[bool, typer.Option(help="Trials begin with the best one's weights that fit.")] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of a trial; else those of the space's preset.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the best as preset tuned_STUDY and apply it.")] = False,
) -> None:
    """Search for better params on validation people; what was found before is kept."""
    root = command.prepared_root()
    from flows import tuning
    from sensegen.params import InvalidParams
    from sensegen.presets import UnknownPreset
    from sensegen.tuning import search
    from sensegen.tuning.study import StudyBusy, best

    asked = search.Search(root, study or space, space, trials, pareto, warm_from, carry_weights, epochs)
    with _only_run(root):
        command.check_params(root)
        try:
            tuning.make_windows(root)
            with tuning.cancelled_at_once(CANCELLED_EXIT_CODE):
                found = best(tuning.tune(asked, command.console()))
        except (InvalidParams, UnknownPreset) as error:
            raise command.failed(str(error), 2) from None
        except (StudyBusy, ValueError, ChildProcessError) as error:
            raise command.failed(str(error)) from None
        except KeyboardInterrupt:
            raise command.failed(tuning.CANCELLED, CANCELLED_EXIT_CODE) from None
        if apply and found:
            path = search.write_preset(asked, found[0], f"tuned_{asked.study}")
            _apply_presets(root, [path.stem], dry_run=False)


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for the generator, to begin with by `sensegen warm-start`.")],
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; else runtime.workers of params.yaml.")] = None,
) -> None:
    """Train the generator by several workers of a Ray cluster; the pipeline's own stage stays on one machine."""
    root = command.prepared_root()
    from flows import tuning
    from sensegen import params as schema
    from sensegen.data_parallel import generators, together

    with _only_run(root):
        command.check_params(root)
        checked = schema.load(root / "params.yaml")
        crew = together.Crew(workers or checked.runtime.workers, show=typer.echo)
        try:
            generators.check(checked, crew.workers)
            tuning.make_windows(root)
            generators.train(root, checked, out, crew)
        except schema.InvalidParams as error:
            raise command.failed(str(error), 2) from None
        except KeyboardInterrupt:
            message = "Cancelled. The same command goes on from the last checkpoint."
            raise command.failed(message, CANCELLED_EXIT_CODE) from None
        except (ValueError, OSError, RuntimeError) as error:
            raise command.failed(str(error)) from None
    typer.echo(f"Trained by {crew.workers} workers: {out}")


@app.command()
def warm_start(
    model: Annotated[str, typer.Argument(help="A generator's folder, or models:/... in the tracking store.")],
    frozen: Annotated[list[str] | None, typer.Option(help="A layer that is not trained at first; repeatable.")] = None,
    frozen_epochs: Annotated[int | None, typer.Option(min=1, help="First epochs without them; else all.")] = None,
) -> None:
    """Let training begin with the weights of a model: copy it to my_files/ and write it down in params.yaml."""
    root = command.prepared_root()
    from flows import warm_starting

    with _only_run(root):
        try:
            folder, sha256 = warm_starting.bring(root, model)
        except (ValueError, OSError) as error:
            raise command.failed(str(error)) from None
        command.change_params(root, warm_starting.changes(folder, sha256, frozen or [], frozen_epochs))


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 5000,
    study: Annotated[str | None, typer.Option(help="Optuna's page of a study in place of MLflow's.")] = None,
) -> None:
    """Serve the MLflow page on this machine, until Ctrl-C; or Optuna's of a study."""
    root = command.prepared_root()
    from flows import ui as page

    if study:
        typer.echo(f"Optuna: http://{page.HOST}:{port}   (Ctrl-C ends it)")
        try:
            page.serve_study(root, study, port)
        except ValueError as error:
            raise command.failed(str(error)) from None
    typer.echo(f"MLflow: http://{page.HOST}:{port}   (it takes some seconds to answer; Ctrl-C ends it)")
    page.serve(root, port)


@contextmanager
def _only_run(root: Path) -> Iterator[None]:
    """Hold the workspace; a second run and a full disk are told in one message."""
    from flows import workspace
    from sensegen import full_disk

    try:
        with workspace.only_run(root):
            yield
    except workspace.WorkspaceBusy as busy:
        raise command.failed(str(busy)) from None
    except Exception as error:
        if not full_disk.is_reported_by(error):
            raise
        raise command.failed(full_disk.message(root)) from None


def _run_pipeline(root: Path) -> None:
    from flows import running, summary
    from flows.outcome import StageFailed
    from sensegen import full_disk

    if full_disk.leaves_no_room(root):
        raise command.failed(full_disk.message(root))
    try:
        result = running.run(root)
    except StageFailed as failure:
        raise command.failed(str(failure), failure.exit_code if failure.exit_code in (2, 42) else 1) from None
    except KeyboardInterrupt:
        raise command.failed("Cancelled. The next run goes on from what is finished.", CANCELLED_EXIT_CODE) from None
    except running.ServerLost as lost:
        raise command.failed(str(lost)) from None
    except ValueError as error:  # a store or a graph that cannot be used; the message says what to do
        raise command.failed(full_disk.message(root) if full_disk.is_reported_by(error) else str(error)) from None
    summary.show(command.console(), root, result)


def _apply_presets(root: Path, names: list[str], *, dry_run: bool) -> None:
    from sensegen import presets

    try:
        texts = [presets.read(root / "presets", name) for name in names]
    except presets.UnknownPreset as error:
        raise command.failed(str(error), 2) from None
    command.change_params(root, *texts, dry_run=dry_run, named=" and ".join(names))
