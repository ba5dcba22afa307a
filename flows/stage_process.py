"""A stage's process: its output line by line, its alerts as they come, and its end with everything it started."""

import json
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

POLL_SECONDS = 0.2
GRACE_SECONDS = 10.0


def run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    on_tick: Callable[[], None],
) -> int:
    """Run a command to its end and give its exit code; `on_tick` is called several times a second.

    Whatever ends this call (the command, a time limit, Ctrl-C, a cancelled flow), no process of the command's
    group is left behind. It must be called in the main thread, the only one that such signals interrupt.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for line in _lines(process, on_tick):
            on_line(line)
        exit_code = process.wait()
        on_tick()
        return exit_code
    finally:
        _end_group(process)


def _lines(process: subprocess.Popen[bytes], on_tick: Callable[[], None]) -> Iterator[str]:
    assert process.stdout is not None
    unfinished = b""
    with process.stdout as stream, selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            on_tick()
            ended = process.poll() is not None
            # An orphan may hold the pipe open: once the command has ended, only what is there is read.
            if not selector.select(0 if ended else POLL_SECONDS):
                if ended:
                    break
                continue
            chunk = os.read(stream.fileno(), 65536)
            if not chunk:
                break
            *lines, unfinished = re.split(rb"[\r\n]", unfinished + chunk)
            yield from (line.decode(errors="replace") for line in lines if line.strip())
    if unfinished.strip():
        yield unfinished.decode(errors="replace")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    try:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
            deadline = time.monotonic() + GRACE_SECONDS
            while time.monotonic() < deadline:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.05)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def signal_name(exit_code: int) -> str | None:
    """The signal that ended a process, or one below a shell (128 and its number); None if it ended by itself.

    What it printed last is then no reason: SIGKILL, sent by hand or for want of memory, leaves no time for a word.
    """
    number = -exit_code if exit_code < 0 else exit_code - 128
    return signal.Signals(number).name if number in set(signal.Signals) else None


class AlertFollower:
    """Gives each alert that a stage adds to its file after this object was made, once.

    A stage that starts anew removes the file and may write another: told apart by the file's identity, since the
    new one may already be as long as the old one was.
    """

    def __init__(self, path: Path):
        self._path = path
        # Held open, so that the system gives its identity to no other file meanwhile.
        self._file = self._opened()
        self._offset = os.fstat(self._file.fileno()).st_size if self._file else 0

    def new(self) -> list[dict[str, Any]]:
        """The alerts of the whole lines that came since the last call."""
        self._follow_replacement()
        if self._file is None:
            return []
        self._file.seek(self._offset)
        whole, newline, _ = self._file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines() if line.strip()]

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _follow_replacement(self) -> None:
        if self._file is not None and self._is_current(self._file):
            return
        self.close()
        self._file, self._offset = self._opened(), 0

    def _is_current(self, file: BinaryIO) -> bool:
        held = os.fstat(file.fileno())
        try:
            return os.path.samestat(held, self._path.stat()) and held.st_size >= self._offset
        except FileNotFoundError:
            return False

    def _opened(self) -> BinaryIO | None:
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            return None
