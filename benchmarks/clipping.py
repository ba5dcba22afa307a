"""Whether gradients without a bound end in NaN, as the seed's synchronous SGD did, and whether clipping cures it.

The seed's code is not at hand. Its losses were by habit the logarithm of a softmax, `log(softmax(logits))`, which is
minus infinity once a probability is 0 in float32; here losses are formed from logits, in log space, and cannot be. Both
are trained by plain SGD at the same too large rate, with and without clipping by the global norm, in a process each.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import table, uci_har
from benchmarks.ledger import FOLDER, Ledger, commit
from benchmarks.uci_har import ROOT, preset_params

RATES, STEPS, BATCH, UNCLIPPED = (10.0,), 60, 32, 1e30
LOSSES = ("log(softmax)", "log space")
LEDGER = Ledger(
    FOLDER / "clipping.csv",
    ("commit", "loss", "rate", "gradient_norm", "steps", "not_finite_at", "first_loss", "last_loss", "largest_norm"),
    ("loss", "rate", "gradient_norm", "steps"),
)
HEADS = ("loss", "rate", "gradients", "first loss", "mean of the last 10", "largest gradient norm", "what happens")


def run() -> list[str]:
    """Train what is missing, and write a table over losses, rates, and clipping."""
    from benchmarks.data_parallel import published_windows

    windows = published_windows()
    rows = [
        measured(windows, {"loss": loss, "rate": rate, "gradient_norm": norm, "steps": STEPS})
        for rate in RATES
        for loss in LOSSES
        for norm in (UNCLIPPED, 1.0)
    ]
    about = (
        f"The same network by plain SGD (no Adam) at rates that are too large, {STEPS} steps of {BATCH} windows, one "
        "seed; stopped at the first number that is not finite. `log(softmax)` is minus the logarithm of the softmax of "
        "the label, taken literally; `log space` is the loss of this project."
    )
    lines = [about, "", *table.markdown(HEADS, [_shown(row) for row in rows])]
    table.put("clipping", lines)
    return lines


def measured(windows: Path, known: dict[str, Any]) -> dict[str, str]:
    """The row of a training, which is run if it is not there."""
    if found := LEDGER.find(known):
        return found
    command = [sys.executable, "-m", "benchmarks.clipping", str(windows), json.dumps(known)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return LEDGER.append({"commit": commit(), **known, **json.loads(done.stdout.splitlines()[-1])})


def trained(windows: Path, known: dict[str, Any]) -> dict[str, str]:
    """Steps until one is not finite, or to the end."""
    import keras

    from sensegen import training
    from sensegen.batches import EpochBatches
    from sensegen.params.models import OptimiserParams

    training.set_up(preset_params().runtime.model_copy(update={"threads": 1}))
    fit, _ = uci_har.opened(windows)
    optimiser = OptimiserParams(learning_rate=known["rate"], batch_windows=BATCH, gradient_norm=known["gradient_norm"])
    step = training.GradientStep(_model(known["loss"], fit.shape), optimiser, seed=0, xla=False)
    step.optimiser = keras.optimizers.SGD(known["rate"])
    step.optimiser.build(step.model.trainable_variables)
    batches = EpochBatches([np.asarray(fit.values, np.float32), fit.labels.astype(np.int32)], BATCH, seed=0)
    losses, norms, failed = [], [], ""
    for number in range(known["steps"]):
        report = step(batches(number), number)
        losses.append(report["loss"])
        norms.append(report["gradient_norm"])
        if training.not_finite(report):
            failed = str(number)
            break
    told = {"not_finite_at": failed, "first_loss": f"{losses[0]:.3f}", "last_loss": f"{np.mean(losses[-10:]):.3f}"}
    return told | {"largest_norm": f"{max(norms):.3g}"}


def _model(loss: str, shape: Any) -> Any:
    import tensorflow as tf

    from benchmarks.data_parallel import LSTM
    from sensegen.classifiers.hhar_lstm import HHARLSTMClassifier

    class Literal(HHARLSTMClassifier):
        def batch_loss(self, batch: Any, seed: Any) -> Any:
            values, labels = batch
            probabilities = tf.nn.softmax(self.train_logits(values, seed))
            return -tf.reduce_mean(tf.math.log(tf.gather(probabilities, labels, batch_dims=1)))

    return {"log(softmax)": Literal, "log space": HHARLSTMClassifier}[loss](shape, LSTM, 0)


def _shown(row: dict[str, str]) -> list[str]:
    norm = float(row["gradient_norm"])
    clipped = "as they are" if norm >= UNCLIPPED else f"clipped to {norm:g}"
    how = f"NaN or infinite at step {row['not_finite_at']}" if row["not_finite_at"] else "stays finite"
    return [row["loss"], row["rate"], clipped, row["first_loss"], row["last_loss"], row["largest_norm"], how]


if __name__ == "__main__":
    print(json.dumps(trained(Path(sys.argv[1]), json.loads(sys.argv[2]))))
