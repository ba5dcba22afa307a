"""What must hold of the rows of an inspection: derived from what the dataset declares, and judged in `validation`.

There is no second list of limits. The few numbers here are about sensors in general, and generous: a recording that
breaks one of them is of no use, whoever recorded it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sensegen import sensor_faults
from sensegen.params.windowing import ValidateParams
from sensegen.source import Bounds, Source

DEAD_SHARE = 0.5  # of a recording, that a channel may stand still at a stretch
SATURATED_SHARE = 0.02  # of the samples, at a limit or a plateau
GRAVITY = (1 / 3, 3.0)  # in g; the quietest seconds of a leg that runs have up to 2, a wrong unit 9.8 and more
MOST_LISTED = 8  # names in an explanation
MEANING = {
    "gravity": " (norm of the acceleration at rest, in g if the unit is as declared)",
    "dead": " (share of the recording that passes without any change, at a stretch)",
    "saturated": " (share of the samples at a limit of the sensor, or heaped up at an extreme)",
    "disordered": " (share of the time stamps that do not come after the one before)",
}


@dataclass(frozen=True)
class Expectation:
    """One expectation: `kind` is Great Expectations' class, judged over the table of the first word of `name`."""

    name: str
    kind: str
    arguments: dict[str, Any]

    @property
    def table(self) -> str:
        """The rows it is about."""
        return self.name.partition(".")[0]

    def explain(self, row: Mapping[str, Any], unit: str = "") -> str:
        """Why a row fails, in words, where the inspection has left no note."""
        column = self.arguments["column"]
        value = row.get(column)
        if self.kind == "ExpectColumnValuesToBeUnique":
            return f"{column} is {value!r}, as of another one, but must be unique"
        told = f"{value:g}" if isinstance(value, float) else repr(value)
        if "value_set" in self.arguments:
            known = self.arguments["value_set"]
            more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
            return f"{column} is {told}, but must be of {known[:MOST_LISTED]}{more}"
        guess = f"; it is {sensor_faults.mistaken_unit(value, unit)}" if column == "gravity" and value else ""
        meaning = MEANING.get(column.rpartition(".")[2], "")
        return f"{column}{meaning} is {told}{self._limits()}{guess}"

    def _limits(self) -> str:
        low, high = self.arguments.get("min_value"), self.arguments.get("max_value")
        if low is not None and high is not None:
            return f", but must be from {low:g} to {high:g}"
        if low is not None:
            return f", but must be {'above' if self.arguments.get('strict_min') else 'at least'} {low:g}"
        return f", but must be at most {high:g}" if high is not None else ""


def of_recordings(source: Source, params: ValidateParams) -> list[Expectation]:
    """Every expectation of a recording that the dataset's declaration implies; who fails one is refused alone."""
    found = [
        Expectation("recordings.recording", "ExpectColumnValuesToBeUnique", {"column": "recording"}),
        _in_set("recordings.subject", source.subjects),
        _at_most("recordings.signals", 0),
        _in_set("activities.label", source.labels),
        _between("activities.seconds", min_value=0, strict_min=True),
        _at_most("activities.outside_s", 0),
        _at_most("activities.overlap_s", 1e-6),
    ]
    for name, bounds in source.signals.items():
        found += _of_signal(name, bounds, source, params)
        for channel in bounds.channels:
            found += [
                _at_most(f"{name}.{channel}.missing", 0),
                _at_most(f"{name}.{channel}.infinite", 0),
                _at_most(f"{name}.{channel}.outside", round(1 - params.in_bounds_share, 12)),
                _at_most(f"{name}.{channel}.dead", DEAD_SHARE),
                _at_most(f"{name}.{channel}.saturated", SATURATED_SHARE),
            ]
    return found


def _of_signal(name: str, bounds: Bounds, source: Source, params: ValidateParams) -> list[Expectation]:
    highest_hz = bounds.highest_rate_hz or bounds.rate_hz
    low_hz, high_hz = bounds.rate_hz * (1 - params.rate_tolerance), highest_hz * (1 + params.rate_tolerance)
    found = [
        _in_set(f"{name}.channels", [", ".join(bounds.channels)]),
        _in_set(f"{name}.unit", [bounds.unit]),
        _between(f"{name}.rate_hz", min_value=bounds.rate_hz, max_value=highest_hz),
        _between(f"{name}.samples", min_value=2),
        _between(f"{name}.median_rate_hz", min_value=low_hz, max_value=high_hz),
        _at_most(f"{name}.disordered", source.disordered_share),
        _at_most(f"{name}.repeats", 0),
    ]
    if bounds.gravity:
        found.append(_between(f"{name}.gravity", min_value=GRAVITY[0], max_value=GRAVITY[1]))
    return found


def of_parts() -> list[Expectation]:
    """That every part could be read."""
    return [_in_set("parts.readable", ["yes"])]


def of_drift(indices: Mapping[str, float], params: ValidateParams) -> list[Expectation]:
    """That no channel has moved away from the reference."""
    return [_at_most(f"drift.{channel}", params.max_drift) for channel in indices]


def _column(name: str) -> str:
    return name.partition(".")[2]


def _in_set(name: str, values: Iterable[Any]) -> Expectation:
    arguments = {"column": _column(name), "value_set": list(values)}
    return Expectation(name, "ExpectColumnValuesToBeInSet", arguments)


def _between(name: str, **limits: float) -> Expectation:
    return Expectation(name, "ExpectColumnValuesToBeBetween", {"column": _column(name), **limits})


def _at_most(name: str, limit: float) -> Expectation:
    return _between(name, max_value=limit)
