"""Pictures of what a generator makes, logged while it trains: people look before they read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Float, Int

from sensegen.tracking.run import Tracker
from sensegen.windows import Windows

LOOKS = 3  # pictures of a training, spread evenly over its epochs, beside that of the first
EACH = 3  # generated windows of an activity
Sampler = Callable[[Int[np.ndarray, "window"], int], Float[np.ndarray, "window time channel"]]


class SamplePlots:
    """After some epochs, logs one real window and three generated ones of each activity of the part that trains."""

    def __init__(self, tracker: Tracker, sampler: Sampler, windows: Windows, epochs: int):
        self.tracker = tracker
        self.sampler = sampler
        self.windows = windows
        self.epochs = {1, *np.linspace(0, epochs, LOOKS + 1).round().astype(int).tolist()}

    def on_epoch(self, row: Mapping[str, float | int | str]) -> None:
        """Draw, if it is one of these epochs. What goes wrong here is told, and the training goes on."""
        part, epoch = str(row["part"]), int(row["epoch"])
        if epoch in self.epochs:
            self.tracker.guarded("a picture of samples", lambda: self._log(part, epoch))

    def on_resumed(self, row: Mapping[str, float | int | str]) -> None:
        """The generator of that epoch is gone, and its picture has been logged."""

    def _log(self, part: str, epoch: int) -> None:
        from sensegen.reporting import drawing
        from sensegen.reporting.sample_figures import draw_samples

        labels = self._labels(part)
        first = [int(np.flatnonzero(self.windows.labels == label)[0]) for label in labels]
        real, generated = np.asarray(self.windows.values[first]), self.sampler(np.repeat(labels, EACH), epoch)
        with drawing.themed(drawing.LIGHT), TemporaryDirectory() as folder:
            path = Path(folder) / f"epoch_{epoch:04d}.png"
            drawn = draw_samples(real, generated, [self.windows.classes[label] for label in labels])
            path.write_bytes(drawing.png(drawn))
            self.tracker.log_file(path, f"samples/{part}")

    def _labels(self, part: str) -> np.ndarray:
        """The activities of a part that has windows: its own, or all."""
        present = np.unique(self.windows.labels)
        own = [label for label in present if self.windows.classes[label] == part]
        return np.array(own or present)
