"""One seed of an evaluation: every measure of the judged windows, their floors, and the controls.

Floors and controls go through the very same calls as the judged windows, so that a number of a generator stands beside
the same number of real windows and of cheats.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sensegen.evaluation.arms import Arms, of_no_use
from sensegen.evaluation.controls import CONTROLS, POWER
from sensegen.evaluation.encoder import Encoder, fit_encoder
from sensegen.evaluation.forecast import parity_r2, sorted_parity_r2
from sensegen.evaluation.headline import headline
from sensegen.evaluation.interval import Null, null
from sensegen.evaluation.judges import judges
from sensegen.evaluation.panel import Panel
from sensegen.evaluation.real import Real
from sensegen.evaluation.usefulness import obstacle
from sensegen.evaluation.yardstick import Measures, Yardstick
from sensegen.training_run import Training
from sensegen.windows import Windows


@dataclass(frozen=True)
class Judged:
    """The windows under judgement; `without` are those of the same generator without the alternation, if there are."""

    synthetic: Windows
    without: Windows | None = None


@dataclass(frozen=True)
class Repetition:
    """One draw of windows, judged by classifiers, an encoder and judges of one seed; `say` is told what goes on."""

    real: Real
    judged: Judged
    training: Training
    say: Callable[[str], None]

    def measures(self) -> dict[str, Any]:
        """What every seed measures of the judged windows."""
        self.say("training classifiers")
        useful = self.arms.scores
        told = self.of_synthetic
        self.say("training judges")
        return {
            **useful,
            "detection": self._detection(),
            "fidelity": {"synthetic": told["fidelity"]},
            "physics": {"synthetic": told["physics"]},
            "memorisation": told["memorisation"],
            "privacy": told["privacy"],
            "forecast": {"predictive_score": told["prediction"], **self._parity()},
            "alternation": self._alternation(),
        }

    def beside(self) -> dict[str, Any]:
        """What these are read beside: floors, the power of the judges, and a row of numbers for every control.

        `controls` has the judged windows as its first row, measured in the same way.
        """
        rows: dict[str, Measures] = {"synthetic": self.of_synthetic, **self._real_rows()}
        ratios = {"synthetic": self.arms.ratio(), "real_test": null("a classifier cannot be tested on what it learned")}
        ratios["real_halves"] = self.arms.ratio_of(self.panel.halves[1], "tstr real halves")
        for name, windows in self.controls.items():
            self.say(f"measuring control {name}")
            rows[name] = {**self.yardstick.measures(windows), "detection": self._quickly(windows, name)}
            ratios[name] = self.arms.ratio_of(windows, f"tstr {name}")
        table = {name: {"tstr_ratio": ratios[name], **headline(told)} for name, told in rows.items()}
        floors = ("real_halves", "real_test")
        return {
            "detection": self._power(),
            "fidelity": {name: rows[name]["fidelity"] for name in floors},
            "physics": {"real_test": rows["real_test"]["physics"]},
            "controls": {**table, **self._impossible},
        }

    @cached_property
    def arms(self) -> Arms:
        """Usefulness in every arm, or nulls where the classes cannot carry it."""
        if reason := obstacle(self.real.fit, self.real.test):
            return of_no_use(self.real, self.training, reason)
        kinds = self.training.params.evaluate.classifiers
        return Arms.measured(self.real, self.judged.synthetic, kinds, self.training)

    @cached_property
    def encoder(self) -> Encoder:
        """The frozen encoder of this seed."""
        return fit_encoder(self.real.fit, self.training.params.evaluate.encoder, self.training, "encoder")

    @cached_property
    def yardstick(self) -> Yardstick:
        """All measures that train nothing on the windows they measure."""
        return Yardstick(self.real, self.encoder, self.training.params.seed)

    @cached_property
    def panel(self) -> Panel:
        """The judges."""
        params = self.training.params.evaluate.judges
        return Panel(self.real.fit, judges(params), self.training, params.windows)

    @cached_property
    def of_synthetic(self) -> Measures:
        """Every measure of the judged windows but usefulness; detection by the judges that every control gets too."""
        self.say("measuring synthetic windows")
        synthetic = self.judged.synthetic
        return {**self.yardstick.measures(synthetic), "detection": self._quickly(synthetic, "synthetic")}

    @cached_property
    def controls(self) -> dict[str, Windows]:
        """The cheats that could be made of the fit windows."""
        return {name: made for name, made in self._made.items() if isinstance(made, Windows)}

    @cached_property
    def _made(self) -> dict[str, Windows | Null]:
        self.say("making controls")
        return {name: _control(name, self.real.fit, self.training.params.seed) for name in CONTROLS}

    @property
    def _impossible(self) -> dict[str, Any]:
        return {name: made for name, made in self._made.items() if not isinstance(made, Windows)}

    def _real_rows(self) -> dict[str, Measures]:
        """Real windows in the place of synthetic ones: the other half of fit, and people never seen."""
        self.say("measuring real windows against real ones")
        half, other = self.panel.halves
        against_half = Yardstick(replace(self.real, fit=half), self.encoder, self.yardstick.seed)
        test, kinds = self.real.test, self.training.params.evaluate.judges.control_kinds
        return {
            "real_halves": {
                **against_half.measures(other),
                "detection": self.panel.floors(kinds),
                "privacy": null("a window of one half overlaps those of the other"),
            },
            "real_test": {
                **self.yardstick.measures(test),
                "detection": self._quickly(test, "real test"),
                "privacy": null("these windows are what attacks take for usual"),
            },
        }

    def _quickly(self, windows: Windows, name: str) -> Measures:
        return self.panel.of(windows, name, self.training.params.evaluate.judges.control_kinds)

    def _detection(self) -> Measures:
        """By judge, of the judged windows, and the floor: of two halves of the real ones."""
        kinds = self.training.params.evaluate.judges.kinds
        told, floors = self.panel.of(self.judged.synthetic, "synthetic", kinds), self.panel.floors(kinds)
        return {
            kind: {**told[kind], "floor": floors[kind]["discriminative_score"], "floor_auc": floors[kind]["auc"]}
            for kind in kinds
        }

    def _power(self) -> Measures:
        """By judge, the score of other people's windows, and of the controls that every judge must catch."""
        kinds = self.training.params.evaluate.judges.kinds
        told: dict[str, dict[str, Any]] = {kind: {} for kind in kinds}
        for name, windows in {"real test": self.real.test, **self.controls}.items():
            if name in (*POWER, "real test"):
                self.say(f"training judges of {name}")
                for kind, found in self.panel.of(windows, name, kinds).items():
                    key = "floor_test" if name == "real test" else name
                    told[kind][key] = found["discriminative_score"]
        return told

    def _parity(self) -> dict[str, float | Null]:
        """R2 of parity as DowGAN was judged by: see `forecast` for why it misleads."""
        real, synthetic = self.real.fit.values, self.judged.synthetic.values
        if real.shape != synthetic.shape:
            reason = null("parity pairs samples, and there are not as many synthetic windows as real ones")
            return {"parity_r2": reason, "sorted_parity_r2": reason}
        sides = np.asarray(real, np.float32), np.asarray(synthetic, np.float32)
        return {"parity_r2": parity_r2(*sides), "sorted_parity_r2": sorted_parity_r2(*sides)}

    def _alternation(self) -> Measures:
        """Usefulness by the last, quickest classifier, and detection by the first judge, with and without it."""
        without = self.judged.without
        if without is None:
            return null("these windows came without those of the same generator without the alternation")
        judge = self.training.params.evaluate.judges.kinds[0]
        arms = {
            "with": (self.arms.tstr(), self.panel.of(self.judged.synthetic, "synthetic", [judge])),
            "without": (
                self.arms.tstr_of(without, "tstr without alternation"),
                self.panel.of(without, "without alternation", [judge]),
            ),
        }
        return {
            arm: {"tstr_macro_f1": f1, "discriminative_score": judged[judge]["discriminative_score"]}
            for arm, (f1, judged) in arms.items()
        }


def _control(name: str, fit: Windows, seed: int) -> Windows | Null:
    try:
        values = CONTROLS[name](fit, fit.labels, seed)
    except ValueError as error:
        return null(f"this control cannot be made: {error}")
    return replace(fit, values=values, subjects=("",) * len(values))
