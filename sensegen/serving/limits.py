"""What one client may ask for, and how often."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_CLIENTS = 10_000  # that are remembered; whoever came longest ago is forgotten first


@dataclass(frozen=True)
class Limits:
    """Windows and bytes of a request, windows a second of a client (so many seconds' worth at once), and how many
    requests may wait."""

    windows: int = 2048
    body_bytes: int = 4096
    windows_a_second: float = 5000.0
    burst_seconds: float = 4.0
    waiting: int = 64


class Rate:
    """Final: a bucket of windows a client that fills as time goes by."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic):
        self.limits, self.clock = limits, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_seconds(self, client: str, windows: int) -> float:
        """Take windows from a client's bucket; 0, or, where there are too few in it, in how many seconds there will be
        enough, and nothing is taken."""
        most = self.limits.windows_a_second * self.limits.burst_seconds
        with self._lock:
            now = self.clock()
            left, since = self._left.pop(client, (most, now))
            left = min(most, left + (now - since) * self.limits.windows_a_second)
            enough = left >= min(windows, most)
            self._left[client] = (left - windows if enough else left, now)
            if len(self._left) > MOST_CLIENTS:
                self._left.popitem(last=False)
        return 0.0 if enough else (min(windows, most) - left) / self.limits.windows_a_second
