"""Does a generator repeat the windows it was trained on: by nearest neighbours, class by class.

The yardstick is `held_out_time`: windows of the same people and activities as `fit` that nobody trained on. Other
people are farther away where people differ, and pooled classes mix: against the test people, pooled, a ratio read 0.38
for a generator whose right one is 0.91 to 1.33. Held-out windows lie one window after the fit windows of the same
recording, so they are late samples of it and no random draw. In UCI HAR, new windows out of the middle of the
recordings have ratios of 0.88 to 0.98 where people walk, and 0.69 to 0.86 where they sit, stand or lie (0.66 to 0.69
in spectrum), as postures drift: there a ratio of 0.7 is no sign of copying.

- nearest-neighbour ratio: median distance synthetic -> fit over median distance held_out_time -> fit. 1 is as near as
  later windows of the same people; 0 is a copy; far above 1 is not of these people.
- copies: share of synthetic windows nearer to a fit window than half of the distance that 5 % of the held_out_time
  windows keep below; 0 is best, `floor` is what held_out_time itself has. The 5 % quantile is one that the 150 windows
  a class of a small data set can tell; half of it, as of the new windows out of the middle 11 to 36 % of those who
  sit, stand or lie are below the quantile itself, and at most 2 % of any class below half of it. `exact`: nearer than a
  thousandth of the held_out_time median, so the same but for rounding.
- authenticity (Alaa et al., 2022): share of synthetic windows farther from their nearest fit window than that one is
  from its own nearest other fit window; 1 is best, 0 is copied. Fit windows that overlap are near each other, so read
  it beside `floor`, the same number of held_out_time (UCI HAR: 0.53 to 0.98 by class). Alaa et al. measure in a learned
  embedding, and pooled; here it is raw windows, a class at a time.

Each is measured in time and in spectrum (`neighbours`): phase-randomised copies are found in spectrum alone. It says
nothing of privacy: see `privacy`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from sensegen.evaluation.classwise import Values, at_most, mean_of, of_class, same_classes, too_few
from sensegen.evaluation.interval import Null, null
from sensegen.evaluation.neighbours import DOMAINS, Neighbours, Representation, nearest, nearest_other
from sensegen.windows import Windows

FEWEST_WINDOWS = 10  # of a class and a side
MOST_QUERIES = 2_000  # of a class and a side: a share of 0.5 is then known to 0.011
COPY_QUANTILE = 0.05
COPY_SHARE = 0.5  # of that quantile
EXACT = 1e-3  # of the median distance of held_out_time
ALIKE = null("the held_out_time windows of this class are copies of fit windows themselves: there is no yardstick")


@dataclass(frozen=True)
class _OfClass:
    """What one class says in one domain."""

    ratio: float
    copies: float
    copies_floor: float
    exact: float
    authenticity: float
    authenticity_floor: float


def memorisation(synthetic: Windows, fit: Windows, held_out_time: Windows, seed: int) -> dict[str, Any]:
    """The ratio, the copies and the authenticity, each in `time` and in `spectrum`, as means over classes and by class.

    `nearest_neighbour_ratio` has `over_classes` (the mean) and `smallest` (of a class), `copies` has `share`, `exact`
    and `floor`, `authenticity` has `over_classes` and `floor`. A class that lacks windows on a side is null with the
    reason; which ones are depends on counts and on real windows alone, so repetitions agree. Values should be scaled.

    Raises:
        ValueError: if the sides have different classes, or a value is not finite.
    """
    classes = same_classes(synthetic, fit, held_out_time)
    told: dict[str, dict[str, _OfClass | Null]] = {domain: {} for domain in DOMAINS}
    for label, name in enumerate(classes):
        sides = {"synthetic": synthetic, "fit": fit, "held_out_time": held_out_time}
        values = {side: of_class(windows, label) for side, windows in sides.items()}
        few = too_few(name, FEWEST_WINDOWS, {side: len(of_side) for side, of_side in values.items()})
        asked = {
            side: at_most(values[side], MOST_QUERIES, seed, f"{side} {name}") for side in ("synthetic", "held_out_time")
        }
        for domain, represent in DOMAINS.items():
            told[domain][name] = few or _of_class(asked["synthetic"], values["fit"], asked["held_out_time"], represent)
    return {
        "nearest_neighbour_ratio": {domain: _ratios(of_domain) for domain, of_domain in told.items()},
        "copies": {domain: _copies(of_domain) for domain, of_domain in told.items()},
        "authenticity": {domain: _authenticity(of_domain) for domain, of_domain in told.items()},
    }


def _of_class(synthetic: Values, fit: Values, held_out: Values, represent: Representation) -> _OfClass | Null:
    of_held_out = nearest(held_out, fit, represent)
    usual = float(np.median(of_held_out.distance))
    if usual == 0:
        return ALIKE
    # Where held-out windows repeat fit windows their quantile may be 0, and yet a copy is one.
    near = max(COPY_SHARE * float(np.quantile(of_held_out.distance, COPY_QUANTILE)), EXACT * usual)
    found = nearest(synthetic, fit, represent)
    return _OfClass(
        ratio=float(np.median(found.distance)) / usual,
        copies=float(np.mean(found.distance < near)),
        copies_floor=float(np.mean(of_held_out.distance < near)),
        exact=float(np.mean(found.distance < EXACT * usual)),
        authenticity=float(np.mean(_authentic(found, fit, represent))),
        authenticity_floor=float(np.mean(_authentic(of_held_out, fit, represent))),
    )


def _authentic(found: Neighbours, fit: Values, represent: Representation) -> Float[np.ndarray, "query"]:
    """1 where the fit window has an other one nearer than the query."""
    hit, back = np.unique(found.index, return_inverse=True)
    return (found.distance > nearest_other(hit, fit, represent).distance[back]).astype(float)


def _field(told: dict[str, _OfClass | Null], name: str) -> dict[str, Any]:
    """One number of each class; a null stays one."""
    return {of: getattr(one, name) if isinstance(one, _OfClass) else one for of, one in told.items()}


def _ratios(told: dict[str, _OfClass | Null]) -> dict[str, Any]:
    per_class = _field(told, "ratio")
    numbers = [ratio for ratio in per_class.values() if not isinstance(ratio, dict)]
    mean = mean_of(numbers)
    return {"over_classes": mean, "smallest": min(numbers) if numbers else mean, "per_class": per_class}


def _copies(told: dict[str, _OfClass | Null]) -> dict[str, Any]:
    fields = {"share": "copies", "exact": "exact", "floor": "copies_floor"}
    return {**_means(told, fields), "per_class": _field(told, "copies")}


def _authenticity(told: dict[str, _OfClass | Null]) -> dict[str, Any]:
    fields = {"over_classes": "authenticity", "floor": "authenticity_floor"}
    return {**_means(told, fields), "per_class": _field(told, "authenticity")}


def _means(told: dict[str, _OfClass | Null], fields: dict[str, str]) -> dict[str, float | Null]:
    """The mean over classes of some numbers, under the names they are told by."""
    return {name: mean_of([*_field(told, field).values()]) for name, field in fields.items()}
