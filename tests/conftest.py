"""What several tests need: the project's own params, and small worlds whose answers are known."""

import json
import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from sensegen import params as schema
from sensegen.params import Params
from sensegen.params.models import (
    CNNClassifierParams,
    GRUClassifierParams,
    JudgesParams,
    LogStddevBounds,
    MDNRNNParams,
    OptimiserParams,
)
from sensegen.scaling import Scaling
from sensegen.windows import Windows

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# How long an example takes says how busy the machine is, not whether a claim holds.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")


@pytest.fixture(scope="session")
def params() -> Params:
    """The committed params."""
    return schema.load(ROOT / "params.yaml")


@pytest.fixture
def two_classes() -> Windows:
    """Slow and fast sines with a little noise: any classifier tells them apart, any generator can learn them."""
    return sines(np.random.default_rng(0), 96)


def sines(rng: np.random.Generator, windows: int, length: int = 32) -> Windows:
    """Windows of two classes: one period a window, or four; two channels in quadrature."""
    labels = np.arange(windows) % 2
    phase = rng.uniform(0, 2 * np.pi, windows)[:, None]
    angle = 2 * np.pi * np.where(labels, 4, 1)[:, None] * np.arange(length) / length + phase
    values = np.stack([np.sin(angle), np.cos(angle)], axis=-1) + rng.normal(0, 0.05, (windows, length, 2))
    subjects = tuple(f"S{at % 4}" for at in range(windows))
    return Windows(values.astype(np.float32), labels, subjects, ("a", "b"), ("slow", "fast"), 32.0, ("g", "g"))


def put_windows(folder: Path, windows: Windows, scaling: Scaling) -> Path:
    """Scaled windows as the fit split of a window folder, without overlap."""
    folder.mkdir(parents=True)
    length, subjects = windows.shape.length, sorted(set(windows.subjects))
    about = {
        **{"channels": windows.channels, "classes": windows.classes, "units": windows.units, "subjects": subjects},
        **{"rate_hz": windows.rate_hz, "length": length},
        "scaling": {"mean": scaling.mean.tolist(), "stddev": scaling.stddev.tolist()},
    }
    (folder / "windows.json").write_text(json.dumps(about), encoding="utf-8")
    np.save(folder / "signals.npy", np.asarray(windows.values).reshape(-1, windows.shape.channels))
    starts, people = np.arange(len(windows)) * length, [subjects.index(name) for name in windows.subjects]
    np.save(folder / "fit.npy", np.stack([starts, windows.labels, people], axis=1))
    return folder


def noise_like(values: np.ndarray, seed: int) -> np.ndarray:
    """Independent Gaussian noise with each channel's mean and standard deviation: what any judge must catch."""
    stream = np.random.default_rng(seed)
    noise = stream.normal(values.mean(axis=(0, 1)), values.std(axis=(0, 1)), size=values.shape)
    return noise.astype(np.float32)


# The smallest recurrent generator that is one: tests change what they are about.
SMALL_RECURRENT = MDNRNNParams(
    **{"kind": "mdn_rnn", "cell": "gru", "layers": 1, "units": 8, "hidden": 8, "mixtures": 2, "samples_a_step": 1},
    **{"precision": "float32", "temperature": 1.0, "log_stddev": LogStddevBounds(low=-6.0, high=2.0)},
)
FAST = OptimiserParams(learning_rate=0.01, batch_windows=32, gradient_norm=1.0)
SMALL_CNN = CNNClassifierParams(filters=8, optimiser=FAST, epochs=12)
QUICK_JUDGES = JudgesParams(
    kinds=["cnn", "gru", "spectral"],
    control_kinds=["spectral"],
    windows=400,
    patience=4,
    cnn=SMALL_CNN,
    gru=GRUClassifierParams(units=12, optimiser=FAST, epochs=12),
)


def start_stage(root: Path, stage: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "SENSEGEN_"))}
    command = [sys.executable, "-m", "stages", stage]
    return subprocess.Popen(
        command, cwd=root, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def run_stage(root: Path, stage: str) -> tuple[int, str]:
    process = start_stage(root, stage)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def succeed(root: Path, *stages: str) -> None:
    for stage in stages:
        code, output = run_stage(root, stage)
        assert code == 0, output
