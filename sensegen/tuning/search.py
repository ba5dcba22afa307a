"""A search from beginning to end: a study is held, its trials are run side by side, and the best is told."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sensegen import distributed, presets
from sensegen.artifacts import write_text
from sensegen.params import InvalidParams, RuntimeParams
from sensegen.tracking import provenance
from sensegen.tuning import space as spaces
from sensegen.tuning import study as studies
from sensegen.tuning import summary
from sensegen.tuning.carried_weights import CarriedWeights
from sensegen.tuning.study import Home, Plan
from sensegen.tuning.trial import Material, run

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Search:
    """What is asked for: a study by name, a space, how many trials in all, of which earlier study the best params are
    tried first, whether trials go on with the weights of the best one, and for how many epochs (None: the preset's)
    they train."""

    root: Path
    study: str
    space: str
    trials: int
    several: bool = False
    warm_from: str | None = None
    carry_weights: bool = False
    epochs: int | None = None

    def home(self, name: str | None = None) -> Home:
        """Where a study lies."""
        return Home.of(self.root, name or self.study)


@dataclass(frozen=True)
class Job:
    """One trial, for whichever process takes it; `number` counts the trials that were asked for."""

    search: Search
    plan: Plan
    material: Material
    runtime: RuntimeParams
    parent_run: str
    number: int


@dataclass(frozen=True)
class Told:
    """How a trial ended: with scores, or why without."""

    number: int
    values: tuple[float, ...] | None
    reason: str


Show = Callable[[int, int, Told], None]


def search(asked: Search, show: Show) -> "Study":
    """Run trials until the study has as many as asked for; ends at once where it has.

    Raises:
        StudyBusy: if another process adds to the study.
        InvalidParams: if params, space or study cannot be used; told before the first trial.
    """
    from sensegen import tracking

    space = spaces.read(asked.root / "spaces", asked.space)
    text = spaces.base_text(asked.root, space, asked.epochs)
    base = spaces.tried_params(text, {})
    if reasons := spaces.impossible(text, space, base.seed):
        logger.warning("%d of %d points of the space are no params: %s", len(reasons), spaces.POINTS, reasons[0])
    plan = Plan(asked.several, base.seed, base.train_generator.epochs)
    home = asked.home()
    with studies.only_tuner(home):
        study = studies.begin(home, plan, fingerprint(asked))
        _begin_with(study, asked, space, text, plan)
        done = len(studies.finished(study))
        carried = CarriedWeights(home.weights) if asked.carry_weights else None
        material = Material(asked.root, text, space, home.alerts, carried)
        with tracking.start_pipeline(asked.root, base, f"tune {asked.study}") as parent:
            job = partial(Job, asked, plan, material, base.runtime, parent.run_id)
            for told in distributed.each(work, [job(number) for number in range(done, asked.trials)], base.runtime):
                done += 1
                show(done, asked.trials, told)
            if leaders := studies.best(study):
                parent.log_metrics({f"best/{name}": float(value) for name, value in numbers(leaders[0]).items()})
            for path in summary.write(study, space, home.folder):
                parent.log_file(path)
    return study


def fingerprint(asked: Search) -> str:
    """Digits that are others as soon as trials could not be compared: by the params below them (but for `runtime`), the
    space, the windows, or whether weights are carried."""
    space = spaces.read(asked.root / "spaces", asked.space)
    base = spaces.tried_params(spaces.base_text(asked.root, space, asked.epochs), {})
    windows = provenance.input_hashes(asked.root, "train_generator")
    known = [base.model_dump(mode="json", exclude={"runtime"}), space.model_dump(mode="json"), windows]
    return hashlib.sha256(json.dumps([*known, asked.carry_weights], sort_keys=True).encode()).hexdigest()[:16]


def gone_on_with(asked: Search, more: int) -> Search:
    """So many trials more of what is searched time and again: a study that goes on while its trials can be compared,
    and then one that begins with the best of the study before it."""
    study = f"{asked.study}-{fingerprint(asked)[:8]}"
    others = [home for home in studies.homes(asked.root, asked.study) if home.folder.name != study]
    warm_from = others[-1].folder.name if others else None
    return replace(asked, study=study, trials=studies.trials_of(asked.root, study) + more, warm_from=warm_from)


def _begin_with(study: "Study", asked: Search, space: spaces.Space, text: str, plan: Plan) -> None:
    """The params as they are, and the best of an earlier study."""
    studies.enqueue(study, space, [spaces.present(text, space)], "params as they were")
    if asked.warm_from:
        if not asked.home(asked.warm_from).journal.is_file():
            raise InvalidParams(f"There is no study {asked.warm_from!r} to begin with the best of (--warm-from).")
        earlier = studies.opened(asked.home(asked.warm_from), plan)
        points = [trial.params for trial in studies.best(earlier)[:3]]
        studies.enqueue(study, space, points, f"best of {asked.warm_from}")


def work(job: Job) -> Told:
    """Run one trial of a study, in this process or in one that was started for it."""
    from sensegen import tracking, training

    if distributed.in_worker():  # trials run side by side: each has one thread
        training.set_up(job.runtime.model_copy(update={"threads": 1}))
    study = studies.opened(job.search.home(), job.plan, job.number)
    told: list[Told] = []

    def objective(trial: "Trial") -> tuple[float, ...]:
        from optuna import TrialPruned

        pruned = None
        with tracking.start_trial(job.search.root, f"{job.search.study} {trial.number}", job.parent_run) as tracker:
            try:
                values = run(trial, job.material, tracker)
            except TrialPruned as reason:
                pruned = reason
                tracker.set_tags({"pruned": str(reason)})
            tracker.log_params(trial.params)
        if pruned:
            told.append(Told(trial.number, None, str(pruned)))
            raise pruned
        told.append(Told(trial.number, values, ""))
        return values

    study.optimize(objective, n_trials=1)
    return told[0]


def numbers(trial: "FrozenTrial") -> dict[str, float]:
    """What was measured of a trial."""
    return {name: value for name, value in trial.user_attrs.items() if isinstance(value, int | float)}


def best_preset(asked: Search, trial: "FrozenTrial") -> str:
    """The text of the preset of a trial: that of its space, with what it tried."""
    space = spaces.read(asked.root / "spaces", asked.space)
    base = presets.read(asked.root / "presets", space.preset)
    measured = ", ".join(f"{name} {value:.4g}" for name, value in numbers(trial).items())
    head = f"# Found by `sensegen tune --space {asked.space} --study {asked.study}`, trial {trial.number}:\n"
    head += f"# {measured}, all on validation people. Begun with preset {space.preset}:\n"
    return head + presets.applied(base, spaces.preset_text(trial.params))


def write_preset(asked: Search, trial: "FrozenTrial", name: str) -> Path:
    """Write the preset of a trial."""
    path = asked.root / "presets" / f"{name}.yaml"
    write_text(path, best_preset(asked, trial))
    return path
