"""The datasets, by name; each is a module of its own, loaded when it is asked for.

A dataset declares `SOURCE` (provenance, licence, sensors, bounds) and answers `declare`, `fetch` and `read`; adding
one is a file here and a line in `DATASETS`. What params ask of a dataset is checked against what it declares.
"""

import difflib
import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, cast

from sensegen import filtering
from sensegen.fetching.transfer import DOWNLOADS
from sensegen.params import InvalidParams, Params
from sensegen.params.datasets import DatasetParams
from sensegen.params.windowing import InTimeSplit, KFoldSplit, OfficialSplit, SubjectSplit, WindowParams
from sensegen.progress import Progress
from sensegen.recording import Recording
from sensegen.source import Source
from sensegen.splitting import PeopleSplit, people

DATASETS = {
    "simulated": "sensegen.datasets.simulated",
    "uci_har": "sensegen.datasets.uci_har",
    "hapt": "sensegen.datasets.hapt",
    "hhar": "sensegen.datasets.hhar",
    "dsads": "sensegen.datasets.dsads",
    "pamap2": "sensegen.datasets.pamap2",
    "hungarian_chickenpox": "sensegen.datasets.hungarian_chickenpox",
    "exam_stress": "sensegen.datasets.exam_stress",
    "k_emocon": "sensegen.datasets.k_emocon",
    "files": "sensegen.datasets.files",
}


class Dataset(Protocol):
    """What the module of a dataset offers."""

    SOURCE: Source

    def declare(self, dataset: Any, /) -> Source:
        """The source as these `dataset` params make it."""

    def fetch(self, folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
        """Fill `folder` with the raw files; unfinished transfers are kept in `downloads`."""

    def parts(self, folder: Path, dataset: Any, /) -> tuple[str, ...]:
        """What can be read by itself in a folder that `fetch` filled, such as a file or a session, in a fixed order.

        Raises:
            InvalidRecording: if there is nothing to read.
        """

    def read(self, folder: Path, dataset: Any, part: str, /) -> Iterator[Recording]:
        """The recordings of one part, one at a time; several processes read several parts at once.

        Raises:
            InvalidRecording: naming the file (and line) that cannot be used; the part is refused as a whole.
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


def read_all(folder: Path, dataset: DatasetParams) -> Iterator[Recording]:
    """The recordings of every part, in order.

    Raises:
        InvalidRecording: as the dataset's `read` does.
    """
    module = get(dataset.name)
    for part in module.parts(folder, dataset):
        yield from module.read(folder, dataset, part)


def check(params: Params) -> Source:
    """What the dataset declares under these params, once they are known to be possible with it.

    Raises:
        InvalidParams: naming every key of `window` that asks for what the dataset has not.
    """
    source = get(params.dataset.name).declare(params.dataset)
    window = params.window
    problems = [
        *_window_problems(window, source),
        *filtering.problems(window, source),
        *_split_problems(window, source),
        *_unknown(
            "window.channels", window.channels, filtering.channels(window.filtering, source), params.dataset.name
        ),
        *_unknown("window.dropped_labels", window.dropped_labels, source.labels, params.dataset.name),
    ]
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise InvalidParams(f"params.yaml asks for what dataset {params.dataset.name} has not:\n{lines}")
    return source


def _window_problems(window: WindowParams, source: Source) -> Iterator[str]:
    if source.published_windows is not None:
        yield from _recut_problems(window, source)
    elif window.window_seconds * window.label_purity > (longest_s := source.longest_activity_seconds):
        yield (
            f"window.window_seconds is {window.window_seconds:g}, longer than any activity ({longest_s:g} s), so no "
            f"window would be of one. Set it to {longest_s:g} or less."
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


def _split_problems(window: WindowParams, source: Source) -> Iterator[str]:
    split = window.split
    named = [key for key in ("validation_subjects", "test_subjects", "test_subject") if hasattr(split, key)]
    unknown = [problem for key in named for problem in _unknown_subjects(key, getattr(split, key), source)]
    if unknown:
        yield from unknown
    elif isinstance(split, InTimeSplit):
        return
    elif isinstance(split, OfficialSplit) and not source.test_subjects:
        yield "window.split.kind is official, but this dataset names no test subjects. Take subjects, or k_fold."
    else:
        yield from _people_problems(split, source)


def _unknown_subjects(key: str, named: str | list[str], source: Source) -> Iterator[str]:
    names = [named] if isinstance(named, str) else named
    yield from _unknown(f"window.split.{key}", names, source.subjects, "this dataset")


def _people_problems(split: PeopleSplit, source: Source) -> Iterator[str]:
    if isinstance(split, KFoldSplit) and split.folds > len(source.subjects):
        yield f"window.split.folds is {split.folds}, but there are {len(source.subjects)} subjects. Take fewer folds."
        return
    validation, test = people(split, source)
    if isinstance(split, SubjectSplit) and source.test_subjects and set(test) != set(source.test_subjects):
        yield (
            f"window.split.test_subjects is {list(test)}, but the official test subjects are fixed, so that results "
            f"can be compared. Set it to {list(source.test_subjects)}, or window.split.kind to official."
        )
    if both := sorted({*validation} & {*test}):
        yield f"window.split puts {both} on both sides; a person belongs to one split."
    if not {*source.subjects} - {*validation} - {*test}:
        yield (
            f"window.split takes all {len(source.subjects)} subjects for validation and test, so nobody is left to fit "
            "on. Take fewer; with one or two subjects, set window.split.kind to in_time."
        )


def _unknown(key: str, named: Iterable[str], known: tuple[str, ...], owner: str) -> Iterator[str]:
    for name in named:
        if name not in known:
            yield f"{key} names {name!r}, which {owner} has not ({', '.join(known)}).{_nearest(name, known)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f" Did you mean {near[0]}?" if near else ""
