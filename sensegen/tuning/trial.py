"""One trial: params that a study proposes, a generator trained by them, its score; ended early where it is behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensegen.artifacts import Artifacts
from sensegen.divergence import AlertLog, Diverged
from sensegen.params import InvalidParams, Params
from sensegen.training_run import Training
from sensegen.tuning.carried_weights import CarriedWeights
from sensegen.tuning.space import Space, tried_params
from sensegen.windows import Windows

if TYPE_CHECKING:
    from optuna import Trial

    from sensegen.tracking import Tracker

ENDED = "ended_by"  # the attribute of a trial that was pruned for another reason than its learning curve


@dataclass(frozen=True)
class Material:
    """What all trials of a study share: the project, the params that they change, where alerts go, and whether one
    goes on with the weights of another."""

    root: Path
    text: str
    space: Space
    alerts: Path
    carried: CarriedWeights | None

    def params(self, values: Mapping[str, Any]) -> Params:
        """The params of a trial."""
        return tried_params(self.text, values)


class LearningCurve:
    """Tells the study the validation loss of each epoch, and ends the trial that is behind or whose contest ails."""

    def __init__(self, trial: "Trial", pruned: bool):
        self.trial, self.pruned = trial, pruned
        self.epochs = 0
        self.ailment = ""

    def on_epoch(self, row: Mapping[str, float | int | str]) -> None:
        """Report an epoch.

        Raises:
            TrialPruned: if the trial ends here.
        """
        self.epochs += 1
        if self.ailment:
            raise ended(self.trial, self.ailment)
        if self.pruned:
            self.trial.report(-float(row["validation_loss"]), self.epochs)
            if self.trial.should_prune():
                raise ended(self.trial, "")

    def on_resumed(self, row: Mapping[str, float | int | str]) -> None:
        """Trials begin at their beginning."""

    def on_alert(self, event: Mapping[str, object]) -> None:
        """A dead critic or a collapse ends the trial with its epoch; of divergence training tells by itself."""
        if event["kind"] != "nan":
            self.ailment = str(event["kind"])


def run(trial: "Trial", material: Material, tracker: "Tracker") -> tuple[float, ...]:
    """Train and score a generator by what the trial draws.

    Raises:
        TrialPruned: if the params cannot be used together, training diverged or went wrong, or the trial is behind: a
            search learns from a pruned trial, and nothing from a failed one.
    """
    from sensegen import warm_start
    from sensegen.generators import build_generator
    from sensegen.pretraining import pretrain
    from sensegen.tuning.score import drawn, score

    values = material.space.drawn(trial)
    try:
        params = material.params(values)
    except InvalidParams as error:
        raise ended(trial, f"impossible: {error}") from None
    fit, validation = (Windows.open(Artifacts(material.root).window / name) for name in ("fit", "validation"))
    several = len(trial.study.directions) > 1
    curve = LearningCurve(trial, pruned=not several)
    logged = tracker.training_callback("generator")
    log = AlertLog(material.alerts / f"{trial.number}.jsonl", "tune", [logged, curve])
    training = Training(params, log, None, [logged, curve])
    try:
        generator = build_generator(fit.shape, params.train_generator.generator, params.seed)
        warm_start.begin(generator, fit, params.train_generator.warm_start, material.root)
    except ValueError as error:  # such as steps that do not divide a window
        raise ended(trial, f"impossible: {error}") from None
    if material.carried:
        material.carried.begin(generator, trial)
    try:
        pretrain(generator, fit, validation, training)
    except Diverged:
        raise ended(trial, "diverged") from None
    finally:
        trial.set_user_attr("epochs", curve.epochs)
    found = score(*drawn(generator.sample, fit, params), validation, training)
    told = {"useful": found.useful, "told_apart": found.told_apart, "score": found.total}
    tracker.log_metrics({name: value for name, value in told.items() if value is not None} | {"epochs": curve.epochs})
    for name, value in told.items():
        trial.set_user_attr(name, value)
    if material.carried:
        material.carried.keep(generator, trial, found.total)
    return (found.useful or 0.0, found.told_apart) if several else (found.total,)


def ended(trial: "Trial", reason: str) -> Exception:
    """The exception that ends a trial, which remembers why; for no reason but its curve where there is none."""
    from optuna import TrialPruned

    if reason:
        trial.set_user_attr(ENDED, reason)
    return TrialPruned(reason or "behind")
