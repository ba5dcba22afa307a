"""Twenty seeds for 2,500 epochs each of the anchor's setting, cut down: no model may be left with a NaN.

Cut down are the network (1 x LSTM 64, dense 32, 24 Gaussians), the steps that a gradient goes back (10) and the series,
of which the first 201 steps are used: 20 updates an epoch, 50,000 a seed. All else is as in `anchor`. Every divergence
stands in docs/results/divergence.csv with the step, the reason and the cure: back to the last good state, with half the
learning rate.
"""

from typing import Any

import keras
import numpy as np

from benchmarks import table
from benchmarks.transposed import OPTIMISER, SERIES, CarriedStates, Segments, transposed
from benchmarks.uci_har import ROOT, preset_params
from sensegen import training
from sensegen.divergence import AlertLog
from sensegen.generators.mixture_rnn import MixtureRNN
from sensegen.guard import DivergenceGuard
from sensegen.params import DivergenceParams
from sensegen.params.models import LogStddevBounds, MDNRNNParams
from sensegen.progress import reporter
from sensegen.training_run import write_rows
from sensegen.windows import WindowShape

SEEDS, EPOCHS, STEPS, SEGMENT = 20, 2500, 201, 10
FOLDER, RESULTS = ROOT / ".cache" / "divergence", ROOT / "docs" / "results" / "divergence.csv"
COLUMNS = ("seed", "epochs", "first_loss", "last_loss", "learning_rate", "divergences", "cures")
NETWORK = MDNRNNParams(
    kind="mdn_rnn",
    cell="lstm",
    layers=1,
    units=64,
    hidden=32,
    mixtures=24,
    samples_a_step=1,
    precision="float32",
    log_stddev=LogStddevBounds(low=-6.0, high=2.0),
    temperature=1.0,
)


def run() -> list[str]:
    """Train every seed, going on where an earlier sitting stopped; a table of all."""
    training.set_up(preset_params().runtime.model_copy(update={"threads": 1}))
    series, show = transposed()[:SERIES, :STEPS], reporter("divergence")
    rows = []
    for seed in range(SEEDS):
        rows.append(of_seed(seed, series))
        write_rows(RESULTS, COLUMNS, rows)
        show(seed + 1, SEEDS, f"loss {rows[-1]['last_loss']:.3f}, {rows[-1]['divergences']} divergences")
    lines = table.markdown(list(COLUMNS), [[str(row[name]) for name in COLUMNS] for row in rows])
    table.put("divergence", lines)
    return lines


def of_seed(seed: int, series: np.ndarray) -> dict[str, Any]:
    """One training; it ends with an error if a weight of the model is not finite."""
    keras.utils.set_random_seed(seed)
    network = CarriedStates(MixtureRNN(WindowShape(SEGMENT, 1, 0), NETWORK, hidden_activation="sigmoid"))
    batches = Segments(series, SEGMENT)
    log = AlertLog(FOLDER / f"alerts_{seed}.jsonl", "divergence")
    guard = DivergenceGuard(DivergenceParams(max_rollbacks=20, snapshot_steps=2000), log, f"seed_{seed}", FOLDER)
    step = training.GradientStep(network, OPTIMISER, seed=seed, xla=False)
    state = training.train(step, batches, training.Schedule(EPOCHS * batches.epoch_steps, batches.epoch_steps), guard)
    if not all(np.isfinite(variable.numpy()).all() for variable in network.variables):
        raise AssertionError(f"Seed {seed} is left with numbers that are not finite.")
    cures = "; ".join(f"step {a['step']} ({a['reason']}): back to {a['restored_step']}" for a in state.alerts)
    return {
        "seed": seed,
        "epochs": len(state.rows),
        "first_loss": round(float(state.rows[0]["loss"]), 3),
        "last_loss": round(float(state.rows[-1]["loss"]), 3),
        "learning_rate": step.learning_rate,
        "divergences": len(state.alerts),
        "cures": cures or "none needed",
    }
