"""A generator pretrained by several workers, on the windows that the pipeline has made. No stage does so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensegen.artifacts import Artifacts, remove
from sensegen.checkpoints import checkpoint_key
from sensegen.data_parallel.together import Crew, synchronously
from sensegen.data_parallel.workers import Task
from sensegen.params import AGAINST_A_CRITIC, InvalidParams, Params

STAGE = "train_generator"  # whose seeds, params and windows these are


@dataclass(frozen=True)
class GeneratorJob:
    """Where the windows lie, where a warm start is looked for, and where the generator goes."""

    root: Path
    windows: Path
    out: Path


def train(root: Path, params: Params, out: Path, crew: Crew) -> None:
    """Train the generator of the params and write its folder; goes on where it was killed, with any number of workers.

    Raises:
        InvalidParams: if so many workers cannot share this training.
        ValueError, ChildProcessError, RuntimeError: as `together.synchronously`.
    """
    check(params, crew.workers)
    artifacts = Artifacts(root)
    folder = artifacts.checkpoints("together", checkpoint_key(root, STAGE, params))
    if not folder.exists():
        remove(folder.parent)  # of other params or code
    job = GeneratorJob(root, artifacts.window, out.resolve())
    for alert in synchronously(Task(train_generator, job, params, folder, STAGE), crew).alerts:
        crew.show(f"{alert['part']}, step {alert['step']}: {alert['reason']} ({alert['kind']})")
    remove(folder.parent)


def train_generator(training: Any, job: GeneratorJob) -> None:
    """What the stage `train_generator` trains; the first worker writes it."""
    from sensegen import warm_start
    from sensegen.generators import build_generator
    from sensegen.pretraining import pretrain
    from sensegen.windows import Windows

    params = training.params
    fit, validation = (Windows.open(job.windows / name) for name in ("fit", "validation"))
    generator = build_generator(fit.shape, params.train_generator.generator, params.seed)
    warm_start.begin(generator, fit, params.train_generator.warm_start, job.root)
    pretrain(generator, fit, validation, training)
    if training.rank == 0:
        generator.save(job.out)


def check(params: Params, workers: int) -> None:
    """Whether workers can share this training; told before any is started.

    Raises:
        InvalidParams: if they cannot.
    """
    section = params.train_generator
    if (kind := section.generator.kind) in AGAINST_A_CRITIC:
        raise InvalidParams(
            f"train_generator.generator.kind {kind} is trained against a critic, whose steps are not shared out. "
            "Choose one that is trained by its own loss, such as flow_matching."
        )
    if section.optimiser.batch_windows % workers:
        raise InvalidParams(
            f"{workers} workers must have equal shares of a batch, but train_generator.optimiser.batch_windows is "
            f"{section.optimiser.batch_windows}. Set it to a multiple of {workers}."
        )
