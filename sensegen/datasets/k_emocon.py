"""K-EmoCon: paired debates with an Empatica E4, emotions annotated every five seconds (Park et al., 2020).

The files are given out on request only, so nothing is downloaded: `dataset.folder` names the user's own copy, whose
files are copied. Written from the format that the owners' code reads, and tested on small files in it: the data was not
at hand. Files of a participant have a row a sample with its Unix time in ms; two participants wore two wristbands, of
which the one is kept that the owners keep. Of the 32 participants these are the 21 whose signals the owners call whole.

A recording is a debate, in the range that all five signals cover. An annotation every 5 s tells how the 5 s before it
were; files longer than the debate are cut at their beginning, as the owners do. Arousal or valence of 1 to 3 is `low`,
4 or 5 `high`; neighbours of one label are one activity. By `dataset.annotator` it is the participant, the partner or
five outsiders taken together who judge. Beat intervals, EEG and the chest belt are not read.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from sensegen import delimited
from sensegen.artifacts import writing
from sensegen.datasets import empatica_e4, k_emocon_judgements
from sensegen.fetching.archive import ArchiveError
from sensegen.fetching.transfer import DOWNLOADS
from sensegen.params import Params
from sensegen.params.datasets import KEmoConParams
from sensegen.progress import Progress
from sensegen.recording import InvalidRecording, Recording, Signal
from sensegen.source import Source

PAGE = "https://doi.org/10.5281/zenodo.3931963"
WHOLE = (1, 4, 5, 8, 9, 10, 11, 13, 14, 15, 16, 19, 22, 23, 24, 25, 26, 27, 28, 31, 32)
DEVICES = {"31": "A013E1", "32": "A01A3A"}
SUBJECTS = "metadata/subjects.csv"
ANNOTATIONS = {
    "self": "self_annotations",
    "partner": "partner_annotations",
    "external": "aggregated_external_annotations",
}

SOURCE = Source(
    citation=(
        "C. Y. Park, N. Cha, S. Kang, A. Kim, A. H. Khandoker, L. Hadjileontiadis, A. Oh, Y. Jeong, U. Lee. K-EmoCon, "
        "a multimodal sensor dataset for continuous emotion recognition in naturalistic conversations. Scientific Data "
        "7, 293 (2020)."
    ),
    licence="restricted: on request, under the terms of the owners",
    page=PAGE,
    signals=empatica_e4.SIGNALS,
    labels=("low", "high"),
    subjects=tuple(str(number) for number in WHOLE),
    # A judgement may stay the same through the ten minutes of a debate, or change every 5 s.
    longest_activity_seconds=1200.0,
    disordered_share=0.01,
    notes={
        "access": f"Given out on request only: {PAGE}",
        "baselines": "Published: leaving one subject out is at or below chance (AUROC 0.46 arousal, 0.52 valence).",
    },
)


def declare(dataset: KEmoConParams) -> Source:
    """The source: the two classes have the same names whoever judges what."""
    del dataset
    return SOURCE


def fetch(folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
    """Copy the files used out of the user's copy, `dataset.folder`, which is found to be laid out as published.

    Copies, not links: the project's cache makes its files read-only. After a change in that folder, run
    `python -m stages download` again.

    Raises:
        ArchiveError: if the folder is not there, or not laid out as published; it says where to request access.
    """
    del downloads
    assert isinstance(params.dataset, KEmoConParams)
    root = Path(params.dataset.folder).expanduser()
    paths = _used(root)
    for done, path in enumerate(paths, start=1):
        with writing(folder / path.removeprefix("raw/")) as temporary:
            shutil.copyfile(root / path, temporary)
        progress(done, len(paths), f"copied {path}")


def _used(root: Path) -> list[str]:
    """Path below `root` of each file that is used, as far as they are there."""
    wanted = [SUBJECTS]
    for number in WHOLE:
        wanted += [f"{_e4_folder(number)}/E4_{file}.csv" for file in empatica_e4.FILES.values()]
        wanted += [_annotation_file(f"{number}", annotator) for annotator in ANNOTATIONS]
    # Unpacked from the record the folders lie beside each other; the owners' code has all but `metadata` in `raw/`.
    places = [[path for path in (name, f"raw/{name}") if (root / path).is_file()] for name in wanted]
    found = [paths[0] for paths in places if paths]
    for needed in (SUBJECTS, "e4_data/", "emotion_annotations/"):
        if not any(needed in path for path in found):
            problem = f"holds nothing of {needed}" if root.is_dir() else "is no folder"
            raise ArchiveError(
                f"dataset.folder must hold K-EmoCon laid out as published, but {root} {problem}. Unpack your copy "
                f"there; it is given out on request only: {PAGE}"
            )
    return found


def _e4_folder(pid: int | str) -> str:
    return f"e4_data/{pid}"


def _annotation_file(pid: str, annotator: str) -> str:
    return f"emotion_annotations/{ANNOTATIONS[annotator]}/P{pid}.{annotator}.csv"


def parts(folder: Path, dataset: KEmoConParams) -> tuple[str, ...]:
    """One part a participant, by number.

    Raises:
        InvalidRecording: if there is none.
    """
    del dataset
    found = tuple(subject for subject in SOURCE.subjects if (folder / _e4_folder(subject)).is_dir())
    if not found:
        raise InvalidRecording(f"{folder / 'e4_data'} must hold a folder a participant, but holds none of {WHOLE}.")
    return found


def read(folder: Path, dataset: KEmoConParams, part: str) -> Iterator[Recording]:
    """The debate of one participant, `P<pid>:debate`.

    Raises:
        InvalidRecording: a file is missing or not in the published format; two devices in a file of a participant who
            is not known for it; a signal without a sample in the debate; a judgement that is no whole number 1 to 5.
    """
    debate_s = _debate(folder / SUBJECTS, part)
    samples = {name: _samples(folder / _e4_folder(part), name, part, debate_s) for name in empatica_e4.FILES}
    begin_s = max(float(times_s.min()) for times_s, _ in samples.values())
    end_s = min(float(times_s.max()) for times_s, _ in samples.values())
    samples = {name: _within(*one, one[0] >= begin_s, one[0] <= end_s) for name, one in samples.items()}
    if short := [name for name, (times_s, _) in samples.items() if len(times_s) < 2]:
        raise InvalidRecording(f"{folder / _e4_folder(part)}: {short} and the other signals have no time in common.")
    zero_s = min(float(times_s.min()) for times_s, _ in samples.values())
    signals = {name: _signal(name, times_s - zero_s, values) for name, (times_s, values) in samples.items()}
    path = folder / _annotation_file(part, dataset.annotator)
    steps = k_emocon_judgements.judgements(path, dataset.target, debate_s[1] - debate_s[0])
    activities = k_emocon_judgements.activities(*steps, (debate_s[0] - zero_s, end_s - zero_s))
    yield Recording(f"P{part}:debate", part, signals, activities)


def _debate(path: Path, pid: str) -> tuple[float, float]:
    """Begin and end of a participant's debate, in Unix seconds."""
    layout = delimited.Layout({"pid": "integer", "startTime": "float", "endTime": "float"})
    for batch in delimited.read_columns(path, layout):
        for row in batch.to_pylist():
            if row["pid"] == int(pid):
                if not row["startTime"] < row["endTime"]:
                    raise InvalidRecording(f"{path}: the debate of pid {pid} must end after it begins: {row}.")
                return row["startTime"] / 1000, row["endTime"] / 1000
    raise InvalidRecording(f"{path} has no row of pid {pid}.")


