"""DowGAN's two GANs on weekly chickenpox cases of 20 counties, run again: why neither learned anything to use.

As in its slides and notebooks (github.com/Dow-GAN/dowgan): dense layers on single weeks, batches of 18, four rates, up
to 1,000 epochs; and a Wasserstein GAN of five GRU layers of five units, whose critic ends in a sigmoid and whose
generator ends in a layer norm, on raw counts, with a gradient penalty of 10. Of neither is a seed published. Its length
of windows is not told either; 26 weeks are taken here. Losses and health of every tenth epoch are in
docs/results/dowgan.csv, and drawn in docs/images/dowgan.png.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks import table
from benchmarks.ledger import FOLDER
from benchmarks.preset_windows import preset_params
from benchmarks.uci_har import ROOT
from sensegen import datasets, training
from sensegen.adversarial_step import AdversarialStep
from sensegen.artifacts import Artifacts
from sensegen.batches import EpochBatches
from sensegen.divergence import AlertLog
from sensegen.evaluation.forecast import parity_r2, sorted_parity_r2
from sensegen.generators import mlp_gan
from sensegen.generators.adversarial import Contenders
from sensegen.generators.wgan_gp import Penalised
from sensegen.guard import DivergenceGuard, TrainState
from sensegen.params import DivergenceParams, Params
from sensegen.params.adversarial import GRUNetworkParams, MLPGANParams, NoiseParams, WGANGPParams
from sensegen.params.models import OptimiserParams
from sensegen.progress import reporter
from sensegen.training import Schedule
from sensegen.training_run import write_rows
from sensegen.windows import WindowShape

RATES, EPOCHS, BATCH = (0.01, 0.005, 0.002, 0.001), (100, 500, 1000), 18
WEEKS, WASSERSTEIN_EPOCHS, WASSERSTEIN_RATE = 26, 50, 0.001
RESULTS, PICTURE = FOLDER / "dowgan.csv", ROOT / "docs" / "images" / "dowgan.png"
SHOWN = ("loss", "critic_loss", "output_gradient", "diversity")
COLUMNS = ("network", "rate", "epoch", *SHOWN, "parity_r2", "sorted_parity_r2")
HEADS = ("network", "rate", "epoch", "generator's loss", "critic's loss", "slope at the output", "diversity")


class DowGANWasserstein(Penalised):
    """A critic that ends in a sigmoid, and counts against numbers of a layer norm."""

    def __init__(self, shape: WindowShape, params: WGANGPParams):
        super().__init__(shape, params)
        self.last = keras.layers.LayerNormalization(name="last")

    def made_of(self, noise: tf.Tensor, labels: tf.Tensor, training: bool) -> tf.Tensor:
        return self.last(super().made_of(noise, labels, training))

    def judged(self, values: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(super().judged(values, labels, seed))


def run() -> list[str]:
    """Train them all, write the rows and the picture; the table of what is left in the end."""
    params = preset_params("hungarian_chickenpox", {})
    training.set_up(params.runtime)
    weeks = counts(params)
    rows, alerts = wasserstein(weeks)
    rows = [*(row for rate in RATES for row in dense(weeks, rate)), *rows]
    write_rows(RESULTS, COLUMNS, rows)
    draw(rows, PICTURE)
    lines = shown(rows, alerts)
    table.put("dowgan", lines)
    return lines


def counts(params: Params) -> np.ndarray:
    """Cases (week, county)."""
    dataset = datasets.get("hungarian_chickenpox")
    with TemporaryDirectory() as folder:
        raw = Artifacts(Path(folder)).download / "raw"
        dataset.fetch(raw, params, reporter("download"), Path(folder) / "downloads")
        (recording,) = datasets.read_all(raw, params.dataset)
        return np.asarray(recording.signals["cases"].values, np.float32)


def dense(weeks: np.ndarray, rate: float) -> Iterator[dict[str, Any]]:
    """A row every tenth epoch of the dense GAN; at some of them the R2 of its weeks against real ones, both ways."""
    values = ((weeks - weeks.mean(axis=0)) / weeks.std(axis=0))[:, None]
    params = MLPGANParams(
        kind="mlp_gan", width=BATCH, samples_a_step=1, dropout=0.2, critic_learning_rate=rate, temperature=1.0
    )
    generator = mlp_gan.build(WindowShape(1, values.shape[2], 1), params, seed=0)
    reached: dict[int, dict[str, float]] = {}

    def measure() -> dict[str, float]:
        epoch = int(step.maker.iterations.numpy()) // (len(weeks) // BATCH)
        if epoch in EPOCHS:
            made = generator.sample(np.zeros(len(weeks), int), seed=epoch)
            reached[epoch] = {"parity_r2": parity_r2(values, made), "sorted_parity_r2": sorted_parity_r2(values, made)}
        return {}

    step = AdversarialStep(generator.model, _optimiser(rate), seed=0, xla=False)
    state = _trained(step, values, EPOCHS[-1], measure)
    for row in state.rows:
        epoch = int(row["epoch"])
        if epoch % 10 == 0:
            yield {"network": "dense", "rate": rate, **row, **reached.get(epoch, {})}


def wasserstein(weeks: np.ndarray) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the Wasserstein GAN on raw counts, and its alerts."""
    windows = np.lib.stride_tricks.sliding_window_view(weeks, WEEKS, axis=0).swapaxes(1, 2)
    recurrent = GRUNetworkParams(kind="gru", layers=5, units=5, norm="none")
    params = WGANGPParams(
        kind="wgan_gp",
        network=recurrent,
        critic=recurrent,
        noise=NoiseParams(a_window=0, a_sample=20, correlation=0.0),
        critic_steps=1,
        critic_learning_rate=WASSERSTEIN_RATE,
        penalty=10.0,
        temperature=1.0,
    )
    keras.utils.set_random_seed(0)
    model: Contenders = DowGANWasserstein(WindowShape(WEEKS, weeks.shape[1], 1), params)
    model.create_variables()
    step = AdversarialStep(model, _optimiser(WASSERSTEIN_RATE), seed=0, xla=False)
    state = _trained(step, np.ascontiguousarray(windows), WASSERSTEIN_EPOCHS, dict)
    rows = [{"network": "wasserstein", "rate": WASSERSTEIN_RATE, **row} for row in state.rows]
    return rows, state.alerts


