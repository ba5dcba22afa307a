"""The classes of a window folder are those that its windows are of, whatever more the dataset declares."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sensegen import cutting, recordings, splitting, window_folder
from sensegen.artifacts import Artifacts
from sensegen.datasets import simulated
from sensegen.params import Params, RuntimeParams
from sensegen.params.datasets import SimulatedParams
from sensegen.params.windowing import WindowParams
from sensegen.recording import Activity, InvalidRecording, Recording, Signal
from sensegen.scaling import Scaling
from sensegen.source import Bounds, Source
from sensegen.windows import Windows
from stages import window as stage

ALONE = RuntimeParams(threads=1, xla=False, engine="local", workers=1)
DONE = ("turn", "rest", "lie", "move")
SOURCE = Source(
    citation="",
    licence="",
    page="",
    signals={"acceleration": Bounds(("x",), "g", 50.0, -4, 4)},
    labels=("turn", "never", "rest", "lie", "move"),
    subjects=("A", "B", "C", "D"),
    longest_activity_seconds=10,
)
SIMULATED = simulated.SOURCE.labels


def window_params(*dropped: str) -> WindowParams:
    return WindowParams(
        rate_hz=50.0, window_seconds=1.0, overlap=0.5, max_gap_seconds=0.25, channels=["x"], resampling="polyphase",
        filtering={"kind": "none"}, label_purity=1.0, dropped_labels=list(dropped), held_out_time_share=0.2,
        split={"kind": "subjects", "validation_subjects": ["C"], "test_subjects": ["D"]}, balance="none",
    )  # fmt: skip


def made(subject: str, labels: tuple[str, ...] = DONE) -> Recording:
    """Ten seconds of each label, in which the signal tells the label's number."""
    numbers = np.repeat([SOURCE.labels.index(label) for label in labels], 500)
    signal = Signal(numbers[:, None].astype(float), np.arange(len(numbers)) / 50, 50.0, "g", ("x",))
    activities = tuple(Activity(label, 10.0 * at, 10.0 * (at + 1)) for at, label in enumerate(labels))
    return Recording(subject, subject, {"acceleration": signal}, activities)


def cut_in(folder: Path, params: WindowParams, source: Source = SOURCE) -> cutting.Cut:
    done = [label for label in DONE if label in source.labels]
    recordings.write((made(subject, tuple(done)) for subject in SOURCE.subjects), folder / "recordings")
    (folder / "pieces").mkdir()
    return cutting.cut(folder / "recordings", folder / "pieces", params, source, ALONE)


def stored_splits(whole: cutting.Cut, params: WindowParams) -> dict[str, np.ndarray]:
    splits = splitting.split(whole.index, params, SOURCE)
    return {name: splits[name] for name in splitting.SPLITS}


@pytest.mark.parametrize("dropped", [(), ("turn",), ("rest", "move"), ("turn", "rest", "lie")])
def test_each_window_keeps_the_name_of_its_class_and_no_other_class_is_named(tmp_path, dropped):
    params = window_params(*dropped)
    whole = cut_in(tmp_path, params)
    window_folder.write(tmp_path / "window", whole, stored_splits(whole, params), params, SOURCE)
    scaling = Scaling.load(tmp_path / "window")
    for split in splitting.SPLITS:
        windows = Windows.open(tmp_path / "window" / split)
        told = [windows.classes[label] for label in windows.labels]
        numbers = scaling.invert(np.asarray(windows.values))[:, 25, 0].round().astype(int)
        assert told == [SOURCE.labels[number] for number in numbers]
        assert windows.classes == tuple(name for name in DONE if name not in dropped)
        assert windows.shape.classes == len(DONE) - len(dropped) == len(set(told))


def test_where_every_declared_class_occurs_classes_and_labels_are_stored_as_declared(tmp_path):
    source = replace(SOURCE, labels=tuple(label for label in SOURCE.labels if label != "never"))
    whole = cut_in(tmp_path, window_params(), source)
    splits = stored_splits(whole, window_params())
    window_folder.write(tmp_path / "window", whole, splits, window_params(), source)
    meaning = json.loads((tmp_path / "window" / "windows.json").read_text(encoding="utf-8"))
    assert meaning["classes"] == list(source.labels)
    for name, rows in splits.items():
        stored = np.load(tmp_path / "window" / f"{name}.npy")
        expected = [whole.index.start[rows], whole.index.label[rows], whole.index.subject[rows]]
        assert stored.dtype == np.int64 and np.array_equal(stored, np.stack(expected, axis=1))


def test_a_class_whose_windows_are_all_dropped_between_splits_is_no_class_of_the_folder(tmp_path):
    params = window_params()
    whole = cut_in(tmp_path, params)
    lying = whole.index.label == SOURCE.labels.index("lie")
    splits = {name: rows[~lying[rows]] for name, rows in stored_splits(whole, params).items()}
    window_folder.write(tmp_path / "window", whole, splits, params, SOURCE)
    assert Windows.open(tmp_path / "window" / "test").classes == ("turn", "rest", "move")


# --- the whole stage


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    """The recordings of 16 simulated people."""
    folder = tmp_path_factory.mktemp("people") / "recordings"
    recordings.write((simulated.simulate(0, subject, 10.0) for subject in simulated.SOURCE.subjects), folder)
    return folder


def asked(params: Params, dropped: tuple[str, ...], balance: str) -> Params:
    window = params.window.model_copy(update={"dropped_labels": list(dropped), "balance": balance})
    dataset = SimulatedParams(name="simulated", seconds_per_activity=10.0)
    return params.model_copy(update={"window": window, "dataset": dataset, "runtime": ALONE})


def windowed(folder: Path, people: Path, params: Params) -> Path:
    artifacts = Artifacts(folder)
    shutil.copytree(people, artifacts.validate / "recordings")
    stage.run(params, artifacts, SimpleNamespace(log_metrics=lambda metrics: None))
    return artifacts.window


@pytest.mark.parametrize("balance", ["none", "undersample", "oversample"])
@pytest.mark.parametrize("dropped", [(), (SIMULATED[0], SIMULATED[3])])
def test_counts_and_balance_tell_of_the_classes_that_are_stored(tmp_path, people, params, dropped, balance):
    folder = windowed(tmp_path, people, asked(params, dropped, balance))
    counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
    for split in splitting.SPLITS:
        windows = Windows.open(folder / split)
        assert windows.classes == tuple(name for name in SIMULATED if name not in dropped)
        assert counts[split]["classes"] == Counter(windows.classes[label] for label in windows.labels)
    assert (counts["fit"]["skew"] == 1.0) == (balance != "none")


def test_the_gate_names_a_class_that_fit_lacks_though_one_declared_before_it_was_dropped(tmp_path, people, params):
    lacking = tmp_path / "lacking"
    first, *others = simulated.SOURCE.subjects
    of_test = params.window.split.test_subjects
    hidden = SIMULATED[4]

    def without(one: Recording) -> Recording:
        kept = tuple(part for part in one.activities if part.label != hidden or one.subject in of_test)
        return replace(one, activities=kept)

    recordings.write(map(without, recordings.read(people)), lacking)
    assert first not in of_test and set(of_test) <= set(others)
    with pytest.raises(InvalidRecording, match=rf"test has \d+ of {hidden}, but fit has none"):
        windowed(tmp_path, lacking, asked(params, (SIMULATED[0],), "none"))
