"""Make the activity classifier and the generator files that a phone runs, and compare each with Keras."""

import json

from sensegen import training
from sensegen.artifacts import Artifacts, write_text
from sensegen.export.suite import Sides, export, flat
from sensegen.generators import load_generator
from sensegen.params import Params
from sensegen.scaling import Scaling
from sensegen.tracking import Tracker
from sensegen.training_run import Training
from sensegen.windows import Windows


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    training.set_up(params.runtime)
    fit, test = (Windows.open(artifacts.window / name) for name in ("fit", "test"))
    sides = Sides(fit, test, Scaling.load(artifacts.window))
    generator = load_generator(artifacts.alternate / "generator")
    with Training.resumable(params, artifacts, "export", tracker.training_callback("export")) as run:
        exports = export(sides, generator, run)
        for name, bundle in exports.bundles.items():
            bundle.write(artifacts.export / name)
        run.write(artifacts.export)
    write_text(artifacts.export / "metrics.json", json.dumps(exports.metrics, indent=2) + "\n")
    tracker.log_metrics(flat(exports.metrics))
