"""Generators against a critic: what the critic is held to, who is updated how often, and when one is told dead."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf
from conftest import sines

from sensegen.adversarial_step import AdversarialStep, SeveralAStep, diversity
from sensegen.batches import EpochBatches
from sensegen.contest import EPOCHS, ailment
from sensegen.divergence import AlertLog
from sensegen.generators import build_generator
from sensegen.generators.adversarial import Noise
from sensegen.generators.energy_distance import energy_distance
from sensegen.guard import DivergenceGuard
from sensegen.params import DivergenceParams
from sensegen.params.adversarial import (
    ConvolutionNetworkParams,
    GRUNetworkParams,
    MLPGANParams,
    NetworkParams,
    NoiseParams,
    WGANGPParams,
    WGANParams,
)
from sensegen.params.models import OptimiserParams
from sensegen.training import Schedule, train
from sensegen.windows import WindowShape

SHAPE = WindowShape(length=4, channels=3, classes=1)
DENSE = ConvolutionNetworkParams(kind="convolution", width=4, halvings=1, norm="none")
RECURRENT = GRUNetworkParams(kind="gru", layers=1, units=6, norm="layer")
OPTIMISER = OptimiserParams(learning_rate=0.002, batch_windows=16, gradient_norm=100.0)


def penalised(critic: NetworkParams = DENSE, **changed) -> WGANGPParams:
    common = {"critic_steps": 3, "critic_learning_rate": 0.002, "temperature": 1.0, "penalty": 10.0}
    noise = NoiseParams(a_window=2, a_sample=2, correlation=0.5)
    return WGANGPParams(**({"kind": "wgan_gp", "network": DENSE, "critic": critic, "noise": noise} | common | changed))


def clipped(clip: float = 0.01) -> WGANParams:
    told = penalised().model_dump(exclude={"kind", "penalty"})
    return WGANParams.model_validate({**told, "kind": "wgan", "clip": clip})


def linear(model, weight: float):
    """The model with a critic that adds up all numbers of a window, times `weight`."""
    model.judged = lambda values, labels, seed: weight * tf.reduce_sum(values, axis=(1, 2))
    return model


def pair(count: int = 8) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    real, made = (tf.random.stateless_normal((count, 4, 3), [seed, 0]) for seed in (1, 2))
    return real, made, tf.zeros(count, tf.int32)


def test_the_penalty_of_a_linear_critic_is_its_distance_from_slope_one():
    model = linear(build_generator(SHAPE, penalised(), seed=0).model, 1.0)
    assert float(model.off_slope(*pair(), tf.constant([0, 1]))) == pytest.approx((math.sqrt(12) - 1) ** 2, rel=1e-5)


def test_of_a_flat_critic_the_penalty_and_its_gradient_are_finite():
    model = build_generator(SHAPE, penalised(), seed=0).model
    for variable in model.critic.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    with tf.GradientTape() as tape:
        penalty = model.off_slope(*pair(), tf.constant([0, 1]))
    gradients = tape.gradient(penalty, model.critic.trainable_variables)
    assert float(penalty) == pytest.approx(1.0, abs=1e-5)
    reached = [gradient for gradient in gradients if gradient is not None]  # no bias changes a slope
    assert reached and all(np.isfinite(gradient).all() for gradient in reached)


def test_a_critic_that_adds_up_tells_by_how_much_real_windows_are_more():
    model = linear(build_generator(SHAPE, penalised(), seed=0).model, 2.0)
    real, made, labels = pair()
    more = 2 * float(tf.reduce_mean(tf.reduce_sum(real - made, axis=(1, 2))))
    without_penalty = model.critic_loss(real, made, labels, tf.constant([0, 1])) - 10 * (2 * math.sqrt(12) - 1) ** 2
    assert float(without_penalty) == pytest.approx(-more, rel=1e-3)
    assert float(model.maker_loss(made, labels, tf.constant([0, 1]))) == pytest.approx(
        -2 * float(tf.reduce_mean(tf.reduce_sum(made, axis=(1, 2)))), rel=1e-5
    )


def contest(params, folder, *, windows=None, optimiser=OPTIMISER, xla=False, checkpoints=None):
    windows = windows or sines(np.random.default_rng(0), 96, length=16)
    generator = build_generator(windows.shape, params, seed=0)
    step = AdversarialStep(generator.model, optimiser, seed=0, xla=xla)
    batches = step.fed(EpochBatches([windows.values, windows.labels.astype(np.int32)], optimiser.batch_windows, seed=0))
    log = AlertLog(folder / "alerts.jsonl", "train_generator")
    guard = DivergenceGuard(DivergenceParams(max_rollbacks=2, snapshot_steps=2), log, "all", checkpoints)
    return generator, step, batches, guard


def weights(generator) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in generator.arrays().items()}


def test_the_critic_is_updated_as_often_as_asked_for_one_update_of_the_maker(tmp_path):
    _, step, batches, guard = contest(penalised(), tmp_path)
    train(step, batches, Schedule(4, 2), guard)
    assert (int(step.maker.iterations), int(step.critic.iterations)) == (4, 12)


def test_each_update_of_the_critic_sees_a_batch_of_its_own():
    rows = np.arange(24)
    stacked = SeveralAStep(EpochBatches([rows], 4, seed=0), 3)
    assert stacked.epoch_steps == 2
    seen = [stacked(step)[0] for step in range(2)]
    assert seen[0].shape == (3, 4) and sorted(np.concatenate(seen, axis=None)) == list(rows)


def test_fewer_windows_than_a_step_takes_are_taken_again():
    stacked = SeveralAStep(EpochBatches([np.arange(6)], 4, seed=0), 5)
    assert stacked.epoch_steps == 1 and stacked(0)[0].shape == (5, 4)


def test_clipped_weights_are_within_their_bound_and_those_at_it_are_counted(tmp_path):
    generator, step, batches, _ = contest(clipped(0.05), tmp_path)
    report = step(batches(0), 0)
    sizes = np.concatenate([np.abs(array).ravel() for array in generator.model.critic.get_weights()])
    assert sizes.max() == pytest.approx(0.05)
    assert report["saturation"] == pytest.approx(np.mean(sizes >= np.float32(0.05)), abs=1e-6) and report["saturation"]


@pytest.mark.slow
@pytest.mark.chosen
@pytest.mark.parametrize("params", [penalised(), penalised(RECURRENT), clipped()], ids=["conv", "gru", "clipped"])
def test_a_contest_that_was_stopped_goes_on_to_the_same_bits(params, tmp_path):
    whole, step, batches, guard = contest(params, tmp_path)
    train(step, batches, Schedule(6, 2), guard)
    folder = tmp_path / "checkpoints"
    _, step, batches, guard = contest(params, tmp_path, checkpoints=folder)
    train(step, batches, Schedule(3, 2), guard)
    resumed, step, batches, guard = contest(params, tmp_path, checkpoints=folder)
    train(step, batches, Schedule(6, 2), guard)
    assert weights(resumed) == weights(whole)


def test_after_a_broken_batch_both_networks_are_as_they_were_and_both_rates_halved(tmp_path):
    generator, step, batches, guard = contest(penalised(), tmp_path)
    seen = []

    def spoiled(at):
        values, labels = batches(at)
        if at == 2 and not seen:
            seen.append(weights(generator))
            values = values.copy()
            values[1, 3, 0] = np.nan
        return values, labels

    before = [float(rate) for rate in step.rates]
    state = train(step, spoiled, Schedule(2, 2), guard)
    state = train(step, spoiled, Schedule(3, 2), guard)
    assert [alert["step"] for alert in state.alerts] == [2] and state.alerts[0]["kind"] == "nan"
    assert [float(rate) for rate in step.rates] == pytest.approx([rate / 2 for rate in before])
    assert all(np.isfinite(array).all() for array in generator.arrays().values())


def test_batch_norm_takes_the_batch_in_training_and_what_it_remembers_in_sampling():
    network = DENSE.model_copy(update={"norm": "batch"})
    model = build_generator(SHAPE, penalised(network=network), seed=0).model
    labels, seed = tf.zeros(64, tf.int32), tf.constant([3, 4])
    drawn = model.noise(labels, seed)
    remembered = [array.copy() for array in model.maker.get_weights()]
    alone = np.concatenate([model.made_of(drawn[at : at + 1], labels[:1], training=False) for at in range(4)])
    together = model.made_of(drawn, labels, training=False)[:4]
    assert alone == pytest.approx(together.numpy(), abs=1e-5)
    assert all(np.array_equal(*both) for both in zip(remembered, model.maker.get_weights(), strict=True))
    other = model.made_of(drawn, labels, training=True)[:4]
    assert not np.allclose(other, together, atol=1e-3)
    assert not all(np.array_equal(*both) for both in zip(remembered, model.maker.get_weights(), strict=True))


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_numbers_of_samples_are_standard_normal_and_follow_each_other_as_asked(correlation):
    noise = Noise(NoiseParams(a_window=2, a_sample=1, correlation=correlation), 32)(4000, tf.constant([0, 5])).numpy()
    assert noise.shape == (4000, 32, 3)
    assert np.ptp(noise[..., :2], axis=1).max() == 0
    samples = noise[..., 2]
    assert samples.std(axis=0) == pytest.approx(np.ones(32), abs=0.06)
    for lag in (1, 3):
        assert np.mean(samples[:, lag:] * samples[:, :-lag]) == pytest.approx(correlation**lag, abs=0.02)


def test_energy_distance_is_what_its_formula_says_and_nought_between_two_draws():
    one, other = tf.constant([[0.0], [2.0]]), tf.constant([[1.0], [5.0]])
    assert float(energy_distance(one, other)) == pytest.approx(2 * (1 + 5 + 1 + 3) / 4 - 2 - 4)
    draws = [tf.random.stateless_normal((2000, 5), [seed, 0]) for seed in range(2)]
    assert float(energy_distance(*draws)) == pytest.approx(0, abs=0.005)
    assert float(energy_distance(draws[0], draws[1] + 0.5)) > 0.05
    assert float(energy_distance(draws[0], 2 * draws[1])) > 0.05


def test_what_watches_training_sees_windows_under_the_wrong_activity(tmp_path):
    windows = sines(np.random.default_rng(0), 200, length=16)
    model = build_generator(windows.shape, penalised(), seed=0).model
    labels = windows.labels.astype(np.int32)
    model.made = lambda labels, seed, training: tf.gather(windows.values[:2], labels)
    right = model.batch_loss((windows.values, labels), tf.zeros(2, tf.int32))
    model.made = lambda labels, seed, training: tf.gather(windows.values[:2], 1 - labels)
    assert model.batch_loss((windows.values, labels), tf.zeros(2, tf.int32)) > right


def test_diversity_is_within_an_activity_and_one_of_real_windows():
    windows = sines(np.random.default_rng(0), 200, length=16)
    labels = tf.constant(windows.labels, tf.int32)
    assert float(diversity(windows.values, windows.values, labels, 2)) == pytest.approx(1)
    one_each = tf.gather(windows.values, labels)
    assert float(diversity(one_each, windows.values, labels, 2)) == pytest.approx(0, abs=1e-5)


def row(slope: float = 1.0, spread: float = 1.0) -> dict[str, float]:
    return {"output_gradient": slope, "diversity": spread}


def test_an_ailment_is_told_when_it_has_lasted_and_once():
    rows = [row()] * 3 + [row(slope=0.0)] * (EPOCHS + 4)
    told = [ailment(rows[:end]) for end in range(1, len(rows) + 1)]
    assert [at for at, each in enumerate(told, start=1) if each] == [3 + EPOCHS]
    assert told[2 + EPOCHS].kind == "dead_critic"
    assert ailment([row(spread=0.01)] * EPOCHS).kind == "collapse"
    assert ailment([{"loss": 0.0}] * 20) is None


@pytest.mark.parametrize("ill", ["dead_critic", "collapse"])
def test_a_dead_critic_and_a_collapsed_maker_are_alerts_while_training_goes_on(ill, tmp_path):
    params = clipped(1e-9) if ill == "dead_critic" else penalised()
    still = OPTIMISER.model_copy(update={"learning_rate": 1e-12})
    generator, step, batches, guard = contest(params, tmp_path, optimiser=still)
    if ill == "collapse":
        for variable in generator.model.maker.trainable_variables:
            variable.assign(tf.zeros_like(variable))
    state = train(step, batches, Schedule(EPOCHS + 3, 1), guard)
    (alert,) = [json.loads(line) for line in guard.log.path.read_text().splitlines()]
    assert (alert["kind"], alert["step"], alert["rollback"]) == (ill, EPOCHS, 0)
    assert state.step == EPOCHS + 3 and [kept["kind"] for kept in state.alerts] == [ill]


def test_dowgans_networks_have_their_sizes():
    params = MLPGANParams(
        kind="mlp_gan", width=18, samples_a_step=1, dropout=0.2, critic_learning_rate=0.005, temperature=1.0
    )
    model = build_generator(WindowShape(26, 20, 1), params, seed=0).model
    assert [layer.units for layer in model.maker.layers] == [18, 36, 20]
    assert [layer.units for layer in model.critic.layers] == [144, 72, 36, 1]
    assert model.maker.count_params() == 20 * 18 + 18 + 18 * 36 + 36 + 36 * 20 + 20


def test_batch_norm_in_a_penalised_critic_is_refused():
    with pytest.raises(ValueError, match=r"critic\.norm must be none or layer"):
        penalised(DENSE.model_copy(update={"norm": "batch"}))


def test_two_classes_of_sines_are_learned(tmp_path):
    windows = sines(np.random.default_rng(0), 640, length=16)
    network = ConvolutionNetworkParams(kind="convolution", width=16, halvings=2, norm="none")
    optimiser = OptimiserParams(learning_rate=0.001, batch_windows=64, gradient_norm=100.0)
    params = penalised(network, network=network, critic_learning_rate=0.001)
    generator, step, batches, guard = contest(params, tmp_path, windows=windows, optimiser=optimiser)
    batch, seed = (windows.values[:256], windows.labels[:256]), tf.zeros(2, tf.int32)
    before = float(generator.model.batch_loss(batch, seed))
    state = train(step, batches, Schedule(200, 10), guard)
    assert float(generator.model.batch_loss(batch, seed)) < 0.1 * before
    assert state.rows[-1]["diversity"] == pytest.approx(1, abs=0.2) and not state.alerts
    made = generator.sample(np.arange(200) % 2, seed=0)
    spectra = np.abs(np.fft.rfft(made[..., 0], axis=1))
    loudest = spectra[:, 1:].argmax(axis=1) + 1
    assert np.mean(loudest == np.where(np.arange(200) % 2, 4, 1)) > 0.95
