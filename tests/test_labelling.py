"""Windows begin where an activity does, and carry a label only when enough of them is of one class."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_windows import window_params

from sensegen.labelling import labelled_starts, labelled_windows, samples_needed, window_length
from sensegen.params.windowing import WindowParams
from sensegen.recording import Activity

RATE_HZ = 50.0


def times(samples: int) -> np.ndarray:
    return np.arange(samples) / RATE_HZ


def ten_samples(**changes) -> WindowParams:
    """Windows of ten samples, five apart."""
    return window_params(**{"window_seconds": 10 / RATE_HZ, **changes})


def spans(*of_samples: tuple[str, int, int]) -> list[Activity]:
    """Activities from one sample up to, not including, another."""
    return [Activity(label, first / RATE_HZ, last / RATE_HZ) for label, first, last in of_samples]


@st.composite
def days(draw) -> tuple[int, list[Activity]]:
    """Some samples, and activities in them that do not overlap; some time is unlabelled."""
    samples = draw(st.integers(0, 120))
    bounds = sorted(draw(st.lists(st.integers(0, samples), max_size=12)))
    labels = draw(st.lists(st.sampled_from("abc-"), min_size=len(bounds), max_size=len(bounds)))
    pieces = [(label, first, last) for label, first, last in zip(labels, bounds, bounds[1:], strict=False)]
    return samples, spans(*[piece for piece in pieces if piece[0] != "-"])


def covered(activities: list[Activity], start: int, label: str) -> int:
    """Samples of a window of ten that a class covers, counted one by one."""
    own = [activity for activity in activities if activity.label == label]
    inside = [any(a.start_s - 1e-9 <= at / RATE_HZ < a.end_s - 1e-9 for a in own) for at in range(start, start + 10)]
    return sum(inside)


def test_at_purity_one_windows_start_at_each_activitys_first_sample():
    found = list(labelled_starts(times(60), spans(("a", 3, 25), ("b", 25, 39), ("c", 41, 50)), ten_samples()))
    assert found == [(3, "a"), (8, "a"), (13, "a"), (25, "b")]


def test_below_purity_one_straddling_windows_are_added_and_none_is_lost():
    day = (times(60), spans(("a", 3, 25), ("b", 25, 39), ("c", 41, 50)))
    pure, straddling = (set(labelled_starts(*day, ten_samples(label_purity=share))) for share in (1.0, 0.7))
    assert straddling - pure == {(18, "a"), (30, "b"), (41, "c")}  # and not (0, "a") or (40, "c") beside (3), (41)
    assert pure < straddling


def test_labels_that_change_faster_than_the_stride_do_not_crowd_the_windows():
    ratings = spans(*[("low" if at % 4 else "high", 5 * at, 5 * at + 5) for at in range(24)])
    found = list(labelled_starts(times(120), ratings, window_params(window_seconds=0.8, label_purity=0.7)))
    starts = [start for start, _ in found]
    assert {label for _, label in found} == {"low"} and np.diff(starts).tolist() == [20] * (len(starts) - 1)


def test_a_dropped_class_gets_no_window_and_counts_as_nothing():
    day = spans(("walk", 0, 20), ("turn", 20, 40), ("walk", 40, 60))
    found = list(labelled_starts(times(60), day, ten_samples(dropped_labels=["turn"], label_purity=0.8)))
    assert {label for _, label in found} == {"walk"}
    assert [start for start, _ in found] == [0, 5, 10, 40, 45, 50]


def test_activities_of_one_class_that_touch_are_one():
    assert list(labelled_starts(times(40), spans(("a", 0, 13), ("a", 13, 40)), ten_samples())) == list(
        labelled_starts(times(40), spans(("a", 0, 40)), ten_samples())
    )


@given(days(), st.sampled_from([0.51, 0.7, 0.8, 1.0]))
def test_every_window_is_pure_enough_inside_the_samples_and_a_stride_after_the_last(day, purity):
    samples, activities = day
    params = ten_samples(label_purity=purity)
    found = list(labelled_starts(times(samples), activities, params))
    assert (np.diff([start for start, _ in found]) >= 5).all()
    for start, label in found:
        assert 0 <= start <= samples - 10
        assert covered(activities, start, label) >= samples_needed(params) >= purity * 10 - 1e-6


@given(days(), st.sampled_from([0.51, 0.7, 0.8]))
def test_a_lower_purity_keeps_every_window_of_purity_one(day, purity):
    samples, activities = day
    pure = set(labelled_starts(times(samples), activities, ten_samples()))
    assert pure <= set(labelled_starts(times(samples), activities, ten_samples(label_purity=purity)))


@given(days())
def test_the_order_of_the_activities_does_not_matter(day):
    samples, activities = day
    params = ten_samples(label_purity=0.7)
    forward, backward = (list(labelled_starts(times(samples), a, params)) for a in (activities, activities[::-1]))
    assert forward == backward


@given(st.lists(days(), min_size=1, max_size=5), st.sampled_from([0.51, 0.7, 1.0]))
def test_stretches_end_to_end_have_the_windows_that_each_has_by_itself(pieces, purity):
    params, firsts = ten_samples(label_purity=purity), np.cumsum([0, *(samples for samples, _ in pieces)])
    begins_s = 1000.0 * np.arange(len(pieces))
    whole = np.concatenate([begin_s + times(samples) for begin_s, (samples, _) in zip(begins_s, pieces, strict=True)])
    # One activity reaches over two stretches and the gap between them.
    day = [Activity("a", 0.5, 1000.5)] * (len(pieces) > 1)
    for begin_s, (_, own) in zip(begins_s, pieces, strict=True):
        day += [Activity(part.label, begin_s + part.start_s, begin_s + part.end_s) for part in own]
    starts, labels, names = labelled_windows(whole, day, params, firsts[:-1])
    apart = []
    for first, last in itertools.pairwise(firsts):
        apart += [(first + start, label) for start, label in labelled_starts(whole[first:last], day, params)]
    assert [(start, names[label]) for start, label in zip(starts, labels, strict=True)] == apart


@pytest.mark.parametrize(("share", "needed"), [(1.0, 10), (0.8, 8), (0.81, 9), (0.7, 7), (0.51, 6)])
def test_a_share_of_the_samples_is_rounded_up(share, needed):
    assert samples_needed(ten_samples(label_purity=share)) == needed


def test_an_hour_at_a_kilohertz_with_thousands_of_activities_is_labelled_at_once():
    bounds_s = np.sort(np.random.default_rng(0).uniform(0, 3600, 5000))
    day = [Activity(f"c{at % 12}", *map(float, bounds_s[at : at + 2])) for at in range(len(bounds_s) - 1)]
    params = window_params(rate_hz=1000.0, window_seconds=0.1, overlap=0.9, label_purity=0.8)
    starts, labels, names = labelled_windows(np.arange(3_600_000) / 1000, day, params)
    assert len(starts) > 250_000 and len(names) == 12
    assert (np.diff(starts) > 0).all()
    # Each window's class holds at its middle or nearly so: purity 0.8 leaves a fifth of a window to others.
    middle_s = (starts + window_length(params) // 2) / 1000
    at_middle = np.searchsorted(bounds_s, middle_s, side="right") - 1
    assert np.mean(np.array([int(name[1:]) for name in names])[labels] == at_middle % 12) > 0.999
