"""Train the discriminator on the real windows of the fit split against generated ones."""

from sensegen import training
from sensegen.artifacts import Artifacts
from sensegen.generators import load_generator
from sensegen.params import Params
from sensegen.pretraining import train_discriminators
from sensegen.tracking import Tracker
from sensegen.training_run import Training
from sensegen.windows import Windows


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    training.set_up(params.runtime)
    fit, validation = (Windows.open(artifacts.window / name) for name in ("fit", "validation"))
    generator = load_generator(artifacts.train_generator / "generator")
    listener = tracker.training_callback("discriminator")
    with Training.resumable(params, artifacts, "train_discriminator", listener) as run:
        discriminators = train_discriminators(generator, fit, validation, run)
        discriminators.save(artifacts.train_discriminator / "discriminator")
        run.write(artifacts.train_discriminator)
