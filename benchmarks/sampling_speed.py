"""How fast generators make UCI HAR's windows (128 samples of 9 channels), beside the way of the published code.

That code asks the session for one step of one window a call, draws from the mixture outside and feeds the sample back;
here the same network is asked so, compiled. Weights are new ones: how fast a window is made does not depend on them.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
import yaml

from benchmarks import table
from benchmarks.uci_har import ROOT, preset_params
from sensegen import training
from sensegen.generators import build_generator
from sensegen.generators.generator import Generator
from sensegen.params.models import FlowMatchingParams, MDNRNNParams
from sensegen.windows import WindowShape

SHAPE = WindowShape(length=128, channels=9, classes=6)
WINDOWS, TURNS = 2048, 3
STEPS = (1, 2, 4, 5, 8, 40)


def run() -> list[str]:
    """Both families on the threads of the presets, each the quickest of some turns."""
    training.set_up(preset_params().runtime)
    slow = 1 / quickest(one_step_a_call(recurrent(samples_a_step=1)))
    rows = [["mdn_rnn, one step a call", f"{slow:.1f}", "1"]]
    for name, generator in generators():
        generator.sample(np.zeros(1, np.int64), 0)
        speed = WINDOWS / quickest(lambda: generator.sample(np.arange(WINDOWS) % SHAPE.classes, 0))  # noqa: B023
        rows.append([name, f"{speed:.0f}", f"{speed / slow:.0f}"])
    lines = [f"{preset_params().runtime.threads} threads; {WINDOWS} windows a turn, {TURNS} turns.", ""]
    lines += table.markdown(["generator", "windows a second", "times one step a call"], rows)
    table.put("sampling_speed", lines)
    return lines


def quickest(made: Callable[[], object]) -> float:
    """Seconds of the quickest turn."""
    seconds = []
    for _ in range(TURNS):
        began = time.perf_counter()
        made()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def generators() -> Iterator[tuple[str, Generator]]:
    """The recurrent family by samples a step, and the flow by evaluations of its network."""
    for samples in (1, 2, 4):
        yield f"mdn_rnn, {samples} samples a step", recurrent(samples)
    for steps in STEPS:
        params = FlowMatchingParams.model_validate(of_preset("uci_har") | {"sampling_steps": steps})
        yield f"flow_matching, {steps} sampling steps", build_generator(SHAPE, params, seed=0)


def recurrent(samples_a_step: int) -> Generator:
    """The network of preset mdn_rnn."""
    params = MDNRNNParams.model_validate(of_preset("mdn_rnn") | {"samples_a_step": samples_a_step})
    return build_generator(SHAPE, params, seed=0)


def of_preset(name: str) -> dict[str, object]:
    """The generator's params in a preset."""
    text = (ROOT / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
    found: dict[str, object] = yaml.safe_load(text)["train_generator"]["generator"]
    return found


def one_step_a_call(generator: Generator) -> Callable[[], object]:
    """A function that makes one window."""
    import tensorflow as tf

    from sensegen.generators.mixture import draw

    model = generator.model  # type: ignore[attr-defined]

    @tf.function
    def step(seen: tf.Tensor, label: tf.Tensor, states: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        hidden, states = model.stepper()(model.inputs(seen, label), states)
        return model.to_mixture(hidden), states

    def window() -> np.ndarray:
        rng, label, made = np.random.default_rng(0), tf.zeros(1, tf.int32), []
        states = model.states(1)
        seen = tf.zeros((1, 3 * SHAPE.channels))
        for _ in range(SHAPE.length):
            mixture, states = step(seen, label, states)
            gumbel, normal = rng.gumbel(size=(1, model.mixtures)), rng.normal(size=(1, SHAPE.channels))
            made.append(draw(mixture, gumbel.astype(np.float32), normal.astype(np.float32)).numpy())
            seen = tf.constant(np.concatenate([np.arcsinh(made[-1]), made[-1], made[-1] - made[0]], axis=1))
        return np.stack(made, axis=1)

    window()
    return window
