"""What several tests need: the project's own params, and small worlds whose answers are known."""

import os
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from sensegen import params as schema
from sensegen.params import Params
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
