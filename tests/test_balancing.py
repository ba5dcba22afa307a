"""Balanced means that every class counts alike, and the same choice every time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensegen.balancing import balance, balanced_rows, class_counts, class_weights, skew

labels_of_windows = st.lists(st.integers(0, 3), min_size=1, max_size=60).map(np.array)


def stream() -> np.random.Generator:
    return np.random.default_rng(0)


def test_skew_is_the_largest_class_over_the_smallest():
    assert skew(class_counts(np.array([0] * 6 + [1] * 3 + [2] * 2), 3)) == 3.0
    assert skew(class_counts(np.array([0, 1]), 3)) == np.inf
    assert skew(class_counts(np.empty(0, int), 3)) == 1.0


@given(labels_of_windows)
def test_weighted_every_class_that_occurs_counts_alike_and_a_window_counts_one_on_average(labels):
    weights = class_weights(labels, 5)
    sums = np.bincount(labels, weights=weights[labels], minlength=5)
    assert sums[sums > 0] == pytest.approx(len(labels) / len(set(labels.tolist())))
    assert weights[labels].mean() == pytest.approx(1)
    assert weights[4] == 0


@given(labels_of_windows)
def test_undersampling_keeps_as_many_of_each_class_as_the_smallest_has_and_none_twice(labels):
    rows = balanced_rows(labels, "undersample", stream())
    assert len(set(rows.tolist())) == len(rows)
    assert set(np.bincount(labels[rows]).tolist()) - {0} == {min(np.bincount(labels)[np.unique(labels)])}


@given(labels_of_windows)
def test_oversampling_loses_no_window_and_repeats_them_evenly(labels):
    rows = balanced_rows(labels, "oversample", stream())
    assert set(np.bincount(labels[rows]).tolist()) - {0} == {max(np.bincount(labels))}
    times = np.bincount(rows, minlength=len(labels))
    for label in np.unique(labels):
        own = times[labels == label]
        assert own.min() >= 1 and own.max() - own.min() <= 1


@given(labels_of_windows, st.sampled_from(["none", "undersample", "oversample"]))
def test_the_same_stream_chooses_the_same_rows_in_order(labels, how):
    one, other = (balanced_rows(labels, how, stream()) for _ in range(2))
    assert np.array_equal(one, other) and (np.diff(one) >= 0).all()


def test_only_fit_is_balanced_and_what_is_left_out_is_dropped():
    labels = np.array([0, 0, 0, 1, 0, 1, 0, 0])
    splits = {"fit": np.arange(5), "test": np.array([5, 6]), "dropped": np.array([7])}
    under = balance(splits, labels, "undersample")
    assert labels[under["fit"]].tolist() in ([0, 1], [1, 0])
    assert sorted(np.concatenate(list(under.values())).tolist()) == list(range(8))
    over = balance(splits, labels, "oversample")
    assert class_counts(labels[over["fit"]], 2).tolist() == [4, 4]
    assert over["dropped"].tolist() == [7] and over["test"] is splits["test"]
    untouched = balance(splits, labels, "none")
    assert all(np.array_equal(untouched[name], rows) for name, rows in splits.items())
