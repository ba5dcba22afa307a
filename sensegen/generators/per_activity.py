"""An unconditional model can be asked for an activity all the same: one model an activity."""

from collections.abc import Mapping, Sequence

import numpy as np

from sensegen.generators.generator import Generator, Part
from sensegen.generators.mixture_rnn import MixtureRNN
from sensegen.generators.sampling import in_batches
from sensegen.keras_weights import assign_arrays, joined, trained_variables, under
from sensegen.params.section import Section
from sensegen.windows import Windows, WindowShape


class PerActivity(Generator):
    """Abstract: `models[label]` is the model of one activity."""

    def __init__(self, shape: WindowShape, params: Section, models: Sequence[MixtureRNN]):
        super().__init__(shape, params)
        self.models = models

    def parts(self, windows: Windows) -> Sequence[Part]:
        return [
            Part(windows.classes[label], model, windows.select(windows.labels == label))
            for label, model in enumerate(self.models)
            if (windows.labels == label).any()
        ]

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        labels = np.asarray(labels)
        windows = np.empty((len(labels), self.shape.length, self.shape.channels), np.float32)
        for label in np.unique(labels):
            own = labels[labels == label]
            windows[labels == label] = in_batches(self.models[label].sampler(), own, seed + int(label))
        return windows

    def arrays(self) -> dict[str, np.ndarray]:
        return joined(self._named())

    def trained(self) -> Sequence[str]:
        return [f"{key}/{name}" for key, model in self._named().items() for name in trained_variables(model)]

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        for key, model in self._named().items():
            assign_arrays(model, under(arrays, key))

    def _named(self) -> dict[str, MixtureRNN]:
        return {str(label): model for label, model in enumerate(self.models)}
