"""Windows of 5, 20 and 60 s before the lecture's LSTM, a step a sample or a step a second, on Wearable Exam Stress.

Five students, each left out once, told low or high grade. Four signals at 4 Hz as in the preset, windows that do not
overlap, about the same number of training steps whatever the length, classes weighed. A student has one class in these
sessions, so the balanced score is of everybody's windows together. Two students with a high grade prove nothing.
A training that docs/results/window_length.csv has under the same settings is not run again.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import preset_windows, table
from benchmarks.ledger import FOLDER, Ledger, Row, commit, settings_hash
from sensegen import training
from sensegen.divergence import AlertLog
from sensegen.evaluation.leave_one_out import Told, over_subjects
from sensegen.params import Params
from sensegen.training_run import Training
from sensegen.windows import Windows

SEED = 0
SECONDS = (5.0, 20.0, 60.0)
ARRANGEMENTS = ("a step a sample", "a step a second")
STEPS = 150
BATCH_WINDOWS = 64
COUNTS = ("low_windows", "low_right", "low_majority_right", "high_windows", "high_right", "high_majority_right")
LEDGER = Ledger(
    FOLDER / "window_length.csv",
    ("commit", "arrangement", "window_seconds", "subject", "seed", "settings", *COUNTS, "seconds"),
    ("arrangement", "window_seconds", "subject", "seed", "settings"),
)
COLUMNS = (
    *("window", "LSTM takes", "steps", "windows", "balanced accuracy, all windows", "majority vote"),
    *("share told right, mean over students (sd)", "students told right by most windows", "seconds a training"),
)
ABOUT = (
    f"Wearable Exam Stress, five students, each left out once; grade low or high; LSTM, about {STEPS} steps of "
    f"{BATCH_WINDOWS} windows, one seed, last step. (sd): population standard deviation over the students. Each "
    "student has one class in these sessions, two of them high: nothing here is significant. A coin has a balanced "
    "accuracy of 0.5. The majority vote is below it, since leaving a student out makes the other class the commonest; "
    "for the same reason a classifier that knows students and not grades falls below it."
)


def run() -> list[str]:
    """Train what is missing: three lengths, two arrangements, five students; and write the table."""
    training.set_up(_params(SECONDS[0]).runtime)
    body = []
    with TemporaryDirectory() as folder:
        for seconds in SECONDS:
            checked = _params(seconds)
            windows = preset_windows.all_windows(checked, Path(folder))
            for arrangement in ARRANGEMENTS:
                rows = list(measured(arrangement, windows, checked, Path(folder)))
                body.append(_shown(arrangement, windows, rows))
    lines = [ABOUT, "", *table.markdown(COLUMNS, body)]
    table.put("window_length", lines)
    return lines


def measured(arrangement: str, windows: Windows, checked: Params, folder: Path) -> Iterator[Row]:
    """The row of each student left out: found, or trained for."""
    window = checked.window.model_dump(exclude={"split", "held_out_time_share", "balance"})
    settings = settings_hash({"window": window, "lstm": checked.evaluate.lstm.model_dump(), "steps": STEPS})
    for subject in dict.fromkeys(windows.subjects):
        known = {
            **{"arrangement": arrangement, "window_seconds": f"{checked.window.window_seconds:g}"},
            **{"subject": subject, "seed": SEED, "settings": settings},
        }
        yield LEDGER.find(known) or LEDGER.append(
            {"commit": commit()} | known | _trained(arrangement, windows, subject, _training(checked, windows, folder))
        )


def _params(seconds: float) -> Params:
    return preset_windows.preset_params("exam_stress", {"window_seconds": seconds, "overlap": 0.0})


def _training(checked: Params, windows: Windows, folder: Path) -> Training:
    """With as many epochs as make about `STEPS` steps of what four of five students have."""
    optimiser = checked.evaluate.lstm.optimiser.model_copy(update={"batch_windows": BATCH_WINDOWS})
    epochs = max(1, round(STEPS * BATCH_WINDOWS / (0.8 * len(windows))))
    lstm = checked.evaluate.lstm.model_copy(update={"optimiser": optimiser, "epochs": epochs})
    evaluate = checked.evaluate.model_copy(update={"lstm": lstm})
    changed = checked.model_copy(update={"seed": SEED, "evaluate": evaluate})
    return Training(changed, AlertLog(folder / "alerts.jsonl", "window_length"))


def _trained(arrangement: str, windows: Windows, subject: str, judge: Training) -> dict[str, str]:
    from sensegen.classifiers.arrangement import in_seconds
    from sensegen.evaluation.affect import lstm
    from sensegen.evaluation.leave_one_out import leave_out

    began = time.monotonic()
    arranged = in_seconds(windows) if arrangement == "a step a second" else windows
    told = leave_out(arranged, subject, lstm(judge))
    return _counts(told, windows.classes) | {"seconds": f"{time.monotonic() - began:.0f}"}


def _counts(told: Told, classes: tuple[str, ...]) -> dict[str, str]:
    counts = {}
    for label, name in enumerate(classes):
        own = told.actual == label
        counts[f"{name}_windows"] = str(int(own.sum()))
        counts[f"{name}_right"] = str(int((told.predicted[own] == label).sum()))
        counts[f"{name}_majority_right"] = str(int((told.majority[own] == label).sum()))
    return counts


def _shown(arrangement: str, windows: Windows, rows: Sequence[Row]) -> list[str]:
    shares = [_sum([row], "right") / _sum([row], "windows") for row in rows]
    share = over_subjects(shares)
    seconds = windows.shape.length / windows.rate_hz
    steps = seconds if arrangement == "a step a second" else windows.shape.length
    return [
        *(f"{seconds:g} s", arrangement, f"{steps:g}", f"{len(windows):,}"),
        *(_balanced(rows, "right"), _balanced(rows, "majority_right")),
        *(f"{share['mean']:.3f} ({share['stddev']:.3f})", f"{sum(each > 0.5 for each in shares)} of {len(rows)}"),
        f"{np.mean([float(row['seconds']) for row in rows]):.0f}",
    ]


def _sum(rows: Sequence[Row], what: str) -> int:
    return sum(int(row[f"{name}_{what}"]) for row in rows for name in ("low", "high"))


def _balanced(rows: Sequence[Row], what: str) -> str:
    """Mean over the two classes of the share of all students' windows that is told right."""
    of_class = [
        sum(int(row[f"{name}_{what}"]) for row in rows) / sum(int(row[f"{name}_windows"]) for row in rows)
        for name in ("low", "high")
    ]
    return f"{np.mean(of_class):.3f}"
