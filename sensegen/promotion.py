"""Whether a new generator takes the place of the one in use: judged on validation people alone, seed by seed.

Both draw windows by the same seeds and are scored as trials of a search are (`tuning.score`): useful to a classifier of
validation people, less how well a judge tells them from fit windows. Beside it stands how well membership attacks tell
fit windows from later ones of the same people (`evaluation.privacy`), with validation people for the world at large. No
test person is looked at: a champion that test people chose could not be judged by them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Float, Int

from sensegen.evaluation.comparison import comparable
from sensegen.evaluation.interval import is_null
from sensegen.evaluation.membership import Sides
from sensegen.evaluation.paired import paired_difference
from sensegen.evaluation.privacy import by_window
from sensegen.evaluation.real import Real
from sensegen.params import PromotionParams
from sensegen.released import Release
from sensegen.training_run import Training
from sensegen.tuning.score import drawn, score

Sample = Callable[[Int[np.ndarray, "window"], int], Float[np.ndarray, "window time channel"]]
NO_LEAK = 0.5  # AUC of a coin


@dataclass(frozen=True)
class Judged:
    """A number a seed: scores, 1 is best; leaks, the highest AUC of an attack, 0.5 is best."""

    scores: tuple[float, ...]
    leaks: tuple[float, ...]


@dataclass(frozen=True)
class Verdict:
    """What was decided, why in words, and the numbers behind it."""

    promoted: bool
    reason: str
    numbers: dict[str, float]


def judged(release: Release, real: Real, training: Training) -> Judged:
    """Judge a release by as many seeds as `promotion.seeds` says.

    Raises:
        ValueError: if its windows are not of the kind of the real ones, or there are too few windows to judge by.
    """
    sample = partial(_sample, release, real)
    of_seeds = [_by_seed(sample, real, training, seed) for seed in range(training.params.promotion.seeds)]
    scores, leaks = zip(*of_seeds, strict=True)
    return Judged(scores, leaks)


def decided(challenger: Judged, champion: Judged | None, gate: PromotionParams) -> Verdict:
    """Compare the two; without a champion the challenger need only be good enough to be the first."""
    numbers = _means("challenger", challenger)
    if champion is None:
        return _as_first(numbers, gate)
    numbers |= _means("champion", champion)
    gain = paired_difference(challenger.scores, champion.scores)
    low = float(gain["low"])  # type: ignore[arg-type]
    lost = numbers["challenger_leak"] - numbers["champion_leak"]
    numbers |= {"gain": float(gain["mean"]), "gain_low": low, "leak_gained": lost}  # type: ignore[arg-type]
    if low <= gate.gain:
        return Verdict(
            False,
            f"its score is {numbers['gain']:+.4f} above the champion's, and the lower end of the 95 % interval over "
            f"{gate.seeds} seeds, {low:+.4f}, must be above {gate.gain:g} (promotion.gain)",
            numbers,
        )
    if lost > gate.leak:
        return Verdict(
            False,
            f"membership attacks find its people with an AUC that is {lost:+.4f} above the champion's, more than "
            f"{gate.leak:g} (promotion.leak)",
            numbers,
        )
    return Verdict(True, f"its score is {numbers['gain']:+.4f} above the champion's ({low:+.4f} at least)", numbers)


def _as_first(numbers: dict[str, float], gate: PromotionParams) -> Verdict:
    if numbers["challenger_score"] < gate.least_score:
        told = f"its score {numbers['challenger_score']:.4f} is below {gate.least_score:g} (promotion.least_score)"
        return Verdict(False, told, numbers)
    if numbers["challenger_leak"] > gate.most_leak:
        told = f"membership attacks have an AUC of {numbers['challenger_leak']:.4f}, above {gate.most_leak:g}"
        return Verdict(False, f"{told} (promotion.most_leak)", numbers)
    return Verdict(True, "there was no champion, and it is good enough to be the first", numbers)


def _means(name: str, judged: Judged) -> dict[str, float]:
    return {f"{name}_score": float(np.mean(judged.scores)), f"{name}_leak": float(np.mean(judged.leaks))}


def _by_seed(sample: Sample, real: Real, training: Training, seed: int) -> tuple[float, float]:
    params = training.params.model_copy(update={"seed": training.params.seed + seed})
    seeded = replace(training, params=params)
    made, like = drawn(sample, real.fit, params)
    found = score(made, like, real.validation, seeded)
    told = by_window(Sides(made, real.fit, real.held_out_time, real.validation), params.seed)
    leaks = [of_kind["auc"] for of_kind in told.values() if not is_null(of_kind["auc"])]
    return found.total, max(leaks, default=NO_LEAK)


def _sample(release: Release, real: Real, labels: np.ndarray, seed: int) -> np.ndarray:
    """Windows of a release in the scale of the real windows, whatever it was trained in."""
    if unknown := [name for name in real.fit.classes if name not in release.classes]:
        raise ValueError(f"It knows {', '.join(release.classes)}, but not {', '.join(unknown)}.")
    own = np.array([release.classes.index(name) for name in real.fit.classes])[labels]
    windows = release.in_units(release.generator.sample(own, seed), own)
    return np.asarray(comparable(real.fit, real.scaling, windows).windows.values)
