"""One loop trains every model: compiled steps, exact resume, and a return to the last good state on divergence.

A run is a function of its params, its inputs and its seed: the batch and the noise of step `n` depend on `n` alone,
so a run that was killed and goes on from its checkpoint ends with the same weights, bit for bit.
"""

import copy
import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import tensorflow as tf

from sensegen.artifacts import Artifacts, remove, writing
from sensegen.batches import EpochBatches
from sensegen.checkpoints import checkpoint_key
from sensegen.divergence import Alert, AlertListener, AlertLog, Diverged, write_alerts
from sensegen.params import DivergenceParams, OptimiserParams, Params, RuntimeParams
from sensegen.progress import Progress, reporter
from sensegen.seeding import derived_seed

CURVE_COLUMNS = ("part", "epoch", "step", "loss", "gradient_norm", "learning_rate", "validation_loss")
Row = dict[str, float | int | str]
Variables = Sequence[Any]


class Trainable(Protocol):
    """A Keras model that knows its own loss."""

    trainable_variables: Variables
    variables: Variables

    def batch_loss(self, batch: Any, seed: tf.Tensor) -> tf.Tensor:
        """The scalar to minimise on one batch; `seed` (two integers) feeds stateless draws."""


class TrainStep(Protocol):
    """One update of something; everything that it changes is in `variables`."""

    @property
    def variables(self) -> Variables: ...

    @property
    def learning_rate(self) -> float: ...

    def halve_learning_rate(self) -> None: ...

    def __call__(self, batch: Any, step: int) -> dict[str, float]:
        """Update once. `loss`, `gradient_norm` and `weights` (0, or not finite) say whether all went well."""


class Callback(Protocol):
    """What the loop tells the outside."""

    def on_epoch(self, row: Mapping[str, float | int | str]) -> None: ...


def set_up(runtime: RuntimeParams) -> None:
    """Pin what the numbers depend on besides the seed: threads and the order of sums. Once, before any tensor."""
    tf.config.threading.set_intra_op_parallelism_threads(runtime.threads)
    tf.config.threading.set_inter_op_parallelism_threads(runtime.threads)
    tf.config.experimental.enable_op_determinism()
    # Each judge is a model of its own, compiled once; TensorFlow takes that for one model compiled too often.
    tf.get_logger().setLevel("ERROR")


def mean_loss(model: Trainable, arrays: Sequence[np.ndarray], batch_windows: int = 256) -> Callable[[], float]:
    """A function that measures the model's mean loss over all rows of `arrays`, e.g. on validation windows."""
    compiled = tf.function(model.batch_loss, reduce_retracing=True)
    seed = tf.zeros(2, tf.int32)
    blocks = [slice(first, first + batch_windows) for first in range(0, len(arrays[0]), batch_windows)]
    batches = [tuple(tf.constant(array[rows]) for array in arrays) for rows in blocks]

    def measure() -> float:
        losses = [float(compiled(batch, seed)) * len(batch[0]) for batch in batches]
        return sum(losses) / len(arrays[0])

    return measure


Decay = Callable[[int], float]


def constant(step: int) -> float:
    """No decay."""
    return 1.0


def cosine(steps: int) -> Decay:
    """From 1 to 0 along half a cosine (Loshchilov & Hutter, 2017): the last step is a calm one."""
    return lambda step: 0.5 * (1 + math.cos(math.pi * min(step / steps, 1)))


