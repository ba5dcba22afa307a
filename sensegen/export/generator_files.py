"""What of a generator is made a file: a function of noise and the activity, which whoever runs it draws by itself.

A family is one class and a line in `FAMILIES`; of one that is not there it is said why (`REFUSED`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from jaxtyping import Int

from sensegen.export.converting import Exportable, inner_functions_inlined
from sensegen.generators import build_generator
from sensegen.generators.generator import Generator
from sensegen.generators.style_and_shape import Parts

STYLES = 256  # of each class, drawn once

Inputs = dict[str, np.ndarray]  # by name, a row a window
Tensors = Mapping[str, tf.Tensor]


class GeneratorFile(ABC):
    """Abstract: a function for a file, the same by Keras, and what goes in."""

    makes: ClassVar[str]  # what comes out, in words

    def __init__(self, generator: Any):
        self.model, self.temperature, self.classes = generator.model, generator.temperature, generator.shape.classes
        self.traced: dict[int, Any] = {}  # by how many windows it is for

    @abstractmethod
    def function(self, given: Tensors) -> Any:
        """What is exported, of a batch of any fixed size."""

    def by_keras(self, given: Tensors) -> Any:
        """The same as the generator's own sampling works it out."""
        return self.function(given)

    @abstractmethod
    def draw(self, labels: Int[np.ndarray, "window"], rng: np.random.Generator) -> Inputs:
        """Inputs for windows of these labels."""

    def tables(self) -> dict[str, np.ndarray]:
        """What has to lie beside the file to draw inputs."""
        return {}

    def exportable(self, calibration: Inputs) -> Exportable:
        """One window's worth of the function."""
        specs = {name: tf.TensorSpec((1, *rows.shape[1:]), rows.dtype) for name, rows in calibration.items()}

        def positional(*inputs: tf.Tensor) -> Any:
            return tf.nest.flatten(self.function(dict(zip(specs, inputs, strict=True))))

        return Exportable(positional, specs, list(calibration.values()))

    def reference(self, inputs: Inputs) -> list[np.ndarray]:
        """What Keras makes of many windows' inputs, output by output."""
        given = {name: tf.constant(rows) for name, rows in inputs.items()}
        windows = len(next(iter(inputs.values())))
        if windows not in self.traced:
            with inner_functions_inlined():
                self.traced[windows] = tf.function(self.by_keras).get_concrete_function(given)
        return [part.numpy() for part in tf.nest.flatten(self.traced[windows](given))]


class FlowFile(GeneratorFile):
    """A whole window out of a style, two noises and the activity; the evaluations of the network one after another.

    Styles are drawn here, `STYLES` of each class, since what makes them is as large as all the rest.
    """

    makes = "a scaled window (time, channel)"

    def __init__(self, generator: Any):
        super().__init__(generator)
        labels = np.repeat(np.arange(max(self.classes, 1)), STYLES).astype(np.int32)
        seed, temperature = tf.zeros(2, tf.int32), tf.constant(self.temperature, tf.float32)
        drawn = self.model.style.sample(tf.constant(labels), seed, temperature).numpy()
        self.styles = drawn.reshape(-1, STYLES, drawn.shape[1])

    def function(self, given: Tensors) -> tf.Tensor:
        return self._windows(self._carried, given)

    def by_keras(self, given: Tensors) -> tf.Tensor:
        return self._windows(self.model.carried, given)

    def _windows(self, carried: Callable[..., tf.Tensor], given: Tensors) -> tf.Tensor:
        style, label = given["style"], given["label"]
        shape = carried(Parts(given["noise"], style), label, given["left"])
        return self.model.parts.together(Parts(shape, style), label)

    def draw(self, labels: np.ndarray, rng: np.random.Generator) -> Inputs:
        style = self.styles[labels, rng.integers(STYLES, size=len(labels))]
        size = (len(labels), self.model.window.length - 1, self.model.window.channels)
        noise, left = (self.temperature * rng.standard_normal(size, np.float32) for _ in range(2))
        return {"style": style, "noise": noise.astype(np.float32), "left": left.astype(np.float32), "label": labels}

    def tables(self) -> dict[str, np.ndarray]:
        return {"styles": self.styles}

    def _carried(self, noise: Parts, labels: tf.Tensor, left: tf.Tensor) -> tf.Tensor:
        """As `Flow.carried`, without a loop: LiteRT cannot calibrate one, nor broadcast an angle's two sides."""
        amplitude, _ = self.model.parts.amplitude(noise.style, labels)
        levels = [float(level) for level in self.model.levels]
        angles = [tf.atan2(tf.fill(amplitude.shape, level), amplitude) for level in levels]
        still, before = noise.shape, None
        for level, angle, after in zip(levels, angles, angles[1:], strict=False):
            shape = still * tf.sqrt(tf.square(amplitude) + level**2)
            log_noise = tf.fill(labels.shape, float(np.log(np.float32(level))))
            added = self.model.added(Parts(shape, noise.style), amplitude, log_noise, labels)
            still += (angle - after) * (added if before is None else 1.5 * added - 0.5 * before)
            before = added
        return amplitude * (tf.cos(angles[-1]) * still + tf.sin(angles[-1]) * (before + left))


