"""Run Algorithm 1 of SenseGen, and the control: as many generator steps without it."""

import json

from sensegen import training
from sensegen.alternation import ROUND_COLUMNS, alternate, without_alternation
from sensegen.artifacts import Artifacts, write_text
from sensegen.classifiers.discriminator import Discriminators
from sensegen.generators import load_generator
from sensegen.params import Params
from sensegen.pretraining import validation_loss
from sensegen.tracking import Tracker
from sensegen.training_run import Training, write_rows
from sensegen.windows import Windows


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    training.set_up(params.runtime)
    fit, validation = (Windows.open(artifacts.window / name) for name in ("fit", "validation"))
    generator, control = (load_generator(artifacts.train_generator / "generator") for _ in range(2))
    discriminators = Discriminators.load(artifacts.train_discriminator / "discriminator")
    out = artifacts.alternate
    with Training.resumable(params, artifacts, "alternate", tracker.training_callback("alternation")) as run:
        rounds = alternate(generator, discriminators, fit, validation, run)
        steps = without_alternation(control, fit, validation, run)
        generator.save(out / "generator")
        control.save(out / "generator_without_alternation")
        discriminators.save(out / "discriminator")
        write_rows(out / "rounds.csv", ROUND_COLUMNS, rounds)
        run.write(out)
    loss = {"with": validation_loss(generator, validation), "without": validation_loss(control, validation)}
    write_text(
        out / "comparison.json", json.dumps({"generator_steps": steps, "validation_loss": loss}, indent=2) + "\n"
    )
    tracker.log_metrics({f"validation_loss/{name}_alternation": value for name, value in loss.items()})
    tracker.log_generator(out / "generator", artifacts.window)
