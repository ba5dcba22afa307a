"""Units: known conversions, there and back, and messages that name what was meant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensegen import units


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (1, "g", "m/s2", 9.80665),
        (64, "g/64", "g", 1),
        (9.80665, "m/s²", "mg", 1000),
        (180, "deg/s", "rad/s", np.pi),
        (1000, "mdeg/s", "dps", 1),
        (0, "Celsius", "Kelvin", 273.15),
        (98.6, "Fahrenheit", "°C", 37),
        (-40, "Celsius", "Fahrenheit", -40),
        (90, "bpm", "Hz", 1.5),
        (1, "gauss", "uT", 100),
        (2.5, "uS", "S", 2.5e-6),
        (50, "%", "share", 0.5),
    ],
)
def test_known_conversions(value, unit, to, expected):
    assert units.convert(np.array([float(value)]), unit, to)[0] == pytest.approx(expected)


PAIRS = [(a, b) for a in units.UNITS for b in units.UNITS if units.UNITS[a].quantity == units.UNITS[b].quantity]


@given(st.sampled_from(PAIRS), st.floats(-1e4, 1e4))
def test_there_and_back_is_the_same(pair, value):
    unit, to = pair
    back = units.convert(units.convert(np.array([value]), unit, to), to, unit)
    assert back[0] == pytest.approx(value, rel=1e-9, abs=1e-9)


def test_where_nothing_is_to_be_done_nothing_is_copied():
    values = np.arange(3.0)
    assert units.convert(values, "m/s^2", "m/s2") is values


@pytest.mark.parametrize(("wrong", "meant"), [("rads/s", "rad/s"), ("celsius", "Celsius"), ("m/ss", "m/s")])
def test_an_unknown_unit_names_the_nearest(wrong, meant):
    with pytest.raises(ValueError, match=f"'{wrong}' is no unit .* Did you mean {meant}"):
        units.convert(np.zeros(1), wrong, "g")
    with pytest.raises(ValueError, match=f"Did you mean {meant}"):
        units.convert(np.zeros(1), wrong, wrong)


def test_units_of_two_quantities_do_not_become_each_other():
    with pytest.raises(ValueError, match=r"g measures acceleration, rad/s angular velocity; .* m/s2, g, mg, g/64"):
        units.convert(np.zeros(1), "g", "rad/s")


def test_every_spelling_is_of_a_known_unit():
    assert all(units.canonical(spelling) in units.UNITS for spelling in units.SPELLINGS)
