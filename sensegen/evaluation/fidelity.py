"""Do synthetic windows move as real ones do: values, autocorrelation and correlation of channels, class by class.

Each measure takes real and synthetic windows and says one number a channel, or one number; `log_psd` of `spectrum`
belongs to them. They are distances of averages: a set that repeats one good window gets past them, and is caught by
`coverage` and by memorisation.

None of them is 0 for two samples of the same people, so each stands beside its floor, real against real. A class is
compared with itself (`by_class`): pooled over classes, a generator that swaps two activities would be perfect.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sensegen.evaluation.blocks import blocks, check_alike
from sensegen.evaluation.interval import Null, null
from sensegen.windows import StoredValues

GROUPS = 2**14  # of sorted values, each as its mean: what the Wasserstein distance of a larger set is measured on
SORTED_NUMBERS = 2**24  # held at once; 64 MiB as float32
Values = Float[np.ndarray, "window time channel"]
Labels = Int[np.ndarray, "window"]
Measure = Callable[[Values, Values], Any]


@dataclass(frozen=True)
class ByClass:
    """A measure by class, its mean over the classes that it was measured on, and which were left out, by label.

    `only_real` are the classes that the generator never makes, `only_synthetic` those that nobody recorded; `null`
    says of the others why they were not measured. None of these has a part in the mean.
    """

    mean: Any
    per_class: dict[int, Any]
    only_real: tuple[int, ...]
    only_synthetic: tuple[int, ...]
    null: dict[int, Null]


def by_class(
    measure: Measure, real: Values, real_labels: Labels, synthetic: Values, synthetic_labels: Labels
) -> ByClass | Null:
    """`measure(real, synthetic)` of the windows of each class against those of the same class; each class counts once.

    A measure gives a number, an array, or a null. Null where the sets share no class, or where the measure is null for
    each of them.
    """
    had, made = set(np.unique(real_labels).tolist()), set(np.unique(synthetic_labels).tolist())
    if not had & made:
        return null("real and synthetic windows have no class in common")
    measured: dict[int, Any] = {}
    nulls: dict[int, Null] = {}
    for label in sorted(had & made):
        told = measure(_of_class(real, real_labels, label), _of_class(synthetic, synthetic_labels, label))
        (nulls if isinstance(told, dict) else measured)[label] = told
    if not measured:
        return next(iter(nulls.values()))
    mean = np.mean([*measured.values()], axis=0)
    return ByClass(mean, measured, tuple(sorted(had - made)), tuple(sorted(made - had)), nulls)


def wasserstein(real: Values, synthetic: Values) -> Float[np.ndarray, "channel"]:
    """Wasserstein-1 distance between the values of each channel, in that channel's unit. 0 is best.

    The order of the values in time has no part in it. Of more than 16,384 values, groups of neighbours in size count
    as their mean; on UCI HAR that loses 0.00004 standard deviations.
    """
    from scipy.stats import wasserstein_distance

    check_alike(real, synthetic)
    distances = []
    for ordered in zip(_sorted(real), _sorted(synthetic), strict=True):
        (values, counts), (other, other_counts) = map(_grouped, ordered)
        distances.append(wasserstein_distance(values, other, counts, other_counts))
    return np.array(distances)


def acf(real: Values, synthetic: Values) -> Float[np.ndarray, "channel"]:
    """Root mean square over lags 1 to half a window of the difference of mean autocorrelations. 0 to 2; 0 is best."""
    check_alike(real, synthetic)
    difference = autocorrelation(synthetic) - autocorrelation(real)
    return np.sqrt(np.mean(difference[1:] ** 2, axis=0))


def autocorrelation(values: Values) -> Float[np.ndarray, "lag channel"]:
    """Autocorrelation of each channel at lags 0 to half a window, mean over windows; for plots too. -1 to 1.

    Each window has its mean taken away and is divided by its own variance (the biased estimate of Box and Jenkins),
    so a quiet window counts as much as a strong one: power is what `log_psd` weighs by. A constant one counts as 0.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    length = values.shape[1]
    padded = next_fast_len(2 * length, real=True)
    total = np.zeros((length // 2 + 1, values.shape[2]))
    for block in blocks(values, numbers=2 * padded * values.shape[2]):
        spectrum = rfft(_centred(block), padded, axis=1)
        products = irfft(np.abs(spectrum) ** 2, padded, axis=1)[:, : len(total)]
        variance = products[:, :1]
        total += np.divide(products, variance, out=np.zeros_like(products), where=variance > 0).sum(axis=0)
    return total / len(values)


def cross_correlation(real: Values, synthetic: Values) -> float | Null:
    """Root mean square over pairs of channels of the difference of mean correlations. 0 to 2; 0 is best.

    Null for one channel, which has nothing to be correlated with.
    """
    check_alike(real, synthetic)
    if real.shape[2] < 2:
        return null("one channel has no other to be correlated with")
    pairs = np.triu_indices(real.shape[2], k=1)
    difference = channel_correlation(synthetic)[pairs] - channel_correlation(real)[pairs]
    return float(np.sqrt(np.mean(difference**2)))


def channel_correlation(values: Values) -> Float[np.ndarray, "channel channel"]:
    """Pearson's correlation of channels within each window, mean over windows; for plots too. -1 to 1.

    Within a window: what moves together in one moment. A channel that is constant in a window counts as 0 there.
    """
    total = np.zeros((values.shape[2], values.shape[2]))
    for block in blocks(values):
        centred = _centred(block)
        norm = np.sqrt(np.sum(centred**2, axis=1, keepdims=True))
        scaled = np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0)
        total += np.tensordot(scaled, scaled, axes=([0, 1], [0, 1]))
    return total / len(values)


def _of_class(values: Values, labels: Labels, label: int) -> Values:
    rows = labels == label
    if rows.all():
        return values
    stored: Any = values.select(rows) if isinstance(values, StoredValues) else None  # stays where it is stored
    return values[rows] if stored is None else stored


def _centred(block: Values) -> Values:
    # From its own first sample a constant window lies exactly 0 away, whatever its mean is rounded to.
    moved = block - block[:, :1]
    return moved - moved.mean(axis=1, keepdims=True)


def _sorted(values: Values) -> Iterator[Float[np.ndarray, "value"]]:
    """The values of each channel in order of size; as many channels at once as `SORTED_NUMBERS` allows."""
    channels, samples = values.shape[2], len(values) * values.shape[1]
    together = max(1, SORTED_NUMBERS // samples)
    for first in range(0, channels, together):
        chosen = slice(first, first + together)
        taken = np.empty((len(range(channels)[chosen]), samples), values.dtype)
        at = 0
        for block in blocks(values):
            flat = block[:, :, chosen].reshape(-1, len(taken)).T
            taken[:, at : at + flat.shape[1]] = flat
            at += flat.shape[1]
        taken.sort(axis=1)
        yield from taken


def _grouped(ordered: Float[np.ndarray, "value"]) -> tuple[Float[np.ndarray, "group"], Int[np.ndarray, "group"]]:
    """Means of neighbours, and of how many: a lone spike of 1e9 keeps its share, which a picked quantile would lose."""
    edges = np.linspace(0, len(ordered), min(len(ordered), GROUPS) + 1).astype(int)
    counts = np.diff(edges)
    return np.add.reduceat(ordered, edges[:-1], dtype=np.float64) / counts, counts
