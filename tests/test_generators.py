"""Conformance: whatever is registered as a generator answers as one; and the published ones have their sizes."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import sines

from sensegen.generators import GENERATORS, build_generator, load_generator
from sensegen.generators.generator import Sequential
from sensegen.params.adversarial import (
    ConvolutionNetworkParams,
    GRUNetworkParams,
    MLPGANParams,
    NoiseParams,
    WGANGPParams,
    WGANParams,
)
from sensegen.params.models import CSE555Params, FlowMatchingParams, LogStddevBounds, MDNRNNParams, SenseGenPaperParams
from sensegen.windows import Windows, WindowShape

BOUNDS = LogStddevBounds(low=-6.0, high=2.0)
CONDITIONAL = ("mdn_rnn", "flow_matching", "mlp_gan", "wgan", "wgan_gp")
LABELS = np.array([0, 1, 1, 0, 1])
AGAINST_CRITIC = {
    "noise": NoiseParams(a_window=3, a_sample=2, correlation=0.5),
    "critic_steps": 2,
    "critic_learning_rate": 0.001,
    "temperature": 1.0,
}
CASES = {
    "mdn_rnn": MDNRNNParams(
        **{"kind": "mdn_rnn", "cell": "gru", "layers": 2, "units": 12, "hidden": 8, "mixtures": 3},
        **{"samples_a_step": 2, "precision": "float32", "temperature": 1.0, "log_stddev": BOUNDS},
    ),
    "flow_matching": FlowMatchingParams(
        kind="flow_matching", width=8, heads=2, precision="bfloat16", sampling_steps=2, temperature=1.0
    ),
    "mlp_gan": MLPGANParams(
        kind="mlp_gan", width=6, samples_a_step=4, dropout=0.2, critic_learning_rate=0.001, temperature=1.0
    ),
    "wgan": WGANParams(
        kind="wgan",
        **AGAINST_CRITIC,
        network=GRUNetworkParams(kind="gru", layers=2, units=6, norm="layer"),
        critic=GRUNetworkParams(kind="gru", layers=1, units=6, norm="none"),
        clip=0.01,
    ),
    "wgan_gp": WGANGPParams(
        kind="wgan_gp",
        **AGAINST_CRITIC,
        network=ConvolutionNetworkParams(kind="convolution", width=4, halvings=3, norm="batch"),
        critic=ConvolutionNetworkParams(kind="convolution", width=4, halvings=3, norm="layer"),
        penalty=10.0,
    ),
    "sensegen_paper": SenseGenPaperParams(kind="sensegen_paper", log_stddev=BOUNDS),
    "cse555": CSE555Params(kind="cse555", log_stddev=BOUNDS),
}


def shape_for(kind: str) -> WindowShape:
    return WindowShape(length=16, channels=2 if kind in CONDITIONAL else 1, classes=2)


def windows_for(kind: str) -> Windows:
    windows = sines(np.random.default_rng(0), 24, length=16)
    if kind in CONDITIONAL:
        return windows
    return Windows(windows.values[..., :1], windows.labels, windows.subjects, ("a",), windows.classes, 16.0, ("g",))


@pytest.fixture(scope="module", params=sorted(GENERATORS))
def generator(request):
    return build_generator(shape_for(request.param), CASES[request.param], seed=0)


def test_every_registered_generator_is_checked_here():
    assert set(CASES) == set(GENERATORS)


def test_samples_are_windows_finite_and_not_all_alike(generator):
    windows = generator.sample(LABELS, seed=0)
    assert windows.shape == (5, 16, generator.shape.channels)
    assert np.isfinite(windows).all()
    assert len({window.tobytes() for window in windows}) == 5


def test_the_same_seed_gives_the_same_windows_and_another_seed_others(generator):
    first = generator.sample(LABELS, seed=3)
    assert np.array_equal(first, generator.sample(LABELS, seed=3))
    assert not np.array_equal(first, generator.sample(LABELS, seed=4))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_windows_can_be_asked_for(generator, count):
    assert generator.sample(LABELS[:count], seed=0).shape[0] == count


def test_save_and_load_keep_every_bit(generator, tmp_path):
    generator.save(tmp_path / "first")
    loaded = load_generator(tmp_path / "first")
    assert np.array_equal(loaded.sample(LABELS, seed=1), generator.sample(LABELS, seed=1))
    loaded.save(tmp_path / "second")
    for name in ("config.json", "weights.safetensors"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_windows_made_with_those_of_others_are_what_they_are_alone(generator):
    asked = [(LABELS, 3), (LABELS[:2], 4), (np.zeros(17, np.int64), 3), (LABELS, 5)]
    for (labels, seed), windows in zip(asked, generator.sample_each(asked), strict=True):
        np.testing.assert_allclose(windows, generator.sample(labels, seed), atol=1e-5)


def test_the_same_seed_builds_the_same_weights(generator):
    again = build_generator(generator.shape, CASES[generator.kind], seed=0)
    assert all(np.array_equal(array, again.arrays()[name]) for name, array in generator.arrays().items())


def test_parts_share_out_every_window_once(generator):
    windows = windows_for(generator.kind)
    assert sum(len(part.windows) for part in generator.parts(windows)) == len(windows)


def test_of_one_model_an_activity_only_those_asked_for_are_sampled(monkeypatch):
    generator = build_generator(shape_for("cse555"), CASES["cse555"], seed=0)
    monkeypatch.setattr(generator.models[0], "sampler", None)
    assert generator.sample(np.array([1, 1]), seed=0).shape == (2, 16, 1)


@pytest.mark.parametrize(("kind", "parameters"), [("sensegen_paper", 1_357_000), ("cse555", 1_358_752)])
def test_published_generators_have_exactly_their_parameters(kind, parameters):
    generator = build_generator(WindowShape(128, 1, 1), CASES[kind], seed=0)
    assert generator.count_parameters() == parameters


def test_every_parameter_of_the_report_generator_takes_part_in_the_loss():
    import tensorflow as tf

    generator = build_generator(WindowShape(16, 1, 1), CASES["cse555"], seed=0)
    windows = windows_for("cse555")
    with tf.GradientTape() as tape:
        loss = generator.models[0].batch_loss((windows.values, windows.labels), tf.zeros(2, tf.int32))
    gradients = tape.gradient(loss, generator.models[0].trainable_variables)
    assert all(np.abs(gradient.numpy()).max() > 0 for gradient in gradients)


def test_a_step_knows_only_the_steps_before_it():
    generator = build_generator(WindowShape(16, 2, 2), CASES["mdn_rnn"], seed=0)
    windows = windows_for("mdn_rnn")
    changed = windows.values[:4].copy()
    changed[:, 10] += 1.0
    before, after = (
        generator.model(values, windows.labels[:4]).mean.numpy() for values in (windows.values[:4], changed)
    )
    assert before.shape == (4, 8, 3, 4)  # (window, step, component, value): two samples of two channels a step
    assert np.array_equal(before[:, :6], after[:, :6])  # sample 10 is of step 5
    assert not np.array_equal(before[:, 6:], after[:, 6:])


def test_each_sampled_step_is_the_draw_from_the_mixture_that_training_sees_there():
    import tensorflow as tf

    from sensegen.generators.mixture import Mixture, draw

    generator = build_generator(WindowShape(16, 2, 2), CASES["mdn_rnn"], seed=0)
    for array in generator.model.trainable_variables:  # large weights, so that the recurrent state matters
        array.assign(array * 4)
    labels = np.arange(512) % 2
    windows = windows_for("mdn_rnn")
    generator.settle(windows)
    generator.model.share.assign([0.0, 0.0])  # windows stay where they were drawn
    sampled = generator.sample(labels, seed=5)
    innovations = generator.model.innovations.of(tf.constant(sampled), tf.constant(labels)).numpy()
    mixture = generator.model(sampled, labels.astype(np.int32))  # (window, step, component[, value])
    in_time = Mixture(*(tf.experimental.numpy.swapaxes(part, 0, 1) for part in mixture))
    noise = generator.model.noise((512, 8), tf.constant([5, 0]))
    redrawn = [
        draw(Mixture(*(part[step] for part in in_time)), gumbel, normal).numpy()
        for step, (gumbel, normal) in enumerate(zip(*(np.swapaxes(part, 0, 1) for part in noise), strict=True))
    ]
    redrawn = np.swapaxes(redrawn, 0, 1).reshape(innovations.shape)
    assert redrawn[:, 2:] == pytest.approx(innovations[:, 2:], abs=1e-3)  # the first step is near a training window's


def test_windows_begin_near_training_windows_of_their_class_at_none_of_them_and_keep_their_levels():
    stream = np.random.default_rng(0)
    levels = stream.normal(size=(400, 2))
    levels /= np.linalg.norm(levels, axis=1, keepdims=True)
    labels = np.arange(400) % 2
    levels[labels == 1] += 10
    values = (levels[:, None] + 1e-3 * stream.normal(size=(400, 16, 2))).astype(np.float32)
    windows = replace(windows_for("mdn_rnn"), values=values, labels=labels, subjects=("",) * 400)
    generator = build_generator(windows.shape, CASES["mdn_rnn"], seed=0)
    generator.settle(windows)
    share, factor = generator.model.share, generator.model.innovations.factor
    assert share.numpy() == pytest.approx([1, 1], abs=1e-5)  # these windows are nothing but levels
    share.assign([0.0, 0.0])
    begun = generator.sample(labels, seed=1)[:, 0]
    assert np.quantile(np.abs(np.linalg.norm(begun - 10 * labels[:, None], axis=1) - 1), 0.95) < 0.1
    nearest = np.linalg.norm(begun[:, None] - values[:, 0], axis=2).min(axis=1)
    assert np.median(nearest) > 3e-3
    assert begun != pytest.approx(generator.sample(labels, seed=2)[:, 0])
    factor.assign(1000 * factor)  # a network that makes them drift
    spread = {}
    for kept in (0.0, 1.0):
        share.assign([kept, kept])
        levels = generator.sample(labels, seed=1).mean(axis=1) - 10 * labels[:, None]
        spread[kept] = np.linalg.norm(levels, axis=1).std()
    assert spread[1.0] < 0.05 < 0.2 < spread[0.0]


@pytest.mark.parametrize(("prompted", "length"), [(10, 40), (9, 41)])  # at the begin of a step and within one
def test_a_step_by_step_generator_goes_on_from_a_beginning_and_makes_any_length(prompted, length):
    generator = build_generator(WindowShape(16, 2, 2), CASES["mdn_rnn"], seed=0)
    windows = windows_for("mdn_rnn")
    generator.settle(windows)
    assert isinstance(generator, Sequential)
    prompt, labels = windows.values[:6, :prompted], windows.labels[:6]
    longer = generator.continued(prompt, labels, length, seed=1)
    assert longer.shape == (6, length, 2) and np.isfinite(longer).all()
    assert np.array_equal(longer[:, :prompted], prompt)
    other = generator.continued(prompt, labels, length, seed=2)
    assert not np.isclose(longer[:, prompted], other[:, prompted]).any()
    # Nothing to begin with is what `sample` does; and what is drawn depends on what was given.
    nothing = windows.values[:6, :0]
    assert generator.continued(nothing, labels, 16, seed=1) == pytest.approx(generator.sample(labels, seed=1), abs=1e-5)
    turned = generator.continued(prompt[::-1].copy(), labels, length, seed=1)
    assert not np.allclose(turned[:, prompted], longer[:, prompted])
    with pytest.raises(ValueError, match=f"must fit into 8 samples, but has {prompted}"):
        generator.continued(prompt, labels, length=8, seed=0)


def test_a_window_must_be_whole_steps():
    with pytest.raises(ValueError, match="samples_a_step must divide the 15 samples of a window, but is 2"):
        build_generator(WindowShape(15, 2, 2), CASES["mdn_rnn"], seed=0)


def test_other_weights_are_refused_by_name(generator):
    with pytest.raises(ValueError, match="Run the stage that writes it again"):
        generator.assign({"nothing": np.zeros(1)})
