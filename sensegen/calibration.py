"""How likely a generator finds the windows of people it has not seen, and whether what it expects is what comes.

The probability integral transform of a value is the probability that the generator gave to less (Dawid, 1984). If its
distributions are right, these are uniform: a histogram with a hill in the middle tells of spreads that are too wide,
one with a valley of spreads that are too narrow, a slope of a bias.
"""

from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from sensegen.generators.generator import Foretelling, Generator, Part
from sensegen.generators.mixture import mixture_cdf
from sensegen.pretraining import arrays_of
from sensegen.scaling import Scaling
from sensegen.windows import Windows

BINS = 20
BATCH = 256
UNIT = "nats a step and channel"


def calibration(generator: Generator, windows: Windows, scaling: Scaling) -> dict[str, Any]:
    """Negative log likelihood of windows, in scaled and in physical units (less is better, and in physical units it
    depends on the channels' units), and the histogram of the transform, whose shares are 1 / 20 each at best.

    Null for a generator that gives no likelihood.
    """
    parts = [part for part in generator.parts(windows) if isinstance(part.model, Foretelling)]
    if not parts:
        return {"value": None, "reason": f"a {generator.kind} gives no likelihood"}
    told = [_of_part(part) for part in parts]
    nll = sum(of_part[0] for of_part in told) / sum(len(part.windows) for part in parts)
    counts = np.sum([of_part[1] for of_part in told], axis=0)
    return {
        "unit": UNIT,
        "nll_scaled": nll,
        "nll_physical": nll + float(np.mean(np.log(scaling.stddev))),
        "transform": (counts / counts.sum()).tolist(),
        "largest_error": float(np.max(np.abs(counts / counts.sum() - 1 / BINS))),
    }


def _of_part(part: Part) -> tuple[float, np.ndarray]:
    """The sum over windows of their negative log likelihood, and the counts of the histogram."""
    values, labels = arrays_of(part.windows)
    judged = tf.function(partial(_judged, part.model), reduce_retracing=True)
    total, counts = 0.0, np.zeros(BINS)
    for first in range(0, len(values), BATCH):
        rows = slice(first, first + BATCH)
        nll, transform = judged(tf.constant(values[rows]), tf.constant(labels[rows]))
        total += float(nll)
        counts += np.histogram(transform, bins=BINS, range=(0, 1))[0]
    return total, counts


def _judged(model: Any, values: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    foretold = model.foretold(values, labels)
    return tf.reduce_sum(foretold.nll()), mixture_cdf(foretold.targets, foretold.mixture)