class GradientStep:
    """Adam on one model's loss, with gradients clipped by their global norm (Pascanu et al., 2013)."""

    def __init__(self, model: Trainable, params: OptimiserParams, *, seed: int, xla: bool, decay: Decay = constant):
        import keras

        self.model = model
        self.seed = seed
        self.decay = decay
        self.gradient_norm = params.gradient_norm
        self.peak_rate = tf.Variable(params.learning_rate, trainable=False)
        self.optimiser = keras.optimizers.Adam(params.learning_rate)
        self.optimiser.build(model.trainable_variables)
        self._update = tf.function(self._eager_update, jit_compile=xla)

    @property
    def variables(self) -> Variables:
        return [*self.model.variables, *self.optimiser.variables, self.peak_rate]

    @property
    def learning_rate(self) -> float:
        """The rate before any decay, halved with every rollback."""
        return float(self.peak_rate)

    def halve_learning_rate(self) -> None:
        """What a rollback does."""
        self.peak_rate.assign(self.peak_rate / 2)

    def __call__(self, batch: Any, step: int) -> dict[str, float]:
        self.optimiser.learning_rate.assign(self.peak_rate * self.decay(step))
        report = self._update(batch, tf.constant([self.seed, step], tf.int32))
        return {name: float(value) for name, value in report.items()}

    def _eager_update(self, batch: Any, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = self.model.batch_loss(batch, seed)
        variables = self.model.trainable_variables
        gradients, norm = tf.clip_by_global_norm(tape.gradient(loss, variables), self.gradient_norm)
        self.optimiser.apply(gradients, variables)
        # x - x is 0 for finite x and NaN for everything else.
        weights = tf.add_n([tf.reduce_sum(v.value - v.value) for v in variables])
        return {"loss": loss, "gradient_norm": norm, "weights": weights}


@dataclass(frozen=True)
class Schedule:
    """How long to train, what an epoch is, and what to measure at its end."""

    steps: int
    epoch_steps: int
    measure: Callable[[], Mapping[str, float]] = dict


class EpochProgress:
    """Shows each epoch of one part of a training."""

    def __init__(self, show: Progress, epochs: int):
        self.show = show
        self.epochs = epochs

    def on_epoch(self, row: Mapping[str, float | int | str]) -> None:
        """Show the epoch with its losses."""
        losses = [f"{name} {value:.4g}" for name, value in row.items() if name.endswith("loss")]
        self.show(int(row["epoch"]), self.epochs, f"{row['part']}: {', '.join(losses)}")


@dataclass
class TrainState:
    """Everything but the variables that a run needs to go on: goes into the checkpoint as JSON."""

    step: int = 0
    rows: list[Row] = field(default_factory=list)
    sums: dict[str, list[float]] = field(default_factory=dict)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def add(self, report: Mapping[str, float]) -> None:
        """Count one good step."""
        self.step += 1
        for name, value in report.items():
            total, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = [total + value, count + 1]

    def close_epoch(self, epoch: int, part: str, learning_rate: float, measured: Mapping[str, float]) -> Row:
        """One row of means over the epoch's steps."""
        means = {name: total / count for name, (total, count) in self.sums.items() if not name.endswith("weights")}
        row: Row = {
            "part": part,
            "epoch": epoch,
            "step": self.step,
            **means,
            "learning_rate": learning_rate,
            **measured,
        }
        self.rows.append(row)
        self.sums = {}
        return row


class DivergenceGuard:
    """Keeps the last good state of one training run in memory, and on the disk when given a folder."""

    def __init__(self, params: DivergenceParams, log: AlertLog, part: str = "all", folder: Path | None = None):
        self.params = params
        self.log = log
        self.part = part
        self.folder = folder
        self._arrays: list[np.ndarray] = []
        self._state = TrainState()

    def resume(self, step: TrainStep) -> TrainState:
        """The state to start from: the checkpoint's if there is one, else the beginning."""
        path = self._path
        if path is None or not path.exists():
            state = TrainState()
            self.remember(step, state)
            return state
        self._arrays, self._state = _read_checkpoint(path, len(step.variables))
        _assign(step.variables, self._arrays)
        return copy.deepcopy(self._state)

    def remember(self, step: TrainStep, state: TrainState) -> None:
        """Take the present state as the last good one."""
        self._arrays = [np.array(variable.numpy()) for variable in step.variables]
        self._state = copy.deepcopy(state)
        self._save()

    def recover(self, step: TrainStep, state: TrainState, reason: str) -> TrainState:
        """Go back to the last good state with half the learning rate, and tell.

        Raises:
            Diverged: if this has happened `divergence.max_rollbacks` times already.
        """
        failed_rate = step.learning_rate
        rollback = len(state.alerts) + 1
        gives_up = rollback > self.params.max_rollbacks
        alert = Alert(
            self.log.stage, self.part, state.step, reason, failed_rate, rollback, None if gives_up else self._state.step
        )
        self.log.append(alert)
        self._state.alerts = [*state.alerts, asdict(alert)]
        _assign(step.variables, self._arrays)
        step.halve_learning_rate()
        if gives_up:
            raise Diverged(
                f"{self.log.stage} ({self.part}) left the finite numbers at step {state.step} ({reason}) with learning "
                f"rate {failed_rate:g}, after {rollback - 1} returns to the last good state. Lower the stage's "
                "optimiser.learning_rate or raise divergence.max_rollbacks in params.yaml."
            )
        self.remember(step, self._state)
        return copy.deepcopy(self._state)

    @property
    def _path(self) -> Path | None:
        return self.folder and self.folder / f"{self.part}.safetensors"

    def _save(self) -> None:
        from safetensors.numpy import save_file

        if self._path is None:
            return
        with writing(self._path) as temporary:
            arrays = {f"{at:05d}": array for at, array in enumerate(self._arrays)}
            save_file(arrays, temporary, metadata={"state": json.dumps(asdict(self._state))})


class TrainingListener(Callback, AlertListener, Protocol):
    """Hears of epochs and of alerts: what the tracker's callback is."""


@dataclass(frozen=True)
class Training:
    """What all trainings of one stage share: the seed, how to compile, the guard's rule, where to leave traces."""

    params: Params
    log: AlertLog
    folder: Path | None = None
    callbacks: Sequence[Callback] = ()
    rows: list[Row] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def resumable(cls, params: Params, artifacts: Artifacts, stage: str, listener: TrainingListener) -> Iterator[Self]:
        """The trainings of a stage that goes on where it was killed; its checkpoints go when it succeeds."""
        folder = artifacts.checkpoints(stage, checkpoint_key(artifacts.root, stage, params))
        log = AlertLog(artifacts.alerts(stage), stage, [listener])
        if not folder.exists():
            remove(folder.parent)
            log.clear()
        yield cls(params, log, folder, [listener])
        remove(folder.parent)

    def step(self, model: Trainable, optimiser: OptimiserParams, name: str, decay: Decay = constant) -> GradientStep:
        """A train step whose draws are named, so that no two trainings share them."""
        return GradientStep(model, optimiser, seed=self.seed_of(name), xla=self.params.runtime.xla, decay=decay)

    def batches(self, arrays: Sequence[np.ndarray], optimiser: OptimiserParams, name: str) -> EpochBatches:
        """Batches in an order that is named."""
        return EpochBatches(arrays, optimiser.batch_windows, seed=self.seed_of(name))

    def seed_of(self, name: str) -> int:
        """The seed of one named thing of this stage."""
        return derived_seed(self.params.seed, self.log.stage, name)

    def train(self, step: TrainStep, batches: Callable[[int], Any], schedule: Schedule, part: str) -> TrainState:
        """Train one part under the guard, and keep its rows and alerts for the stage's outputs."""
        guard = DivergenceGuard(self.params.divergence, self.log, part, self.folder)
        progress = EpochProgress(reporter(self.log.stage), schedule.steps // schedule.epoch_steps)
        state = train(step, batches, schedule, guard, [*self.callbacks, progress])
        self.rows.extend(state.rows)
        self.alerts.extend(state.alerts)
        return state

    def write(self, folder: Path) -> None:
        """Write `alerts.json` and the curves."""
        write_rows(folder / "curves.csv", CURVE_COLUMNS, self.rows)
        write_alerts(folder / "alerts.json", self.alerts)


def _read_checkpoint(path: Path, expected: int) -> tuple[list[np.ndarray], TrainState]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        arrays = [file.get_tensor(name) for name in sorted(file.keys())]
        state = TrainState(**json.loads(file.metadata()["state"]))
    if len(arrays) != expected:
        raise ValueError(f"{path} holds {len(arrays)} arrays, but the model has {expected}. Delete it and run again.")
    return arrays, state


def _assign(variables: Variables, arrays: Sequence[np.ndarray]) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def not_finite(report: Mapping[str, float]) -> str | None:
    """The name of the first number of a step that is not finite."""
    return next((name for name, value in report.items() if not np.isfinite(value)), None)


def train(
    step: TrainStep,
    batches: Callable[[int], Any],
    schedule: Schedule,
    guard: DivergenceGuard,
    callbacks: Sequence[Callback] = (),
) -> TrainState:
    """Run train steps until the schedule ends; checkpoint, roll back on divergence, resume.

    `batches(n)` is the batch of step `n`. The state that comes back holds a row an epoch, and the alerts.

    Raises:
        Diverged: when rolling back has not helped.
    """
    state = guard.resume(step)
    for row in state.rows:  # told again: whoever listens now has not heard them
        _tell(callbacks, row)
    while state.step < schedule.steps:
        report = step(batches(state.step), state.step)
        if reason := not_finite(report):
            state = guard.recover(step, state, reason)
            continue
        state.add(report)
        if state.step % schedule.epoch_steps == 0:
            epoch = state.step // schedule.epoch_steps
            row = state.close_epoch(epoch, guard.part, step.learning_rate, schedule.measure())
            _tell(callbacks, row)
        if state.step % guard.params.snapshot_steps == 0 or state.step == schedule.steps:
            guard.remember(step, state)
    return state


def _tell(callbacks: Sequence[Callback], row: Row) -> None:
    for callback in callbacks:
        callback.on_epoch(row)


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write rows as CSV with exactly these columns; what a row does not have stays empty."""
    with writing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
