"""The description of a user's own files: a YAML that says where signals, times, people and labels stand in them.

As strict as `params.yaml`: an unknown key is refused with the nearest valid one. Unlike there, what a file can do
without may be left out; every such key says below what its absence means. Paths inside are relative to `folder`,
which is relative to the description.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import yaml
from pydantic import Field, ValidationError, model_validator

from sensegen import units
from sensegen.params import InvalidParams, errors, known_keys
from sensegen.params.section import Hertz, Seconds, Section

TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
UNLABELLED = "unlabelled"
Name = Annotated[str, Field(min_length=1)]
Names = Annotated[list[Name], Field(min_length=1)]


class Csv(Section):
    """Delimited text. `columns` names the columns of files without a header; absent, the first line names them.
    `missing` are words for a lost number, such as '' or NA; absent, every word where a number must be is refused."""

    kind: Literal["csv"]
    separator: Annotated[str, Field(min_length=1, max_length=1)]
    columns: Names | None = None
    skipped_lines: Annotated[int, Field(ge=0, le=1000, description="above the header, or the first row")] = 0
    trailing_separator: Annotated[bool, Field(description="lines may end with one more separator")] = False
    decimal_point: Literal[".", ","] = "."
    quoted: Annotated[bool, Field(description="words may stand in double quotes")] = False
    missing: list[str] = Field(default_factory=list)


class Parquet(Section):
    """Parquet, which knows its columns."""

    kind: Literal["parquet"]


Format = Annotated[Csv | Parquet, Field(discriminator="kind")]


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


class SignalColumns(Section):
    """The columns of one sensor, and what may stand in them.

    `unit` is what the file holds, `to_unit` what it is converted to (absent: left as it is); `low` and `high` bound
    it after that. `channels` renames the columns. `rate_hz` absent: measured by the timestamps, recording by
    recording. `gravity`: an acceleration that contains gravity. `optional`: a recording may lack it.
    """

    columns: Names
    channels: Names | None = None
    unit: Name
    to_unit: Name | None = None
    low: float
    high: float
    rate_hz: Hertz | None = None
    highest_rate_hz: Hertz | None = None
    gravity: bool = False
    optional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The channels, as `window.channels` names them."""
        return tuple(self.channels or self.columns)

    @property
    def final_unit(self) -> str:
        """The unit after conversion."""
        return units.canonical(self.to_unit or self.unit)


class Description(Section):
    """All of a description. `subjects` and `labels` absent: the files are read once to find them, in sorted order.
    `label_names` renames labels, such as numbers."""

    citation: Name
    licence: Name
    folder: Name
    files: Name
    format: Format
    recording: Annotated[FileIsRecording | ColumnsAreRecording, Field(discriminator="kind")]
    subject: Annotated[InColumn | InFileName | Constant, Field(discriminator="kind")]
    activity: Annotated[InColumn | InFileName | Intervals | SampleIntervals | NoLabels, Field(discriminator="kind")]
    time: Annotated[TimeColumn | FixedRate, Field(discriminator="kind")]
    signals: Annotated[dict[str, SignalColumns], Field(min_length=1)]
    label_names: dict[str | int, Name] = Field(default_factory=dict)
    subjects: Names | None = None
    labels: Names | None = None
    longest_activity_seconds: Seconds | None = None
    disordered_share: Annotated[float, Field(ge=0, lt=1, description="of time steps that do not go on")] = 0.0

    @model_validator(mode="after")
    def _patterns_find_what_they_are_for(self) -> Self:
        places = (("recording", self.recording), ("subject", self.subject), ("activity", self.activity))
        for key, place in places:
            pattern = getattr(place, "pattern", None)
            if pattern is not None:
                _check_pattern(f"{key}.pattern", pattern, key)
        for key, glob in (("files", self.files), ("activity.files", getattr(self.activity, "files", "*"))):
            if Path(glob).is_absolute() or ".." in Path(glob).parts:
                raise ValueError(f"{key} must stay below folder, but is {glob!r}. Set folder to where the files are.")
        return self

    @model_validator(mode="after")
    def _signals_fit_together(self) -> Self:
        channels = [channel for signal in self.signals.values() for channel in signal.names]
        if repeated := sorted({name for name in channels if channels.count(name) > 1}):
            raise ValueError(f"signals name the channels {repeated} more than once; give them other `channels`.")
        for name, signal in self.signals.items():
            _check_signal(f"signals.{name}", name, signal)
            if isinstance(self.time, FixedRate) and signal.rate_hz is None:
                raise ValueError(f"signals.{name}.rate_hz is missing: without a time column nothing tells the rate.")
        return self

    @property
    def label_files(self) -> str | None:
        """The glob of the label files, where there are any."""
        return self.activity.files if isinstance(self.activity, Intervals | SampleIntervals) else None

    def renamed(self, label: str) -> str:
        """The label as it is used from here on."""
        number = int(label) if label.isdecimal() else label
        return self.label_names.get(label, self.label_names.get(number, label))


