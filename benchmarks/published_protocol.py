"""The classifiers by the published UCI HAR protocol: all 7,352 training windows, 2,947 test windows.

A check of the judges, not a result of the pipeline: nothing is chosen by these numbers. All are scored at the last
epoch, but for the CNN whose epoch is chosen on three training people left out of its training. The seed system reports
91.65 % for its LSTM from one run at a constant rate, between 88 and 93 % from epoch to epoch, and 87 % without the
gyroscope; "seed's schedule" repeats it: batches of 1,500, 300 passes, no mixing, offsets, noise or dropout, no decay.

`random_convolution` is also trained on shuffled labels: with these it must fall to chance, or something leaks. Two
trainings run side by side, each on one thread, so that as many fit into a sitting as two cores can do.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import table, uci_har
from benchmarks.ledger import FOLDER, Ledger, Row, commit, settings_hash
from benchmarks.uci_har import preset_params
from sensegen import distributed, training
from sensegen.classifiers.activity import LSTMClassifier
from sensegen.divergence import AlertLog
from sensegen.evaluation.interval import over_seeds
from sensegen.evaluation.usefulness import predictions, scores
from sensegen.kept_weights import BestEpoch
from sensegen.params import Params
from sensegen.params.models import OptimiserParams
from sensegen.seeding import rng
from sensegen.training import Schedule, constant
from sensegen.training_run import Training
from sensegen.windows import Windows

SEEDS = (0, 1, 2, 3, 4)
LEFT_OUT = ("22", "27", "29")  # whose windows choose an epoch
SEED_SCHEDULE = OptimiserParams(learning_rate=0.0025, batch_windows=1500, gradient_norm=1e9)
SEED_PASSES = 300
LEDGER = Ledger(
    FOLDER / "published_protocol.csv",
    ("commit", "classifier", "seed", "settings", "accuracy", "macro_f1", "seconds"),
    ("classifier", "seed", "settings"),
)
Way = Callable[[Windows, Windows, Training], np.ndarray]


@dataclass(frozen=True)
class Job:
    """A training: of which way, by which seed, on the windows of which folder."""

    way: str
    seed: int
    windows: Path

    @property
    def params(self) -> Params:
        """Those of the preset, on one thread."""
        checked = preset_params()
        runtime = checked.runtime.model_copy(update={"threads": 1})
        return checked.model_copy(update={"seed": self.seed, "runtime": runtime})

    @property
    def known(self) -> Row:
        """By what its row is known."""
        section = getattr(self.params.evaluate, self.way.split(",")[0]).model_dump(mode="json")
        settings = settings_hash({"classifier": section, "threads": self.params.runtime.threads})
        return {"classifier": self.way, "seed": str(self.seed), "settings": settings}


def run() -> list[str]:
    """Train what is missing; each training adds its row to docs/results/ as it finishes."""
    with tempfile.TemporaryDirectory() as folder:
        windows = uci_har.published_folder(Path(folder))
        jobs = [Job(way, seed, windows) for way in WAYS for seed in SEEDS]
        missing = [job for job in jobs if not LEDGER.find(job.known)]
        for row in distributed.each(trained, missing, jobs[0].params.runtime):
            LEDGER.append(row)
        counts = [len(split) for split in uci_har.opened(windows)]
    rows = [LEDGER.find(job.known) for job in jobs]
    body = [_row(way, [row for row in rows if row and row["classifier"] == way]) for way in WAYS]
    heads = ["classifier", "accuracy by seed", "median", "mean (95 % interval)", "macro-F1, mean", "seconds a training"]
    lines = [f"{counts[0]:,} training and {counts[1]:,} test windows.", "", *table.markdown(heads, body)]
    table.put("published_protocol", lines)
    return lines


def trained(job: Job) -> Row:
    """Train and test in this process, and give the row."""
    training.set_up(job.params.runtime)
    fit, test = uci_har.opened(job.windows)
    judge = Training(job.params, AlertLog(job.windows / f"{job.way}_{job.seed}.jsonl", "published"))
    began = time.monotonic()
    told = scores(test.labels, WAYS[job.way](fit, test, judge), test.classes)
    figures = {key: f"{told[key]:.4f}" for key in ("accuracy", "macro_f1")}
    return {"commit": commit(), **job.known, **figures, "seconds": f"{time.monotonic() - began:.0f}"}


def by_kind(kind: str) -> Way:
    """A classifier as the pipeline trains it, at its last epoch."""
    return lambda fit, test, judge: predictions(kind, fit, test, judge, kind)


def at_chosen_epoch(fit: Windows, test: Windows, judge: Training) -> np.ndarray:
    """The CNN at the epoch at which it was wrong least often on people left out."""
    from sensegen.classifiers.activity import CNNClassifier

    params = judge.params.evaluate.cnn
    apart = np.isin(fit.subjects, LEFT_OUT)
    learned, held_out = fit.select(~apart), fit.select(apart)
    model = CNNClassifier(fit.shape, params, judge.seed_of("chosen"))

    def wrong() -> float:
        return float(np.mean(model.predict_labels(held_out.values) != held_out.labels))

    batches = judge.batches([np.asarray(learned.values), learned.labels.astype(np.int32)], params.optimiser, "chosen")
    best = BestEpoch(judge.step(model, params.optimiser, "chosen"), wrong)
    schedule = Schedule(2 * params.epochs * batches.epoch_steps, batches.epoch_steps, best.measure)
    judge.train(best, batches, schedule, "chosen")
    best.restore()
    return model.predict_labels(test.values)


class _SeedLSTM(LSTMClassifier):
    """Without mixing, offsets, noise and dropout, as it was published."""

    MIXING = OFFSET = NOISE = DROPOUT = 0.0


def by_the_seeds_schedule(fit: Windows, test: Windows, judge: Training) -> np.ndarray:
    """The seed system's LSTM at its last epoch: what it is there depends on where the swing stops."""
    model = _SeedLSTM(fit.shape, judge.params.evaluate.lstm, judge.seed_of("seed"))
    batches = judge.batches([np.asarray(fit.values), fit.labels.astype(np.int32)], SEED_SCHEDULE, "seed")
    schedule = Schedule(SEED_PASSES * batches.epoch_steps, batches.epoch_steps)
    judge.train(judge.step(model, SEED_SCHEDULE, "seed", constant), batches, schedule, "seed")
    return model.predict_labels(test.values)


