"""Pretrain the generator on the real windows of the fit split, from the beginning or from another model."""

import json

from sensegen import training, warm_start
from sensegen.artifacts import Artifacts, write_text
from sensegen.calibration import calibration
from sensegen.generators import build_generator
from sensegen.params import Params
from sensegen.pretraining import pretrain
from sensegen.scaling import Scaling
from sensegen.tracking import Tracker
from sensegen.tracking.samples import SamplePlots
from sensegen.training_run import Training
from sensegen.windows import Windows


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    training.set_up(params.runtime)
    fit, validation = (Windows.open(artifacts.window / name) for name in ("fit", "validation"))
    generator = build_generator(fit.shape, params.train_generator.generator, params.seed)
    begun = warm_start.begin(generator, fit, params.train_generator.warm_start, artifacts.root)
    if begun.carried:
        print("\n".join(begun.lines()), flush=True)
    callbacks = (
        tracker.training_callback("generator"),
        SamplePlots(tracker, generator.sample, fit, params.train_generator.epochs),
    )
    with Training.resumable(params, artifacts, "train_generator", *callbacks) as run:
        pretrain(generator, fit, validation, run)
        generator.save(artifacts.train_generator / "generator")
        write_text(artifacts.train_generator / "warm_start.json", begun.document(params.train_generator.warm_start))
        run.write(artifacts.train_generator)
        told = calibration(generator, validation, Scaling.load(artifacts.window))
        write_text(artifacts.train_generator / "calibration.json", json.dumps(told, indent=2) + "\n")
    tracker.log_metrics({f"calibration/{name}": told[name] for name in told if isinstance(told[name], float)})
    tracker.log_generator(artifacts.train_generator / "generator", artifacts.window)
