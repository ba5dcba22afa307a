"""Splits: every window once, nobody on two sides, no sample in two splits, and a window between neighbours in time."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_windows import SOURCE, window_params

from sensegen import splitting
from sensegen.cutting import WindowIndex
from sensegen.labelling import labelled_windows, window_length
from sensegen.params.windowing import KFoldSplit, LeaveOneOutSplit, WindowParams
from sensegen.recording import Activity

PEOPLE = [
    {"kind": "subjects", "validation_subjects": ["C"], "test_subjects": ["D"]},
    {"kind": "k_fold", "folds": 3, "fold": 1},
    {"kind": "k_fold", "folds": 4, "fold": 3},
    {"kind": "leave_one_out", "test_subject": "D"},
]
IN_TIME = {"kind": "in_time", "validation_share": 0.15, "test_share": 0.2}


def params_of(split: dict, **changes) -> WindowParams:
    """Windows of five samples at 5 Hz."""
    return window_params(**{"rate_hz": 5.0, "split": split, **changes})


@st.composite
def indices(draw, params: WindowParams) -> WindowIndex:
    """Windows of four people: some recordings each, of short bouts of two activities and time without a label."""
    stream = np.random.default_rng(draw(st.integers(0, 2**31)))
    longest = draw(st.sampled_from([8, 40, 300]))  # samples of a bout: shorter ones take turns faster
    parts, first, begin_s = [], 0, np.zeros(4)
    for recording in range(draw(st.integers(1, 10))):
        bounds = np.cumsum(stream.integers(1, longest, stream.integers(2, 20)))
        times_s = np.arange(bounds[-1]) / params.rate_hz
        bouts = [
            (label, *span) for label, span in zip(stream.integers(0, 3, len(bounds) - 1), _spans(bounds), strict=True)
        ]
        day = [Activity(SOURCE.labels[at], a / params.rate_hz, b / params.rate_hz) for at, a, b in bouts if at < 2]
        starts, labels, names = labelled_windows(times_s, day, params)
        ids, person = np.array([SOURCE.labels.index(name) for name in names], int)[labels], recording % 4
        parts.append((starts + first, ids, np.full(len(starts), person), begin_s[person] + times_s[starts]))
        first, begin_s[person] = first + len(times_s), begin_s[person] + times_s[-1]
    return WindowIndex(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _spans(bounds: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))


def samples_of(index: WindowIndex, rows: np.ndarray, length: int) -> set[int]:
    return set((index.start[rows][:, None] + np.arange(length)).ravel().tolist())


settings_of_windows = st.builds(
    params_of,
    st.sampled_from([*PEOPLE, IN_TIME]),
    label_purity=st.sampled_from([1.0, 0.6]),
    overlap=st.sampled_from([0.0, 0.5, 0.8]),
    held_out_time_share=st.sampled_from([0.1, 0.4]),
)


@settings(max_examples=60)
@given(st.data(), settings_of_windows)
def test_the_splits_and_the_dropped_are_all_windows_and_none_twice(data, params):
    index = data.draw(indices(params))
    splits = splitting.split(index, params, SOURCE)
    assert set(splits) == {*splitting.SPLITS, "dropped"}
    assert np.array_equal(np.sort(np.concatenate(list(splits.values()))), np.arange(len(index)))


@settings(max_examples=60)
@given(st.data(), settings_of_windows)
def test_no_two_splits_share_a_sample(data, params):
    index = data.draw(indices(params))
    splits = splitting.split(index, params, SOURCE)
    length = window_length(params)
    for one, other in combinations(splitting.SPLITS, 2):
        assert not samples_of(index, splits[one], length) & samples_of(index, splits[other], length)


@settings(max_examples=60)
@given(st.data(), st.sampled_from(PEOPLE), st.sampled_from([1.0, 0.6]))
def test_a_person_is_on_one_side_whatever_the_kind_of_split(data, split, purity):
    params = params_of(split, label_purity=purity)
    index = data.draw(indices(params))
    splits = splitting.split(index, params, SOURCE)
    fit_people = set(index.subject[np.concatenate([splits["fit"], splits["held_out_time"]])].tolist())
    sides = [fit_people, *(set(index.subject[splits[name]].tolist()) for name in ("validation", "test"))]
    assert all(not one & other for one, other in combinations(sides, 2))


@settings(max_examples=60)
@given(st.data(), st.sampled_from([1.0, 0.6]), st.sampled_from([0.0, 0.5, 0.8]))
def test_in_time_a_whole_window_lies_between_splits_whatever_the_activity(data, purity, overlap):
    params = params_of(IN_TIME, label_purity=purity, overlap=overlap)
    index = data.draw(indices(params))
    splits = splitting.split(index, params, SOURCE)
    for one, other in combinations(splitting.SPLITS, 2):
        for person in range(4):
            begins_s = [index.begin_s[rows[index.subject[rows] == person]] for rows in (splits[one], splits[other])]
            between_s = np.abs(np.subtract.outer(*begins_s)) - params.window_seconds
            assert between_s.min(initial=np.inf) >= params.window_seconds - 1e-4


@settings(max_examples=40)
@given(st.data(), settings_of_windows)
def test_within_an_activity_the_splits_follow_each_other_a_window_apart(data, params):
    index = data.draw(indices(params))
    splits = splitting.split(index, params, SOURCE)
    names = splitting.SPLITS if params.split.kind == "in_time" else ("fit", "held_out_time")
    order = [name for name in ("fit", "held_out_time", "validation", "test") if name in names]
    for person, label in {*zip(index.subject.tolist(), index.label.tolist(), strict=True)}:
        own = (index.subject == person) & (index.label == label)
        begins_s = [index.begin_s[rows[own[rows]]] for rows in (splits[name] for name in order)]
        for earlier, later in combinations(begins_s, 2):
            gap_s = later.min(initial=np.inf) - earlier.max(initial=-np.inf) - params.window_seconds
            assert gap_s >= params.window_seconds - 1e-4


def test_an_activity_that_is_tested_while_another_is_fitted_drops_what_is_near():
    # One person; `rest` is done early, `move` late, and in the middle they take turns every three windows.
    begin_s = np.arange(90.0) * 2  # windows of 1 s, a second between them
    label = np.r_[np.zeros(30, int), np.repeat([0, 1] * 5, 3), np.ones(30, int)]
    index = WindowIndex(np.arange(90) * 50, label, np.zeros(90, int), begin_s)
    params = window_params(split=IN_TIME)
    splits = splitting.split(index, params, SOURCE)
    rest_in_test = begin_s[splits["test"][label[splits["test"]] == 0]]
    move_in_fit = begin_s[splits["fit"][label[splits["fit"]] == 1]]
    assert rest_in_test.min() < move_in_fit.max()  # they do overlap in time as a whole
    # Two seconds from begin to begin are one window between: nothing had to go at that spacing ...
    assert not len(splits["dropped"])
    # ... and at half of it the turns are too near each other.
    nearer = WindowIndex(index.start, label, index.subject, begin_s / 2)
    dropped = splitting.split(nearer, params, SOURCE)["dropped"]
    assert {0, 1} == set(label[dropped].tolist()) and len(dropped) >= 8


@given(st.integers(3, 10), st.integers(3, 30))
def test_over_all_folds_every_subject_is_tested_once_and_validated_once(folds, more):
    source = _people(folds + more)
    dealt = [splitting.people(KFoldSplit(kind="k_fold", folds=folds, fold=fold), source) for fold in range(folds)]
    for side in (0, 1):
        assert sorted(name for fold in dealt for name in fold[side]) == sorted(source.subjects)
    assert all(not set(validation) & set(test) for validation, test in dealt)
    sizes = [len(test) for _, test in dealt]
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(3, 30))
def test_leaving_one_out_tests_every_subject_once(count):
    source = _people(count)
    splits = [LeaveOneOutSplit(kind="leave_one_out", test_subject=name) for name in source.subjects]
    dealt = [splitting.people(split, source) for split in splits]
    assert [test for _, test in dealt] == [(name,) for name in source.subjects]
    assert all(len(validation) == 1 and validation != test for validation, test in dealt)


def _people(count: int):
    return type(SOURCE)(**{**SOURCE.__dict__, "subjects": tuple(f"P{at}" for at in range(count))})


def test_a_split_without_windows_is_refused_by_name():
    index = WindowIndex(np.arange(4) * 50, np.zeros(4, int), np.array([0, 0, 1, 1]), np.arange(4.0) * 3)
    params = window_params()
    with pytest.raises(ValueError, match=r"window\.split \(subjects\) leaves no window for validation and test"):
        splitting.require(splitting.split(index, params, SOURCE), params)


def test_counts_tell_classes_people_and_skew():
    index = WindowIndex(
        np.arange(6) * 50, np.array([0, 0, 0, 1, 0, 0]), np.array([0, 0, 1, 1, 3, 3]), np.arange(6.0) * 3
    )
    told = splitting.counts(
        index, {"fit": np.arange(4), "test": np.array([4, 5])}, (*SOURCE.labels, "dropped"), SOURCE.subjects
    )
    assert told == {
        "fit": {"total": 4, "skew": 3.0, "classes": {"rest": 3, "move": 1}, "subjects": {"A": 2, "B": 2}},
        "test": {"total": 2, "skew": None, "classes": {"rest": 2, "move": 0}, "subjects": {"D": 2}},
    }


def test_what_one_person_does_drops_no_window_of_another():
    def everybody(people: int) -> WindowIndex:
        subject = np.repeat(np.arange(people), 40)
        begin_s = np.tile(np.arange(40) * 0.5 + 0.0, people) + 0.5 * subject  # not at the same times
        return WindowIndex(np.arange(40 * people) * 50, np.zeros(40 * people, int), subject, begin_s)

    params = window_params(split=IN_TIME)
    alone, together = (splitting.split(everybody(people), params, SOURCE) for people in (1, 3))
    assert {name: 3 * len(rows) for name, rows in alone.items()} == {name: len(rows) for name, rows in together.items()}
    assert len(alone["dropped"]) == 9  # three between each two of four splits
