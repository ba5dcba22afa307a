"""How a user's files are written, and which of their columns are the channels of which signal."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from sensegen import units
from sensegen.params.section import Hertz, Section

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


def check_signal(key: str, name: str, signal: SignalColumns) -> None:
    """Refuse a signal whose keys do not go together.

    Raises:
        ValueError: naming `key` and what must hold.
    """
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
