"""A search for params from the command line: windows made first, trials told as they end, the best shown or applied."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from sensegen.tuning.search import Search, Told
    from sensegen.tuning.study import Study

SHOWN = 5
CANCELLED = "Cancelled. The same command goes on with the study."


@contextmanager
def cancelled_at_once(exit_code: int) -> Iterator[None]:
    """Ctrl-C ends this process, and with it the ones that run trials, without waiting for the trials: the study is on
    the disk."""
    import os
    import signal

    def cancel(number: int, frame: object) -> None:
        print(CANCELLED, file=sys.stderr, flush=True)
        os._exit(exit_code)

    before = signal.signal(signal.SIGINT, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def make_windows(root: Path) -> None:
    """Bring the windows of params.yaml up to date: a search trains on what the pipeline would.

    Raises:
        ChildProcessError: if a stage before them fails; its own message is on the screen.
    """
    import subprocess

    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--quiet", "window"]
    if code := subprocess.run(command, cwd=root).returncode:
        raise ChildProcessError(f"The windows that a search needs could not be made (exit code {code}).")


def tune(asked: "Search", console: "Console") -> "Study":
    """Search, and show each trial as it ends."""
    from sensegen.progress import reporter
    from sensegen.tuning.search import search

    progress = reporter("tune")

    def show(done: int, total: int, told: "Told") -> None:
        how = told.reason if told.values is None else " ".join(f"{value:.4f}" for value in told.values)
        progress(done, total, f"trial {told.number}: {how}")

    study = search(asked, show)
    show_best(study, console)
    return study


def show_best(study: "Study", console: "Console") -> None:
    """The best trials as a table."""
    from rich.table import Table

    from sensegen.tuning.search import numbers
    from sensegen.tuning.study import best, finished

    leaders, ended = best(study), finished(study)
    pruned = sum(trial.state.name == "PRUNED" for trial in ended)
    epochs = sum(trial.user_attrs.get("epochs", 0) for trial in ended)
    table = Table(title=f"{study.study_name}: {len(ended)} trials, {pruned} ended early, {epochs} epochs in all")
    for column in ("trial", "score", "useful", "told apart", "params"):
        table.add_column(column, justify="left" if column == "params" else "right")
    for trial in leaders[:SHOWN]:
        measured = numbers(trial)
        cells = [f"{measured[name]:.4f}" if name in measured else "-" for name in ("score", "useful", "told_apart")]
        tried = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in trial.params.items())
        table.add_row(str(trial.number), *cells, tried)
    console.print(table)
