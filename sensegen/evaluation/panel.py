"""All judges of detection on the same real windows, so that a score stands beside its floor and the judges' power.

Judges see half of the real windows; the other half in the place of synthetic ones is the floor, which nothing can be
better than. A judge is trained and tested once for each set of windows, whoever asks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from sensegen.evaluation.detection import Judged, distinct, halves, judgement
from sensegen.evaluation.judges import Judge
from sensegen.seeding import rng
from sensegen.training_run import Training
from sensegen.windows import Windows

HALVES = "real halves"


@dataclass(frozen=True)
class Panel:
    """Judges by name; each is trained and tested on at most `most_windows` of a side, drawn by the set's name."""

    fit: Windows
    judges: Mapping[str, Judge]
    training: Training
    most_windows: int
    _told: dict[tuple[str, str], Judged] = field(default_factory=dict, repr=False)

    def of(self, windows: Windows, name: str, kinds: Iterable[str]) -> dict[str, Any]:
        """By judge: the discriminative score (0 best, 0.5 worst) and the area under its curve (0.5 best, 1 worst)."""
        return {kind: self._once(windows, name, kind) for kind in kinds}

    def floors(self, kinds: Iterable[str]) -> dict[str, Any]:
        """What judges find between two halves of the real windows."""
        return {kind: self._once(self.halves[1], HALVES, kind) for kind in kinds}

    @cached_property
    def halves(self) -> tuple[Windows, Windows]:
        """The fit windows, each once, in two random halves."""
        return halves(distinct(self.fit), self.training.params.seed)

    def _once(self, windows: Windows, name: str, kind: str) -> Judged:
        if (kind, name) not in self._told:
            sides = self._some(self.halves[0], name), self._some(distinct(windows), name)
            self._told[kind, name] = judgement(*sides, self.judges[kind], self.training, f"{kind} judge of {name}")
        return self._told[kind, name]

    def _some(self, windows: Windows, name: str) -> np.ndarray:
        rows = rng(self.training.params.seed, "judged", name).permutation(len(windows))[: self.most_windows]
        return np.asarray(windows.select(np.sort(rows)).values, np.float32)
