"""Progress of a stage: its lines `progress <stage> <done>/<total> <text>` become a Prefect progress artifact."""

import contextvars
import re
import threading
import time
from typing import Any
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

LINE = re.compile(r"progress (\S+) (\d+)/(\d+)\s*(.*)")
SECONDS_BETWEEN_UPDATES = 2.0
LAST_UPDATE_SECONDS = 10.0


class Progress:
    """The progress artifact of one stage, made when the first line comes; at most one update in two seconds.

    Prefect is told beside the run: while its server is down, each call takes a minute and then fails. The stage would
    wait at its full pipe meanwhile, its alerts would be told to nobody, and at last it would be ended for that.
    """

    def __init__(self, stage: str, logger: Any):
        self._stage = stage
        self._logger = logger
        self._artifact: UUID | None = None
        self._last_update = float("-inf")
        self._percent: float | None = None  # what Prefect has yet to be told
        self._teller = threading.Thread()

    def take(self, line: str) -> bool:
        """Whether the line tells progress; if so it has been shown, or left out because one just was."""
        match = LINE.fullmatch(line)
        if match is None:
            return False
        _, done, total, text = match.groups()
        finished = done == total
        if finished or time.monotonic() - self._last_update >= SECONDS_BETWEEN_UPDATES:
            self._last_update = time.monotonic()
            self._logger.info("%s %s/%s %s", self._stage, done, total, text)
            self._show(100.0 * min(int(done) / max(int(total), 1), 1.0))
        return True

    def finish(self) -> None:
        """Complete the artifact, if there is one."""
        if self._last_update > float("-inf"):
            self._show(100.0)
            self._teller.join(LAST_UPDATE_SECONDS)
            if self._percent is not None:  # it came as the thread was ending
                self._show(self._percent)
                self._teller.join(LAST_UPDATE_SECONDS)

    def _show(self, percent: float) -> None:
        self._percent = percent
        if not self._teller.is_alive():
            # The context says to which run the artifact belongs.
            self._teller = threading.Thread(target=contextvars.copy_context().run, args=(self._tell,), daemon=True)
            self._teller.start()

    def _tell(self) -> None:
        while (percent := self._percent) is not None:
            self._percent = None
            try:
                self._put(percent)
            except Exception as error:
                self._logger.warning("Prefect was not told the progress of %s (%s).", self._stage, error)

    def _put(self, percent: float) -> None:
        if self._artifact is None:
            key = "progress-" + self._stage.replace("_", "-")
            self._artifact = create_progress_artifact(percent, key=key, description=f"Progress of {self._stage}")
        else:
            update_progress_artifact(self._artifact, percent)
