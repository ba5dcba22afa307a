"""Progress of long work: a bar in a terminal, plain lines elsewhere (the flow reads them)."""

import sys
import time
from multiprocessing import parent_process
from typing import Protocol

SECONDS_BETWEEN_LINES = 1.0


class Progress(Protocol):
    """Told of what is done, of how much (0: nobody knows), and what is being done."""

    def __call__(self, done: int, total: int, text: str) -> None: ...


def reporter(stage: str) -> Progress:
    """The way of this process to show a stage's progress."""
    alone = parent_process() is None  # several processes cannot draw one bar
    return Bar(stage) if sys.stdout.isatty() and alone else Lines(stage)


class Lines:
    """`progress <stage> <done>/<total> <text>`, at most once a second, and always at the end."""

    def __init__(self, stage: str):
        self.stage = stage
        self._last = float("-inf")

    def __call__(self, done: int, total: int, text: str) -> None:
        if done != total and time.monotonic() - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = time.monotonic()
        print(f"progress {self.stage} {done}/{total} {text}", flush=True)


class Bar:
    """A Rich bar a stage, gone when the work is done."""

    def __init__(self, stage: str):
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn(stage),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        self._bar = RichProgress(*columns, transient=True)
        self._task = self._bar.add_task("", total=None)

    def __call__(self, done: int, total: int, text: str) -> None:
        self._bar.start()
        self._bar.update(self._task, completed=done, total=total or None, description=text)
        if done == total:
            self._bar.stop()
