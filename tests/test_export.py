"""Files for a phone say what Keras says, in every format, of operators that every LiteRT has, and are small enough."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter
from test_generators import CASES

from sensegen import params as schema
from sensegen.classifiers.activity import CNNClassifier, LSTMClassifier
from sensegen.classifiers.hhar_lstm import HHARLSTMClassifier
from sensegen.divergence import AlertLog
from sensegen.evaluation.usefulness import fit_classifier
from sensegen.export import classifier_files, converting, flatbuffer, parity, suite
from sensegen.export.generator_files import FAMILIES, generator_file, refusal
from sensegen.generators import GENERATORS, build_generator
from sensegen.params.models import (
    CNNClassifierParams,
    GeneratorParams,
    HHARLSTMClassifierParams,
    LSTMClassifierParams,
    OptimiserParams,
)
from sensegen.scaling import Scaling
from sensegen.training_run import Training
from sensegen.windows import Windows

ROOT = Path(__file__).resolve().parents[1]
QUICK = OptimiserParams(learning_rate=0.003, batch_windows=32, gradient_norm=1.0)
FORMATS = {"float", "dynamic_range", "int8", "onnx"}
CLASSES = ("still", "slow", "fast")


def waves(windows: int, seed: int, length: int = 40, channels: int = 3) -> Windows:
    """Windows that are quiet, or slow or fast waves, in noise: easily told apart."""
    stream = np.random.default_rng(seed)
    labels = np.arange(windows) % len(CLASSES)
    times = np.arange(length)[None, :, None] / length + stream.uniform(0, 1, (windows, 1, channels))
    turns = np.array([0, 2, 7])[labels][:, None, None]
    values = np.sin(2 * np.pi * turns * times) * (labels > 0)[:, None, None] + stream.normal(0, 0.3, times.shape)
    names = tuple(f"channel_{at}" for at in range(channels))
    people = tuple(f"S{at % 4}" for at in range(windows))
    return Windows(values.astype(np.float32), labels, people, names, CLASSES, 20.0, ("g",) * channels)


def training(folder: Path, **changes: object) -> Training:
    """A training of the committed params with another section `export`."""
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    document["export"] |= changes
    return Training(schema.check(document), AlertLog(folder / "alerts.jsonl", "export", []))


MODELS = {
    "cnn": (CNNClassifier, CNNClassifierParams(filters=8, optimiser=QUICK, epochs=6)),
    "lstm": (LSTMClassifier, LSTMClassifierParams(units=12, l2=0.0001, optimiser=QUICK, epochs=12)),
    "hhar_lstm": (HHARLSTMClassifier, HHARLSTMClassifierParams(units=12, optimiser=QUICK, epochs=24)),
}


@pytest.fixture(scope="module", params=MODELS)
def classifier(request, tmp_path_factory):
    """A trained classifier, its files, and windows that it has not seen."""
    build, params = MODELS[request.param]
    fit, test = waves(384, seed=0), waves(120, seed=1)
    run = training(tmp_path_factory.mktemp("training"))
    model = fit_classifier(build(fit.shape, params, 0), fit, params, run, "classifier")
    return model, classifier_files.files_of(model, fit.shape, fit.values[:60]), test


def test_every_kind_that_params_name_is_exported_and_tested():
    assert set(classifier_files.WAYS) == set(MODELS)


def test_float_files_and_onnx_say_what_keras_says(classifier):
    model, files, test = classifier
    assert set(files) == FORMATS
    logits = model.logits(test.values)
    assert np.ptp(logits) > 2, "a model that says nothing is equal to anything"
    for name in ("float", "onnx"):
        (made,) = parity.outputs(name, files[name], {"window": test.values})
        assert np.abs(made - logits).max() < 1e-4, name


def test_int8_files_say_nearly_the_same(classifier):
    model, files, test = classifier
    told = parity.of_classifier(files, test.values, model.logits(test.values), (test.labels, test.classes))
    assert told["keras"]["accuracy"] > 0.75
    for name in ("dynamic_range", "int8"):
        assert 0 < told[name]["largest_difference"] < 0.1 * np.ptp(model.logits(test.values)), name
        assert told[name]["same_answers"] >= 0.97, name
        assert told[name]["bytes"] == len(files[name])


def test_int8_is_int8_from_end_to_end(classifier):
    from ai_edge_litert.interpreter import Interpreter

    _, files, _ = classifier
    model = Interpreter(model_content=files["int8"])
    ends = [*model.get_input_details(), *model.get_output_details()]
    assert [told["dtype"] for told in ends] == [np.int8, np.int8]
    assert all(told["quantization"][0] > 0 for told in ends)


def test_no_file_asks_for_flex_or_any_custom_operator(classifier):
    from ai_edge_litert import schema_py_generated as schema_of_files

    _, files, _ = classifier
    builtin = set(vars(schema_of_files.BuiltinOperator))
    for name in FORMATS - {"onnx"}:
        used = flatbuffer.operators(files[name])
        assert used and used <= builtin, used - builtin


def test_the_same_model_gives_the_same_bytes_again(classifier):
    model, files, _ = classifier
    again = classifier_files.files_of(model, waves(384, seed=0).shape, waves(384, seed=0).values[:60])
    assert {name: again[name] == content for name, content in files.items()} == dict.fromkeys(FORMATS, True)


def test_an_lstm_file_forgets_one_window_before_the_next(classifier):
    model, files, test = classifier
    if model.kind == "cnn":
        pytest.skip("a CNN has no memory")
    two = {"window": np.stack([test.values[1], test.values[1]])}
    first, second = parity.outputs("float", files["float"], two)[0]
    assert np.array_equal(first, second)


def test_the_hhar_lstm_of_the_seed_has_at_most_300_kb_in_float_and_100_in_int8():
    shape = waves(1, seed=0, length=200).shape.__class__(length=200, channels=3, classes=7)
    model = HHARLSTMClassifier(shape, HHARLSTMClassifierParams(units=64, optimiser=QUICK, epochs=1), 0)
    values = waves(24, seed=0, length=200).values
    files = classifier_files.files_of(model, shape, values)
    kernels = [variable for variable in model.trainable_variables if len(variable.shape) > 1]
    assert sum(np.prod(variable.shape) for variable in kernels) == 66_176
    assert len(files["float"]) <= 300_000 and len(files["dynamic_range"]) <= 100_000 and len(files["int8"]) <= 100_000
    logits = model.logits(values)
    for name, most in (("float", 1e-5), ("onnx", 1e-5), ("dynamic_range", 0.02), ("int8", 0.05)):
        (made,) = parity.outputs(name, files[name], {"window": values})
        assert np.abs(made - logits).max() < most, name
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in flatbuffer.operators(files["int8"])


def test_the_cnn_for_phones_has_at_most_50_kb_in_int8():
    params = schema.load(ROOT / "params.yaml").export.classifier
    windows = waves(24, seed=0, length=128, channels=9)
    model = CNNClassifier(windows.shape, params, 0)
    assert len(classifier_files.files_of(model, windows.shape, windows.values)["int8"]) <= 50_000


def test_constants_lie_where_the_format_wants_them(classifier):
    _, files, _ = classifier
    for name in FORMATS - {"onnx"}:
        model = flatbuffer.unpacked(files[name])
        stored = [np.asarray(buffer.data, np.uint8).tobytes() for buffer in model.buffers if buffer.data is not None]
        large = [data for data in stored if len(data) >= 64]
        assert large and all(files[name].index(data) % flatbuffer.ALIGNMENT == 0 for data in large)
        assert len(set(stored)) == len(stored), "equal constants stand there once"


@pytest.fixture(scope="module", params=FAMILIES)
def generator(request):
    """A generator whose weights are not those it begins with, its export, and noise for 12 windows."""
    windows = waves(96, seed=0)
    with converting.inner_functions_inlined():  # compiling takes half a minute
        built = build_generator(windows.shape, CASES[request.param], 0)
    built.settle(windows)
    stream = np.random.default_rng(0)
    arrays = built.arrays()
    built.assign(
        {name: arrays[name] + stream.normal(0, 0.05, arrays[name].shape) for name in built.trained()}
        | {name: array for name, array in arrays.items() if name not in built.trained()}
    )
    made = generator_file(built)
    labels = (np.arange(12) % 3).astype(np.int32)
    return built, made, made.draw(labels, stream)


@pytest.mark.slow
def test_a_generator_in_float_and_onnx_makes_what_keras_makes(generator):
    _, made, inputs = generator
    exportable = made.exportable(inputs)
    files = converting.to_litert(exportable, {"float": converting.as_float}) | {"onnx": converting.to_onnx(exportable)}
    keras = made.reference(inputs)
    assert all(np.ptp(part) > 0.1 for part in keras)
    for name, content in files.items():
        for one, other in zip(parity.outputs(name, content, inputs), keras, strict=True):
            assert np.abs(one - other).max() < 1e-3 * max(np.ptp(other), 1), name
    assert not [name for name in flatbuffer.operators(files["float"]) if name.startswith("Flex")]
    assert files["onnx"] == converting.to_onnx(exportable), "the same bytes again"


def test_a_generator_with_int8_weights_is_near(generator):
    _, made, inputs = generator
    files = converting.to_litert(made.exportable(inputs), {"dynamic_range": converting.as_dynamic_range})
    (told,) = parity.of_generator(files, inputs, made.reference(inputs)).values()
    assert told["rms_share"] < 0.1


def test_an_exported_flow_draws_styles_of_the_generator():
    windows = waves(96, seed=0)
    with converting.inner_functions_inlined():
        built = build_generator(windows.shape, CASES["flow_matching"], 0)
    built.settle(windows)
    made = generator_file(built)
    (styles,) = made.tables().values()
    drawn = made.draw(np.array([2, 2, 0], np.int32), np.random.default_rng(0))["style"]
    of_class = [styles[2].tolist(), styles[2].tolist(), styles[0].tolist()]
    assert all(one.tolist() in known for one, known in zip(drawn, of_class, strict=True))
    assert not np.array_equal(drawn[0], drawn[1])


def test_every_family_is_exported_or_refused_with_a_reason(tmp_path):
    assert {kind for kind in GENERATORS if refusal(kind) is None} == set(FAMILIES)
    for kind in set(GENERATORS) - set(FAMILIES):
        assert kind in refusal(kind) and "train_generator.generator.kind" in refusal(kind)


def test_a_family_without_an_export_is_named_in_metrics_and_leaves_no_file(tmp_path):
    document = yaml.safe_load((ROOT / "presets" / "sensegen_paper.yaml").read_text(encoding="utf-8"))
    section = TypeAdapter(GeneratorParams).validate_python(document["train_generator"]["generator"])
    windows = waves(24, seed=0, length=8, channels=1)
    built = build_generator(windows.shape, section, 0)
    sides = suite.Sides(windows, windows, Scaling(np.zeros(1), np.ones(1)))
    bundle, told = suite.export_generator(sides, built, training(tmp_path))
    assert "sensegen_paper" in told["reason"] and told["formats"] == {}
    bundle.write(tmp_path / "generator")
    assert [path.name for path in (tmp_path / "generator").iterdir()] == ["model.json"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> tuple[Path, Windows]:
    """The folder of a classifier as the stage writes it, of windows whose channels are scaled; and test windows."""
    folder = tmp_path_factory.mktemp("exported")
    fit, test = waves(384, seed=0), waves(60, seed=1)
    small = {"kind": "cnn", "filters": 8, "optimiser": QUICK.model_dump(), "epochs": 6}
    scaling = Scaling(np.array([1.0, -2.0, 30.0]), np.array([2.0, 0.5, 10.0]))
    bundle, told = suite.export_classifier(
        suite.Sides(fit, test, scaling), training(folder, classifier=small, calibration_windows=50)
    )
    assert told["formats"]["int8"]["accuracy"] > 0.9
    bundle.write(folder / "classifier")
    return folder / "classifier", test


def streamed(folder: Path, rows: list[tuple[float, np.ndarray]], *options: str) -> list[list[str]]:
    """What the example says of samples, in a process of its own that finds no module of this project."""
    lines = ["time_s,channel_0,channel_1,channel_2"]
    lines += [",".join([f"{time_s:.6f}", *(f"{value:.9g}" for value in values)]) for time_s, values in rows]
    command = [sys.executable, "-P", str(ROOT / "examples" / "stream_activity.py"), str(folder), *options]
    ended = subprocess.run(
        command, input="\n".join(lines), cwd=folder, env={"PATH": ""}, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return [line.split(",") for line in ended.stdout.splitlines()]


@pytest.mark.parametrize("name", ["float", "int8"])
def test_the_example_tells_each_window_of_a_stream_what_the_file_tells_it(exported, name):
    folder, test = exported
    about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert about["length"] == 40 and about["classes"] == list(CLASSES) and about["units"] == ["g"] * 3
    in_units = np.asarray(test.values) * np.array(about["stddev"]) + np.array(about["mean"])
    # Each window is a recording of its own: a gap of a second lies before the next.
    steps = [(at, step) for at in range(len(test)) for step in range(40)]
    rows = [(5.0 * at + step / 20.0, in_units[at, step]) for at, step in steps]
    told = streamed(folder, rows, "--format", name)
    (logits,) = parity.outputs(name, (folder / about["files"][name]).read_bytes(), {"window": test.values})
    assert [line[1] for line in told] == [CLASSES[label] for label in logits.argmax(axis=1)]
    assert [float(line[0]) for line in told] == pytest.approx([5.0 * at + 39 / 20 for at in range(len(test))])
    assert np.mean([line[1] == CLASSES[label] for line, label in zip(told, test.labels, strict=True)]) > 0.9


def test_the_example_brings_jittered_samples_to_the_rate_of_the_model_and_answers_every_half_window(exported):
    folder, _ = exported
    stream = np.random.default_rng(0)
    times = np.cumsum(stream.uniform(0.01, 0.03, 1000))  # 20 s at about 50 Hz
    about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    values = np.sin(2 * np.pi * 7 / 2 * times)[:, None] * np.array(about["stddev"]) + np.array(about["mean"])
    told = streamed(folder, list(zip(times.tolist(), values, strict=True)))
    assert {line[1] for line in told} == {"fast"}
    assert np.diff([float(line[0]) for line in told]) == pytest.approx(1.0, abs=1e-3)


def test_the_example_says_which_column_is_missing(exported):
    folder, _ = exported
    command = [sys.executable, str(ROOT / "examples" / "stream_activity.py"), str(folder)]
    ended = subprocess.run(command, input="time_s,channel_0\n", capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1 and "channel_1, channel_2" in ended.stderr


def test_windows_of_one_class_leave_a_reason_in_place_of_a_classifier(tmp_path):
    windows = waves(30, seed=0)
    alone = windows.select(windows.labels == 1)
    sides = suite.Sides(alone, alone, Scaling(np.zeros(3), np.ones(3)))
    bundle, told = suite.export_classifier(sides, training(tmp_path))
    assert "nothing to tell apart" in told["reason"] and not bundle.files
