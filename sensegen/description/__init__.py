"""The description of a user's own files: a YAML that says where signals, times, people and labels stand in them.

As strict as `params.yaml`: an unknown key is refused with the nearest valid one. Unlike there, what a file can do
without may be left out; every such key says below what its absence means. Paths inside are relative to `folder`,
which is relative to the description.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from sensegen.description.columns import Format, Name, Names, SignalColumns, check_signal
from sensegen.description.places import (
    ColumnsAreRecording,
    Constant,
    FileIsRecording,
    FixedRate,
    InColumn,
    InFileName,
    Intervals,
    NoLabels,
    SampleIntervals,
    TimeColumn,
)
from sensegen.params import InvalidParams, errors, known_keys
from sensegen.params.section import Seconds, Section


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
            check_signal(f"signals.{name}", name, signal)
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


def _check_pattern(key: str, pattern: str, group: str) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"{key} is no regular expression: {error} (got {pattern!r}).") from None
    if group not in groups:
        raise ValueError(f"{key} must hold the group (?P<{group}>...), which finds the {group} (got {pattern!r}).")