def load(path: Path) -> Description:
    """Read and check a description.

    Raises:
        InvalidParams: naming the file and every key that is unknown, missing, of a wrong type or out of range.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidParams(
            f"There is no {path}, which dataset.description names. Draft one: sensegen inspect FILE --write {path}"
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidParams(f"{path} is not UTF-8 text: {error}") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> Description:
    """The description that a text holds; `name` is for messages.

    Raises:
        InvalidParams: as `load` does.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidParams(f"{name} is not YAML that can be read: {error}") from None
    if not isinstance(document, dict):
        raise InvalidParams(f"{name} must be a mapping of keys, but is {type(document).__name__}.")
    try:
        return Description.model_validate(document)
    except ValidationError as error:
        known = _known(document)
        lines = [errors.explain(dict(details), known, name) for details in error.errors()]
        raise InvalidParams(f"{name} cannot be used:\n" + "\n".join(f"  {line}" for line in lines)) from None


def _known(document: dict[str, Any]) -> set[str]:
    """Every valid dotted key, for the signals that this document names."""
    known = known_keys(Description)
    signals = document.get("signals")
    for name in signals if isinstance(signals, dict) else ():
        known |= {f"signals.{name}", *known_keys(SignalColumns, f"signals.{name}.")}
    return known


def _check_time_unit(key: str, unit: str) -> None:
    if unit not in TIME_UNITS and unit != "iso" and "%" not in unit:
        raise ValueError(f"{key} must be one of {', '.join(TIME_UNITS)}, iso, or a pattern as %d/%m/%Y (got {unit!r}).")


def _check_pattern(key: str, pattern: str, group: str) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"{key} is no regular expression: {error} (got {pattern!r}).") from None
    if group not in groups:
        raise ValueError(f"{key} must hold the group (?P<{group}>...), which finds the {group} (got {pattern!r}).")


def _check_signal(key: str, name: str, signal: SignalColumns) -> None:
    if not name.isidentifier() or name == "recordings":
        raise ValueError(f"{key}: a signal's name is letters, digits and _, and not `recordings`.")
    if signal.channels is not None and len(signal.channels) != len(signal.columns):
        raise ValueError(f"{key}.channels must name each of {signal.columns} anew, but is {signal.channels}.")
    if not signal.low < signal.high:
        raise ValueError(f"{key}.low must be below {key}.high, but they are {signal.low:g} and {signal.high:g}.")
    if signal.highest_rate_hz is not None and not (signal.rate_hz or 0) < signal.highest_rate_hz:
        raise ValueError(f"{key}.highest_rate_hz must be above {key}.rate_hz, but is {signal.highest_rate_hz:g}.")
    try:
        units.convert(np.zeros(1), signal.unit, signal.to_unit or signal.unit)
    except ValueError as error:
        raise ValueError(f"{key}.{'to_unit' if signal.to_unit else 'unit'}: {error}") from None
