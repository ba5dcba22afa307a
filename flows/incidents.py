"""What a person should hear of at once, as Prefect events: each with the MLflow run, and once however often it is met.

`sensegen deploy` makes the automation that turns them into notifications. A run without a server that listens emits
them into its own temporary one, where nobody hears; they also stand in the log and in MLflow's tags.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PREFIX = "sensegen."
NAMES = {  # by the kind of incident; the first three are those of alerts of a training
    "nan": "sensegen.training.diverged",
    "dead_critic": "sensegen.training.dead_critic",
    "collapse": "sensegen.training.collapsed",
    "data_refused": "sensegen.data.refused",
    "drift": "sensegen.data.drifted",
    "batch_quarantined": "sensegen.batch.quarantined",
    "over_time": "sensegen.stage.over_time",
    "failed": "sensegen.stage.failed",
    "promotion_refused": "sensegen.promotion.refused",
    "promoted": "sensegen.promotion.done",
}
DATA_STAGES = ("validate", "window")

logger = logging.getLogger(__name__)


class Incidents:
    """Final: those of one run, each kind of each place once."""

    def __init__(self, root: Path, address: str):
        self.root, self.address = root, address
        self._met: set[tuple[str, str]] = set()

    def meet(self, kind: str, place: str, what: str, about: Mapping[str, Any] | None = None) -> bool:
        """Emit the event of an incident at a place (stage, batch, model), if it is the first of its kind there."""
        from prefect.events import emit_event

        if (kind, place) in self._met:
            return False
        self._met.add((kind, place))
        emit_event(
            NAMES[kind],
            resource={"prefect.resource.id": f"sensegen.{place}", "prefect.resource.name": place},
            payload={**(about or {}), "kind": kind, "place": place, "what": what, "mlflow": self.address},
        )
        logger.info("%s: %s: %s", NAMES[kind], place, what)
        return True
