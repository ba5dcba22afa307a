"""Every measure of one set of windows that trains nothing on them, against the same real windows.

Synthetic windows, the controls and real windows of other people all go through it, so their numbers stand side by
side. It is made once a seed, since its encoder is trained on real windows and frozen.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sensegen.evaluation import fidelity as moves
from sensegen.evaluation import privacy
from sensegen.evaluation.coverage import coverage
from sensegen.evaluation.encoder import Encoder
from sensegen.evaluation.forecast import predictive_score
from sensegen.evaluation.frechet import frechet_distance
from sensegen.evaluation.interval import Null, null
from sensegen.evaluation.membership import Sides
from sensegen.evaluation.memorisation import memorisation
from sensegen.evaluation.mmd import mmd_squared, permutation_test
from sensegen.evaluation.physics import physics
from sensegen.evaluation.real import Real
from sensegen.evaluation.signatures import signature_distance
from sensegen.evaluation.spectrum import log_psd
from sensegen.windows import Windows

SIGNATURE_DEPTH = 2
BY_CLASS: dict[str, moves.Measure] = {
    "log_psd": log_psd,
    "acf": moves.acf,
    "cross_correlation": moves.cross_correlation,
    "wasserstein": moves.wasserstein,
}
Measures = dict[str, Any]


@dataclass(frozen=True)
class Yardstick:
    """The real windows, an encoder trained on their fit split, and the seed of every draw of a measure.

    What is measured of the fit windows alone is kept for the next windows.
    """

    real: Real
    encoder: Encoder
    seed: int

    def measures(self, windows: Windows) -> Measures:
        """All of them."""
        return {
            "fidelity": self.fidelity(windows),
            "physics": physics(self._fit_in_units, self.in_units(windows)),
            "memorisation": memorisation(windows, self.real.fit, self.real.held_out_time, self.seed),
            "privacy": self.membership(windows),
            "prediction": self.prediction(windows),
        }

    def fidelity(self, windows: Windows) -> Measures:
        """Distances from the fit windows, 0 best; shares of `coverage`, 1 best; values are scaled."""
        fit = self.real.fit
        found = {name: self._over_channels(measure, windows) for name, measure in BY_CLASS.items()}
        features, other_features = self._fit_features, self.encoder.features(windows.values)
        tested = permutation_test(fit.values, windows.values, self.seed)
        near = coverage(features, other_features, self.seed)
        shares = dict.fromkeys(("precision", "recall", "density", "coverage"), near)
        return {
            **found,
            "mmd": mmd_squared(fit.values, windows.values, self.seed),
            "mmd_p_value": tested if isinstance(tested, dict) else tested.p_value,
            "signature": signature_distance(fit.values, windows.values, SIGNATURE_DEPTH),
            "context_fid": frechet_distance(features, other_features),
            **(shares if isinstance(near, dict) else {name: asdict(near)[name] for name in shares}),
        }

    @cached_property
    def _fit_features(self) -> np.ndarray:
        return self.encoder.features(self.real.fit.values)

    @cached_property
    def _fit_in_units(self) -> Windows:
        return self.in_units(self.real.fit)

    def _over_channels(self, measure: Callable[..., Any], windows: Windows) -> float | Null:
        fit = self.real.fit
        told = moves.by_class(measure, fit.values, fit.labels, windows.values, windows.labels)
        return told if isinstance(told, dict) else float(np.mean(told.mean))

    def membership(self, windows: Windows) -> Measures | Null:
        """How well attacks tell fit windows and fit people from others that the generator never saw."""
        real = self.real
        if missing := [name for name in ("held_out_time", "validation", "test") if not len(getattr(real, name))]:
            return null(f"membership needs windows of {' and '.join(missing)}, and there are none")
        reference = real.test
        if set(reference.subjects) & ({*real.fit.subjects} | {*real.validation.subjects}):
            return null("membership needs reference people who are not in fit, and the splits are in time")
        return {
            "by_window": privacy.by_window(self._of_time.against(windows), self.seed),
            "by_subject": privacy.by_subject(self._of_people.against(windows), self.seed),
        }

    @cached_property
    def _of_time(self) -> Sides:
        real = self.real
        return Sides(real.fit, real.fit, real.held_out_time, real.test)

    @cached_property
    def _of_people(self) -> Sides:
        real = self.real
        return Sides(real.fit, real.fit, real.validation, real.test)

    def prediction(self, windows: Windows) -> Measures | Null:
        """The error of forecasts that were learned from these windows, on real test windows."""
        if windows.values.shape[1] < 2:
            return null("a forecast needs windows of two samples")
        return predictive_score(windows.values, self.real.fit.values, self.real.test.values, self.seed)

    def in_units(self, windows: Windows) -> Windows:
        """The same windows in the units of their channels."""
        values = self.real.scaling.invert(np.asarray(windows.values))
        return replace(windows, values=values.astype(np.float32))
