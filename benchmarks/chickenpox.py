"""Two years of chickenpox in 20 counties, drawn after the 418 weeks that were learned from: beside the two that came.

The way that works on 418 rows, where DowGAN's networks did not (`dowgan`): `sensegen extrapolate --alone` with a season
of a year. Each draw is a synthetic series of its own. A season goes far beyond the windows of any network here, so all
measures are of whole series; the 104 weeks before stand for what real years have in common with each other. How well
the next week is foretold stands in `completion`.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Float

from benchmarks import table
from benchmarks.completion import SEED, TEST_WEEKS, counties
from sensegen.completion.completer import Completer
from sensegen.completion.stretches import Stretch
from sensegen.evaluation.forecast import parity_r2, sorted_parity_r2
from sensegen.progress import reporter

DRAWS, YEAR_WEEKS, MONTH_WEEKS = 100, 52, 4
Cases = Float[np.ndarray, "week county"]


def run() -> list[str]:
    """Draw, and compare every draw, and the weeks before, with those that came."""
    with TemporaryDirectory() as folder:
        data = counties(Path(folder))
    cases = data.test[0].values
    first = len(cases) - TEST_WEEKS
    completer = Completer.learned(data.fit, data.rate_hz, data.period_s, SEED, reporter("chickenpox"))
    hidden = np.concatenate([cases[:first], np.full((TEST_WEEKS, cases.shape[1]), np.nan)])
    draws = completer.draws(Stretch(hidden, 0.0), DRAWS, SEED)[first:].swapaxes(0, 1)
    came = cases[first:]
    sides = {f"drawn, {DRAWS} series": draws, "the 104 weeks before": cases[None, first - TEST_WEEKS : first]}
    found = {name: [measures(series, came) for series in side] for name, side in sides.items()}
    rows = [[name, *map(_told, zip(*of_side, strict=True))] for name, of_side in found.items()]
    lines = [
        "Means (5 to 95 % of the draws) over the 20 counties, against the last 104 weeks. Wasserstein-1 in standard",
        "deviations of a county; correlations of counties by their mean difference; season as the correlation of mean",
        "cases by four weeks of the year; autocorrelation of a week and a year later by its mean difference.",
        "",
        *table.markdown(("", *NAMES), rows),
    ]
    table.put("chickenpox", lines)
    return lines


NAMES = (
    *("R2 of sorted values", "Wasserstein-1", "correlations of counties", "season"),
    *("autocorrelation, 1 week", "52 weeks", "parity R2 (DowGAN: -1.48)"),
)


def measures(series: Cases, came: Cases) -> tuple[float, ...]:
    """As `NAMES` has them."""
    spread = came.std(axis=0)
    apart = np.abs(np.sort(series, axis=0) - np.sort(came, axis=0)).mean(axis=0) / spread
    related = [np.corrcoef(side.T)[np.triu_indices(came.shape[1], 1)] for side in (series, came)]
    return (
        sorted_parity_r2(came[None], series[None]),
        float(apart.mean()),
        float(np.abs(related[0] - related[1]).mean()),
        float(np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(_by_month(series).T, _by_month(came).T, strict=True)])),
        *(float(np.abs(_later(series, weeks) - _later(came, weeks)).mean()) for weeks in (1, YEAR_WEEKS)),
        parity_r2(came[None], series[None]),
    )


def _by_month(series: Cases) -> Float[np.ndarray, "month county"]:
    years = series[: len(series) // YEAR_WEEKS * YEAR_WEEKS]
    weeks = years.reshape(-1, YEAR_WEEKS // MONTH_WEEKS, MONTH_WEEKS, series.shape[1])
    return np.asarray(weeks.mean(axis=(0, 2)))


def _later(series: Cases, weeks: int) -> Float[np.ndarray, "county"]:
    about = series - series.mean(axis=0)
    return np.asarray((about[weeks:] * about[:-weeks]).mean(axis=0) / about.var(axis=0))


def _told(values: tuple[float, ...]) -> str:
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} ({np.quantile(values, 0.05):.3f} to {np.quantile(values, 0.95):.3f})"
