"""One repetition of an evaluation as a piece of work that any process can do."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sensegen import distributed
from sensegen.divergence import AlertLog
from sensegen.evaluation.controls import CONTROLS
from sensegen.evaluation.detection import distinct, halves
from sensegen.evaluation.interval import Null, null
from sensegen.evaluation.real import Real
from sensegen.guard import Row
from sensegen.params import Params, RuntimeParams
from sensegen.progress import reporter
from sensegen.training_run import Training
from sensegen.windows import Windows


@dataclass(frozen=True)
class Judged:
    """The windows under judgement; `without` are those of the same generator without the alternation, if there are."""

    synthetic: Windows
    without: Windows | None = None


@dataclass(frozen=True)
class Draw:
    """One draw of windows to be judged, number `number` of `params.evaluate.seeds`; `alerts` is the file of alerts.

    Its seed is that of `params`, moved on by its number. With `controls`, floors and controls are measured too.
    """

    number: int
    real: Real
    judged: Judged
    params: Params
    alerts: Path

    @property
    def seed(self) -> int:
        """Of every draw and every training of the repetition."""
        return self.params.seed + 1_000 * (self.number + 1)

    @property
    def controls(self) -> bool:
        """Whether floors, the judges' power and the controls are measured in this repetition."""
        return self.number < self.params.evaluate.control_seeds

    @cached_property
    def training(self) -> Training:
        """Its trainings; their alerts are told to whoever listens when the work is done."""
        return Training(self.params.model_copy(update={"seed": self.seed}), AlertLog(self.alerts, "evaluate"))

    @cached_property
    def halves(self) -> tuple[Windows, Windows]:
        """The fit windows, each once, in two random halves."""
        return halves(distinct(self.real.fit), self.seed)

    @cached_property
    def made(self) -> dict[str, Windows | Null]:
        """The cheats, made of the fit windows, or why one could not be made."""
        return {name: _control(name, self.real.fit, self.seed) for name in CONTROLS}

    @property
    def cheats(self) -> dict[str, Windows]:
        """Those that could be made."""
        return {name: made for name, made in self.made.items() if isinstance(made, Windows)}

    def say(self, text: str) -> None:
        """Show what goes on."""
        seeds = self.params.evaluate.seeds
        reporter("evaluate")(self.number, seeds, f"seed {self.number + 1} of {seeds}: {text}")


@dataclass(frozen=True)
class Part:
    """What one piece of work has measured, and the alerts of its trainings."""

    told: dict[str, Any]
    alerts: list[dict[str, Any]]
    confusion: list[Row] = field(default_factory=list)
    embedding: list[Row] = field(default_factory=list)


def set_up(runtime: RuntimeParams) -> None:
    """As `training.set_up`, but with one thread: judges are small, and pieces of work run side by side.

    Whoever evaluates calls it before any tensor, so that the numbers are those of a process started for the work.
    """
    from sensegen import training

    training.set_up(runtime.model_copy(update={"threads": 1}))


def work(job: tuple[Callable[[Draw], Part], Draw]) -> Part:
    """Do a piece of work of a draw, in this process or in one that was started for it."""
    from threadpoolctl import threadpool_limits

    function, draw = job
    if distributed.in_worker():
        set_up(draw.params.runtime)
    # The products of the measures are small: on two busy cores, threads of BLAS and OpenMP waited for each other ten
    # times as long as they worked. TensorFlow's threads are `set_up`'s.
    with threadpool_limits(1):
        return function(draw)


def _control(name: str, fit: Windows, seed: int) -> Windows | Null:
    try:
        values = CONTROLS[name](fit, fit.labels, seed)
    except ValueError as error:
        return null(f"this control cannot be made: {error}")
    return replace(fit, values=values, subjects=("",) * len(values))
