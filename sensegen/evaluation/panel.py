"""All judges of detection on the same real windows, so that a score stands beside its floor and the judges' power."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sensegen.evaluation.detection import Judgement, distinct, judgement
from sensegen.evaluation.judges import Judge
from sensegen.seeding import rng
from sensegen.training_run import Training
from sensegen.windows import Windows


@dataclass(frozen=True)
class Panel:
    """Judges by name, and the real windows that all of them see: half of fit, so that the other half is the floor.

    Each is trained and tested on at most `most_windows` of a side, drawn by the name of the other set.
    """

    real: Windows
    judges: Mapping[str, Judge]
    training: Training
    most_windows: int

    def of(self, windows: Windows, name: str, kinds: Iterable[str]) -> dict[str, Judgement]:
        """By judge: the discriminative score (0 best, 0.5 worst) and the area under its curve (0.5 best, 1 worst)."""
        sides = self._some(self.real, name), self._some(distinct(windows), name)
        return {kind: judgement(*sides, self.judges[kind], self.training, f"{kind} judge of {name}") for kind in kinds}

    def _some(self, windows: Windows, name: str) -> np.ndarray:
        rows = rng(self.training.params.seed, "judged", name).permutation(len(windows))[: self.most_windows]
        return np.asarray(windows.select(np.sort(rows)).values, np.float32)
