"""What training saves that begins with another model's weights: losses on validation people by epoch, with and without.

Of each pair and seed one generator is trained on the other data; then two on the data at hand, from nothing and from
that one, by the same batches. The score from nothing is its lowest validation loss, as the epoch is kept that has it;
told is how many steps the other one takes to it, as a share of those from nothing.

HAPT's people are UCI HAR's, by the same numbers and the same split: hapt_against_uci_har finds their windows in each
other. So a generator of HAPT's fit people has seen no validation or test person of UCI HAR. A pair and seed that
docs/results/warm_starts.csv has under the same settings is not run again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import table, warm_start_curves
from benchmarks.ledger import FOLDER, Ledger, Row, commit, settings_hash
from benchmarks.preset_windows import preset_params
from benchmarks.uci_har import four_splits, window_folder_of
from sensegen import pretraining, training
from sensegen.divergence import AlertLog
from sensegen.evaluation.interval import over_seeds
from sensegen.generators import build_generator
from sensegen.generators.generator import Generator
from sensegen.params import Params
from sensegen.params.models import MDNRNNParams, OptimiserParams
from sensegen.training_run import Training
from sensegen.warm_start import carry_over, compare
from sensegen.windows import Windows

SEEDS, ARMS = 5, ("from nothing", "warm")
GENERATOR = MDNRNNParams.model_validate(
    {
        **{"kind": "mdn_rnn", "cell": "lstm", "layers": 2, "units": 64, "hidden": 64, "mixtures": 8},
        **{"samples_a_step": 2, "precision": "bfloat16", "temperature": 1.0},
        "log_stddev": {"low": -6.0, "high": 2.0},
    }
)
TORSO = [f"torso_{sensor}_{axis}" for sensor in ("acc", "gyro") for axis in "xyz"]
PHONE = [f"{sensor}_{axis}" for sensor in ("acc", "gyro") for axis in "xyz"]
SLOW = {"rate_hz": 25.0, "window_seconds": 5.12, "filtering": {"kind": "none"}}


@dataclass(frozen=True)
class Data:
    """The fit windows of a preset with some params of `window` changed; of the first `most` ones alone."""

    preset: str
    window: Mapping[str, Any]
    most: int | None = None

    def splits(self, folder: Path) -> tuple[Windows, Windows]:
        """Fit and validation."""
        place = folder / settings_hash({"preset": self.preset, **self.window})
        windows = place / "artifacts" / "window"
        if not windows.exists():
            windows = window_folder_of(preset_params(self.preset, self.window), place, four_splits)
        fit, validation = (Windows.open(windows / name) for name in ("fit", "validation"))
        return fit.select(np.arange(len(fit))[: self.most]), validation


@dataclass(frozen=True)
class Pair:
    """From which data to which, and the budget on either."""

    source: Data
    target: Data
    epochs: int
    batch_windows: int
    learning_rate: float


PAIRS = {
    "simulated to uci_har": Pair(Data("simulated", {}), Data("uci_har", {}), 20, 64, 0.003),
    "hapt to uci_har": Pair(Data("hapt", {}), Data("uci_har", {}), 20, 64, 0.003),
    "dsads torso to hapt, 25 Hz": Pair(
        Data("dsads", SLOW | {"channels": TORSO}), Data("hapt", SLOW | {"channels": PHONE}), 20, 64, 0.003
    ),
    "chickenpox, 200 first weeks to all": Pair(
        Data("hungarian_chickenpox", {}, most=200 - 26 + 1), Data("hungarian_chickenpox", {}), 30, 16, 0.0005
    ),
}
KNOWN = ("pair", "seed", "arm", "settings", "epoch")
LEDGER = Ledger(FOLDER / "warm_starts.csv", (*KNOWN, "commit", "carried", "validation_loss"), KNOWN)
HEADS = ("pair", "seeds", "weights carried", "after one epoch", "lowest", "warm less from nothing", "steps needed")


def run() -> list[str]:
    """Train what is missing, rows as a pair and seed is finished; the table of all."""
    training.set_up(preset_params("uci_har", {}).runtime)
    with TemporaryDirectory() as folder:
        for seed in range(SEEDS):
            for name, pair in PAIRS.items():
                if missing(name, pair, seed):
                    for row in list(measured(name, pair, seed, Path(folder))):  # both arms or none
                        LEDGER.append(row)
            lines = tell()
    return lines


def tell() -> list[str]:
    """Write table and picture of the rows that there are."""
    rows = LEDGER.rows()
    lines = shown(rows)
    table.put("warm_starts", lines)
    warm_start_curves.draw({name: losses for name, pair in PAIRS.items() if (losses := curves_of(name, pair, rows))})
    return lines


def settings(pair: Pair) -> str:
    """Digits of all that a row depends on but its seed."""
    data = [{"preset": data.preset, "most": data.most, **data.window} for data in (pair.source, pair.target)]
    return settings_hash(
        {
            "data": data,
            "epochs": pair.epochs,
            "batch": pair.batch_windows,
            "rate": pair.learning_rate,
            **GENERATOR.model_dump(),
        }
    )


def missing(name: str, pair: Pair, seed: int) -> bool:
    """Whether the last epoch of the last arm has no row."""
    known = {"pair": name, "seed": seed, "arm": ARMS[-1], "settings": settings(pair), "epoch": pair.epochs}
    return LEDGER.find(known) is None


def measured(name: str, pair: Pair, seed: int, folder: Path) -> Iterator[Row]:
    """The rows of both arms."""
    params = trained_as(pair, seed)
    source, _ = trained(params, *pair.source.splits(folder), None, folder)
    fit, validation = pair.target.splits(folder)
    for arm, begun_with in zip(ARMS, (None, source), strict=True):
        generator, losses = trained(params, fit, validation, begun_with, folder)
        carried = len(compare(generator, source.arrays()).carried) if begun_with else 0
        for epoch, loss in enumerate(losses, start=1):
            yield {
                **{"pair": name, "seed": str(seed), "arm": arm, "settings": settings(pair), "epoch": str(epoch)},
                **{"commit": commit(), "carried": f"{carried} of {len(generator.trained())}"},
                "validation_loss": f"{loss:.5f}",
            }


def trained_as(pair: Pair, seed: int) -> Params:
    """The params of a training."""
    params = preset_params("uci_har", {})
    optimiser = OptimiserParams(learning_rate=pair.learning_rate, batch_windows=pair.batch_windows, gradient_norm=1.0)
    # Patience of all epochs ends nothing early, and keeps the best one.
    changes = {"generator": GENERATOR, "epochs": pair.epochs, "patience": pair.epochs, "optimiser": optimiser}
    section = params.train_generator.model_copy(update=changes)
    return params.model_copy(update={"seed": seed, "train_generator": section})


def trained(
    params: Params, fit: Windows, validation: Windows, begun_with: Generator | None, folder: Path
) -> tuple[Generator, list[float]]:
    """A generator, and its validation loss after each epoch."""
    generator = build_generator(fit.shape, params.train_generator.generator, params.seed)
    if begun_with:
        arrays = begun_with.arrays()
        carry_over(generator, arrays, compare(generator, arrays))
    run = Training(params, AlertLog(folder / "alerts.jsonl", "warm_starts"))
    pretraining.pretrain(generator, fit, validation, run)
    return generator, [float(row["validation_loss"]) for row in run.rows]


def shown(rows: Sequence[Row]) -> list[str]:
    """The table: losses in nats a sample and channel, less is better."""
    body = [_line(name, pair, rows) for name, pair in PAIRS.items()]
    return [
        "Validation loss (nats a sample and channel, less is better), mean (95 % interval over seeds), from nothing",
        "and warm; and the steps that the warm one takes to the lowest loss from nothing, as a share of those there.",
        "",
        *table.markdown(HEADS, [line for line in body if line]),
    ]


def _line(name: str, pair: Pair, rows: Sequence[Row]) -> list[str]:
    if not (losses := curves_of(name, pair, rows)):
        return []
    pairs = list(zip(*losses.values(), strict=True))
    needed = [steps_needed(scratch, warm) for scratch, warm in pairs]
    never = sum(np.isinf(needed))
    told = f"not by {never} of {len(needed)} seeds" if never else _interval(needed)
    return [
        name, str(len(pairs)), _carried(name, pair, rows),
        *(f"{_interval([at(s) for s, _ in pairs])}; {_interval([at(w) for _, w in pairs])}" for at in (_first, np.min)),
        _interval([warm.min() - scratch.min() for scratch, warm in pairs]), told,
    ]  # fmt: skip


def curves_of(name: str, pair: Pair, rows: Sequence[Row]) -> dict[str, list[np.ndarray]]:
    """Of each arm the losses by epoch, of every seed; nothing where no seed was run."""
    found: dict[str, dict[str, list[float]]] = {arm: {} for arm in ARMS}
    for row in _own(name, pair, rows):
        found[row["arm"]].setdefault(row["seed"], []).append(float(row["validation_loss"]))
    both = sorted(found[ARMS[0]].keys() & found[ARMS[1]].keys())
    return {arm: [np.array(of_arm[seed]) for seed in both] for arm, of_arm in found.items()} if both else {}


def _own(name: str, pair: Pair, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["pair"] == name and row["settings"] == settings(pair)]


def _carried(name: str, pair: Pair, rows: Sequence[Row]) -> str:
    return next(row["carried"] for row in reversed(_own(name, pair, rows)) if row["arm"] == ARMS[1])


def steps_needed(scratch: np.ndarray, warm: np.ndarray) -> float:
    """Epochs until `warm` has the lowest loss of `scratch`, as a share of those of `scratch`; infinite if never."""
    reached = np.flatnonzero(warm <= scratch.min())
    return float(reached[0] + 1) / float(scratch.argmin() + 1) if len(reached) else float("inf")


def _first(losses: np.ndarray) -> float:
    return float(losses[0])


def _interval(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.3f}"
    told = over_seeds(list(values))
    return f"{told['mean']:.3f} ({told['low']:.3f} to {told['high']:.3f})"
