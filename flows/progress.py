"""Progress of a stage: its lines `progress <stage> <done>/<total> <text>` become a Prefect progress artifact."""

import re
import time
from typing import Any
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

LINE = re.compile(r"progress (\S+) (\d+)/(\d+)\s*(.*)")
SECONDS_BETWEEN_UPDATES = 2.0


class Progress:
    """The progress artifact of one stage, made when the first line comes; at most one update in two seconds."""

    def __init__(self, stage: str, logger: Any):
        self._stage = stage
        self._logger = logger
        self._artifact: UUID | None = None
        self._last_update = float("-inf")

    def take(self, line: str) -> bool:
        """Whether the line tells progress; if so it has been shown, or left out because one just was."""
        match = LINE.fullmatch(line)
        if match is None:
            return False
        _, done, total, text = match.groups()
        finished = done == total
        if finished or time.monotonic() - self._last_update >= SECONDS_BETWEEN_UPDATES:
            self._logger.info("%s %s/%s %s", self._stage, done, total, text)
            self._show(100.0 * min(int(done) / max(int(total), 1), 1.0))
        return True

    def finish(self) -> None:
        """Complete the artifact, if there is one."""
        if self._artifact is not None:
            self._show(100.0)

    def _show(self, percent: float) -> None:
        self._last_update = time.monotonic()
        if self._artifact is None:
            key = "progress-" + self._stage.replace("_", "-")
            self._artifact = create_progress_artifact(percent, key=key, description=f"Progress of {self._stage}")
        else:
            update_progress_artifact(self._artifact, percent)
