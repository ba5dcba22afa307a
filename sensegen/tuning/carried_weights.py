"""Weights that go from trial to trial: a trial begins with those of the best one so far, where their shapes agree.

What a search finds so is a set of params and a way to it: a late trial has been trained for longer than its epochs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sensegen import weights
from sensegen.tuning.study import scored
from sensegen.warm_start import carry_over, compare

if TYPE_CHECKING:
    from optuna import Trial

    from sensegen.generators.generator import Generator


@dataclass(frozen=True)
class CarriedWeights:
    """In `folder`, the generators of trials that were the best so far."""

    folder: Path

    def begin(self, generator: "Generator", trial: "Trial") -> None:
        """Give a generator what fits of the best one's; the trial remembers whose that is, and what begins anew."""
        # Of trials side by side, one with a lower number may end later: the score says which is the best, not the name.
        kept = [ended for ended in scored(trial.study) if (self.folder / str(ended.number)).is_dir()]
        if not kept:
            return
        best = max(kept, key=lambda ended: float(ended.user_attrs["score"])).number
        _, arrays = weights.load(self.folder / str(best))
        compared = compare(generator, arrays)
        carry_over(generator, arrays, compared)
        trial.set_user_attr("weights_of", best)
        trial.set_user_attr("weights_anew", list(compared.anew))

    def keep(self, generator: "Generator", trial: "Trial", score: float) -> None:
        """Keep a trial's generator if none had a higher score."""
        if score >= max((leader.user_attrs["score"] for leader in scored(trial.study)), default=score):
            generator.save(self.folder / str(trial.number))
