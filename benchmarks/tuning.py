"""Whether what a search found is better than the preset it began with: on validation people, and, once, on test people.

`sensegen preset uci_har`, `sensegen tune --space mdn_rnn_small --study uci_har_small --epochs 12 --trials 30 --apply`
writes presets/tuned_uci_har_small.yaml. Both that and the preset it began with are then trained anew for as many epochs
as a trial, with seeds that no trial had, and scored as a trial is; on test people by the same measures. A seed that
docs/results/tuning.csv has is not trained again.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks import table
from benchmarks.ledger import FOLDER, Ledger, commit, settings_hash
from benchmarks.uci_har import ROOT, our_split
from sensegen import params as schema
from sensegen import presets, pretraining, training
from sensegen.divergence import AlertLog
from sensegen.evaluation.interval import over_seeds
from sensegen.generators import build_generator
from sensegen.params import Params
from sensegen.training_run import Training
from sensegen.tuning.score import drawn, score
from sensegen.windows import Windows

EPOCHS, SEEDS = 12, (1, 2, 3, 4, 5)  # trials have seed 0
ARMS = {"preset mdn_rnn": ("uci_har", "mdn_rnn"), "tuned": ("uci_har", "mdn_rnn", "tuned_uci_har_small")}
KNOWN = ("arm", "seed", "settings")
MEASURES = tuple(f"{split}_{name}" for split in ("validation", "test") for name in ("useful", "told_apart", "score"))
NUMBERS = ("validation_loss", *MEASURES)
LEDGER = Ledger(FOLDER / "tuning.csv", (*KNOWN, "commit", *NUMBERS), KNOWN)


def run() -> list[str]:
    """Train what is missing; the table of all."""
    training.set_up(arm_params("tuned", 1).runtime)
    with TemporaryDirectory() as folder:
        windows = our_split(Path(folder))
        for seed in SEEDS:
            for arm in ARMS:
                params = arm_params(arm, seed)
                known = {"arm": arm, "seed": str(seed), "settings": settings(params)}
                if LEDGER.find(known) is None:
                    LEDGER.append({**known, "commit": commit(), **measured(params, windows, Path(folder))})
            lines = tell()
    return lines


def tell() -> list[str]:
    """Write the table of the rows that there are."""
    lines = [
        f"{EPOCHS} epochs, mean (95 % interval over seeds that no trial had); the last row is tuned less preset.",
        "",
        *table.markdown(("", "seeds", *(name.replace("_", " ") for name in NUMBERS)), list(_rows())),
    ]
    table.put("tuning", lines)
    return lines


def arm_params(arm: str, seed: int) -> Params:
    """The params of one training."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for name in ARMS[arm]:
        text = presets.applied(text, presets.read(ROOT / "presets", name))
    text = presets.applied(text, f"seed: {seed}\nruntime: {{threads: 1}}\ntrain_generator: {{epochs: {EPOCHS}}}")
    return schema.check(yaml.safe_load(text))


def settings(params: Params) -> str:
    """Digits of all that a row depends on but its seed."""
    return settings_hash(params.train_generator.model_dump(mode="json"))


def measured(params: Params, windows: Path, folder: Path) -> dict[str, Any]:
    """Train on the fit windows, and score on validation and on test people."""
    fit, validation, test = (Windows.open(windows / name) for name in ("fit", "validation", "test"))
    trained = Training(params, AlertLog(folder / "alerts.jsonl", "tuning"))
    generator = build_generator(fit.shape, params.train_generator.generator, params.seed)
    pretraining.pretrain(generator, fit, validation, trained)
    told = {"validation_loss": f"{float(trained.rows[-1]['validation_loss']):.4f}"}
    for name, split in (("validation", validation), ("test", test)):
        found = score(*drawn(generator.sample, fit, params), split, trained)
        numbers = {"useful": found.useful, "told_apart": found.told_apart, "score": found.total}
        told |= {f"{name}_{measure}": f"{number:.4f}" for measure, number in numbers.items()}
    return told


def _rows() -> Iterator[list[str]]:
    of_arm = {}
    for arm in ARMS:
        present = settings(arm_params(arm, SEEDS[0]))
        rows = [row for row in LEDGER.rows() if row["arm"] == arm and row["settings"] == present]
        of_arm[arm] = {row["seed"]: {name: float(row[name]) for name in NUMBERS} for row in rows}
        yield [arm, str(len(rows)), *(_interval([row[name] for row in of_arm[arm].values()]) for name in NUMBERS)]
    first, second = of_arm.values()
    both = sorted(first.keys() & second.keys())
    apart = (_interval([second[seed][name] - first[seed][name] for seed in both]) for name in NUMBERS)
    yield ["difference", str(len(both)), *apart]


def _interval(values: list[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.3f}"
    told = over_seeds(values)
    return f"{told['mean']:.3f} ({told['low']:.3f} to {told['high']:.3f})"
