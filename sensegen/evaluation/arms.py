"""The arms of usefulness: trained on real or on synthetic windows or on both, tested on real or on synthetic ones.

Every arm takes the same number of optimiser steps, also where it has twice the windows: otherwise more training would
pass for better data. A classifier that takes no steps sees every window of its arm once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int

from sensegen.evaluation.interval import Null, null
from sensegen.evaluation.real import Real
from sensegen.evaluation.usefulness import fitted_classifier, majority, scores
from sensegen.training_run import Training
from sensegen.windows import Windows

NAMES = ("trtr", "tstr", "trts", "tstr_plus_real")
Predicted = Mapping[tuple[str, str], Int[np.ndarray, "test_window"]]


@dataclass(frozen=True)
class Arms:
    """The scores of every arm by classifier, and what each classifier of TRTR and TSTR said of each test window.

    `reason` says why there are none.
    """

    real: Real
    training: Training
    scores: Mapping[str, Any]
    predicted: Predicted
    reason: str | None = None

    @classmethod
    def measured(cls, real: Real, synthetic: Windows, kinds: Sequence[str], training: Training) -> "Arms":
        """Train and test a classifier of every kind in every arm; the last, the quickest, judges other windows too."""
        told: dict[str, Any] = {name: {} for name in NAMES}
        predicted: dict[tuple[str, str], np.ndarray] = {}
        for kind in kinds:
            by_real, by_synthetic, by_both = (
                _trained(kind, windows, training, f"{name} {kind}", like=real.fit)
                for name, windows in (("trtr", real.fit), ("tstr", synthetic), ("both", together(real.fit, synthetic)))
            )
            for name, model in (("trtr", by_real), ("tstr", by_synthetic)):
                predicted[name, kind] = model.predict_labels(real.test.values)
                told[name][kind] = _scored(real.test, predicted[name, kind])
            told["trts"][kind] = _scored(synthetic, by_real.predict_labels(synthetic.values))
            told["tstr_plus_real"][kind] = _scored(real.test, by_both.predict_labels(real.test.values))
        ratios = {kind: {"macro_f1": _ratio(told["tstr"][kind], told["trtr"][kind])} for kind in kinds}
        vote = majority(real.fit.labels, real.test.labels, real.test.classes)
        return cls(real, training, {**told, "tstr_ratio": ratios, "majority_vote": vote}, predicted)

    def tstr(self) -> float | Null:
        """The macro-F1 of the judged windows, by the last classifier."""
        return null(self.reason) if self.reason else self.scores["tstr"][self._last]["macro_f1"]

    def tstr_of(self, windows: Windows, name: str) -> float | Null:
        """The same of some other windows."""
        return null(self.reason) if self.reason else self._tested(windows, name)["macro_f1"]

    def ratio(self) -> float | Null:
        """TSTR over TRTR of the judged windows, by the last classifier."""
        return null(self.reason) if self.reason else self.scores["tstr_ratio"][self._last]["macro_f1"]

    def ratio_of(self, windows: Windows, name: str) -> float | Null:
        """The same of some other windows."""
        if self.reason:
            return null(self.reason)
        return _ratio(self._tested(windows, name), self.scores["trtr"][self._last])

    @property
    def _last(self) -> str:
        return [*self.scores["trtr"]][-1]

    def _tested(self, windows: Windows, name: str) -> Mapping[str, Any]:
        model = _trained(self._last, windows, self.training, f"{name} {self._last}", like=self.real.fit)
        return _scored(self.real.test, model.predict_labels(self.real.test.values))


def of_no_use(real: Real, training: Training, reason: str) -> Arms:
    """Nulls where the classes cannot carry usefulness."""
    return Arms(real, training, dict.fromkeys((*NAMES, "tstr_ratio", "majority_vote"), null(reason)), {}, reason)


def _trained(kind: str, windows: Windows, training: Training, name: str, like: Windows) -> Any:
    """A classifier trained on windows, for as many steps as it would take on `like`."""
    params = getattr(training.params.evaluate, kind)
    return fitted_classifier(kind, windows, params, training, name, like=len(like))


def together(first: Windows, second: Windows) -> Windows:
    """The windows of both, which have the same channels and classes."""
    return replace(
        first,
        values=np.concatenate([np.asarray(first.values), np.asarray(second.values)]),
        labels=np.concatenate([first.labels, second.labels]),
        subjects=(*first.subjects, *second.subjects),
    )


def _scored(windows: Windows, predicted: Int[np.ndarray, "window"]) -> dict[str, Any]:
    return scores(windows.labels, predicted, windows.classes)


def _ratio(of: Mapping[str, Any], by: Mapping[str, Any]) -> float:
    return float(of["macro_f1"] / max(by["macro_f1"], 1e-9))
