"""What a search leaves to look at: a table of its trials and a picture of what mattered."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from sensegen.artifacts import writing
from sensegen.training_run import write_rows
from sensegen.tuning.space import Range, Space
from sensegen.tuning.study import finished, scored

if TYPE_CHECKING:
    from optuna import Study

MEASURED = ("useful", "told_apart", "score", "epochs", "begun_with", "ended_by")
FEWEST = 4  # trials with a score, before it is asked what mattered


def write(study: "Study", space: Space, folder: Path) -> list[Path]:
    """Write `trials.csv`, and `search.png` where a trial has one score; gives the files."""
    written = [folder / "trials.csv"]
    columns = ("trial", "state", *space.search, *MEASURED)
    rows = [
        {"trial": trial.number, "state": trial.state.name.lower(), **trial.params, **trial.user_attrs}
        for trial in finished(study)
    ]
    write_rows(written[0], columns, rows)
    if scored(study) and len(study.directions) == 1:
        written.append(folder / "search.png")
        with writing(written[1]) as temporary:
            temporary.write_bytes(_picture(study, space))
    return written


def importance(study: "Study") -> dict[str, float]:
    """The share of each param that all trials have in what tells good trials from others (PED-ANOVA; Watanabe et al.,
    2023); none of too few trials."""
    import optuna

    if len(scored(study)) < FEWEST:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of params that never changed
        return dict(optuna.importance.get_param_importances(study))


def _picture(study: "Study", space: Space) -> bytes:
    from sensegen.reporting import drawing
    from sensegen.reporting.search_figures import Tried, draw_search

    trials = [Tried(trial.params, trial.values[0]) for trial in scored(study)]
    logarithmic = [key for key, dimension in space.search.items() if isinstance(dimension, Range) and dimension.log]
    with drawing.themed(drawing.LIGHT):
        return drawing.png(draw_search(trials, importance(study), logarithmic, drawing.LIGHT))
