"""One file over HTTP, however bad the line: resumed where it broke, tried again with growing pauses.

What has arrived is kept as `<name>.part` beside the target until it is whole, also from one run to the next, together
with the server's validator of that version, so that halves of two versions are never joined.
"""

import logging
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sensegen.addresses import Login
from sensegen.progress import Progress

if TYPE_CHECKING:
    from requests import Response

logger = logging.getLogger(__name__)

DOWNLOADS = Path(".cache") / "downloads"
CHUNK_BYTES = 1 << 16
LONGEST_PAUSE_SECONDS = 60.0
WORTH_ANOTHER_TRY = (408, 425, 429)


class TransferError(OSError):
    """A file could not be had; the message says why and what to do."""


class NotThere(TransferError):
    """The server answers, and has no such file."""


class _Broken(Exception):
    """This attempt failed in a way that another may not."""


@dataclass(frozen=True)
class Patience:
    """How often to try, how long to wait for an answer, and the pause after the first failure, in seconds."""

    attempts: int
    timeout_seconds: float
    pause_seconds: float = 1.0

    def pause(self, failures: int) -> float:
        """Twice as long each time, and never quite the same, so that many clients do not come back at once."""
        longest = min(LONGEST_PAUSE_SECONDS, self.pause_seconds * 2 ** (failures - 1))
        return longest * random.uniform(0.5, 1.0)


def transfer(url: str, target: Path, patience: Patience, progress: Progress, login: Login | None = None) -> Path:
    """Bring `url` to `target`, going on from what an earlier try left behind; `login` for a server that asks for one.

    Raises:
        NotThere: if the server has no such file (404, 410).
        TransferError: if the server refuses, or the line stays down for all attempts.
        OSError: if the disk is full; what has arrived is kept.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    for failures in range(1, patience.attempts + 1):
        try:
            _continue(url, part, patience.timeout_seconds, progress, login)
            part.replace(target)
            _validator(part).unlink(missing_ok=True)
            return target
        except _Broken as error:
            reason = str(error)
        if failures < patience.attempts:
            pause = patience.pause(failures)
            logger.warning("%s: %s; attempt %d follows in %.1f s", url, reason, failures + 1, pause)
            time.sleep(pause)
    kept = part.stat().st_size if part.exists() else 0
    rest = f" {kept:,} bytes are kept, the next run goes on from there." if kept else ""
    raise TransferError(
        f"{url} could not be fetched in {patience.attempts} attempts (download.attempts): {reason}.{rest}"
    )


def _continue(url: str, part: Path, timeout_seconds: float, progress: Progress, login: Login | None) -> None:
    """One attempt; returns when `part` is whole.

    Raises:
        _Broken: if another attempt may do better.
    """
    import requests

    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # a compressed answer's bytes could not be counted
    if have:
        headers["Range"] = f"bytes={have}-"
        if _validator(part).exists():
            headers["If-Range"] = _validator(part).read_text(encoding="utf-8")
    try:
        with requests.get(url, auth=login, headers=headers, stream=True, timeout=timeout_seconds) as response:
            if response.status_code == 416 and _is_whole(response, have):
                return
            offset = _accepted_offset(response, have, part)
            _receive(response, part, offset, progress)
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema) as e:
        raise TransferError(f"{url} is no address that can be fetched: {e}.") from e
    except requests.exceptions.RequestException as error:
        raise _Broken(_first_cause(error)) from error


def _accepted_offset(response: "Response", have: int, part: Path) -> int:
    """Where the bytes of this answer belong in the file: at `have` if the server goes on, else at its start."""
    status = response.status_code
    if status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        return have
    if status in (206, 416):
        part.unlink(missing_ok=True)
        raise _Broken(f"the server cannot go on from byte {have:,} (status {status}), starting anew")
    if status in (404, 410):
        raise NotThere(f"{response.url} is not there (status {status}).")
    if status in WORTH_ANOTHER_TRY or status >= 500:
        raise _Broken(f"the server answered with status {status}")
    if status != 200:
        raise TransferError(f"{response.url} was refused with status {status} ({response.reason}).")
    strong = response.headers.get("ETag") or ""
    validator = response.headers.get("Last-Modified", "") if strong.startswith("W/") or not strong else strong
    _validator(part).unlink(missing_ok=True)
    if validator:
        _validator(part).write_text(validator, encoding="utf-8")
    return 0


def _receive(response: "Response", part: Path, offset: int, progress: Progress) -> None:
    length = response.headers.get("Content-Length")
    total = offset + int(length) if length else 0
    name = part.name.removesuffix(".part")
    with part.open("r+b" if offset else "wb") as file:
        file.seek(offset)
        for chunk in response.iter_content(CHUNK_BYTES):
            file.write(chunk)
            progress(file.tell(), total, name)
        arrived = file.tell()
    if total and arrived != total:
        raise _Broken(f"the connection closed after {arrived:,} of {total:,} bytes")


def _is_whole(response: "Response", have: int) -> bool:
    """Whether a server that cannot go on says so because nothing is missing."""
    return response.headers.get("Content-Range", "") == f"bytes */{have}"


def _validator(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _first_cause(error: BaseException) -> str:
    """The innermost reason, without the libraries' wrapping."""
    while error.args and isinstance(error.args[-1], BaseException):
        error = error.args[-1]
    reason = getattr(error, "reason", None)
    return _first_cause(reason) if isinstance(reason, BaseException) else f"{error}" or type(error).__name__
