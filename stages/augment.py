"""The augmentation curve: what synthetic windows are worth to who has few real ones, if it is asked for."""

import json

from sensegen import training
from sensegen.artifacts import Artifacts, write_text
from sensegen.augmentation import curve
from sensegen.params import Params
from sensegen.tracking import Tracker
from sensegen.training_run import Training
from sensegen.windows import Windows


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    training.set_up(params.runtime)
    fit, test = (Windows.open(artifacts.window / name) for name in ("fit", "test"))
    with Training.resumable(params, artifacts, "augment", tracker.training_callback("augmentation")) as run:
        told = curve(fit, test, run)
        write_text(artifacts.augment / "curve.json", json.dumps(told, indent=2) + "\n")
        run.write(artifacts.augment)