class MakerFile(GeneratorFile):
    """A whole window out of noise and the activity: the maker of an adversarial pair."""

    makes = "a scaled window (time, channel)"

    def function(self, given: Tensors) -> tf.Tensor:
        return self.model.made_of(given["noise"], given["label"], training=False)

    def draw(self, labels: np.ndarray, rng: np.random.Generator) -> Inputs:
        seed = tf.constant(rng.integers(2**31, size=2), tf.int32)
        noise = self.temperature * self.model.noise(tf.constant(labels), seed).numpy()
        return {"noise": noise.astype(np.float32), "label": labels}


class StepFile(GeneratorFile):
    """One step of a recurrent network: from what was seen of the step before, and the states, to the mixture of the
    next step and the states after it. Who draws from the mixture and makes samples of innovations is outside."""

    makes = "logits, means and logarithms of standard deviations of a step's mixture, then the states"

    def function(self, given: Tensors) -> Any:
        states = [given[name] for name in given if name.startswith("state_")]
        packed = tf.nest.pack_sequence_as(self.model.states(1), states)
        hidden, after = self.model.stepper()(self.model.inputs(given["seen"], given["label"]), packed)
        return [*self.model.to_mixture(hidden), *tf.nest.flatten(after)]

    def draw(self, labels: np.ndarray, rng: np.random.Generator) -> Inputs:
        sizes = [state.shape[1] for state in tf.nest.flatten(self.model.states(1))]
        seen = rng.standard_normal((len(labels), self.model.features), np.float32)
        states = [np.tanh(rng.standard_normal((len(labels), size), np.float32)) for size in sizes]
        return {"seen": seen, "label": labels, **{f"state_{at}": state for at, state in enumerate(states)}}


FAMILIES: Mapping[str, type[GeneratorFile]] = {
    "flow_matching": FlowFile,
    "mdn_rnn": StepFile,
    "mlp_gan": MakerFile,
    "wgan": MakerFile,
    "wgan_gp": MakerFile,
}
A_NETWORK_EACH = "it has a network of more than a million weights for each activity, and is kept to be compared with"
REFUSED = {"sensegen_paper": A_NETWORK_EACH, "cse555": A_NETWORK_EACH}


def refusal(kind: str) -> str | None:
    """Why a family has no export; None of one that has."""
    if kind in FAMILIES:
        return None
    return (
        f"train_generator.generator.kind must be one of {', '.join(FAMILIES)} to be exported, but is {kind}: "
        f"{REFUSED[kind]}."
    )


def generator_file(generator: Generator) -> GeneratorFile:
    """What of a generator is exported, in float32 whatever the precision of its products is.

    Raises:
        ValueError: if its family has no export.
    """
    if reason := refusal(generator.kind):
        raise ValueError(reason)
    params = generator.params
    if "precision" in type(params).model_fields:
        params = params.model_copy(update={"precision": "float32"})
    with inner_functions_inlined():
        exact = build_generator(generator.shape, params, seed=0)  # type: ignore[arg-type]
    exact.assign(generator.arrays())
    return FAMILIES[generator.kind](exact)
