"""What a phone gets: sizes of exported files, how far they are from Keras, and how long a window takes on one core.

Classifiers are trained as the stage `export` trains them, on fit windows, and compared on all test windows: the CNN for
phones (`export.classifier`) and that of the evaluation (`evaluate.cnn`) on UCI HAR, and the LSTM of the HHAR seed with
its 66,176 weights on the known excerpts of HHAR, whose windows are of two of its seven classes. The generator is
trained for `GENERATOR_EPOCHS`, since neither size nor time depends on its weights; how far its files are off does.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import preset_windows, table, uci_har
from sensegen import datasets, training
from sensegen.classifiers.activity import ActivityClassifier
from sensegen.divergence import AlertLog
from sensegen.evaluation.usefulness import fitted_classifier
from sensegen.export import classifier_files, converting, parity
from sensegen.export.generator_files import generator_file
from sensegen.export.running import runner
from sensegen.export.suite import evenly
from sensegen.generators import build_generator
from sensegen.params import Params
from sensegen.pretraining import pretrain
from sensegen.seeding import rng
from sensegen.training_run import Training
from sensegen.windows import Windows

CALLS = 200  # timed, of each file
WARMING = 20
GENERATOR_EPOCHS = 2
CLASSIFIER_COLUMNS = (
    *("model, on", "file", "bytes", "largest difference of logits", "same answers", "accuracy", "points lost"),
    "ms a window on one core",
)
GENERATOR_COLUMNS = ("file", "bytes", "largest difference", "root mean square", "ms a window on one core")


def run() -> list[str]:
    """Both tables; needs UCI HAR and HHAR at SENSEGEN_MIRROR."""
    with tempfile.TemporaryDirectory() as folder:
        lines = _measured(Path(folder))
    table.put("export", lines)
    return lines


def _measured(folder: Path) -> list[str]:
    params, hhar = uci_har.preset_params(), preset_windows.preset_params("hhar", {})
    training.set_up(params.runtime)
    split = uci_har.our_split(folder / "uci_har")
    fit, test = uci_har.opened(split)
    rows = classifier_rows("cnn of `export`, UCI HAR", params, (fit, test), params.export.classifier)
    rows += classifier_rows("cnn of `evaluate`, UCI HAR", params, (fit, test), params.evaluate.cnn)
    of_hhar = uci_har.window_folder_of(hhar, folder / "hhar", uci_har.four_splits)
    seed_sides = all_classes(uci_har.opened(of_hhar), hhar)
    rows += classifier_rows("hhar_lstm, HHAR", hhar, seed_sides, hhar.export.classifier)
    made = generator_rows(params, fit, Windows.open(split / "validation"))
    return [
        f"Times: the median of {CALLS} calls with one window, in processor time on one core. "
        f"Test windows: {len(test):,} of UCI HAR, {len(seed_sides[1]):,} of HHAR.",
        "",
        *table.markdown(CLASSIFIER_COLUMNS, rows),
        "",
        f"The generator of preset uci_har after {GENERATOR_EPOCHS} epochs, {params.export.generated_windows} windows. "
        "Differences are in standard deviations of a channel.",
        "",
        *table.markdown(GENERATOR_COLUMNS, made),
        "",
    ]


def all_classes(sides: tuple[Windows, Windows], params: Params) -> tuple[Windows, Windows]:
    """The same windows for a network that knows every class of the data, seen here or not."""
    classes = tuple(datasets.check(params).labels)
    first, second = (
        replace(side, classes=classes, labels=np.array([classes.index(name) for name in side.classes])[side.labels])
        for side in sides
    )
    return first, second


def classifier_rows(name: str, params: Params, sides: tuple[Windows, Windows], section: Any) -> list[list[str]]:
    """Keras, and a row a file."""
    fit, test = sides
    model = fitted_classifier(getattr(section, "kind", "cnn"), fit, section, _training(params), "classifier")
    assert isinstance(model, ActivityClassifier)
    files = classifier_files.files_of(model, fit.shape, fit.values[evenly(len(fit), params.export.calibration_windows)])
    values = np.asarray(test.values, np.float32)
    told = parity.of_classifier(files, values, model.logits(values), (test.labels, test.classes))
    one = values[:1]
    weights = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    rows = [[name, f"Keras, {weights:,} weights", "", "", "", f"{told['keras']['accuracy']:.4f}", ""]]
    rows[0].append(f"{milliseconds(lambda: model.logits(one)):.2f}")
    for format_, content in files.items():
        of_file, run_one = told[format_], runner(format_, content)
        lost = 100 * (told["keras"]["accuracy"] - of_file["accuracy"])
        rows.append(
            [
                *("", format_, f"{len(content):,}", f"{of_file['largest_difference']:.2g}"),
                *(f"{of_file['same_answers']:.2%}", f"{of_file['accuracy']:.4f}", f"{lost:.2f}"),
                f"{milliseconds(lambda: run_one({'window': one})):.2f}",  # noqa: B023
            ]
        )
    return rows


def generator_rows(params: Params, fit: Windows, validation: Windows) -> list[list[str]]:
    """Keras, and a row a file."""
    section = params.train_generator.model_copy(update={"epochs": GENERATOR_EPOCHS})
    generator = build_generator(fit.shape, section.generator, params.seed)
    pretrain(generator, fit, validation, _training(params.model_copy(update={"train_generator": section})))
    made, stream = generator_file(generator), rng(params.seed, "benchmark", "export")
    labels = fit.labels[evenly(len(fit), params.export.generated_windows)].astype(np.int32)
    calibration, compared = made.draw(labels, stream), made.draw(labels, stream)
    exportable = made.exportable(calibration)
    files = converting.to_litert(exportable, converting.FLOAT_BETWEEN) | {"onnx": converting.to_onnx(exportable)}
    told = parity.of_generator(files, compared, made.reference(compared))
    one = {name: rows[:1] for name, rows in compared.items()}
    rows = [["Keras", "", "", "", f"{milliseconds(lambda: made.reference(one)):.1f}"]]
    for format_, content in files.items():
        of_file, run_one = told[format_], runner(format_, content)
        rows.append(
            [
                *(format_, f"{len(content):,}", f"{of_file['largest_difference']:.2g}"),
                *(f"{of_file['rms_difference']:.2g}", f"{milliseconds(lambda: run_one(one)):.1f}"),  # noqa: B023
            ]
        )
    return rows


def milliseconds(call: Callable[[], object]) -> float:
    """Of processor time a call takes where there is one core: the median."""
    with _one_core():
        for _ in range(WARMING):
            call()
        taken = []
        for _ in range(CALLS):
            began = time.process_time()
            call()
            taken.append(time.process_time() - began)
    return 1000 * float(np.median(taken))


@contextmanager
def _one_core() -> Iterator[None]:
    """All threads of the process, those that are there already too, on one core."""
    tasks = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    before = os.sched_getaffinity(0)
    _pin(tasks, {min(before)})
    try:
        yield
    finally:
        _pin([int(task.name) for task in Path("/proc/self/task").iterdir()], before)


def _pin(tasks: list[int], cores: set[int]) -> None:
    for task in tasks:
        os.sched_setaffinity(task, cores)


def _training(params: Params) -> Training:
    return Training(params, AlertLog(Path(tempfile.mkdtemp()) / "alerts.jsonl", "export", []))
