"""An attack that says of windows whether a generator was trained on them: the scores; `privacy` says how well it does.

It is DOMIAS (van Breugel et al., 2023): a window is called a member where synthetic windows are denser than windows of
the world at large. The density ratio is taken by nearest neighbours of the window's class: the score is
log(distance to the nearest reference window) - log(distance to the nearest synthetic window), higher for members. The
paper fits densities (flows, kernels); in a thousand dimensions a nearest distance is what can be had, and it is what
finds copies. Distances are floored at a thousandth of the class's median reference distance, so that one exact copy
does not decide a person's mean.

The distances are of whole windows in time and in spectrum, and of halves: the nearest of any half of the window to any
half of another, in time. Where windows overlap by half, a window that was trained on may show up in synthetic ones as a
half of its neighbour.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from sensegen.evaluation.classwise import Values, of_class, same_classes, too_few
from sensegen.evaluation.interval import Null
from sensegen.evaluation.neighbours import in_spectrum, in_time, nearest
from sensegen.seeding import rng
from sensegen.windows import Windows

FEWEST_WINDOWS = 10  # of a class and a side
MOST_QUERIES = 1_000  # of a class and a side: chance then moves an AUC by 0.013
NEAREST = 1e-3  # of the class's median reference distance

Distances = Float[np.ndarray, "window"]


@dataclass(frozen=True)
class Sides:
    """Whose windows are told apart, by which synthetic ones, and which reference windows say what is usual.

    The reference is of people that neither trained the generator nor are candidates. The candidates' distances to it
    are no matter of the synthetic windows, and `against` others they are not measured again.
    """

    synthetic: Windows
    members: Windows
    non_members: Windows
    reference: Windows
    _usual: dict[tuple[int, str, int], Distances] = field(default_factory=dict, init=False, repr=False, compare=False)

    def against(self, synthetic: Windows) -> "Sides":
        """The same candidates and reference beside other synthetic windows."""
        sides = replace(self, synthetic=synthetic)
        object.__setattr__(sides, "_usual", self._usual)
        return sides

    def usual(self, asked: list[Windows], kind: str, label: int, seed: int) -> Distances:
        """Of each asked candidate to the reference windows of its class."""
        if (seed, kind, label) not in self._usual:
            self._usual[seed, kind, label] = _distances(asked, of_class(self.reference, label), kind)
        return self._usual[seed, kind, label]

    @property
    def windows(self) -> dict[str, Windows]:
        """The windows of each side."""
        return {name: side for name, side in vars(self).items() if isinstance(side, Windows)}

    def of(self, label: int) -> dict[str, int]:
        """How many windows of a class each side has."""
        return {name: int(np.sum(side.labels == label)) for name, side in self.windows.items()}


@dataclass(frozen=True)
class Attacked:
    """The score of each candidate, whether it is a member, its person and its class; and why classes are left out."""

    scores: Distances
    member: Bool[np.ndarray, "window"]
    subjects: np.ndarray
    labels: Int[np.ndarray, "window"]
    left_out: Mapping[str, Null]


def of_whole_windows(queries: Values, others: Values) -> Distances:
    """To the nearest window in time."""
    return nearest(queries, others, in_time).distance


def of_spectra(queries: Values, others: Values) -> Distances:
    """To the nearest window in spectrum."""
    return nearest(queries, others, in_spectrum).distance


def of_halves(queries: Values, others: Values) -> Distances:
    """Of the window's half that is nearest to any half of another."""
    return nearest(_halved(queries), _halved(others), in_time).distance.reshape(-1, 2).min(axis=1)


ATTACKS: dict[str, Callable[[Values, Values], Distances]] = {
    "time": of_whole_windows,
    "spectrum": of_spectra,
    "halves": of_halves,
}
WHOLE = ("time", "spectrum")  # which are enough for people, of whom there are many windows


def attack(sides: Sides, kind: str, seed: int) -> Attacked:
    """The scores of the candidates of all classes that have windows on every side.

    Of a class and a side at most 1,000 are asked for.

    Raises:
        ValueError: if the sides have different classes, or a value is not finite.
    """
    classes = same_classes(*sides.windows.values())
    left_out: dict[str, Null] = {}
    parts: list[tuple[np.ndarray, ...]] = []
    for label, name in enumerate(classes):
        if few := too_few(name, FEWEST_WINDOWS, sides.of(label)):
            left_out[name] = few
        else:
            parts.append(_of_class(sides, label, kind, seed))
    if not parts:
        return Attacked(np.empty(0), np.empty(0, bool), np.empty(0, str), np.empty(0, int), left_out)
    scores, member, subjects, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Attacked(scores, member, subjects, labels, left_out)


def _of_class(sides: Sides, label: int, kind: str, seed: int) -> tuple[np.ndarray, ...]:
    asked = [_asked(sides.members, label, seed, "members"), _asked(sides.non_members, label, seed, "non-members")]
    near = _distances(asked, of_class(sides.synthetic, label), kind)
    scores = _scores(sides.usual(asked, kind, label, seed), near)
    member = np.repeat([True, False], [len(side) for side in asked])
    subjects = np.array([person for side in asked for person in side.subjects])
    return scores, member, subjects, np.full(len(scores), label)


def _asked(windows: Windows, label: int, seed: int, name: str) -> Windows:
    rows = np.flatnonzero(windows.labels == label)
    order = rng(seed, "membership", name, label).permutation(len(rows))
    return windows.select(np.sort(rows[order[:MOST_QUERIES]]))


def _distances(asked: list[Windows], others: Values, kind: str) -> Distances:
    return np.concatenate([ATTACKS[kind](side.values, others) for side in asked])


def _scores(usual: Distances, near: Distances) -> Distances:
    floor = max(NEAREST * float(np.median(usual)), float(np.finfo(np.float32).tiny))
    return np.log(np.maximum(usual, floor)) - np.log(np.maximum(near, floor))


def _halved(values: Values) -> Float[np.ndarray, "half time channel"]:
    """The two halves of each window, one after the other; an odd sample at the end is left out."""
    half = values.shape[1] // 2
    return np.asarray(values)[:, : 2 * half].reshape(2 * len(values), half, values.shape[2])
