"""Whether a critic and a maker that train against each other still do: read from the rows of their training.

A critic is dead when the maker's loss has no slope at what it made: a probability that is nought or one everywhere, or
clipped weights too small to tell anything. A maker has collapsed when its windows of one activity are all alike. Both
stay finite, and both end learning as surely as NaN does.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

EPOCHS = 5  # in a row, until it is said: one is an accident
DEAD_SLOPE = 1e-6  # of the maker's loss, a window; 1 is what a gradient penalty asks for
COLLAPSED = 0.1  # of the spread of real windows of one activity


class Ailment(NamedTuple):
    """What is wrong: its kind, as alerts have it, and in words."""

    kind: str
    reason: str


def ailment(rows: Sequence[Mapping[str, float | int | str]]) -> Ailment | None:
    """What began to ail with the last of the rows; none where nothing did, or where nobody contends."""
    present, before = (_lasting(rows[:end]) for end in (len(rows), len(rows) - 1))
    return present if present and (before is None or before.kind != present.kind) else None


def _lasting(rows: Sequence[Mapping[str, float | int | str]]) -> Ailment | None:
    last = rows[-EPOCHS:]
    if len(last) < EPOCHS or "diversity" not in last[0]:
        return None
    slope, diversity = (max(float(row[name]) for row in last) for name in ("output_gradient", "diversity"))
    if slope < DEAD_SLOPE:
        return Ailment("dead_critic", f"the critic is flat: slope {slope:.1e} for {EPOCHS} epochs")
    if diversity < COLLAPSED:
        return Ailment("collapse", f"windows are all alike: {diversity:.1e} of real spread for {EPOCHS} epochs")
    return None
