"""Judge the generator's windows against real ones: useful, told apart, faithful, copied, beside floors and controls."""

import json

import numpy as np

from sensegen.artifacts import Artifacts, write_text, writing
from sensegen.divergence import AlertLog, write_alerts
from sensegen.evaluation import draw
from sensegen.evaluation.draw import Judged
from sensegen.evaluation.real import Real
from sensegen.evaluation.suite import draws, evaluate, with_comparison
from sensegen.generators import load_generator
from sensegen.params import Params
from sensegen.tracking import Tracker
from sensegen.training_run import Training, write_rows


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    draw.set_up(params.runtime)
    real = Real.open(artifacts.window)
    generators = [load_generator(artifacts.alternate / name) for name in ("generator", "generator_without_alternation")]
    synthetic, without = (draws(generator.sample, real.fit, params) for generator in generators)
    listener = tracker.training_callback("evaluation")
    run = Training(params, AlertLog(artifacts.alerts("evaluate"), "evaluate", [listener]))
    run.log.clear()
    judged = evaluate(real, [Judged(*pair) for pair in zip(synthetic, without, strict=True)], run)
    comparison, augmentation = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in (artifacts.alternate / "comparison.json", artifacts.augment / "curve.json")
    )
    metrics = {**with_comparison(judged.metrics, comparison), "augmentation": augmentation}
    out = artifacts.evaluate
    write_rows(out / "confusion.csv", ("arm", "classifier", "actual", "predicted"), judged.confusion)
    write_rows(out / "embedding.csv", ("set", "activity", "x", "y"), judged.embedding)
    for name, array in (
        ("synthetic", real.scaling.invert(synthetic[0].values).astype(np.float32)),
        ("synthetic_labels", synthetic[0].labels.astype(np.int64)),
    ):
        with writing(out / f"{name}.npy") as path, path.open("wb") as file:
            np.save(file, array)
    write_alerts(out / "alerts.json", run.alerts)
    write_text(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
