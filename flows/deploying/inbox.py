"""New recordings: batches in the inbox are checked as the stage `validate` checks all, and taken in or quarantined.

A batch is a folder, laid out as that of the data set's description: write it elsewhere on the same disk and rename it
into the inbox, so that it is there whole. One that passes is moved beside the recordings that there are, in one rename;
one that does not is moved to the quarantine with the reasons, and nothing else changes. How far its values have drifted
from those that the last model learned from decides whether to train again.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from sensegen.artifacts import Artifacts, scratch, write_text

if TYPE_CHECKING:
    from sensegen.params import Params
    from sensegen.validation.gate import Report

QUARANTINE = "quarantine"
REASON = "reason.txt"
GATE, RAW = Path(".cache") / "inbox_gate", Path("raw") / "files"


def wanted(root: Path) -> Path:
    """A file that is there from when a batch calls for training until a training has ended, whatever is cut off."""
    return root / ".cache" / "retrain_wanted"


@dataclass(frozen=True)
class Batch:
    """One batch: where it stands now, its largest drift of a channel (None: nothing to compare with), or why it was
    refused."""

    name: str
    folder: Path
    drift: float | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Came:
    """What came of all batches, and whether one that was taken in, now or before, calls for training."""

    batches: tuple[Batch, ...]
    retrain: bool

    def lines(self) -> Iterator[str]:
        """For a person, a line a batch."""
        for batch in self.batches:
            told = "nothing to compare with" if batch.drift is None else f"drift {batch.drift:.3f}"
            yield f"batch {batch.name}: {f'refused: {batch.refused}' if batch.refused else f'taken in, {told}'}"


def _nobody(batch: Batch) -> None:
    """Nobody is told of a batch."""


def take_in(root: Path, params: "Params", tell: Callable[[Batch], None] = _nobody) -> Came:
    """Check every batch of the inbox, in the order of their names. `tell` hears of each before it is moved: cut off
    between the two, it is told again, and not never.

    Raises:
        InvalidParams: if batches wait, and the data set is none that takes files, or its description cannot be used;
            then they go on waiting, as they do when the disk is full.
    """
    from sensegen.params import InvalidParams
    from sensegen.params.datasets import FilesParams

    folder = root / params.retrain.inbox
    waiting = sorted(path for path in folder.glob("*") if path.is_dir() and not path.name.startswith("."))
    waiting = [path for path in waiting if path.name != QUARANTINE]
    if not waiting:
        return Came((), wanted(root).exists())
    if not isinstance(params.dataset, FilesParams):
        raise InvalidParams(
            f"{waiting[0]} waits, but dataset.name is {params.dataset.name}, which takes no new recordings. Describe "
            "yours (docs/your_own_files.md) and set dataset.name to files, or empty the inbox."
        )
    _check_patterns(root / params.dataset.description)
    batches = tuple(_taken(root, params, batch, tell) for batch in waiting)
    return Came(batches, wanted(root).exists())


def _taken(root: Path, params: "Params", folder: Path, tell: Callable[[Batch], None]) -> Batch:
    from sensegen import description as descriptions
    from sensegen.recording import InvalidRecording

    batch = Batch(folder.name, folder)
    path = root / params.dataset.description  # type: ignore[union-attr]
    place = path.parent / descriptions.load(path).folder / folder.name
    _held(folder)
    (folder / REASON).unlink(missing_ok=True)  # of its last time here: it has been repaired, or was being set aside
    try:
        if place.exists():
            raise InvalidRecording(f"A batch of the name {folder.name} was taken in before: give it another name.")
        _check_links(folder)
        drift = _checked(root, params, folder, place)
    except InvalidRecording as error:
        # By their names in the batch; what follows names files that are gone by then.
        named = str(error).replace(f"{root / GATE / RAW}/", "")
        reason = named.partition("\nRepair or leave out")[0]
        write_text(folder / REASON, f"{reason}\n")  # first: no batch is set aside without its reason
        aside = _free(root / params.retrain.inbox / QUARANTINE / folder.name)
        return _moved(folder, replace(batch, folder=aside, refused=reason), tell)
    if drift is None or drift > params.retrain.drift:
        write_text(wanted(root), f"{folder.name}\n")
    return _moved(folder, replace(batch, folder=place, drift=drift), tell)


def _held(folder: Path) -> None:
    """Put a batch that is a link itself into a folder of its name, so that nothing is written where it leads."""
    if folder.is_symlink():
        holder = folder.with_name(f"{folder.name}.link")  # cut off here, it is a batch of that name
        holder.mkdir(exist_ok=True)
        folder.rename(holder / folder.name)
        holder.rename(folder)


def _check_links(folder: Path) -> None:
    """Raises:
    InvalidRecording: if something of a batch is a link: it would be read, and quoted, from wherever that leads.
    """
    from sensegen.recording import InvalidRecording

    for path in folder.rglob("*"):
        if path.is_symlink():
            raise InvalidRecording(
                f"{path.relative_to(folder.parent)} is a link, but a batch holds files and folders alone. Put the "
                "files themselves there."
            )


def _check_patterns(path: Path) -> None:
    """Raises:
    InvalidParams: if the description would not find the files of a batch, which stands in a folder of its own.
    """
    from sensegen import description as descriptions
    from sensegen.params import InvalidParams

    described = descriptions.load(path)
    for key, pattern in (("files", described.files), ("label_files", getattr(described.label_files, "files", None))):
        if pattern is not None and not pattern.startswith("**/"):
            raise InvalidParams(
                f"{path}: {key} is {pattern!r}, which finds no file of a batch, as that is a folder of its own. Let it "
                f"begin with **/, as in '**/{pattern}'."
            )


def _checked(root: Path, params: "Params", folder: Path, place: Path) -> float | None:
    """The drift of a batch that passes the gate alone and beside all others (what they have may not come again): the
    largest of its channels; None without anything to compare with.

    Raises:
        InvalidRecording: if it does not pass.
    """
    reference = Artifacts(root).validate / "reference.json"
    earlier = str(reference) if reference.is_file() else None
    limits = {"reference": earlier, "max_drift": params.retrain.most_drift}
    with scratch(root / ".cache" / "inbox") as work:
        compared = params.model_copy(update={"validate_": params.validate_.model_copy(update=limits)})
        report = _judged(root, compared, folder)
        shutil.copytree(place.parent, work / "all", copy_function=_linked)
        shutil.copytree(folder, work / "all" / place.name, copy_function=_linked)
        _judged(root, params, work / "all")
    return max(report.drift.values(), default=None)


def _judged(root: Path, params: "Params", folder: Path) -> "Report":
    """What the gate says of the files of a folder, in place of those of the description."""
    from sensegen import datasets, intake
    from sensegen.progress import reporter

    path = root / params.dataset.description  # type: ignore[union-attr]
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    with scratch(root / GATE) as work:
        own = work / "description.yaml"
        write_text(own, yaml.safe_dump({**document, "folder": str(folder.resolve())}, sort_keys=False))
        described = params.dataset.model_copy(update={"description": str(own.relative_to(root))})
        params = params.model_copy(update={"dataset": described})
        progress, dataset = reporter("inbox"), datasets.get(described.name)
        dataset.fetch(work / RAW.parent, params, progress)
        return intake.take_in(params, dataset.declare(described), work / RAW.parent, work / "out", progress)


def _linked(source: str, target: str) -> None:
    """A link takes no room; from another disk it takes a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _free(place: Path) -> Path:
    """A name that is not taken: the same batch may be sent again."""
    number, free = 1, place
    while free.exists():
        number += 1
        free = place.with_name(f"{place.name}-{number}")
    return free


def _moved(folder: Path, batch: Batch, tell: Callable[[Batch], None]) -> Batch:
    tell(batch)
    batch.folder.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(batch.folder)
    return batch
