"""How far a file is from Keras: the largest difference, and how often the answer is the same."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sensegen.evaluation.usefulness import scores
from sensegen.export.running import runner

Inputs = Mapping[str, Float[np.ndarray, "window ..."]]


def outputs(name: str, content: bytes, inputs: Inputs) -> list[Float[np.ndarray, "window ..."]]:
    """What a file makes of many windows, one by one; an array an output."""
    run, windows = runner(name, content), len(next(iter(inputs.values())))
    made = [run({key: rows[at : at + 1] for key, rows in inputs.items()}) for at in range(windows)]
    return [np.concatenate(parts) for parts in zip(*made, strict=True)]


def of_classifier(
    files: Mapping[str, bytes],
    values: Float[np.ndarray, "window time channel"],
    keras: Float[np.ndarray, "window class"],
    actual: tuple[Int[np.ndarray, "window"], tuple[str, ...]],
) -> dict[str, Any]:
    """Of each file: its bytes, how far its logits are from Keras' and how often it says the same, and its scores."""
    told: dict[str, Any] = {"keras": _scores(keras, *actual)}
    for name, content in files.items():
        (logits,) = outputs(name, content, {"window": values})
        told[name] = {
            "bytes": len(content),
            "largest_difference": _largest(logits, keras),
            "same_answers": float(np.mean(logits.argmax(axis=1) == keras.argmax(axis=1))),
            **_scores(logits, *actual),
        }
    return told


def of_generator(files: Mapping[str, bytes], inputs: Inputs, keras: list[np.ndarray]) -> dict[str, Any]:
    """Of each file: its bytes, and how far it is from Keras, at most and on average (root mean square), in standard
    deviations of a channel; and as a share of how far Keras' own numbers are from their mean."""
    told = {}
    spread = np.sqrt(np.mean([np.var(part) for part in keras]))
    for name, content in files.items():
        made = outputs(name, content, inputs)
        error = np.sqrt(np.mean([np.mean(np.square(one - other)) for one, other in zip(made, keras, strict=True)]))
        largest = max(_largest(one, other) for one, other in zip(made, keras, strict=True))
        told[name] = {
            "bytes": len(content),
            "largest_difference": largest,
            "rms_difference": float(error),
            "rms_share": float(error / spread),
        }
    return told


def _largest(made: np.ndarray, keras: np.ndarray) -> float:
    return float(np.abs(made - keras).max())


def _scores(
    logits: Float[np.ndarray, "window class"], labels: Int[np.ndarray, "window"], classes: tuple[str, ...]
) -> dict[str, float]:
    told = scores(labels, logits.argmax(axis=1), classes)
    return {name: told[name] for name in ("accuracy", "macro_f1")}
