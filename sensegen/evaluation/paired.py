"""Two arms compared seed by seed: what the difference is worth once what both share has dropped out.

Two arms that were measured with the same seeds share the draw of data and weights, so the spread of their differences
is smaller than that of either arm: Student's t test for pairs (Student, 1908). It speaks of the seeds alone, as the
data and the people are the same in every repetition, and two seeds tell next to nothing: their interval is 12.7
standard errors to either side.
"""

from collections.abc import Sequence

import numpy as np

from sensegen.evaluation.interval import Measured, Null, null, over_seeds


def paired_difference(arm: Sequence[float], other: Sequence[float]) -> Measured | Null:
    """`arm` minus `other`, measured with the same seeds in the same order.

    `mean`, and `low` to `high` as its 95 % interval (Student's t), in the measure's unit; `p_value` (0 to 1), how often
    differences at least as far from 0 would come of arms that do not differ; and how many `seeds` there were. Which
    sign is good, the measure says. Null with fewer than two seeds, or where a number is not finite.

    Raises:
        ValueError: if the arms have different numbers of seeds.
    """
    if len(arm) != len(other):
        raise ValueError(
            f"A paired comparison needs both arms measured with the same seeds, but got {len(arm)} and {len(other)} "
            "numbers. Compare the seeds that both have."
        )
    if len(arm) < 2:
        return null(f"a comparison needs two seeds, but there are {len(arm)}")
    differences = np.subtract(arm, other, dtype=float)
    if not np.isfinite(differences).all():
        return null("a number of an arm is not finite, so their difference is not either")
    return {**over_seeds(differences.tolist()), "p_value": _p_value(differences)}


def _p_value(differences: np.ndarray) -> float:
    """Two-sided, of mean 0; differences that are all the same leave no doubt, whichever way."""
    from scipy.stats import t

    count = len(differences)
    error = float(np.std(differences, ddof=1) / np.sqrt(count))
    if error == 0:
        return 0.0 if differences.any() else 1.0
    return float(2 * t.sf(abs(float(np.mean(differences))) / error, count - 1))
