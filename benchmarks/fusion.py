"""Eight fusion CNNs on DSADS, each leaving out each of four people; what the lecture published on PAMAP2 beside them.

Accelerometers and gyroscopes of all five units: 10 sensors, 30 channels, in the published segments of 5 s at 25 Hz.
A training that docs/results/fusion.csv has under the same settings is not run again, so a stopped run goes on.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import preset_windows, table
from benchmarks.ledger import FOLDER, Ledger, Row, commit, settings_hash
from sensegen import datasets, distributed, training
from sensegen.divergence import AlertLog
from sensegen.evaluation.leave_one_out import apart, beside_majority, judged, over_subjects
from sensegen.params import Params
from sensegen.params.models import FusionClassifierParams, OptimiserParams
from sensegen.training_run import Training
from sensegen.windows import Windows

SEED = 0
LAYERS = (2, 3)
EPOCHS = 8  # the whole table in about 25 minutes on two quiet cores; the loss is near 0 by then
OPTIMISER = OptimiserParams(learning_rate=0.001, batch_windows=64, gradient_norm=1.0)
LEDGER = Ledger(
    FOLDER / "fusion.csv",
    (
        *("commit", "architecture", "layers", "subject", "seed", "settings", "parameters"),
        *("macro_f1", "balanced_accuracy", "majority_balanced_accuracy", "seconds"),
    ),
    ("architecture", "layers", "subject", "seed", "settings"),
)
LECTURE = {  # F1 on PAMAP2, mean and population standard deviation over people, by (architecture, layers)
    ("early", 2): (0.74, 0.013),
    ("early", 3): (0.74, 0.016),
    ("sensor_late", 2): (0.76, 0.043),
    ("sensor_late", 3): (0.81, 0.052),
    ("channel_late", 2): (0.81, 0.045),
    ("channel_late", 3): (0.81, 0.05),
    ("shared_filter", 2): (0.86, 0.034),
    ("shared_filter", 3): (0.85, 0.029),
}
LECTURE_PARAMETERS = {  # of the networks of two convolutions: convolutions, dense and softmax
    "early": 704 + 4_096 + 1_016_064 + 1_799,
    "sensor_late": 768 + 12_288 + 3_047_680 + 1_799,
    "channel_late": 896 + 28_672 + 7_110_912 + 1_799,
    "shared_filter": 128 + 4_096 + 7_110_912 + 1_799,
}
NAMES = {"early": "EF", "sensor_late": "SB-LF", "channel_late": "CB-LF", "shared_filter": "SF-HF"}
COLUMNS = (
    *("architecture", "convolutions", "parameters here", "macro-F1 (sd)", "balanced accuracy (sd)"),
    *("majority vote", "seconds a training", "lecture: F1 on PAMAP2 (sd)", "lecture: parameters"),
)


def run() -> list[str]:
    """Train what is missing, eight networks for each of four people, and write the table."""
    checked = dsads_params()
    training.set_up(checked.runtime)
    with TemporaryDirectory() as folder:
        windows = preset_windows.all_windows(checked, Path(folder))
        subjects = dict.fromkeys(windows.subjects)
        jobs = [Job(network, windows, subject, checked, Path(folder)) for network in LECTURE for subject in subjects]
        missing = [job for job in jobs if not LEDGER.find(job.known)]
        for row in distributed.each(trained, missing, checked.runtime):
            LEDGER.append(row)
        rows = [measured(job) for job in jobs]
    lines = [_about(windows, checked), "", *table.markdown(COLUMNS, list(_body(rows))), "", _reading(rows)]
    table.put("fusion", lines)
    return lines


def dsads_params() -> Params:
    """The preset, with the accelerometers and gyroscopes of all units, and windows that do not overlap."""
    channels = [channel for names in _sensors() for channel in names]
    return preset_windows.preset_params("dsads", {"channels": channels, "overlap": 0.0})


@dataclass(frozen=True)
class Job:
    """One network (architecture, convolutions) and one person left out, for whichever process takes it."""

    network: tuple[str, int]
    windows: Windows
    subject: str
    checked: Params
    folder: Path

    @property
    def known(self) -> Row:
        """By what its row is known."""
        kind, layers = self.network
        settings = _settings(self.checked)
        return {
            **{"architecture": kind, "layers": str(layers), "subject": self.subject, "seed": str(SEED)},
            "settings": settings,
        }


def measured(job: Job) -> Row:
    """The row of a job: found, or trained for."""
    return LEDGER.find(job.known) or LEDGER.append(trained(job))


def trained(job: Job) -> Row:
    """The row of a job, trained for in this process."""
    if distributed.in_worker():  # trainings run side by side: each has one thread
        training.set_up(job.checked.runtime.model_copy(update={"threads": 1}))
    log = AlertLog(job.folder / f"{'_'.join(map(str, job.network))}_{job.subject}.jsonl", "fusion")
    judge = Training(job.checked.model_copy(update={"seed": SEED}), log)
    return {"commit": commit()} | job.known | _trained(job.network, job.windows, job.subject, judge)


def _trained(network: tuple[str, int], windows: Windows, subject: str, judge: Training) -> dict[str, str]:
    from sensegen.classifiers.fusion import FUSIONS
    from sensegen.evaluation.usefulness import fit_classifier

    kind, layers = network
    began = time.monotonic()
    fit, test = apart(windows, subject)
    params = _classifier_params(layers)
    model = FUSIONS[kind](fit.shape, params, judge.seed_of(f"without_{subject}"))
    fit_classifier(model, fit, params, judge, f"{kind}_{layers}_without_{subject}")
    scores = judged(beside_majority(subject, fit, test, model.predict_labels(test.values)), windows.classes)
    return {
        "parameters": str(sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)),
        "macro_f1": f"{scores.macro_f1:.4f}",
        "balanced_accuracy": f"{scores.balanced_accuracy:.4f}",
        "majority_balanced_accuracy": f"{scores.majority_balanced_accuracy:.4f}",
        "seconds": f"{time.monotonic() - began:.0f}",
    }


def _sensors() -> list[tuple[str, ...]]:
    """The channels of each accelerometer and each gyroscope."""
    signals = datasets.get("dsads").SOURCE.signals
    return [bounds.channels for name, bounds in signals.items() if not name.endswith("_mag")]


def _classifier_params(layers: int) -> FusionClassifierParams:
    ends = np.cumsum([len(names) for names in _sensors()])
    groups = [list(range(end - len(names), end)) for names, end in zip(_sensors(), ends.tolist(), strict=True)]
    return FusionClassifierParams.model_validate(
        {"layers": layers, "sensors": groups, "optimiser": OPTIMISER, "epochs": EPOCHS}
    )


def _settings(checked: Params) -> str:
    """What decides the numbers besides network, person, seed and code: the windows and the training."""
    window = checked.window.model_dump(exclude={"split", "held_out_time_share", "balance"})
    networks = [_classifier_params(layers).model_dump() for layers in LAYERS]
    return settings_hash({"window": window, "networks": networks, "divergence": checked.divergence.model_dump()})


def _body(rows: Sequence[Row]) -> Iterator[list[str]]:
    for (kind, layers), (f1, stddev) in LECTURE.items():
        own = [row for row in rows if (row["architecture"], row["layers"]) == (kind, str(layers))]
        scores = [_shown(own, name) for name in ("macro_f1", "balanced_accuracy", "majority_balanced_accuracy")]
        seconds = np.mean([float(row["seconds"]) for row in own])
        yield [
            *(NAMES[kind], str(layers), f"{int(own[0]['parameters']):,}", *scores[:2]),
            *(scores[2].split(" ")[0], f"{seconds:.0f}", f"{f1:.2f} ({stddev})"),
            f"{LECTURE_PARAMETERS[kind]:,}" if layers == 2 else "not given",
        ]


def _shown(rows: Sequence[Row], name: str) -> str:
    measured = over_subjects([float(row[name]) for row in rows])
    return f"{measured['mean']:.3f} ({measured['stddev']:.3f})"


def _about(windows: Windows, checked: Params) -> str:
    people = len(set(windows.subjects))
    return (
        f"DSADS: {len(windows):,} windows of {checked.window.window_seconds:g} s, {len(windows.classes)} activities, "
        f"{len(windows.channels)} channels of {len(_sensors())} sensors; each of {people} people left out once, "
        f"{EPOCHS} epochs, one seed, last epoch. (sd): population standard deviation over the people, as in the "
        "lecture. The lecture's figures are of PAMAP2: other people, 7 channels, 7 activities, and F1 of a kind that "
        "it does not name; only the order can be compared. What its parameters are made of is written in "
        "`sensegen/classifiers/fusion.py`."
    )


def _reading(rows: Sequence[Row]) -> str:
    """What four people allow to be said: in how many of them each kind of fusion beats early fusion."""
    score = {(row["architecture"], row["layers"], row["subject"]): float(row["macro_f1"]) for row in rows}
    told = []
    for kind in list(NAMES)[1:]:
        pairs = [(of, score["early", of[1], of[2]]) for of in score if of[0] == kind]
        wins = sum(score[of] > early for of, early in pairs)
        told.append(f"{NAMES[kind]} in {wins} of {len(pairs)}")
    return (
        f"Trainings (person and number of convolutions) in which a fusion beats early fusion by macro-F1: "
        f"{', '.join(told)}. With four people nothing is significant: even winning for all four has a probability of "
        "1/8 by chance (two-sided sign test)."
    )
