"""The weights of Keras models as named arrays; all that goes to disk."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def named_arrays(model: Any) -> dict[str, np.ndarray]:
    """The weights of a Keras model by their path inside it."""
    return {_path(variable): np.array(variable.numpy()) for variable in model.weights}


def assign_arrays(model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Give a Keras model the weights of `named_arrays`.

    Raises:
        ValueError: if the names differ.
    """
    expected = {_path(variable) for variable in model.weights}
    if expected != set(arrays):
        raise ValueError(
            f"The model has the weights {sorted(expected)}, but got {sorted(arrays)}. "
            "Was the folder written with other params? Run the stage that writes it again."
        )
    for variable in model.weights:
        variable.assign(arrays[_path(variable)])


def joined(models: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of several models in one mapping, each under its model's name."""
    return {f"{key}/{name}": array for key, model in models.items() for name, array in named_arrays(model).items()}


def under(arrays: Mapping[str, np.ndarray], key: str) -> dict[str, np.ndarray]:
    """The arrays that `joined` put under one model's name."""
    return {name.removeprefix(f"{key}/"): array for name, array in arrays.items() if name.startswith(f"{key}/")}


def _path(variable: Any) -> str:
    # Without the model's own name, which Keras may number.
    return str(variable.path).partition("/")[2] or str(variable.path)
