"""Windows of one length, stored once: the signals end to end, and where each window starts in them.

`signals.npy` holds every sample once (overlapping windows share them), mapped into memory and not read; `<split>.npy`
holds a row (start sample, label, subject) a window; `windows.json` says what the numbers mean.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from jaxtyping import Float, Int
from numpy.lib.stride_tricks import sliding_window_view


@dataclass(frozen=True)
class WindowShape:
    """All that a generator or a classifier knows of the data: (time, channel), and how many classes."""

    length: int
    channels: int
    classes: int


class StoredValues:
    """Windows as (window, time, channel) that stay where they are stored: rows are gathered when they are asked for.

    It takes the place of an array: `values[rows]` are the windows at some rows (an index, a slice, indices or a mask),
    and NumPy takes the whole for an array, which gathers all of them.
    """

    ndim = 3

    def __init__(self, signals: Float[np.ndarray, "sample channel"], starts: Int[np.ndarray, "window"], length: int):
        self.signals, self.starts, self.length = signals, starts, length

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(window, time, channel)"""
        return len(self.starts), self.length, self.signals.shape[1]

    @property
    def dtype(self) -> np.dtype:
        """Of each value."""
        return self.signals.dtype

    def __getitem__(self, rows: Any) -> np.ndarray:
        if isinstance(rows, tuple):
            return self[rows[0]][(slice(None), *rows[1:]) if np.ndim(self.starts[rows[0]]) else rows[1:]]
        starts = self.starts[rows]
        gathered = gather(self.signals, np.atleast_1d(starts), self.length)
        return gathered if np.ndim(starts) else gathered[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def select(self, rows: np.ndarray) -> "StoredValues":
        """The windows at `rows`, where they are stored."""
        return StoredValues(self.signals, self.starts[rows], self.length)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process is told where the signals are stored, and not sent them."""
        if isinstance(self.signals, np.memmap) and self.signals.filename:
            return _opened, (self.signals.filename, self.starts, self.length)
        return StoredValues, (self.signals, self.starts, self.length)


def _opened(path: Path, starts: Int[np.ndarray, "window"], length: int) -> StoredValues:
    return StoredValues(np.load(path, mmap_mode="r"), starts, length)


@dataclass(frozen=True)
class Windows:
    """Labelled windows: `values` is (window, time, channel), `labels` holds indices into `classes`.

    Opened from a folder, the values stay there (`StoredValues`) until rows of them are asked for.

    Raises:
        ValueError: if the axes do not agree.
    """

    values: Float[np.ndarray, "window time channel"]
    labels: Int[np.ndarray, "window"]
    subjects: tuple[str, ...]
    channels: tuple[str, ...]
    classes: tuple[str, ...]
    rate_hz: float
    units: tuple[str, ...]

    def __post_init__(self) -> None:
        windows, _, channels = self.values.shape
        if (len(self.labels), len(self.subjects), len(self.channels)) != (windows, windows, channels):
            raise ValueError(
                f"Windows are (window, time, channel), but got values {self.values.shape}, {len(self.labels)} labels, "
                f"{len(self.subjects)} subjects and {len(self.channels)} channel names."
            )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> WindowShape:
        """What a model has to know."""
        return WindowShape(self.values.shape[1], self.values.shape[2], len(self.classes))

    def select(self, rows: np.ndarray) -> "Windows":
        """The windows at `rows` (indices or a mask)."""
        rows = np.arange(len(self))[rows]
        subjects = tuple(self.subjects[row] for row in rows)
        values: Any = self.values
        values = values.select(rows) if isinstance(values, StoredValues) else values[rows]
        return Windows(values, self.labels[rows], subjects, self.channels, self.classes, self.rate_hz, self.units)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open one split of a window folder, e.g. `Windows.open(artifacts.window / "fit")`. Values are scaled."""
        folder, split = path.parent, path.name
        meaning = json.loads((folder / "windows.json").read_text(encoding="utf-8"))
        index = np.load(folder / f"{split}.npy")
        signals = np.load(folder / "signals.npy", mmap_mode="r")
        return cls(
            values=cast(np.ndarray, StoredValues(signals, index[:, 0], meaning["length"])),
            labels=index[:, 1],
            subjects=tuple(meaning["subjects"][subject] for subject in index[:, 2]),
            channels=tuple(meaning["channels"]),
            classes=tuple(meaning["classes"]),
            rate_hz=meaning["rate_hz"],
            units=tuple(meaning["units"]),
        )


def slice_windows(
    signal: Float[np.ndarray, "time channel"], *, length: int, stride: int
) -> Float[np.ndarray, "window length channel"]:
    """Cut one regularly sampled signal into overlapping windows (a view: nothing is copied).

    Window `w` holds samples `w * stride` to `w * stride + length`; a shorter tail is dropped.

    Raises:
        ValueError: if the signal is shorter than one window.
    """
    if len(signal) < length:
        raise ValueError(f"A window needs {length} samples, but the signal has {len(signal)}.")
    return sliding_window_view(signal, length, axis=0)[::stride].swapaxes(1, 2)


def gather(
    signals: Float[np.ndarray, "sample channel"], starts: Int[np.ndarray, "window"], length: int
) -> Float[np.ndarray, "window length channel"]:
    """The windows that start at the given samples."""
    if not len(starts):
        return np.empty((0, length, signals.shape[1]), signals.dtype)
    return np.ascontiguousarray(slice_windows(signals, length=length, stride=1)[starts])
