"""How long a step of the Wasserstein GAN with gradient penalty takes: ours, with Keras' own layers, and in PyTorch.

A step is five updates of the critic and one of the generator, 2 x GRU 64 each, of 64 windows with 128 samples of 9.
Keras' layers are in a graph of TensorFlow as ours are. Each way runs in a process of its own, and all take
turns, since machines are noisy; the time of a way is the least of its steps.
"""

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks import table
from benchmarks.training_speed import ROOT, torch_python
from benchmarks.uci_har import preset_params

THREADS, STEPS, TURNS = 2, 3, 2
KERAS = "Keras' layers"
WAYS = (KERAS, "ours", "PyTorch")
BATCH = 64


def run() -> list[str]:
    """Measure every way in turn."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(TURNS):
        for way, of_way in seconds.items():
            of_way += step_seconds(way)
    best = {way: min(of_way) for way, of_way in seconds.items()}
    rows = [[way, f"{least:.2f}", f"{best[WAYS[0]] / least:.2f}"] for way, least in best.items()]
    lines = [f"{THREADS} threads; {TURNS} turns of {STEPS} steps.", ""]
    lines += table.markdown(("way", "s a step", "times Keras' graph"), rows)
    table.put("adversarial_speed", lines)
    return lines


def step_seconds(way: str) -> list[float]:
    """The seconds of each step but the first, from a process of its own."""
    if way == "PyTorch":
        script = ROOT / "benchmarks" / "adversarial_steps_of_torch.py"
        command = [torch_python(), str(script), str(THREADS), str(STEPS)]
    else:
        command = [sys.executable, "-m", "benchmarks.adversarial_speed", way]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.splitlines()][1:]


def our_steps(way: str) -> Iterator[float]:
    """The seconds of each step of ours, in this process."""
    import numpy as np

    from sensegen import training
    from sensegen.adversarial_step import AdversarialStep
    from sensegen.generators import gated_units
    from sensegen.generators.wgan_gp import Penalised
    from sensegen.params.adversarial import WGANGPParams
    from sensegen.params.models import OptimiserParams
    from sensegen.windows import WindowShape

    if way == KERAS:
        gated_units.outputs_of = gated_units.by_layer
    training.set_up(preset_params().runtime.model_copy(update={"threads": THREADS}))
    network = {"kind": "gru", "layers": 2, "units": 64, "norm": "none"}
    params = WGANGPParams.model_validate(
        {
            **{"kind": "wgan_gp", "network": network, "critic": network, "critic_steps": 5, "penalty": 10.0},
            **{"noise": {"a_window": 32, "a_sample": 4, "correlation": 0.9}, "critic_learning_rate": 2e-4},
            "temperature": 1.0,
        }
    )
    contenders = Penalised(WindowShape(128, 9, 6), params)
    contenders.create_variables()
    optimiser = OptimiserParams(learning_rate=2e-4, batch_windows=BATCH, gradient_norm=1.0)
    step = AdversarialStep(contenders, optimiser, seed=0, xla=False)
    values = np.random.default_rng(0).normal(size=(5, BATCH, 128, 9)).astype(np.float32)
    labels = np.tile(np.arange(BATCH) % 6, (5, 1)).astype(np.int32)
    for number in range(STEPS + 1):
        began = time.perf_counter()
        step((values, labels), number)
        yield time.perf_counter() - began


if __name__ == "__main__":
    for seconds_of_step in our_steps(sys.argv[1]):
        print(seconds_of_step, flush=True)
