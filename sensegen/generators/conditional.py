"""One model that is told the activity answers for every activity."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sensegen.generators.generator import Generator, Part
from sensegen.generators.sampling import in_batches, of_each
from sensegen.keras_weights import assign_arrays, named_arrays, trained_variables
from sensegen.params.models import ConditionalParams
from sensegen.windows import Windows, WindowShape


class Conditional(Generator):
    """Abstract: `model` is told the label of each window; `temperature` is how much of its noise it draws with."""

    def __init__(self, shape: WindowShape, params: ConditionalParams, model: Any):
        super().__init__(shape, params)
        self.model = model
        self.temperature = params.temperature
        model.create_variables()

    def settle(self, windows: Windows) -> None:
        super().settle(windows)
        self.model.settle(windows)

    def parts(self, windows: Windows) -> Sequence[Part]:
        return [Part("all", self.model, windows)]

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        return in_batches(self.model.sampler(self.temperature), np.asarray(labels), seed)

    def sample_each(self, asked: Sequence[tuple[np.ndarray, int]]) -> list[np.ndarray]:
        return of_each(self.model.sampler(self.temperature), asked)

    def arrays(self) -> dict[str, np.ndarray]:
        return named_arrays(self.model)

    def trained(self) -> Sequence[str]:
        return list(trained_variables(self.model))

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        assign_arrays(self.model, arrays)


def of_each_class(windows: Windows, classes: int) -> Iterator[Windows]:
    """The windows of each label in turn; all windows for a class of which there are none."""
    for label in range(classes):
        of_class = windows.labels == label
        yield windows.select(of_class) if of_class.any() else windows
