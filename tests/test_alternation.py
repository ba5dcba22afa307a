"""Algorithm 1: what a round draws and trains, and what its discriminator can and cannot do."""

import json
from collections import Counter

import numpy as np
import pytest
from conftest import SMALL_RECURRENT, sines

from sensegen.alternation import AlternatingBatches, DiscriminatorBatch, alternate, without_alternation
from sensegen.classifiers.discriminator import Discriminator, Discriminators
from sensegen.divergence import AlertLog
from sensegen.generators import build_generator
from sensegen.generators.mixture_rnn import MixtureRNN
from sensegen.generators.per_activity import PerActivity
from sensegen.params import Params
from sensegen.params.models import DiscriminatorParams
from sensegen.pretraining import pretrain, train_discriminators, validation_loss
from sensegen.training_run import Training
from sensegen.windows import WindowShape

NETWORK = SMALL_RECURRENT.model_dump() | {"units": 12, "mixtures": 3}
OPTIMISER = {"learning_rate": 0.01, "batch_windows": 8, "gradient_norm": 1.0}


@pytest.fixture
def small(params) -> Params:
    """The committed params with everything about training made small."""
    document = params.model_dump(by_alias=True)
    document["train_generator"] = {
        "generator": {**NETWORK, "log_stddev": {"low": -4.0, "high": 2.0}}, "optimiser": OPTIMISER,
        "epochs": 10, "patience": None, "warm_start": None,
    }  # fmt: skip
    document["train_discriminator"] = {
        "discriminator": {"units": 8, "hidden": 8}, "optimiser": OPTIMISER, "epochs": 10,
    }  # fmt: skip
    document["alternate"] = {
        "rounds": 2, "minibatch_windows": 16, "discriminator_epochs": 3, "generator_epochs": 2,
        "generator_optimiser": OPTIMISER, "discriminator_optimiser": OPTIMISER,
    }  # fmt: skip
    return Params.model_validate(document)


@pytest.fixture
def training(small, tmp_path) -> Training:
    return Training(small, AlertLog(tmp_path / "alerts.jsonl", "alternate"), tmp_path / "checkpoints")


def generator_of(small):
    windows = sines(np.random.default_rng(0), 64, length=16)
    return build_generator(windows.shape, small.train_generator.generator, seed=0), windows


def discriminators_of(small, windows) -> Discriminators:
    return Discriminators({"all": Discriminator(windows.shape, small.train_discriminator.discriminator, seed=0)})


def test_the_papers_discriminator_has_exactly_its_parameters():
    model = Discriminator(WindowShape(128, 1, 0), DiscriminatorParams(units=128, hidden=32), seed=0)
    assert model.count_params() == 70_721


def test_a_round_passes_over_its_own_draw_as_often_as_params_say(small, training):
    generator, windows = generator_of(small)
    (part,) = generator.parts(windows)
    batches = AlternatingBatches(part, generator, training)
    assert (batches.discriminator_steps, batches.generator_steps) == (3 * 2, 2 * 2)
    drawn = [batches(step) for step in range(batches.round_steps)]
    assert [isinstance(batch, DiscriminatorBatch) for batch in drawn] == [True] * 6 + [False] * 4
    for model, own, passes in (("discriminator", drawn[:6], 3), ("generator", drawn[6:], 2)):
        seen = Counter(window.tobytes() for batch in own for window in batch.arrays[0])
        assert seen == Counter({window.tobytes(): passes for window in batches.draw(0, model).values})


def test_rounds_and_models_draw_anew(small, training):
    generator, windows = generator_of(small)
    batches = AlternatingBatches(generator.parts(windows)[0], generator, training)
    draws = [batches.draw(number, model).values for number in (0, 1) for model in ("discriminator", "generator")]
    assert len({draw.tobytes() for draw in draws}) == 4


def test_both_models_move_and_every_round_gives_a_row(small, training):
    generator, windows = generator_of(small)
    discriminators = discriminators_of(small, windows)
    before = {name: array.copy() for name, array in generator.arrays().items()}
    head = discriminators["all"].head.kernel.numpy().copy()
    rows = alternate(generator, discriminators, windows, windows, training)
    assert [row["round"] for row in rows] == [1, 2]
    assert all(0 <= row["discriminator_validation_accuracy"] <= 1 for row in rows)
    assert any(not np.array_equal(array, before[name]) for name, array in generator.arrays().items())
    assert not np.array_equal(head, discriminators["all"].head.kernel.numpy())


@pytest.mark.slow
@pytest.mark.chosen
def test_an_alternation_that_stopped_goes_on_to_the_same_bits(small, tmp_path):
    def run(folder, stop_at=None):
        generator, windows = generator_of(small)
        discriminators = discriminators_of(small, windows)
        log = AlertLog(folder / "alerts.jsonl", "alternate")
        training = Training(small, log, folder / "checkpoints", [Stopper(stop_at)])
        rule = small.divergence.model_copy(update={"snapshot_steps": 3})
        object.__setattr__(training, "params", small.model_copy(update={"divergence": rule}))
        rows = alternate(generator, discriminators, windows, windows, training)
        return rows, {name: array.tobytes() for name, array in generator.arrays().items()}

    class Stopper:
        def __init__(self, epoch):
            self.epoch = epoch

        def on_epoch(self, row):
            if row["epoch"] == self.epoch:
                raise KeyboardInterrupt

        def on_resumed(self, row):
            pass

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", stop_at=1)
    assert run(tmp_path / "stopped") == run(tmp_path / "whole")


def test_the_control_takes_as_many_generator_steps(small, training):
    generator, windows = generator_of(small)
    assert without_alternation(generator, windows, windows, training) == 2 * 4
    state = training.folder / "all without alternation.safetensors"
    from safetensors import safe_open

    with safe_open(state, framework="numpy") as file:
        assert json.loads(file.metadata()["state"])["step"] == 8


