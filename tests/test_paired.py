"""Two arms are compared seed by seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sensegen.evaluation.paired import paired_difference


def test_the_comparison_is_students_for_pairs():
    arm, other = [0.91, 0.93, 0.90, 0.95], [0.90, 0.91, 0.90, 0.91]
    told = paired_difference(arm, other)
    known = stats.ttest_rel(arm, other)
    interval = known.confidence_interval(0.95)
    assert told == pytest.approx(
        {"mean": 0.0175, "low": interval.low, "high": interval.high, "seeds": 4, "p_value": known.pvalue}
    )


def test_a_difference_of_two_seeds_by_hand():
    # Differences 1 and 3: mean 2, standard error 1, t = 2 with one degree of freedom, whose tail is an arctangent.
    told = paired_difference([1.0, 3.0], [0.0, 0.0])
    assert told["p_value"] == pytest.approx(1 - 2 * np.arctan(2) / np.pi)
    assert (told["low"], told["high"]) == pytest.approx((2 - 12.7062, 2 + 12.7062), abs=1e-4)


def test_what_both_arms_share_drops_out():
    shared = np.random.default_rng(0).normal(0, 10, 6)
    better = shared + 0.1 + np.random.default_rng(1).normal(0, 0.01, 6)
    assert paired_difference(better, shared)["p_value"] < 1e-4
    assert stats.ttest_ind(better, shared).pvalue > 0.9


def test_arms_that_do_not_differ_are_called_different_once_in_twenty():
    stream = np.random.default_rng(0)
    p_values = [paired_difference(*stream.normal(size=(2, 5)))["p_value"] for _ in range(2000)]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.015)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.03)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=2, max_size=8))
def test_the_arms_swapped_give_the_difference_swapped(pairs):
    arm, other = zip(*pairs, strict=True)
    told, swapped = paired_difference(arm, other), paired_difference(other, arm)
    assert (swapped["mean"], swapped["low"], swapped["high"]) == pytest.approx(
        (-told["mean"], -told["high"], -told["low"]), abs=1e-12
    )
    assert swapped["p_value"] == told["p_value"]
    if told["p_value"] not in (0.0, 1.0):
        assert (told["p_value"] < 0.05) == (told["low"] > 0 or told["high"] < 0)


@pytest.mark.parametrize(("arm", "p_value"), [([0.25, 0.25], 1.0), ([0.5, 0.5], 0.0)])
def test_differences_without_spread_leave_no_doubt(arm, p_value):
    told = paired_difference(arm, [0.25, 0.25])
    assert told["low"] == told["high"] == arm[0] - 0.25 and told["p_value"] == p_value


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_seeds_are_null_with_the_reason(count):
    told = paired_difference([0.9] * count, [0.8] * count)
    assert told == {"value": None, "reason": f"a comparison needs two seeds, but there are {count}"}


def test_a_number_that_is_not_finite_is_null_with_the_reason():
    assert "not finite" in paired_difference([0.9, float("nan")], [0.8, 0.7])["reason"]


def test_arms_of_different_seeds_are_refused():
    with pytest.raises(ValueError, match="same seeds, but got 3 and 2 numbers"):
        paired_difference([1.0, 2.0, 3.0], [1.0, 2.0])