def _samples(
    folder: Path, name: str, pid: str, debate_s: tuple[float, float]
) -> tuple[Float[np.ndarray, "time"], Float[np.ndarray, "time channel"]]:
    """Unix time (s) of each sample during the debate, and its numbers as written."""
    path = folder / f"E4_{empatica_e4.FILES[name]}.csv"
    columns = ("x", "y", "z") if name == "acc" else ("value",)
    layout = delimited.Layout({"timestamp": "float", **dict.fromkeys(columns, "float"), "device_serial": "text"})
    times, values, devices = [], [], []
    for batch in delimited.read_columns(path, layout):
        times.append(batch.column("timestamp").to_numpy() / 1000)
        values.append(np.stack([batch.column(column).to_numpy() for column in columns], axis=1))
        devices.append(batch.column("device_serial").to_numpy(zero_copy_only=False))
    times_s, device = np.concatenate(times), np.concatenate(devices).astype(str)
    if len(wrong := np.flatnonzero(~np.isfinite(times_s))):
        line = delimited.line_of_row(path, layout, int(wrong[0]))
        raise InvalidRecording(f"{path}, line {line}: a timestamp must be a number of ms, but is {times_s[wrong[0]]}.")
    kept = _device(path, device, pid)
    found = _within(times_s, np.concatenate(values), kept, times_s >= debate_s[0], times_s < debate_s[1])
    if not len(found[0]):
        raise InvalidRecording(
            f"{path} must have samples during the debate, {debate_s[0] * 1000:.0f} to {debate_s[1] * 1000:.0f} ms, but "
            f"has them from {times_s.min() * 1000:.0f} to {times_s.max() * 1000:.0f} ms."
        )
    return found


def _device(path: Path, device: np.ndarray, pid: str) -> Bool[np.ndarray, "time"]:
    """The samples of the one wristband that counts."""
    names = sorted({*device.tolist()})
    if pid in DEVICES and DEVICES[pid] in names:
        return device == DEVICES[pid]
    if len(names) > 1:
        raise InvalidRecording(f"{path} must hold one device, but holds {names}. Keep the rows of one.")
    return np.ones(len(device), bool)


def _within(
    times_s: Float[np.ndarray, "time"], values: Float[np.ndarray, "time channel"], *conditions: Bool[np.ndarray, "time"]
) -> tuple[Float[np.ndarray, "kept"], Float[np.ndarray, "kept channel"]]:
    kept = np.logical_and.reduce(conditions)
    return times_s[kept], values[kept]


def _signal(name: str, times_s: Float[np.ndarray, "time"], values: Float[np.ndarray, "time channel"]) -> Signal:
    bounds = empatica_e4.SIGNALS[name]
    return Signal(empatica_e4.in_unit(name, values), times_s, bounds.rate_hz, bounds.unit, bounds.channels)
