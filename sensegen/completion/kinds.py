"""The kinds of processes that stretches are made of, such as walking and lying: found, not told.

A mixture of autoregressions by classification (Celeux & Govaert, 1992): each piece of a stretch goes to the kind that
makes it most likely, whatever its loudness, and kinds are fitted to their pieces, in turn. How far back they look and
how much they hold of other channels is what foretells best a fifth of the pieces that one kind for all was not fitted
to (of few pieces the last fifth).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
from jaxtyping import Float, Int

from sensegen.completion.autoregression import OWN_PENALTY, Autoregression, Products, fitted
from sensegen.evaluation.autoregression import stable
from sensegen.progress import Progress
from sensegen.seeding import rng

PIECE = 128  # samples that are of one kind and equally loud
ORDERS = (2, 4, 8, 16, 32, 64)
CROSS_PENALTIES = (OWN_PENALTY, 10.0, 100.0, 1000.0, np.inf)
MOST_KINDS, PIECES_A_KIND = 8, 100
MOST_PIECES, ROUNDS = 1500, 8
FEW = 10  # pieces, of which the last fifth in time is foretold, and not every fifth
SHORTEST = 10  # samples of a stretch
QUIETEST = 1e-9  # mean square of a piece: one that never changes

Series = Float[np.ndarray, "time channel"]


def pieces_of(stretches: Sequence[Series]) -> list[Series]:
    """Stretches in about equal pieces, each after as many samples of its stretch as it may look back to."""
    pieces = []
    for stretch in stretches:
        bounds = np.linspace(0, len(stretch), max(1, round(len(stretch) / PIECE)) + 1).astype(int)
        pieces += [stretch[max(0, begin - ORDERS[-1]) : stop] for begin, stop in pairwise(bounds)]
    return pieces


def learned(stretches: Sequence[Series], seed: int, show: Progress) -> list[Autoregression]:
    """The kinds of stretches about nought, the same for the same seed.

    Raises:
        ValueError: if there are too few samples for the shortest order.
    """
    pieces = _some(stretches, seed)
    order, cross_penalty = choice(pieces)
    count = max(1, min(MOST_KINDS, len(pieces) // PIECES_A_KIND))
    at = _begin(pieces, count, seed)
    variances = _loudness(pieces)
    kinds: list[Autoregression] = []
    for done in range(ROUNDS):
        show(done, ROUNDS, f"{len(pieces)} pieces in {count} kinds of order {order}")
        kinds = [
            _settled(_sum(pieces, variances, order, np.flatnonzero(at == kind)), order, cross_penalty)
            for kind in np.unique(at)
        ]
        misfits = np.array([[kind.misfit(piece) for kind in kinds] for piece in pieces])
        before, at = at, np.argmin(_surprise(kinds, misfits), axis=1)
        variances = np.maximum(misfits[np.arange(len(pieces)), at], QUIETEST)
        if np.array_equal(before, at):
            break
    show(ROUNDS, ROUNDS, f"{len(kinds)} kinds")
    return kinds


def own(stretches: Sequence[Series]) -> Autoregression:
    """One kind for all, whose channels know nothing of each other; every sample counts alike."""
    pieces = pieces_of(stretches)
    order, _ = choice(pieces, [np.inf])
    return _settled(_sum(pieces, np.ones(len(pieces)), order, np.arange(len(pieces))), order, np.inf)


def choice(pieces: Sequence[Series], penalties: Sequence[float] = CROSS_PENALTIES) -> tuple[int, float]:
    """The order and the penalty on other channels by which every fifth piece is foretold best, learned from the others.

    Raises:
        ValueError: if there are too few samples for the shortest order.
    """
    if (shortest := min(len(piece) for piece in pieces)) < SHORTEST:
        raise ValueError(f"To learn, a stretch must have at least {SHORTEST} samples, but one has {shortest}.")
    seen, others = _sides(pieces)
    shortest = min(len(piece) for piece in [*seen, *others])
    orders = [order for order in ORDERS if 2 * order <= shortest]
    products = _sum(seen, _loudness(seen), orders[-1], np.arange(len(seen)))
    scores = {}
    for order, penalty in product(orders, penalties):
        kind = fitted(products, order, penalty)
        scores[order, penalty] = float(np.mean(_surprise([kind], np.array([[kind.misfit(piece)] for piece in others]))))
    return min(scores, key=lambda key: scores[key])


def _sides(pieces: Sequence[Series]) -> tuple[list[Series], list[Series]]:
    """What is learned from, and what is foretold."""
    if len(pieces) == 1:
        cut = len(pieces[0]) * 4 // 5
        return [pieces[0][:cut]], [pieces[0][cut // 2 :]]  # with what it looks back to
    held = np.arange(len(pieces)) % 5 == 4 if len(pieces) >= FEW else np.arange(len(pieces)) >= len(pieces) * 4 // 5
    pairs = list(zip(pieces, held, strict=True))
    return [piece for piece, side in pairs if not side], [piece for piece, side in pairs if side]


def _some(stretches: Sequence[Series], seed: int) -> list[Series]:
    pieces = pieces_of(stretches)
    rows = rng(seed, "completion", "pieces").permutation(len(pieces))[:MOST_PIECES]
    return [pieces[row] for row in np.sort(rows)]


def _loudness(pieces: Sequence[Series]) -> Float[np.ndarray, "piece"]:
    return np.array([max(float(np.mean(np.square(piece))), QUIETEST) for piece in pieces])


def _begin(pieces: Sequence[Series], count: int, seed: int) -> Int[np.ndarray, "piece"]:
    """Kinds to begin with: pieces whose channels have about the same powers, of values and of their changes."""
    if count == 1:
        return np.zeros(len(pieces), int)
    from sklearn.cluster import KMeans

    powers = [
        np.log(np.concatenate([piece.var(axis=0), np.diff(piece, axis=0).var(axis=0)]) + QUIETEST) for piece in pieces
    ]
    return np.asarray(KMeans(count, n_init=4, random_state=seed).fit_predict(np.array(powers)))


def _sum(
    pieces: Sequence[Series], variances: Float[np.ndarray, "piece"], order: int, rows: Int[np.ndarray, "chosen"]
) -> Products:
    first, *others = (Products.of(pieces[row], order, variances[row]) for row in rows)
    return sum(others, first)


def _settled(products: Products, order: int, cross_penalty: float) -> Autoregression:
    """Of products, and of none that grows for ever."""
    kind = fitted(products, order, cross_penalty)
    return replace(kind, coefficients={**kind.coefficients, order: stable(kind.coefficients[order])})


def _surprise(kinds: Sequence[Autoregression], misfits: Float[np.ndarray, "piece kind"]) -> np.ndarray:
    """Twice the negative log likelihood of a sample, where each piece is as loud as makes it likeliest (less what is
    the same for all)."""
    determinants = np.array([np.linalg.slogdet(kind.covariances[kind.order])[1] for kind in kinds])
    return determinants + kinds[0].channels * np.log(np.maximum(misfits, QUIETEST))
