"""The memory of a process and all that it starts, while it runs."""

import threading

import psutil


class PeakMemory:
    """Sums the resident memory of a process and its children, twenty times a second, and keeps the largest sum."""

    def __init__(self, pid: int):
        self.process, self.mib, self.stopped = psutil.Process(pid), 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def stop(self) -> float:
        """The peak, in MiB."""
        self.stopped.set()
        self.thread.join()
        return self.mib

    def _watch(self) -> None:
        while not self.stopped.wait(0.05):
            try:
                family = [self.process, *self.process.children(recursive=True)]
                self.mib = max(self.mib, sum(one.memory_info().rss for one in family) / 2**20)
            except psutil.Error:
                continue
