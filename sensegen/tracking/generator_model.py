"""The generator as MLflow loads it; MLflow runs this file by itself ("models from code"), nothing imports it."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class GeneratorModel(PythonModel):
    """Answers columns `label` (class id) and `seed`, a row a window, with windows (window, time, channel)."""

    def load_context(self, context: Any) -> None:
        """Load the generator from the folder kept with the model."""
        from sensegen.generators import load_generator

        self.generator = load_generator(Path(context.artifacts["generator"]))

    # The input is a mapping of columns. MLflow would make a schema of its own of that annotation, warn of one it
    # does not know, and warn of none; an array is what it leaves alone.
    def predict(
        self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> Float[np.ndarray, "window time channel"]:
        """Sample a window a row. Rows of one seed are drawn together, so a seed and its labels fix the windows."""
        labels, seeds = (np.asarray(model_input[name], dtype=np.int64).ravel() for name in ("label", "seed"))
        batches = {int(seed): np.flatnonzero(seeds == seed) for seed in np.unique(seeds)}
        windows = [self.generator.sample(labels[rows], seed) for seed, rows in batches.items()]
        order = np.argsort(np.concatenate(list(batches.values())))
        return np.concatenate(windows)[order]


set_model(GeneratorModel())
