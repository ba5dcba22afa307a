"""The page of windows that came without a pipeline: what was measured of them, and what must be said beforehand."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sensegen.params.models import EvaluateParams
from sensegen.reporting.page import Report, build_report
from sensegen.reporting.reading import versions
from sensegen.reporting.results import Examples, InUnits, Results, signals_of
from sensegen.windows import Windows

if TYPE_CHECKING:
    from sensegen.evaluation.real import Real
    from sensegen.evaluation.suite import Evaluation

SPLITS = ("fit", "validation", "held_out_time", "test")
WINDOWS_PER_ACTIVITY = 2  # drawn beside each other


@dataclass(frozen=True)
class Terms:
    """What was judged, how, and what must be said before any number.

    `inputs` are the names that the page gives to what it was made of, with the sha256 of each file (`""` for a folder).
    """

    name: str
    evaluate: EvaluateParams
    seed: int
    remarks: tuple[str, ...]
    inputs: Mapping[str, str]


def judged_page(evaluation: "Evaluation", real: "Real", synthetic: Windows, terms: Terms) -> Report:
    """The page and the model card of scaled windows from anywhere, judged against scaled real ones."""
    return build_report(judged_results(evaluation, real, synthetic, terms))


def judged_results(evaluation: "Evaluation", real: "Real", synthetic: Windows, terms: Terms) -> Results:
    """What the page shows of them."""
    return Results(
        name=terms.name,
        seed=terms.seed,
        evaluate=terms.evaluate,
        windows_per_activity=WINDOWS_PER_ACTIVITY,
        signals=signals_of(real.fit),
        real=Examples(InUnits(real.fit.values, real.scaling), real.fit.labels, real.fit.subjects),
        synthetic=Examples(InUnits(synthetic.values, real.scaling), synthetic.labels),
        window_samples=real.fit.shape.length,
        metrics=evaluation.metrics,
        counts=counts_of({**{split: getattr(real, split) for split in SPLITS}, "synthetic": synthetic}),
        confusion=tuple(evaluation.confusion),
        embedding=tuple(evaluation.embedding),
        fingerprints=terms.inputs,
        versions=versions(),
        remarks=terms.remarks,
    )


def counts_of(sets: Mapping[str, Windows]) -> dict[str, Any]:
    """Windows by class and person of each set that has any, as the stage `window` counts them."""
    return {name: _counts(windows) for name, windows in sets.items() if len(windows)}


def _counts(windows: Windows) -> dict[str, Any]:
    by_class = np.bincount(windows.labels, minlength=len(windows.classes)).tolist()
    return {
        "total": len(windows),
        "skew": max(by_class) / min(by_class) if min(by_class) else None,
        "classes": dict(zip(windows.classes, by_class, strict=True)),
        "subjects": dict(sorted(Counter(filter(None, windows.subjects)).items())),
    }
