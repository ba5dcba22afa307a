"""The datasets, by name; each is a module of its own, loaded when it is asked for.

A dataset declares `SOURCE` (provenance, licence, sensors, bounds) and answers `declare`, `fetch` and `read`; adding
one is a file here and a line in `DATASETS`. What params ask of a dataset is checked against what it declares.
"""

import difflib
import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, cast

from sensegen.params import InvalidParams, Params, WindowParams
from sensegen.progress import Progress
from sensegen.recording import Recording
from sensegen.source import Source
from sensegen.transfer import DOWNLOADS

DATASETS = {
    "simulated": "sensegen.datasets.simulated",
    "uci_har": "sensegen.datasets.uci_har",
}


class Dataset(Protocol):
    """What the module of a dataset offers."""

    SOURCE: Source

    def declare(self, dataset: Any, /) -> Source:
        """The source as these `dataset` params make it."""

    def fetch(self, folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
        """Fill `folder` with the raw files; unfinished transfers are kept in `downloads`."""

    def read(self, folder: Path) -> Iterator[Recording]:
        """The recordings in a folder that `fetch` filled.

        Raises:
            InvalidRecording: naming the file (and line) that cannot be used.
        """


def get(name: str) -> Dataset:
    """The module of the dataset of that name.

    Raises:
        InvalidParams: if there is none.
    """
    if name not in DATASETS:
        raise InvalidParams(
            f"dataset.name is {name!r}, but the datasets are {list(DATASETS)}.{_nearest(name, DATASETS)}"
        )
    return cast(Dataset, importlib.import_module(DATASETS[name]))


def check(params: Params) -> Source:
    """What the dataset declares under these params, once they are known to be possible with it.

    Raises:
        InvalidParams: naming every key of `window` that asks for what the dataset has not.
    """
    source = get(params.dataset.name).declare(params.dataset)
    problems = [
        *_window_problems(params.window, source),
        *_subject_problems(params.window, source),
        *_unknown("window.channels", params.window.channels, source.channels, params.dataset.name),
    ]
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise InvalidParams(f"params.yaml asks for what dataset {params.dataset.name} has not:\n{lines}")
    return source


def _window_problems(window: WindowParams, source: Source) -> Iterator[str]:
    if source.published_windows is not None:
        yield from _recut_problems(window, source)
    elif window.window_seconds > source.shortest_activity_seconds:
        yield (
            f"window.window_seconds is {window.window_seconds:g}, longer than an activity "
            f"({source.shortest_activity_seconds:g} s). Set it to {source.shortest_activity_seconds:g} or less."
        )
    if source.published_windows is None and window.window_seconds * window.rate_hz < 1.5:
        yield (
            f"window.window_seconds is {window.window_seconds:g}, which at window.rate_hz {window.rate_hz:g} is less "
            f"than two samples. Set it to {2 / window.rate_hz:g} or more."
        )


def _recut_problems(window: WindowParams, source: Source) -> Iterator[str]:
    """Published windows are used as they are: another rate, length or overlap would have to invent samples."""
    published = source.published_windows
    assert published is not None
    rate_hz = next(iter(source.signals.values())).rate_hz
    overlap = 1 - published.stride_samples / published.samples
    for key, came, must in (
        ("rate_hz", window.rate_hz, rate_hz),
        ("window_seconds", window.window_seconds, published.samples / rate_hz),
        ("overlap", window.overlap, overlap),
    ):
        if abs(came - must) > 1e-9:
            yield (
                f"window.{key} is {came:g}, but the data is published as windows of {published.samples} samples at "
                f"{rate_hz:g} Hz and is never cut again. Set it to {must:g}."
            )


def _subject_problems(window: WindowParams, source: Source) -> Iterator[str]:
    for key in ("validation_subjects", "test_subjects"):
        yield from _unknown(f"window.{key}", getattr(window, key), source.subjects, "this dataset")
    if source.test_subjects and set(window.test_subjects) != set(source.test_subjects):
        yield (
            f"window.test_subjects is {window.test_subjects}, but the official test subjects are fixed, so that "
            f"results can be compared. Set it to {list(source.test_subjects)}."
        )
    if not set(source.subjects) - set(window.validation_subjects) - set(window.test_subjects):
        yield (
            f"window.validation_subjects and window.test_subjects name all {len(source.subjects)} subjects, so nobody "
            "is left to fit on. Remove some from either."
        )


def _unknown(key: str, named: Iterable[str], known: tuple[str, ...], owner: str) -> Iterator[str]:
    for name in named:
        if name not in known:
            yield f"{key} names {name!r}, which {owner} has not ({', '.join(known)}).{_nearest(name, known)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f" Did you mean {near[0]}?" if near else ""
