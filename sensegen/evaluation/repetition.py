"""Everything that one seed measures but detection: the judged windows, and real windows and cheats in their place.

Real windows and cheats go through the very same calls as the judged windows, so that a number of a generator stands
beside the same number of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sensegen.evaluation import embedding
from sensegen.evaluation.arms import Arms, of_no_use
from sensegen.evaluation.detecting import HALVES, SYNTHETIC, TEST
from sensegen.evaluation.draw import Draw, Part
from sensegen.evaluation.encoder import Encoder, fit_encoder
from sensegen.evaluation.forecast import parity_r2, sorted_parity_r2
from sensegen.evaluation.interval import Null, is_null, null
from sensegen.evaluation.usefulness import obstacle
from sensegen.evaluation.yardstick import Measures, Yardstick
from sensegen.guard import Row


def measure(draw: Draw) -> Part:
    """`arms` (usefulness), `rows` (every other measure by set of windows), `ratios`, `parity`, `alternation`, and what
    is `impossible`.

    The set `synthetic` is always there, the others in a repetition with controls. The first seed leaves what each
    classifier said of each test window, and where windows lie in a plane.
    """
    repetition = Repetition(draw)
    told = {
        "arms": repetition.arms.scores,
        "rows": repetition.rows(),
        "ratios": repetition.ratios(),
        "parity": repetition.parity(),
        "alternation": repetition.alternation(),
        "impossible": {name: made for name, made in draw.made.items() if is_null(made)} if draw.controls else {},
    }
    first = draw.number == 0
    confusion = list(_confusion(draw, repetition.arms)) if first else []
    points = embedding.points(repetition.encoder, draw) if first else []
    return Part(told, draw.training.alerts, confusion, points)


@dataclass(frozen=True)
class Repetition:
    """One draw, with its classifiers and its encoder, each trained once."""

    draw: Draw

    @cached_property
    def arms(self) -> Arms:
        """Usefulness in every arm, or nulls where the classes cannot carry it."""
        real, training = self.draw.real, self.draw.training
        if reason := obstacle(real.fit, real.test):
            return of_no_use(real, training, reason)
        self.draw.say("training classifiers")
        return Arms.measured(real, self.draw.judged.synthetic, training.params.evaluate.classifiers, training)

    @cached_property
    def encoder(self) -> Encoder:
        """The frozen encoder of this seed."""
        training = self.draw.training
        return fit_encoder(self.draw.real.fit, training.params.evaluate.encoder, training, "encoder")

    def rows(self) -> dict[str, Measures]:
        """By set of windows, all measures that train nothing on it."""
        yardstick = Yardstick(self.draw.real, self.encoder, self.draw.seed)
        self.draw.say("measuring synthetic windows")
        rows = {SYNTHETIC: yardstick.measures(self.draw.judged.synthetic)}
        if not self.draw.controls:
            return rows
        self.draw.say("measuring real windows against real ones")
        rows |= self._real_rows(yardstick)
        for name, windows in self.draw.cheats.items():
            self.draw.say(f"measuring {name}")
            rows[name] = yardstick.measures(windows)
        return rows

    def _real_rows(self, yardstick: Yardstick) -> dict[str, Measures]:
        """Real windows in the place of synthetic ones: the other half of fit, and people never seen."""
        real = self.draw.real
        half, other = self.draw.halves
        against_half = Yardstick(replace(real, fit=half), self.encoder, self.draw.seed)
        overlap = null("a window of one half overlaps those of the other")
        usual = null("these windows are what attacks take for usual")
        return {
            HALVES: {**against_half.measures(other), "privacy": overlap},
            TEST: {**yardstick.measures(real.test), "privacy": usual},
        }

    def ratios(self) -> dict[str, float | Null]:
        """By set of windows, TSTR over TRTR by the quickest classifier."""
        told = {SYNTHETIC: self.arms.ratio()}
        if self.draw.controls:
            self.draw.say("training classifiers on controls")
            told[TEST] = null("a classifier cannot be tested on what it learned")
            for name, windows in {HALVES: self.draw.halves[1], **self.draw.cheats}.items():
                told[name] = self.arms.ratio_of(windows, f"tstr {name}")
        return told

    def parity(self) -> dict[str, float | Null]:
        """R2 of parity as DowGAN was judged by: see `forecast` for why it misleads."""
        real, synthetic = self.draw.real.fit.values, self.draw.judged.synthetic.values
        if real.shape != synthetic.shape:
            reason = null("parity pairs samples, and there are not as many synthetic windows as real ones")
            return {"parity_r2": reason, "sorted_parity_r2": reason}
        sides = np.asarray(real, np.float32), np.asarray(synthetic, np.float32)
        return {"parity_r2": parity_r2(*sides), "sorted_parity_r2": sorted_parity_r2(*sides)}

    def alternation(self) -> dict[str, Any]:
        """Usefulness by the quickest classifier with and without the alternation."""
        without = self.draw.judged.without
        if without is None:
            return null("these windows came without those of the same generator without the alternation")
        f1 = {"with": self.arms.tstr(), "without": self.arms.tstr_of(without, "tstr without alternation")}
        return {arm: {"tstr_macro_f1": value} for arm, value in f1.items()}


def _confusion(draw: Draw, arms: Arms) -> Iterator[Row]:
    test = draw.real.test
    for (arm, kind), labels in arms.predicted.items():
        for actual, told in zip(test.labels, labels, strict=True):
            yield {"arm": arm, "classifier": kind, "actual": test.classes[actual], "predicted": test.classes[told]}
