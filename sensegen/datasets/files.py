"""The user's own files, as a description in YAML explains them (sensegen/description/, docs/your_own_files.md).

`fetch` copies the files, the label files and the description, and writes `files.json`: who and which labels were found
in them. From then on nothing outside the raw folder is read, so that what later stages make depends on its content
alone. Files are copied and not linked: DVC makes what it keeps read-only, which a link would carry to the originals.
"""

import functools
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sensegen import description as descriptions
from sensegen.artifacts import Artifacts, write_text, writing
from sensegen.datasets import file_labels, file_pieces, file_recordings
from sensegen.datasets.file_pieces import Part
from sensegen.datasets.file_scan import Found, files_of, label_files_of, scan, told
from sensegen.description import Description
from sensegen.description.places import FileIsRecording, NoLabels
from sensegen.fetching.transfer import DOWNLOADS
from sensegen.params import InvalidParams, Params
from sensegen.params.datasets import FilesParams
from sensegen.progress import Progress
from sensegen.recording import InvalidRecording, Recording
from sensegen.source import Bounds, Source

FILES, DESCRIPTION, FOUND = "files", "description.yaml", "files.json"
PAGE = "the user's own files"
UNMATCHED = "label files: "  # the part that stands for labels of recordings that are not there

SOURCE = Source(
    citation="as the description says",
    licence="as the description says",
    page=PAGE,
    signals={},
    labels=(),
    subjects=(),
    longest_activity_seconds=0.0,
    notes={"description": "What these files are is declared by the file that dataset.description names."},
)


def declare(dataset: FilesParams) -> Source:
    """The source as the description makes it; what it leaves open is looked up in the files, or in what `fetch` kept.

    Windows may be as long as the longest activity: any may be briefer than that.

    Raises:
        InvalidParams: if the description cannot be used, or the files that must be looked into are not there.
    """
    root = _root()
    path = root / dataset.description
    description = descriptions.load(path)
    found = told(description) or _kept(root, path, description) or _looked_up(path, description)
    return Source(
        citation=description.citation,
        licence=description.licence,
        page=PAGE,
        signals={name: _bounds(name, description, found) for name in description.signals},
        labels=found.labels,
        subjects=found.subjects,
        longest_activity_seconds=found.longest_activity_seconds,
        disordered_share=description.disordered_share,
        labelled=not isinstance(description.activity, NoLabels),
    )


