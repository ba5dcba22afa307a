"""Pretrain the generator on the real windows of the fit split."""

from sensegen import training
from sensegen.artifacts import Artifacts
from sensegen.generators import build_generator
from sensegen.params import Params
from sensegen.pretraining import pretrain
from sensegen.tracking import Tracker
from sensegen.training_run import Training
from sensegen.windows import Windows


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    training.set_up(params.runtime)
    fit, validation = (Windows.open(artifacts.window / name) for name in ("fit", "validation"))
    generator = build_generator(fit.shape, params.train_generator.generator, params.seed)
    with Training.resumable(params, artifacts, "train_generator", tracker.training_callback("generator")) as run:
        pretrain(generator, fit, validation, run)
        generator.save(artifacts.train_generator / "generator")
        run.write(artifacts.train_generator)
    tracker.log_generator(artifacts.train_generator / "generator", fit.values[:1])
