"""Units of sensors, and values brought from one to another of the same quantity."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

STANDARD_GRAVITY = 9.80665  # m/s2, by definition
DEGREE = np.pi / 180


@dataclass(frozen=True)
class Unit:
    """A value `v` in this unit is `v * factor + offset` in the SI unit of its quantity."""

    quantity: str
    factor: float
    offset: float = 0.0


UNITS: Mapping[str, Unit] = MappingProxyType(
    {
        "m/s2": Unit("acceleration", 1.0),
        "g": Unit("acceleration", STANDARD_GRAVITY),
        "mg": Unit("acceleration", STANDARD_GRAVITY / 1000),
        "g/64": Unit("acceleration", STANDARD_GRAVITY / 64),  # Empatica E4
        "rad/s": Unit("angular velocity", 1.0),
        "deg/s": Unit("angular velocity", DEGREE),
        "mdeg/s": Unit("angular velocity", DEGREE / 1000),
        "rad": Unit("angle", 1.0),
        "deg": Unit("angle", DEGREE),
        "T": Unit("magnetic field", 1.0),
        "mT": Unit("magnetic field", 1e-3),
        "uT": Unit("magnetic field", 1e-6),
        "gauss": Unit("magnetic field", 1e-4),
        "mgauss": Unit("magnetic field", 1e-7),
        "Kelvin": Unit("temperature", 1.0),
        "Celsius": Unit("temperature", 1.0, 273.15),
        "Fahrenheit": Unit("temperature", 5 / 9, 273.15 - 32 * 5 / 9),
        "Hz": Unit("frequency", 1.0),
        "bpm": Unit("frequency", 1 / 60),
        "s": Unit("time", 1.0),
        "ms": Unit("time", 1e-3),
        "us": Unit("time", 1e-6),
        "ns": Unit("time", 1e-9),
        "Pa": Unit("pressure", 1.0),
        "hPa": Unit("pressure", 100.0),
        "mmHg": Unit("pressure", 133.322387415),
        "S": Unit("conductance", 1.0),
        "uS": Unit("conductance", 1e-6),
        "V": Unit("voltage", 1.0),
        "mV": Unit("voltage", 1e-3),
        "uV": Unit("voltage", 1e-6),
        "W": Unit("power", 1.0),
        "nW": Unit("power", 1e-9),
        "lx": Unit("illuminance", 1.0),
        "m": Unit("length", 1.0),
        "cm": Unit("length", 1e-2),
        "mm": Unit("length", 1e-3),
        "count": Unit("count", 1.0),
        "arbitrary": Unit("something arbitrary", 1.0),
        "share": Unit("share", 1.0),
        "%": Unit("share", 1e-2),
    }
)

SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("m/s^2", "m/s²", "m/s/s", "ms-2"), "m/s2"),
        **dict.fromkeys(("deg/sec", "°/s", "dps"), "deg/s"),
        **dict.fromkeys(("rad/sec",), "rad/s"),
        **dict.fromkeys(("C", "degC", "°C"), "Celsius"),
        **dict.fromkeys(("F", "degF", "°F"), "Fahrenheit"),
        **dict.fromkeys(("K",), "Kelvin"),
        **dict.fromkeys(("beats/min",), "bpm"),
        **dict.fromkeys(("µS", "μS"), "uS"),
        **dict.fromkeys(("µT", "μT"), "uT"),
        **dict.fromkeys(("µV", "μV"), "uV"),
        **dict.fromkeys(("G",), "gauss"),
    }
)


def canonical(name: str) -> str:
    """The name of a unit as it is written here; `m/s^2` is `m/s2`.

    Raises:
        ValueError: if the unit is unknown, naming the nearest.
    """
    name = SPELLINGS.get(name, name)
    if name not in UNITS:
        near = difflib.get_close_matches(name, [*UNITS, *SPELLINGS], n=1, cutoff=0.0)[0]
        raise ValueError(f"{name!r} is no unit that is known here ({', '.join(UNITS)}). Did you mean {near}?")
    return name


def convert(values: Float[np.ndarray, "*shape"], unit: str, to: str) -> Float[np.ndarray, "*shape"]:
    """Values in `unit` as values in `to`; the same array where nothing has to be done.

    Raises:
        ValueError: if a unit is unknown (naming the nearest), or the two are not of one quantity.
    """
    unit, to = canonical(unit), canonical(to)
    if unit == to:
        return values
    old, new = UNITS[unit], UNITS[to]
    if old.quantity != new.quantity:
        of_old = ", ".join(name for name, other in UNITS.items() if other.quantity == old.quantity)
        raise ValueError(f"{unit} measures {old.quantity}, {to} {new.quantity}; {unit} can become one of {of_old}.")
    return values * (old.factor / new.factor) + (old.offset - new.offset) / new.factor
