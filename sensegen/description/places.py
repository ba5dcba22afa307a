"""Where recordings, people, activities and times stand in a user's files."""

from typing import Literal, Self

from pydantic import model_validator

from sensegen.description.columns import Format, Name, Names
from sensegen.params.section import Hertz, Section

TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
UNLABELLED = "unlabelled"


class FileIsRecording(Section):
    """One recording a file. A `pattern` with the group `recording` finds its key, by which a label file names it;
    absent, that is the file's name without its ending."""

    kind: Literal["file"]
    pattern: Name | None = None


class ColumnsAreRecording(Section):
    """Rows with the same values in these columns are one recording; its key is the values joined by `/`."""

    kind: Literal["columns"]
    columns: Names


class InColumn(Section):
    """Stands in a column."""

    kind: Literal["column"]
    column: Name


class InFileName(Section):
    """Stands in the file's path below `folder`, where a regular expression with a named group finds it."""

    kind: Literal["file_name"]
    pattern: Name


class Constant(Section):
    """Is the same everywhere."""

    kind: Literal["constant"]
    name: Name


class Intervals(Section):
    """Label files with a row an interval, from `start` up to, not including, `end`.

    `counted_from: clock` means the clock of the time column, `start` the first sample of the recording. `recording`
    names the columns that hold the recording's key.
    """

    kind: Literal["intervals"]
    files: Name
    format: Format
    recording: Names
    start: Name
    end: Name
    label: Name
    unit: Name
    counted_from: Literal["start", "clock"]

    @model_validator(mode="after")
    def _unit_is_known(self) -> Self:
        _check_time_unit("activity.unit", self.unit)
        return self


class SampleIntervals(Section):
    """Label files with a row an interval, from sample `first` to sample `last`, which still belongs to it."""

    kind: Literal["sample_intervals"]
    files: Name
    format: Format
    recording: Names
    first: Name
    last: Name
    label: Name
    counted_from: Literal[0, 1]


class NoLabels(Section):
    """Nobody said what the people did."""

    kind: Literal["none"]


class TimeColumn(Section):
    """A clock in a column: `unit` is s, ms, us, ns, iso (text as 2024-05-01T10:00:00.25), or a pattern such as
    %d/%m/%Y."""

    kind: Literal["column"]
    column: Name
    unit: Name

    @model_validator(mode="after")
    def _unit_is_known(self) -> Self:
        _check_time_unit("time.unit", self.unit)
        return self


class FixedRate(Section):
    """No clock: every row is a sample, this many a second."""

    kind: Literal["fixed_rate"]
    rate_hz: Hertz


def _check_time_unit(key: str, unit: str) -> None:
    if unit not in TIME_UNITS and unit != "iso" and "%" not in unit:
        raise ValueError(f"{key} must be one of {', '.join(TIME_UNITS)}, iso, or a pattern as %d/%m/%Y (got {unit!r}).")
