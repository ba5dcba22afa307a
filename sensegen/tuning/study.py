"""A study on the disk: its trials outlive whoever ran them, and one tuner at a time adds to them.

The journal is a file of lines (`optuna.storages.journal`). What a killed tuner left running is given up when the next
one begins, and its params are tried again; a line that was cut off is dropped.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from sensegen.params import InvalidParams
from sensegen.seeding import derived_seed
from sensegen.tuning.space import Space, Value

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

FINGERPRINT = "fingerprint"
RANDOM = 8  # trials drawn at random before the search learns from them
REDUCTION = 3  # Hyperband lets a third of the trials live to three times as many epochs (Li et al., 2018)


class StudyBusy(RuntimeError):
    """Another process adds trials to the study."""


@dataclass(frozen=True)
class Home:
    """The folder of a study."""

    folder: Path

    @classmethod
    def of(cls, root: Path, study: str) -> Self:
        """Where a study of a project lies.

        Raises:
            InvalidParams: if the name could lead out of the folder of studies.
        """
        if not re.fullmatch(r"\w[\w.-]*", study):
            raise InvalidParams(f"The name of a study must be letters, digits, '-', '.' and '_', but is {study!r}.")
        return cls(root / ".cache" / "tuning" / study)

    @property
    def journal(self) -> Path:
        """Its trials."""
        return self.folder / "trials.journal"

    @property
    def alerts(self) -> Path:
        """The alerts of its trials."""
        return self.folder / "alerts"

    @property
    def weights(self) -> Path:
        """The generators of its leading trials, where trials go on with them."""
        return self.folder / "weights"


@dataclass(frozen=True)
class Plan:
    """How a study searches: by how many objectives, by which seed, and how many epochs a trial has at most."""

    several: bool
    seed: int
    epochs: int

    @property
    def directions(self) -> list[Literal["maximize", "minimize"]]:
        """Of the score; or of usefulness and of being told apart."""
        return ["maximize", "minimize"] if self.several else ["maximize"]


@contextmanager
def only_tuner(home: Home) -> Iterator[None]:
    """Hold a study for a whole search.

    Raises:
        StudyBusy: if another process does.
    """
    import filelock

    home.folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(home.folder / "tuner.lock", timeout=0)
    try:
        with lock:
            yield
    except filelock.Timeout:
        raise StudyBusy(
            f"Another `sensegen tune` adds trials to {home.folder}. Wait for it, or search under another name: --study."
        ) from None


def begin(home: Home, plan: Plan, mark: str) -> "Study":
    """The study, new or as it was left, with what was left running given up; only for who holds it.

    Raises:
        InvalidParams: if it was begun with other params, windows or another space, or its file cannot be read.
    """
    _drop_cut_off_line(home.journal)
    study = opened(home, plan)
    begun_with = study.user_attrs.get(FINGERPRINT)
    if begun_with not in (None, mark) or [d.name.lower() for d in study.directions] != plan.directions:
        raise InvalidParams(
            f"The study in {home.folder} was begun with other params, another search space, other windows or other "
            "objectives, so its trials cannot be compared with new ones. Search under another name: --study."
        )
    study.set_user_attr(FINGERPRINT, mark)
    _give_up_running(study)
    return study


def opened(home: Home, plan: Plan, number: int = 0) -> "Study":
    """The study, for a process that works on it; what its trials draw depends on the plan's seed and on `number`.

    Raises:
        InvalidParams: if its file cannot be read.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(logging.ERROR)
    path = str(home.journal)
    try:
        return optuna.create_study(
            storage=optuna.storages.JournalStorage(JournalFileBackend(path, lock_obj=JournalFileOpenLock(path))),
            study_name=home.folder.name,
            directions=plan.directions,
            sampler=optuna.samplers.TPESampler(seed=derived_seed(plan.seed, "tune", number), n_startup_trials=RANDOM),
            pruner=optuna.pruners.HyperbandPruner(max(1, plan.epochs // REDUCTION**2), plan.epochs, REDUCTION),
            load_if_exists=True,
        )
    except (ValueError, KeyError, AssertionError) as error:
        raise InvalidParams(
            f"{home.journal} cannot be read: {error}. Begin the study anew, which forgets its trials: mv {home.folder} "
            f"{home.folder}-old"
        ) from error


def finished(study: "Study") -> "list[FrozenTrial]":
    """The trials that came to an end: with a score, or pruned."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.PRUNED])


def homes(root: Path, name: str) -> list[Home]:
    """The studies of a project that are called `NAME-...`, the one that was last added to last."""
    journals = Home.of(root, name).folder.parent.glob(f"{name}-*/trials.journal")
    return [Home(path.parent) for path in sorted(journals, key=lambda path: path.stat().st_mtime)]


def trials_of(root: Path, name: str) -> int:
    """How many trials of a study have ended; none where there is no study."""
    home = Home.of(root, name)
    return len(finished(opened(home, Plan(False, 0, 1)))) if home.journal.is_file() else 0


def enqueue(study: "Study", space: Space, points: Sequence[dict[str, Any]], why: str) -> None:
    """Have params tried first, as far as they lie in the space."""
    for point in points:
        if _inside(space, point):
            study.enqueue_trial(point, user_attrs={"begun_with": why}, skip_if_exists=True)


def scored(study: "Study") -> "list[FrozenTrial]":
    """The trials that have a score; a pruned one has but its curve."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])


def best(study: "Study") -> "list[FrozenTrial]":
    """The trials that have a score, the best one first; of two objectives those that no other one beats in both."""
    if len(study.directions) > 1:
        return study.best_trials
    return sorted(scored(study), key=lambda trial: -float(trial.values[0]))


def _inside(space: Space, point: dict[str, Value]) -> bool:
    from sensegen.tuning.space import Choice

    for key, value in point.items():
        dimension = space.search.get(key)
        if dimension is None:
            return False
        if isinstance(dimension, Choice):
            if value not in dimension.values:
                return False
        elif not isinstance(value, int | float) or not dimension.low <= value <= dimension.high:
            return False
    return True


def _give_up_running(study: "Study") -> None:
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params, user_attrs={"begun_with": f"trial {trial.number}, which was killed"})


def _drop_cut_off_line(path: Path) -> None:
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
