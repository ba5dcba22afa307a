"""The mean of the weights: what it is a mean of, that losses are measured with it, and that no kill loses it."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen.kept_weights import POWER, AveragedStep


class Told:
    """A train step whose one weight is told beforehand."""

    def __init__(self, weights: list[float]):
        self.model = self
        self.weight, self.other = tf.Variable(0.0), tf.Variable(7.0, trainable=False)
        self.trainable_variables, self.variables = [self.weight], [self.other, self.weight]
        self.learning_rate, self.weights = 1.0, weights

    def halve_learning_rate(self) -> None:
        self.learning_rate /= 2

    def __call__(self, batch, step: int) -> dict[str, float]:
        self.weight.assign(self.weights[step])
        return {"loss": 0.0}


def run(weights: list[float]) -> AveragedStep:
    step = AveragedStep(Told(weights))
    for at in range(len(weights)):
        step(None, at)
    return step


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=30))
def test_late_weights_count_most(weights):
    # The mean of equation 126, written as a sum: the share of step n is (n/N)^POWER - ((n-1)/N)^POWER.
    edges = (np.arange(len(weights) + 1) / len(weights)) ** POWER
    shares = np.array([1 - (1 - 1 / n) ** POWER for n in range(1, len(weights) + 1)])
    left = np.append(np.cumprod((1 - shares)[::-1])[::-1][1:], 1.0)
    assert run(weights).average[0].numpy() == pytest.approx(np.dot(shares * left, weights), abs=1e-4)
    assert np.dot(shares * left, np.arange(1, len(weights) + 1)) >= np.dot(np.diff(edges), np.arange(len(weights)))


def test_equal_weights_have_themselves_as_their_mean_and_the_rest_of_the_model_stands_for_itself():
    step = run([2.5] * 10)
    assert [float(variable) for variable in step.kept] == [7.0, 2.5]


def test_a_loss_is_measured_with_the_mean_and_leaves_the_weights_as_they_were():
    step = run([1.0, 2.0])
    measured = step.over_average(lambda: float(step.step.weight))()
    assert 1.0 < measured < 2.0 and measured == pytest.approx(float(step.average[0]))
    assert float(step.step.weight) == 2.0
    with pytest.raises(ZeroDivisionError):
        step.over_average(lambda: 1 / 0)()
    assert float(step.step.weight) == 2.0


def test_whatever_it_changes_is_in_its_variables():
    step = AveragedStep(Told([1.0]))
    step.step.variables = [step.step.weight]
    before = [variable.numpy() for variable in step.variables]
    step(None, 0)
    changed = [bool(variable.numpy() != value) for variable, value in zip(step.variables, before, strict=True)]
    assert changed == [True, True]
    step.halve_learning_rate()
    assert step.learning_rate == 0.5