def fetch(folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
    """Copy the files, and write down what was found in them.

    Raises:
        InvalidParams: if the description cannot be used.
        InvalidRecording: if it names no file.
    """
    del downloads
    assert isinstance(params.dataset, FilesParams)
    path = _root() / params.dataset.description
    description = descriptions.load(path)
    origin = _folder(path, description)
    originals = files_of(origin, description)
    if not originals:
        raise InvalidRecording(f"{path}: files is {description.files!r}, but {origin} holds no such file.")
    wanted = [*originals, *label_files_of(origin, description)]
    for done, original in enumerate(wanted, start=1):
        name = original.relative_to(origin)
        with writing(folder / FILES / name) as temporary:
            shutil.copyfile(original, temporary)
        progress(done, len(wanted), f"copied {name}")
    found = told(description) or scan(folder / FILES, description)
    write_text(folder / DESCRIPTION, path.read_text(encoding="utf-8"))
    write_text(folder / FOUND, json.dumps(_record(path, description, found), indent=1) + "\n")


def parts(folder: Path, dataset: FilesParams) -> tuple[str, ...]:
    """One part a file. Label intervals of a recording that no file holds are a part too, one that cannot be read.

    Raises:
        InvalidRecording: if there is no file.
    """
    del dataset
    description = _fetched(folder)
    names = [path.relative_to(folder / FILES).as_posix() for path in files_of(folder / FILES, description)]
    if not names:
        raise InvalidRecording(f"{folder / FILES} holds no {description.files}. Run again: python -m stages download")
    return (*names, *_unmatched(folder / FILES, names, description))


def read(folder: Path, dataset: FilesParams, part: str) -> Iterator[Recording]:
    """The recordings of one file, by the description that was fetched with it.

    Raises:
        InvalidRecording: naming file, line and column of what cannot be used.
    """
    del dataset
    description = _fetched(folder)
    intervals = file_labels.intervals(folder / FILES, description)
    if part.startswith(UNMATCHED):
        key = part.removeprefix(UNMATCHED)
        raise InvalidRecording(f"{intervals[key][0].place}: this labels the recording {key!r}, which no file holds.")
    yield from file_recordings.read(Part(folder / FILES, part, description, intervals))


# --- what the files tell


def _kept(root: Path, path: Path, description: Description) -> Found | None:
    """What `fetch` found, as long as the description is the same and the files, where they still are, as large."""
    kept = Artifacts(root).download / "raw" / FOUND
    try:
        record = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    sizes = _sizes(_folder(path, description), description)
    if record["description_sha256"] != _sha256(path) or (sizes and record["bytes"] != sizes):
        return None
    return _found(record["found"])


def _looked_up(path: Path, description: Description) -> Found:
    origin = _folder(path, description)
    if not files_of(origin, description):
        raise InvalidParams(
            f"{path}: files is {description.files!r}, but {origin} holds no such file. Correct folder or files; both "
            "are relative to the description."
        )
    # Asked for several times in one process, of files that may be large.
    stamps = tuple(
        (file.as_posix(), file.stat().st_size, file.stat().st_mtime_ns) for file in files_of(origin, description)
    )
    return _scan_once(origin, path.read_text(encoding="utf-8"), str(path), stamps)


@functools.lru_cache(maxsize=4)
def _scan_once(origin: Path, text: str, name: str, stamps: tuple[tuple[str, int, int], ...]) -> Found:
    del stamps
    try:
        return scan(origin, descriptions.parse(text, name))
    except InvalidRecording as error:
        raise InvalidParams(str(error)) from None


def _bounds(name: str, description: Description, found: Found) -> Bounds:
    signal = description.signals[name]
    rate_hz, highest_rate_hz = signal.rate_hz, signal.highest_rate_hz
    if rate_hz is None:
        rate_hz, measured_hz = found.rates_hz.get(name, (1.0, 1.0))
        highest_rate_hz = measured_hz if measured_hz > rate_hz else None
    return Bounds(
        signal.names,
        signal.final_unit,
        rate_hz,
        low=signal.low,
        high=signal.high,
        highest_rate_hz=highest_rate_hz,
        gravity=signal.gravity,
        optional=signal.optional,
    )


def _record(path: Path, description: Description, found: Found) -> dict[str, Any]:
    return {
        "description_sha256": _sha256(path),
        "bytes": _sizes(_folder(path, description), description),
        "found": {**vars(found), "rates_hz": {name: list(rates) for name, rates in found.rates_hz.items()}},
    }


def _found(record: dict[str, Any]) -> Found:
    rates_hz = {name: (low, high) for name, (low, high) in record["rates_hz"].items()}
    return Found(tuple(record["subjects"]), tuple(record["labels"]), record["longest_activity_seconds"], rates_hz)


# --- where files are


def _root() -> Path:
    """The project's folder, to which `dataset.description` is relative: the nearest one upwards with params.yaml."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "params.yaml").is_file()), here)


def _folder(path: Path, description: Description) -> Path:
    return path.parent / Path(description.folder).expanduser()


def _sizes(folder: Path, description: Description) -> dict[str, int]:
    paths = [*files_of(folder, description), *label_files_of(folder, description)]
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}


def _fetched(folder: Path) -> Description:
    path = folder / DESCRIPTION
    if not path.is_file():
        raise InvalidRecording(f"{path} is missing. Run again: python -m stages download")
    return descriptions.load(path)


def _unmatched(folder: Path, names: list[str], description: Description) -> list[str]:
    """Keys in label files that no file has; only where the key is the file's, since otherwise all rows must be read."""
    if not isinstance(description.recording, FileIsRecording) or description.label_files is None:
        return []
    keys = set()
    for name in names:
        with suppress(InvalidRecording):  # told when it is read
            keys.add(file_pieces.key_of(name, description))
    return [f"{UNMATCHED}{key}" for key in sorted({*file_labels.intervals(folder, description)} - keys)]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
