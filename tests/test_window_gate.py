"""Windows whose splits know of each other are refused, each kind by its own name, and apart ones pass."""

from dataclasses import replace

import numpy as np
import pytest

from sensegen import params as schema
from sensegen.cutting import WindowIndex
from sensegen.datasets import simulated
from sensegen.params.windowing import InTimeSplit
from sensegen.recording import InvalidRecording
from sensegen.source import PublishedWindows
from sensegen.validation import window_gate

SOURCE = simulated.SOURCE
STEP = 256  # samples; two windows of 128, so that neighbours are a window apart


@pytest.fixture
def window(params: schema.Params):
    return params.window


@pytest.fixture
def index() -> WindowIndex:
    """Eight windows each of four people, two of each of four classes, apart in samples and in time."""
    place = np.arange(32)
    return WindowIndex(place * STEP, place // 2 % 4, place // 8, place % 8 * STEP / 50.0)


SPLITS = {
    "fit": np.arange(0, 14),
    "validation": np.arange(16, 24),
    "held_out_time": np.arange(14, 16),
    "test": np.arange(24, 32),
}


def told(index, splits, window, source=SOURCE) -> list[str]:
    with pytest.raises(InvalidRecording) as caught:
        window_gate.check(index, splits, window, source)
    return [line.strip() for line in str(caught.value).splitlines() if line.startswith("  ")]


def test_splits_that_are_apart_pass(index, window):
    window_gate.check(index, SPLITS, window, SOURCE)


def test_a_person_on_two_sides_is_named(index, window):
    splits = SPLITS | {"test": np.arange(23, 32), "validation": np.arange(16, 23)}
    assert told(index, splits, window) == ["windows.subjects: validation and test share S03"]


def test_one_person_may_be_in_every_split_of_a_split_in_time(index, window):
    in_time = InTimeSplit(kind="in_time", validation_share=0.2, test_share=0.2)
    splits = {"fit": np.arange(0, 8), "validation": np.arange(8, 10), "test": np.arange(10, 12)}
    window_gate.check(index, splits, window.model_copy(update={"split": in_time}), SOURCE)


def test_a_class_that_is_asked_for_and_never_shown_is_named(index, window):
    without = SPLITS["fit"][index.label[SPLITS["fit"]] != 2]
    assert told(index, SPLITS | {"fit": without}, window) == [
        "windows.classes: validation has 2 of WALKING_DOWNSTAIRS, but fit has none",
        "windows.classes: test has 2 of WALKING_DOWNSTAIRS, but fit has none",
    ]


def test_windows_of_two_splits_that_share_samples_are_counted(index, window):
    start = index.start.copy()
    start[14] = start[13] + 127
    overlapping = WindowIndex(start, index.label, index.subject, index.begin_s)
    assert told(overlapping, SPLITS, window) == ["windows.samples: fit and held_out_time overlap, in 1 places"]


def test_windows_of_one_split_may_share_samples(index, window):
    start = index.start.copy()
    start[1] = start[0] + 64
    window_gate.check(WindowIndex(start, index.label, index.subject, index.begin_s), SPLITS, window, SOURCE)


def test_published_windows_that_overlap_in_a_persons_time_are_counted(index, window):
    begin_s = index.begin_s.copy()
    begin_s[14] = begin_s[13] + 1.28
    published = replace(SOURCE, published_windows=PublishedWindows(samples=128, stride_samples=64))
    beside = WindowIndex(index.start, index.label, index.subject, begin_s)  # another activity: never the same samples
    window_gate.check(beside, SPLITS, window, published)
    label = index.label.copy()
    label[14] = label[13]
    overlapping = WindowIndex(index.start, label, index.subject, begin_s)
    assert told(overlapping, SPLITS, window, published) == ["windows.time: fit and held_out_time overlap, in 1 places"]
