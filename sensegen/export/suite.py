"""All that is exported: the classifier and the generator as folders, and how far each file is from Keras.

Windows of test people are seen at the end and by nobody who chooses: ranges of int8 are found by fit windows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from sensegen.evaluation.usefulness import obstacle
from sensegen.export import classifier_files, converting, parity
from sensegen.export.bundle import Bundle, meaning
from sensegen.export.generator_files import generator_file, refusal
from sensegen.generators.generator import Generator
from sensegen.scaling import Scaling
from sensegen.seeding import rng
from sensegen.training_run import Training
from sensegen.windows import Windows


@dataclass(frozen=True)
class Exports:
    """Folders by name, and what was measured of each."""

    bundles: dict[str, Bundle]
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Sides:
    """The windows that a model may learn and be calibrated by, those it is compared on, and how they are scaled."""

    fit: Windows
    test: Windows
    scaling: Scaling


def export(sides: Sides, generator: Generator, training: Training) -> Exports:
    """The classifier and the generator in each format, with their parity."""
    bundles, metrics = {}, {}
    for name, (bundle, told) in {
        "classifier": export_classifier(sides, training),
        "generator": export_generator(sides, generator, training),
    }.items():
        bundles[name], metrics[name] = bundle, told
    return Exports(bundles, metrics)


def export_classifier(sides: Sides, training: Training) -> tuple[Bundle, dict[str, Any]]:
    """A classifier trained on the fit windows; none, with the reason, where their classes carry none."""
    params = training.params.export
    if reason := obstacle(sides.fit, sides.test):
        return _without(params.classifier.kind, reason)
    model = classifier_files.trained(sides.fit, params.classifier, training)
    calibration = sides.fit.values[evenly(len(sides.fit), params.calibration_windows)]
    files = classifier_files.files_of(model, sides.fit.shape, calibration)
    about = {"kind": model.kind, **meaning(sides.fit, sides.scaling), "makes": "logits of the classes"}
    values = np.asarray(sides.test.values, np.float32)
    told = parity.of_classifier(files, values, model.logits(values), (sides.test.labels, sides.test.classes))
    return Bundle(about, files), {"kind": model.kind, "reason": None, "formats": told}


def export_generator(sides: Sides, generator: Generator, training: Training) -> tuple[Bundle, dict[str, Any]]:
    """The generator's function of noise; none, with the reason, of a family that has no export."""
    if reason := refusal(generator.kind):
        return _without(generator.kind, reason)
    made, params = generator_file(generator), training.params.export
    stream = rng(training.params.seed, "export", "generator")
    labels = sides.fit.labels[evenly(len(sides.fit), params.generated_windows)].astype(np.int32)
    calibration, compared = made.draw(labels, stream), made.draw(labels, stream)
    exportable = made.exportable(calibration)
    files = converting.to_litert(exportable, converting.FLOAT_BETWEEN) | {"onnx": converting.to_onnx(exportable)}
    inputs = {name: [str(spec.dtype.name), *spec.shape] for name, spec in exportable.inputs.items()}
    about = {"kind": generator.kind, **meaning(sides.fit, sides.scaling), "makes": made.makes}
    about |= {"inputs": inputs, "temperature": made.temperature}
    told = parity.of_generator(files, compared, made.reference(compared))
    return Bundle(about, files, made.tables()), {"kind": generator.kind, "reason": None, "formats": told}


def evenly(count: int, wanted: int) -> Int[np.ndarray, "row"]:
    """Rows from the first to the last of `count`, as many as wanted; all of them where there are fewer."""
    return np.arange(min(count, wanted)) * count // min(count, wanted)


def flat(metrics: dict[str, Any]) -> dict[str, float]:
    """The numbers of nested metrics, by path."""
    found: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, dict):
            found |= {f"{name}/{inner}": number for inner, number in flat(value).items()}
        elif isinstance(value, int | float):
            found[name] = value
    return found


def _without(kind: str, reason: str) -> tuple[Bundle, dict[str, Any]]:
    return Bundle({"kind": kind, "reason": reason}), {"kind": kind, "reason": reason, "formats": {}}