def test_pretraining_makes_validation_people_likelier(small, training):
    # Plain networks: innovations are likely before any training.
    _, windows = generator_of(small)
    generator = SmallPerActivity(windows.shape, small.train_generator.generator)
    before = validation_loss(generator, windows)
    pretrain(generator, windows, windows, training)
    assert validation_loss(generator, windows) < before - 0.2
    assert [row["epoch"] for row in training.rows] == 2 * list(range(1, 11))


def test_a_discriminator_tells_an_untrained_generators_windows_from_real_ones(small, training):
    generator, windows = generator_of(small)
    discriminators = train_discriminators(generator, windows, windows, training)
    generated = generator.sample(windows.labels, seed=99)
    assert discriminators["all"].accuracy(windows.values, generated, windows.labels.astype(np.int32)) > 0.9


def test_discriminators_survive_save_and_load(small, tmp_path):
    _, windows = generator_of(small)
    discriminators = discriminators_of(small, windows)
    discriminators.save(tmp_path / "discriminator")
    loaded = Discriminators.load(tmp_path / "discriminator")
    expected = discriminators["all"].logits(windows.values, windows.labels)
    assert np.array_equal(loaded["all"].logits(windows.values, windows.labels), expected)


@pytest.mark.slow
@pytest.mark.chosen
def test_maximum_likelihood_recovers_an_autoregression(small, training):
    """AR(1) with coefficient 0.8 and innovations of 0.6: the likelihood has a known optimum."""
    from sensegen.windows import Windows

    rng = np.random.default_rng(0)
    values = np.zeros((512, 32, 1), np.float32)
    values[:, 0, 0] = rng.normal(0, 1, 512)
    for step in range(1, 32):
        values[:, step, 0] = 0.8 * values[:, step - 1, 0] + rng.normal(0, 0.6, 512)
    windows = Windows(values, np.zeros(512, int), ("S",) * 512, ("x",), ("only",), 1.0, ("1",))
    # The plain network: innovations would find the coefficient before any training.
    generator = SmallPerActivity(windows.shape, small.train_generator.generator)
    longer = small.train_generator.model_copy(update={"epochs": 40})
    object.__setattr__(training, "params", small.model_copy(update={"train_generator": longer}))
    pretrain(generator, windows, windows, training)
    entropy = 0.5 * np.log(2 * np.pi * np.e)
    optimum = (31 * (entropy + np.log(0.6)) + entropy) / 32
    assert validation_loss(generator, windows) == pytest.approx(optimum, abs=0.015)
    sampled = generator.sample(np.zeros(512, int), seed=0)[..., 0]
    assert np.corrcoef(sampled[:, 10:-1].ravel(), sampled[:, 11:].ravel())[0, 1] == pytest.approx(0.8, abs=0.05)


class SmallPerActivity(PerActivity):
    """One small model an activity, as the paper's generator has one."""

    kind = "small"

    def __init__(self, shape: WindowShape, params):
        models = [MixtureRNN(WindowShape(shape.length, shape.channels, 0), params) for _ in range(shape.classes)]
        for model in models:
            model.create_variables()
        super().__init__(shape, params, models)


def of_class(windows, label: int, classes: tuple[str, ...]):
    chosen = windows.select(windows.labels == label)
    return type(windows)(
        **{**chosen.__dict__, "labels": np.full(len(chosen), classes.index("only")), "classes": classes}
    )


def small_generator(kind: str, shape: WindowShape, params):
    return SmallPerActivity(shape, params) if kind == "per_activity" else build_generator(shape, params, seed=0)


def training_of(stage: str, small, folder) -> Training:
    return Training(small, AlertLog(folder / f"{stage}.jsonl", stage), folder / stage)


@pytest.mark.slow
@pytest.mark.chosen
@pytest.mark.parametrize("kind", ["conditional", "per_activity"])
def test_windows_of_one_class_go_through_pretraining_and_alternation(kind, small, tmp_path):
    fit, validation = (of_class(sines(np.random.default_rng(seed), 48, length=16), 0, ("only",)) for seed in (0, 1))
    generator, control = (small_generator(kind, fit.shape, small.train_generator.generator) for _ in range(2))
    generator.settle(fit)
    before = validation_loss(generator, validation)
    pretrain(generator, fit, validation, training_of("train_generator", small, tmp_path))
    assert validation_loss(generator, validation) < before
    judging = training_of("train_discriminator", small, tmp_path)
    discriminators = train_discriminators(generator, fit, validation, judging)
    alternation = training_of("alternate", small, tmp_path)
    rows = alternate(generator, discriminators, fit, validation, alternation)
    assert len(rows) == small.alternate.rounds
    assert all(np.isfinite(row["discriminator_validation_accuracy"]) for row in rows)
    assert without_alternation(control, fit, validation, alternation) > 0
    assert np.isfinite(generator.sample(fit.labels, seed=0)).all()


def test_an_activity_that_no_validation_person_did_is_trained_without_a_validation_loss(small, tmp_path):
    fit = sines(np.random.default_rng(0), 48, length=16)
    validation = fit.select(fit.labels == 0)
    generator = SmallPerActivity(fit.shape, small.train_generator.generator)
    judging = training_of("train_discriminator", small, tmp_path)
    discriminators = train_discriminators(generator, fit, validation, judging)
    rows = alternate(generator, discriminators, fit, validation, training_of("alternate", small, tmp_path))
    known = {row["part"]: np.isfinite(row["generator_validation_loss"]) for row in rows}
    assert known == {"slow": True, "fast": False}
    assert np.isfinite(validation_loss(generator, validation))