def _optimiser(rate: float) -> OptimiserParams:
    return OptimiserParams(learning_rate=rate, batch_windows=BATCH, gradient_norm=1e9)  # theirs were not clipped


def _trained(step: AdversarialStep, values: np.ndarray, epochs: int, measure: Any) -> TrainState:
    batches = step.fed(EpochBatches([values, np.zeros(len(values), np.int32)], BATCH, seed=0))
    with TemporaryDirectory() as folder:
        rule = DivergenceParams(max_rollbacks=4, snapshot_steps=1000)
        guard = DivergenceGuard(rule, AlertLog(Path(folder) / "alerts.jsonl", "dowgan"))
        return training.train(
            step, batches, Schedule(epochs * batches.epoch_steps, batches.epoch_steps, measure), guard
        )


def shown(rows: list[dict[str, Any]], alerts: list[dict[str, Any]]) -> list[str]:
    """The table: the dense GAN at its three budgets, the other one at its end."""
    last = [row for row in rows if row["network"] == "wasserstein"][-1:]
    at = [row for row in rows if row["network"] == "dense" and row["epoch"] in EPOCHS]
    body = []
    for row in [*at, *last]:
        r2 = [f"{row[name]:.2f}" if name in row else "-" for name in ("parity_r2", "sorted_parity_r2")]
        body.append(
            [str(row["network"]), f"{row['rate']:g}", str(row["epoch"]), *(f"{row[n]:.3g}" for n in SHOWN), *r2]
        )
    heads = (*HEADS, "parity R2", "R2 of sorted values")
    told = "; ".join(f"{alert['kind']} at step {alert['step']} ({alert['reason']})" for alert in alerts) or "none"
    return [
        "DowGAN's slides have a parity R2 of -1.48 for the dense GAN, and a critic's loss of 9.9 to 10.06 for the",
        "other one. Two independent draws of one process have a parity R2 of about -1, so that it judges nothing.",
        f"Alerts of the Wasserstein GAN: {told}.",
        "",
        *table.markdown(heads, body),
    ]


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """The losses by epoch, a panel a network."""
    from sensegen.reporting import drawing

    with drawing.themed(drawing.LIGHT):
        drawn = drawing.figure(2.7)
        for place, (network, name) in enumerate(
            (("dense", "loss"), ("dense", "critic_loss"), ("wasserstein", "critic_loss"))
        ):
            axes = drawing.place(drawn, 0.45 + 2.6 * place, 0.3, 2.1, 1.9)
            for index, rate in enumerate(dict.fromkeys(row["rate"] for row in rows if row["network"] == network)):
                own = [row for row in rows if row["network"] == network and row["rate"] == rate]
                axes.plot(
                    [row["epoch"] for row in own], [row[name] for row in own],
                    color=drawing.LIGHT.line(index)[0], label=f"rate {rate:g}",
                )  # fmt: skip
            axes.set_title(f"{network}: {'generator' if name == 'loss' else 'critic'}'s loss", loc="left", size=8)
            axes.set_xlabel("epoch")
            axes.legend()
        path.write_bytes(drawing.png(drawn))
