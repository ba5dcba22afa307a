"""Several requests made as one batch: a sampler takes little longer over many windows than over few.

Who comes while a batch is made waits for the next one, with all others who wait then. Windows do not depend on who
else asked: what is left to chance is drawn for each request by itself.
"""

import threading
from collections import deque
from concurrent.futures import Future

import numpy as np
from jaxtyping import Int

from sensegen.released import Release
from sensegen.windows import Windows

MOST = 64  # windows of a batch: no slower a window than more of them, and some requests are sent while others are made
Request = tuple[Int[np.ndarray, "window"], int]


class Merger:
    """Threads that make what was asked for, each a batch at a time; a larger request is a batch of its own."""

    def __init__(self, release: Release, threads: int):
        self.release = release
        self._waiting: deque[tuple[Request, Future[Windows]]] = deque()
        self._come = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._work, name="windows", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def ask(self, labels: Int[np.ndarray, "window"], seed: int) -> "Future[Windows]":
        """Windows in physical units, once they are made."""
        future: Future[Windows] = Future()
        with self._come:
            self._waiting.append(((labels, seed), future))
            self._come.notify()
        return future

    def close(self) -> None:
        """Make what was asked for, and end."""
        with self._come:
            self._closed = True
            self._come.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while taken := self._taken():
            try:
                made = self.release.windows_each([request for request, _ in taken])
            except BaseException as error:
                for _, future in taken:
                    future.set_exception(error)
            else:
                for (_, future), windows in zip(taken, made, strict=True):
                    future.set_result(windows)

    def _taken(self) -> list[tuple[Request, "Future[Windows]"]]:
        """The next requests that fit into one batch, whoever has gone away meanwhile left out; none at the end."""
        taken: list[tuple[Request, Future[Windows]]] = []
        with self._come:
            while not taken:
                self._come.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return []
                room = max(MOST, len(self._waiting[0][0][0]))
                while self._waiting and len(self._waiting[0][0][0]) <= room:
                    request, future = self._waiting.popleft()
                    if future.set_running_or_notify_cancel():
                        taken.append((request, future))
                        room -= len(request[0])
        return taken