def without_gyroscope(fit: Windows, test: Windows, judge: Training) -> np.ndarray:
    """Our LSTM on the six accelerometer channels."""
    kept = [at for at, name in enumerate(fit.channels) if "gyro" not in name]
    return predictions("lstm", _channels(fit, kept), _channels(test, kept), judge, "lstm without gyroscope")


def with_shuffled_labels(fit: Windows, test: Windows, judge: Training) -> np.ndarray:
    """The random convolutions with the training labels in random order: chance, or something leaks."""
    labels = rng(judge.params.seed, "shuffled").permutation(fit.labels)
    return predictions("random_convolution", replace(fit, labels=labels), test, judge, "shuffled")


WAYS: dict[str, Way] = {
    "random_convolution": by_kind("random_convolution"),
    "random_convolution, shuffled labels": with_shuffled_labels,
    "cnn": by_kind("cnn"),
    "cnn, epoch chosen on people left out": at_chosen_epoch,
    "encoder_svm": by_kind("encoder_svm"),
    "encoder_boosting": by_kind("encoder_boosting"),
    "lstm": by_kind("lstm"),
    "lstm, without gyroscope": without_gyroscope,
    "residual_lstm": by_kind("residual_lstm"),
    "lstm, seed's schedule": by_the_seeds_schedule,
}


def _channels(windows: Windows, kept: list[int]) -> Windows:
    names, units = ([of[at] for at in kept] for of in (windows.channels, windows.units))
    values = np.asarray(windows.values)[:, :, kept]
    return replace(windows, values=values, channels=tuple(names), units=tuple(units))


def _row(name: str, rows: list[Row]) -> list[str]:
    accuracies, f1s, seconds = ([float(row[key]) for row in rows] for key in ("accuracy", "macro_f1", "seconds"))
    mean = over_seeds(accuracies)
    return [
        name,
        ", ".join(f"{accuracy:.4f}" for accuracy in accuracies),
        f"{np.median(accuracies):.4f}",
        f"{mean['mean']:.4f} ({mean['low']:.4f} to {mean['high']:.4f})",
        f"{np.mean(f1s):.4f}",
        f"{np.mean(seconds):.0f}",
    ]
