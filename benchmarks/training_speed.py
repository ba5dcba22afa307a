"""How fast generators train: SenseGen's network and our flow, beside PyTorch, Keras' own LSTM and the machine's peak.

Each way runs in a process of its own, and all ways take turns, since machines are noisy; the time of a way is the least
of its steps. PyTorch is installed into an environment of its own. The work of a step is counted: three times the matrix
products of a forward pass. The peak is the fastest of float32 products of 2,048 squared numbers, by TensorFlow.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from benchmarks import table
from benchmarks.uci_har import ROOT, preset_params

TORCH = "torch==2.13.0+cpu"
ENVIRONMENT = ROOT / ".cache" / "torch"  # may be deleted at any time
BATCHES, THREADS, STEPS, TURNS = (32, 128), 2, 6, 2
WAYS = {
    "sensegen": (
        "PyTorch",
        "PyTorch bfloat16",
        "Keras' LSTM",
        "Keras' LSTM, XLA",
        "ours",
        "ours, XLA",
        "ours bfloat16",
    ),
    "flow": ("PyTorch", "PyTorch bfloat16", "ours", "ours bfloat16"),
}


def run() -> list[str]:
    """Measure every network at every batch."""
    lines = [f"2 threads; {TURNS} turns of {STEPS} steps. Matrix products reach {peak_gflops():.0f} GFLOP/s."]
    for network in WAYS:
        for batch in BATCHES:
            lines += ["", f"{network}, batch {batch}", "", *measured(network, batch)]
    table.put("training_speed", lines)
    return lines


def measured(network: str, batch: int) -> list[str]:
    """A table of one network at one batch."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS[network]}
    for _ in range(TURNS):
        for way, of_way in seconds.items():
            of_way += step_seconds(way, network, batch)
    best = {way: min(of_way) for way, of_way in seconds.items()}
    work = batch * GIGAFLOPS[network]
    rows = [
        [way, f"{batch / least:.0f}", f"{best['PyTorch'] / least:.2f}", f"{work / least:.0f}"]
        for way, least in best.items()
    ]
    return table.markdown(["way", "windows a second", "times PyTorch float32", "GFLOP/s"], rows)


def step_seconds(way: str, network: str, batch: int) -> list[float]:
    """The seconds of each step but the first, from a process of its own."""
    if way.startswith("PyTorch"):
        precision = way.removeprefix("PyTorch ") if " " in way else "float32"
        command = [torch_python(), str(ROOT / "benchmarks" / "steps_of_torch.py"), network, str(batch), precision]
        command += [str(THREADS), str(STEPS)]
    else:
        command = [sys.executable, "-m", "benchmarks.training_speed", way, network, str(batch)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.splitlines()][1:]


def torch_python() -> str:
    """The Python that has PyTorch; made on first use."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", TORCH], check=True)
    return str(python)


def our_steps(way: str, network: str, batch: int) -> Iterator[float]:
    """The seconds of each step of ours, in this process."""
    import numpy as np
    import tensorflow as tf

    from sensegen import training
    from sensegen.params.models import OptimiserParams

    runtime = preset_params().runtime.model_copy(update={"threads": THREADS})
    training.set_up(runtime)
    model, channels = MODELS[network](way)
    optimiser = OptimiserParams(learning_rate=1e-3, batch_windows=batch, gradient_norm=1.0)
    step = training.GradientStep(model, optimiser, seed=0, xla=way.endswith("XLA"))
    values = np.random.default_rng(0).normal(size=(batch, 128, channels)).astype(np.float32)
    whole = (tf.constant(values), tf.zeros(batch, tf.int32))
    for number in range(STEPS + 1):
        began = time.perf_counter()
        step(whole, number)
        yield time.perf_counter() - began


def sensegen_network(way: str) -> tuple[Any, int]:
    """The paper's network, with our way through its layers or Keras'."""
    from unittest.mock import patch

    from sensegen.generators import mixture_rnn
    from sensegen.generators.sensegen_paper import paper_network
    from sensegen.params.models import LogStddevBounds
    from sensegen.windows import WindowShape

    params = paper_network(LogStddevBounds(low=-6, high=2)).model_copy(update={"precision": precision_of(way)})
    theirs = mixture_rnn.CELLS["lstm"]._replace(outputs_of=mixture_rnn.one_after_another)
    with patch.dict(mixture_rnn.CELLS, {"lstm": theirs} if way.startswith("Keras") else {}):
        model = mixture_rnn.MixtureRNN(WindowShape(128, 1, 0), params)
    model.create_variables()
    return model, 1


def flow_network(way: str) -> tuple[Any, int]:
    """The flow at the width of steps_of_torch."""
    from sensegen.generators.flow_matching import build
    from sensegen.params.models import FlowMatchingParams
    from sensegen.windows import WindowShape

    params = FlowMatchingParams(
        kind="flow_matching",
        width=32,
        heads=4,
        precision=precision_of(way),
        sampling_steps=18,
        temperature=1.0,
    )
    return build(WindowShape(128, 9, 6), params, seed=0).model, 9


def precision_of(way: str) -> Literal["float32", "bfloat16"]:
    """The last word of a way, if it says one."""
    return "bfloat16" if way.endswith("bfloat16") else "float32"


MODELS: dict[str, Callable[[str], tuple[Any, int]]] = {"sensegen": sensegen_network, "flow": flow_network}


def gigaflops() -> dict[str, float]:
    """Of training on one window: three times the matrix products of a forward pass."""
    units, channels = 256, 9
    lstm = 128 * sum(2 * 4 * units * (inputs + units) for inputs in (1, units, units))
    heads = 128 * 2 * (units * 128 + 128 * 72)
    widths, products = (32, 64, 128, 128), 3 * (2 * channels * 32 + 32 * channels) * 128
    for at, (before, width) in enumerate(zip((32, *widths[:-1]), widths, strict=True)):
        above, length = widths[min(at + 1, 3)], 128 // 2**at
        products += length * (residual(before, width) + residual(above + width, width) + 3 * width * width)
    products += 16 * (2 * residual(128, 128) + 4 * 128 * 128 + 2 * 16 * 128)
    return {"sensegen": 3e-9 * (lstm + heads), "flow": 3e-9 * 2 * products}


def residual(before: int, width: int) -> int:
    """Multiplications a time step."""
    return 5 * before * width + 3 * width * width + (before * width if before != width else 0)


GIGAFLOPS = gigaflops()


def peak_gflops() -> float:
    """Of one large float32 product."""
    import tensorflow as tf

    side = 2048
    factor = tf.random.stateless_normal((side, side), [0, 0])
    seconds = []
    for _ in range(10):
        began = time.perf_counter()
        tf.matmul(factor, factor).numpy()
        seconds.append(time.perf_counter() - began)
    return 2e-9 * side**3 / min(seconds)


if __name__ == "__main__":
    for taken in our_steps(sys.argv[1], sys.argv[2], int(sys.argv[3])):
        print(taken, flush=True)
