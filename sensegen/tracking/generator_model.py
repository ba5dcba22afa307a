"""A release as MLflow loads it; MLflow runs this file by itself ("models from code"), nothing imports it."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class GeneratorModel(PythonModel):
    """Answers rows of `activity`, `windows` and `seed` with the windows (window, time, channel) of all of them."""

    def load_context(self, context: Any) -> None:
        """Load the release kept with the model."""
        from sensegen.released import Release

        self.release = Release.load(Path(context.artifacts["release"]))

    # The input is a table. MLflow would make a schema of its own of that annotation, warn of one it does not know, and
    # warn of none; an array is what it leaves alone.
    def predict(
        self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> Float[np.ndarray, "window time channel"]:
        """Windows in physical units; a row's seed, activity and number fix its windows."""
        from sensegen.released import Asked

        table: Any = model_input
        activities = table["activity"] if "activity" in table else [None] * len(table)
        rows = zip(activities, table["windows"], table["seed"], strict=True)
        made = [
            self.release.windows(Asked(activity if isinstance(activity, str) else None, int(count), int(seed)))
            for activity, count, seed in rows
        ]
        return np.concatenate([np.asarray(windows.values) for windows in made])


set_model(GeneratorModel())
