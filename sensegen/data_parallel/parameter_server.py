"""The weights that asynchronous workers share: an object in a process of its own, which takes gradients as they come.

A gradient is clipped by its global norm, whatever the weights have become since it was begun. How many updates of
others there were meanwhile is its staleness. What is not finite is not applied: the guard goes back to the last good
state with half the rate, as in every training here.
"""

from pathlib import Path
from typing import Any

from sensegen.data_parallel.messages import Arrays, Pushed, Told
from sensegen.divergence import AlertLog
from sensegen.params import DivergenceParams, RuntimeParams
from sensegen.params.models import OptimiserParams


class ParameterServer:
    """Holds the weights of each part that is trained, by its name."""

    def __init__(self, divergence: DivergenceParams, runtime: RuntimeParams, stage: str, folder: Path, workers: int):
        from sensegen import training

        training.set_up(runtime.model_copy(update={"threads": 1}))
        self.divergence, self.folder, self.workers = divergence, folder, workers
        self.log = AlertLog(folder / "alerts.jsonl", stage)
        self._parts: dict[str, Any] = {}

    def join(self, part: str, weights: Arrays, optimiser: OptimiserParams) -> Told:
        """The weights of a part: of its checkpoint, of the worker that came first, or as they are by now."""
        from sensegen.data_parallel.served_weights import Served

        if part not in self._parts:
            guard = (self.divergence, self.log, f"{part} on the server", self.folder)
            self._parts[part] = Served(weights, optimiser, self.workers, guard)
        return self._parts[part].told({})

    def push(self, part: str, pushed: Pushed) -> Told:
        """Apply a gradient.

        Raises:
            Diverged: when going back has not helped.
        """
        return self._parts[part].push(pushed)

    def pull(self, part: str) -> Told:
        """The weights as they are."""
        return self._parts[part].told({})

    def steps_of(self, part: str) -> list[int]:
        """How many steps each worker has made."""
        return [int(count) for count in self._parts[part].counts.numpy()]

    def staleness(self) -> list[int]:
        """Of every update since this server began, in their order."""
        return [late for served in self._parts.values() for late in served.staleness]

    def alerts(self) -> list[dict[str, Any]]:
        """What went wrong, over all parts."""
        return [alert for served in self._parts.values() for alert in served.state.alerts]

    def alive(self) -> bool:
        """Whether it answers."""
        return True
