"""The weights of Keras models as named arrays; all that goes to disk."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def named_arrays(model: Any) -> dict[str, np.ndarray]:
    """The weights of a Keras model by their path inside it."""
    return {name: np.array(variable.numpy()) for name, variable in _named(model).items()}


def assign_arrays(model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Give a Keras model the weights of `named_arrays`.

    Raises:
        ValueError: if the names differ.
    """
    variables = _named(model)
    if differing := sorted(variables.keys() ^ arrays.keys()):
        raise ValueError(
            f"Model and folder must have the same weights, but only one of them has {', '.join(differing[:6])}. "
            "Was the folder written with other params? Run the stage that writes it again."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


def trained_variables(model: Any) -> dict[str, Any]:
    """By the names of `named_arrays`, the variables that training changes."""
    return {name: variable for name, variable in _named(model).items() if variable.trainable}


def joined(models: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of several models in one mapping, each under its model's name."""
    return {f"{key}/{name}": array for key, model in models.items() for name, array in named_arrays(model).items()}


def under(arrays: Mapping[str, np.ndarray], key: str) -> dict[str, np.ndarray]:
    """The arrays that `joined` put under one model's name."""
    return {name.removeprefix(f"{key}/"): array for name, array in arrays.items() if name.startswith(f"{key}/")}


def _named(model: Any) -> dict[str, Any]:
    """The variables of a model by path, without the model's own name, which Keras may number.

    Raises:
        ValueError: if two have one name: one of them would be lost.
    """
    paths = [str(variable.path) for variable in model.weights]
    owners = {path.partition("/")[0] for path in paths}
    names = [path.partition("/")[2] if len(owners) == 1 and "/" in path else path for path in paths]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"Every weight must have a name of its own, but {twice[:3]} stand for several each.")
    return dict(zip(names, model.weights, strict=True))
