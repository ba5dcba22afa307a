"""What every generator family answers, whatever it is made of."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from sensegen import weights
from sensegen.params.section import Section
from sensegen.windows import Windows, WindowShape


@dataclass(frozen=True)
class Part:
    """A model of a generator, and the windows that are its own: all of them, or those of one activity."""

    name: str
    model: Any
    windows: Windows


@dataclass(frozen=True)
class TrainedOn:
    """What the training windows were windows of."""

    channels: Sequence[str]
    units: Sequence[str]
    classes: Sequence[str]
    rate_hz: float


class Generator(ABC):
    """Abstract: gives scaled windows of asked-for activities."""

    kind: ClassVar[str]
    trained_on: TrainedOn | None = None

    def __init__(self, shape: WindowShape, params: Section):
        self.shape = shape
        self.params = params

    def settle(self, windows: Windows) -> None:
        """Take from the training windows what is not trained, such as their spectra; before the first step."""
        self.trained_on = TrainedOn(windows.channels, windows.units, windows.classes, windows.rate_hz)

    @abstractmethod
    def parts(self, windows: Windows) -> Sequence[Part]:
        """The models to train one by one, each with its windows."""

    @abstractmethod
    def sample(self, labels: Int[np.ndarray, "window"], seed: int) -> Float[np.ndarray, "window time channel"]:
        """A scaled window for each label; the same seed gives the same windows."""

    def sample_each(
        self, asked: Sequence[tuple[Int[np.ndarray, "window"], int]]
    ) -> list[Float[np.ndarray, "window time channel"]]:
        """What `sample` gives for each of several labels and seeds, to the rounding of sums; families that take less
        time over one large batch than over many small ones do so, of at most 512 windows."""
        return [self.sample(labels, seed) for labels, seed in asked]

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Every weight by name."""

    @abstractmethod
    def trained(self) -> Sequence[str]:
        """The names of the arrays that training changes; what `settle` takes is not among them."""

    @abstractmethod
    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over the weights that `arrays` gave."""

    def save(self, folder: Path) -> None:
        """Write the model folder, whole or not at all."""
        trained_on = asdict(self.trained_on) if self.trained_on else None
        config = {"kind": self.kind, "shape": asdict(self.shape), "params": self.params.model_dump()}
        weights.save(folder, config | {"trained_on": trained_on}, self.arrays())

    def count_parameters(self) -> int:
        """The numbers of its model folder: trained, or taken from the training windows (`settle`)."""
        return sum(array.size for array in self.arrays().values())


@runtime_checkable
class Sequential(Protocol):
    """A generator that makes windows step by step, and so of any length, and from any beginning."""

    def continued(
        self,
        prompt: Float[np.ndarray, "window time channel"],
        labels: Int[np.ndarray, "window"],
        length: int,
        seed: int,
    ) -> Float[np.ndarray, "window length channel"]:
        """Scaled windows of `length` samples that begin with `prompt`, which may be of no sample."""


@runtime_checkable
class Foretelling(Protocol):
    """A model that says how likely each step of a window is: the model of a part of some generators."""

    def foretold(self, values: Any, labels: Any) -> Any:
        """A `mixture_rnn.Foretold` of windows (batch, time, channel) and their labels."""
