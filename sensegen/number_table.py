"""A text file of numbers, every row of the same length: read exactly as it says, or refused with file and line."""

import io
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sensegen.recording import InvalidRecording

AGAIN = "Fetch it again: python -m stages download"


def read_rows(path: Path, columns: int, separator: str | None = None) -> Float[np.ndarray, "row column"]:
    """The table in a small file, its words between `separator`, or between spaces.

    Raises:
        InvalidRecording: naming the file, the line and what is wrong with it.
    """
    text = read_bytes(path)
    try:
        # Measured: loadtxt's parser needs 0.05 s for 3,000 x 128 numbers, less than fromstring, and stops at no word
        # silently.
        table = np.loadtxt(io.BytesIO(text), ndmin=2, comments=None, delimiter=separator) if text.strip() else None
    except ValueError as error:
        raise InvalidRecording(_diagnosis(path, text, columns, separator) or f"{path}: {error}") from error
    # Empty lines are passed over by loadtxt, so the lines are counted too.
    if table is None or table.shape != (text.count(b"\n") + (not text.endswith(b"\n")), columns):
        must = f"{path} must hold rows of {columns} numbers."
        raise InvalidRecording(_diagnosis(path, text, columns, separator) or must)
    return table


def read_bytes(path: Path) -> bytes:
    """The bytes of a raw file.

    Raises:
        InvalidRecording: if it is missing.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidRecording(f"{path} is missing. {AGAIN}") from None


def _diagnosis(path: Path, text: bytes, columns: int, separator: str | None) -> str | None:
    """What is wrong in the first bad line; slow, so only for files known to be bad."""
    if not text.strip():
        return f"{path} is empty, but must hold rows of {columns} numbers. {AGAIN}"
    for number, line in enumerate(text.decode(errors="replace").splitlines(), start=1):
        words = line.split(separator)
        if (word := next((word for word in words if not _is_number(word)), None)) is not None:
            return f"{path}, line {number}: {word!r} is no number. {AGAIN}"
        if len(words) != columns:
            return f"{path}, line {number}: a row must have {columns} numbers, but has {len(words)}. {AGAIN}"
    return None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word  # Python reads 1_000, no data format does
