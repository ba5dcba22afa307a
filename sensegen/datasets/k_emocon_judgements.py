"""The judgements of a K-EmoCon debate: a rating every five seconds, as activities of a recording.

A file says `seconds` (5, 10, ...) and the ratings of the five seconds before. One that is longer than the debate is cut
at its beginning, as the data's owners do.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from sensegen import delimited
from sensegen.recording import Activity, InvalidRecording

STEP_S = 5.0
HIGHEST_LOW = 3
RATINGS = (1, 2, 3, 4, 5)


def judgements(
    path: Path, target: str, debate_seconds: float
) -> tuple[Float[np.ndarray, "step"], Bool[np.ndarray, "step"]]:
    """When each five seconds that were judged end, in seconds of the debate, and whether they are high.

    Raises:
        InvalidRecording: naming the file and line of a rating that is no whole number from 1 to 5, or of seconds that
            do not grow by multiples of 5.
    """
    layout = delimited.Layout({"seconds": "float", target: "float"})
    columns = [[column.to_numpy() for column in batch.columns] for batch in delimited.read_columns(path, layout)]
    ends_s, ratings = (np.concatenate(pieces) for pieces in zip(*columns, strict=True))
    uneven = (ends_s % STEP_S != 0) | (np.diff(ends_s, prepend=0.0) <= 0)
    for wrong, key, must, got in (
        (uneven, "seconds", "must grow by multiples of 5", ends_s),
        (~np.isin(ratings, RATINGS), target, "must be a whole number from 1 to 5", ratings),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InvalidRecording(
                f"{path}, line {delimited.line_of_row(path, layout, row)}: {key} {must}, but is {got[row]:g}."
            )
    cut_s = max(0.0, ends_s[-1] - debate_seconds // STEP_S * STEP_S)
    kept = ends_s > cut_s
    return ends_s[kept] - cut_s, ratings[kept] > HIGHEST_LOW


def activities(
    ends_s: Float[np.ndarray, "step"], high: Bool[np.ndarray, "step"], debate_s: tuple[float, float]
) -> tuple[Activity, ...]:
    """Runs of one label in seconds of the recording, where the debate begins at `debate_s[0]`, as far as it goes."""
    breaks = np.flatnonzero((np.diff(high) != 0) | (np.diff(ends_s) > STEP_S)) + 1
    found = []
    for run in np.split(np.arange(len(ends_s)), breaks):
        begin_s = max(0.0, debate_s[0] + float(ends_s[run[0]]) - STEP_S)
        end_s = min(debate_s[1], debate_s[0] + float(ends_s[run[-1]]))
        if begin_s < end_s:
            found.append(Activity("high" if high[run[0]] else "low", begin_s, end_s))
    return tuple(found)
