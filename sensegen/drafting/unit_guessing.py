"""The unit a sensor seems to be in: by the name of its columns, and by gravity, which every resting body feels."""

import re

import numpy as np
from jaxtyping import Float

from sensegen import units

ACCELERATION = re.compile(r"acc|grav|\ba_?[xyz]\b", re.I)
TURNING = re.compile(r"gyr|angular|rotation|omega|\b[gw]_?[xyz]\b", re.I)
MAGNETIC = re.compile(r"mag|compass", re.I)
# Named sensors of one column: what the name says, the unit, and the range it must lie in for that.
NAMED = (
    (re.compile(r"\bhr\b|heart|bpm|puls", re.I), "bpm", 25.0, 240.0),
    (re.compile(r"temp|tmp", re.I), "Celsius", -20.0, 60.0),
    (re.compile(r"eda|gsr|skin_?cond", re.I), "uS", 0.0, 100.0),
    (re.compile(r"\bibi|\brr\b", re.I), "s", 0.2, 3.0),
)
# Where the norm of an acceleration lies that contains gravity, by unit.
RESTING = (("g", 0.8, 1.25), ("m/s2", 8.0, 11.8), ("g/64", 52.0, 78.0), ("mg", 800.0, 1250.0))
# What a sensor without a name is called.
NAMES = {
    **dict.fromkeys(("g", "m/s2", "g/64", "mg"), "acceleration"),
    **dict.fromkeys(("rad/s", "deg/s"), "turning"),
    "uT": "magnetic_field",
}
FASTEST_RAD_S = 35.0  # the widest gyroscopes end at 2000 degrees/s
RANGES_G = (2.0, 4.0, 8.0, 16.0, 32.0)
RANGES_DEG_S = (250.0, 500.0, 1000.0, 2000.0, 4000.0)


def unit(names: str, values: Float[np.ndarray, "row channel"]) -> tuple[str | None, str, bool]:
    """The unit or None, what speaks for it, and whether it is an acceleration that contains gravity.

    `names` holds the names of the sensor, its columns and its file.
    """
    values = values[~np.isnan(values).any(axis=1)]
    if not len(values):
        return None, "no row holds all of it", False
    if values.shape[1] == 3:
        return _of_three(names, values)
    for pattern, unit_, low, high in NAMED:
        if pattern.search(names):
            middle = float(np.median(values))
            if low <= middle <= high:
                return unit_, f"by its name; the median is {middle:.4g}", False
            return None, f"named as if in {unit_}, but the median is {middle:.4g}", False
    return None, "nothing tells", False


def _of_three(text: str, values: Float[np.ndarray, "row 3"]) -> tuple[str | None, str, bool]:
    norms = np.sqrt((values**2).sum(axis=1))
    norm, largest = float(np.median(norms)), float(np.abs(values).max())
    if TURNING.search(text):
        return _turning(norm, largest)
    if MAGNETIC.search(text):
        return ("uT" if 15 <= norm <= 100 else None), f"by its name; the median norm is {norm:.4g}", False
    for unit_, low, high in RESTING:
        if low <= norm <= high:
            return unit_, f"the median norm is {norm:.4g} {unit_}, as gravity's", True
    if ACCELERATION.search(text):
        return None, f"an acceleration without gravity (median norm {norm:.4g}), or in counts", False
    spread = float(np.median(np.abs(values - np.median(values, axis=0))))
    if norm < 6 * max(spread, 1e-12) and largest > FASTEST_RAD_S:
        return None, f"around zero, up to {largest:.4g}: a turning rate in deg/s, or no gravity in it", False
    return None, f"the median norm is {norm:.4g}: not gravity's", False


def _turning(norm: float, largest: float) -> tuple[str | None, str, bool]:
    if largest > FASTEST_RAD_S:
        return "deg/s", f"values up to {largest:.4g}: more than any gyroscope gives in rad/s", False
    if norm > 6.0:
        return None, f"by its name a gyroscope; the median norm {norm:.4g} fits neither rad/s nor deg/s well", False
    return "rad/s", f"by its name and values up to {largest:.4g}; in deg/s that would be hardly any motion", False


def bounds(unit_: str | None, gravity: bool, values: Float[np.ndarray, "row channel"]) -> tuple[float, float]:
    """The range of the sensor: one that such sensors are sold with, else what was seen and a quarter more."""
    seen = values[np.isfinite(values)]
    if not len(seen):
        return 0.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    if gravity and unit_:
        one_g = float(units.convert(np.ones(1), "g", unit_)[0])
        largest = max(abs(low), abs(high))
        reach = next((own for own in RANGES_G if largest <= own * one_g * 1.02), None)
        if reach:
            return -_up(reach * one_g * 1.02), _up(reach * one_g * 1.02)
    one_degree = {"deg/s": 1.0, "rad/s": np.pi / 180}.get(unit_ or "")
    largest = max(abs(low), abs(high))
    if one_degree and (reach := next((own for own in RANGES_DEG_S if largest <= own * one_degree), None)):
        return -_up(reach * one_degree), _up(reach * one_degree)
    room = 0.25 * max(high - low, abs(high), 1e-9)
    return (0.0 if low >= 0 else -_up(abs(low) + room)), _up(abs(high) + room) if high > 0 else room


def _up(value: float) -> float:
    """Rounded up to two digits."""
    scale = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(f"{np.ceil(value / scale - 1e-9) * scale:.6g}")
