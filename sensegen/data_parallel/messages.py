"""What a worker and the parameter server say to each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

Arrays = Sequence[np.ndarray]


@dataclass(frozen=True)
class Told:
    """What a worker gets back: the weights, how many updates they have seen, and how its own update went."""

    weights: Arrays
    version: int
    report: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Pushed:
    """A worker's gradient: of which loss and weights, at which of its steps, and how far the rate has decayed."""

    rank: int
    step: int
    version: int
    loss: float
    decay: float
    gradients: Arrays
