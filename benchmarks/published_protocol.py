"""The classifiers by the published UCI HAR protocol: all 7,352 training windows, 2,947 test windows, last epoch.

A check of the judges, not a result of the pipeline: nothing is chosen by these numbers. The seed system reports
91.65 % for its LSTM from one run at a constant rate, between 88 and 93 % from epoch to epoch.
"""

import csv
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import table
from benchmarks.uci_har import ROOT, preset_params, published_split
from sensegen import training
from sensegen.divergence import AlertLog
from sensegen.evaluation.interval import over_seeds
from sensegen.evaluation.usefulness import CLASSIFIERS, predictions, scores
from sensegen.training_run import Training
from sensegen.windows import Windows

SEEDS = (0, 1, 2)
RESULTS = ROOT / "docs" / "results" / "published_protocol.csv"
COLUMNS = ("commit", "classifier", "seed", "accuracy", "macro_f1", "seconds")


def run() -> list[str]:
    """Train every classifier with three seeds; each adds its row to docs/results/ as it finishes."""
    training.set_up(preset_params().runtime)
    with tempfile.TemporaryDirectory() as folder:
        fit, test = published_split(Path(folder))
        rows = [row for kind in CLASSIFIERS for row in _rows(kind, fit, test, Path(folder))]
    body = []
    for kind in CLASSIFIERS:
        own = [row for row in rows if row["classifier"] == kind]
        accuracies = [float(row["accuracy"]) for row in own]
        measured = over_seeds(accuracies)
        seconds = sum(float(row["seconds"]) for row in own) / len(own)
        each = ", ".join(f"{accuracy:.4f}" for accuracy in accuracies)
        body.append([kind, each, f"{measured['mean']:.4f}", f"{seconds:.0f}"])
    lines = table.markdown(["classifier", "accuracy by seed, last epoch", "mean", "seconds a training"], body)
    lines = [f"{len(fit):,} training and {len(test):,} test windows.", "", *lines]
    table.put("published_protocol", lines)
    return lines


def _rows(kind: str, fit: Windows, test: Windows, folder: Path) -> Iterator[dict[str, str]]:
    for seed in SEEDS:
        params = preset_params().model_copy(update={"seed": seed})
        judge = Training(params, AlertLog(folder / "alerts.jsonl", "published_protocol"))
        began = time.monotonic()
        told = scores(test.labels, predictions(kind, fit, test, judge, kind), test.classes)
        row = {
            "commit": _commit(),
            "classifier": kind,
            "seed": str(seed),
            "accuracy": f"{told['accuracy']:.4f}",
            "macro_f1": f"{told['macro_f1']:.4f}",
            "seconds": f"{time.monotonic() - began:.0f}",
        }
        _append(row)
        yield row


def _append(row: dict[str, str]) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    new = not RESULTS.exists()
    with RESULTS.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
