"""From raw parts to recordings that may go on: read, inspected and written part by part, then judged all together.

Each part (a file, a session) is worked on in a process of its own, and what the processes saw is added up in the order
of the parts, so the result never depends on how many there are. Great Expectations judges the rows of all recordings;
what it refuses is moved to the quarantine, and so is the name of a part that could not be read. The rest keeps its
place. When too much is refused, or the values have drifted away from the reference, nothing is passed on: the
quarantine and the Data Docs are written and tell why.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensegen import datasets, recordings
from sensegen.artifacts import remove, scratch, writing
from sensegen.distributed import each
from sensegen.params import Params
from sensegen.progress import Progress
from sensegen.recording import InvalidRecording, Recording
from sensegen.source import Source
from sensegen.validation import distributions, expectations, quarantine
from sensegen.validation.gate import Gate, Report, judge
from sensegen.validation.inspection import Inspection
from sensegen.validation.quarantine import Reason, Refusal
from sensegen.validation.refusal_message import complaint


@dataclass(frozen=True)
class Part:
    """One part to take in, and where its recordings are written."""

    params: Params
    source: Source
    raw_folder: Path
    name: str
    folder: Path

    @property
    def shard(self) -> Path:
        """The recordings that are laid out as declared, together."""
        return self.folder / "shard"

    def odd(self, number: int) -> Path:
        """A recording that is not, and fits beside no other."""
        return self.folder / f"odd-{number}"


@dataclass
class Taken:
    """What was seen in a part: `kept` are the numbers, in the part, of the recordings in its shard; `reason` says why
    it could not be read; `first` is the number of its first recording among those of all parts."""

    inspection: Inspection
    kept: list[int] = field(default_factory=list)
    reason: str | None = None
    first: int = 0


def _silent(done: int, total: int, text: str) -> None:
    """Progress that nobody looks at."""


def take_in(params: Params, source: Source, raw_folder: Path, folder: Path, progress: Progress = _silent) -> Report:
    """Write `recordings/`, `quarantine/` and `data_docs/` into `folder`; the report says the rest.

    Raises:
        InvalidRecording: if there is nothing to read, if a larger share than `validate.max_quarantined_share` of the
            recordings or of the parts was refused, or if a channel drifted beyond `validate.max_drift`.
        InvalidParams: if `validate.reference` cannot be read.
    """
    reference = params.validate_.reference
    earlier = distributions.read(Path(reference)) if reference is not None else None
    names = datasets.get(params.dataset.name).parts(raw_folder, params.dataset)
    with scratch(folder / ".intake") as made:
        parts = [Part(params, source, raw_folder, name, made / f"{at:06}") for at, name in enumerate(names)]
        taken = []
        for part, one in zip(parts, each(_take_in_part, parts, params.runtime), strict=True):
            taken.append(one)
            progress(len(taken), len(parts), f"inspected {part.name}")
        with writing(folder / "quarantine") as refused, writing(folder / "data_docs") as site:
            report = _judged(parts, taken, Gate(site), refused, earlier)
        if complained := complaint(report, params.validate_, folder):
            raise InvalidRecording(complained)
        with writing(folder / "recordings") as passed:
            passed.mkdir()
            for at, part in enumerate(part for part, one in zip(parts, taken, strict=True) if one.kept):
                part.shard.rename(passed / f"{at:06}")
    return report


def _take_in_part(part: Part) -> Taken:
    """Read, inspect and write one part. Run twice, it leaves the same files."""
    remove(part.folder)
    taken = Taken(Inspection(part.source))
    try:
        read = datasets.get(part.params.dataset.name).read(part.raw_folder, part.params.dataset, part.name)
        recordings.write(_fitting(read, part, taken), part.shard)
    except InvalidRecording as error:
        remove(part.folder)
        # The reason is kept in an out, which must not tell where on this machine the raw files are.
        reason = str(error).replace(str(part.raw_folder), part.raw_folder.name)
        return Taken(Inspection(part.source), reason=reason)
    return taken


def _fitting(read: Iterator[Recording], part: Part, taken: Taken) -> Iterator[Recording]:
    for number, recording in enumerate(read):
        if taken.inspection.look_at(recording):
            taken.kept.append(number)
            yield recording
        else:
            recordings.write([recording], part.odd(number))


def _judged(
    parts: list[Part], taken: list[Taken], gate: Gate, folder: Path, earlier: Mapping[str, Any] | None
) -> Report:
    """Judge everything, move what is refused to `folder`, and leave the rest in the shards of the parts."""
    params, whole = parts[0].params.validate_, Inspection(parts[0].source)
    for one in taken:
        one.first = whole.absorb(one.inspection)
    whole.mark_repeats()
    rows = [
        {"recording": part.name, "readable": "no" if one.reason else "yes"}
        for part, one in zip(parts, taken, strict=True)
    ]
    verdicts = gate.judge(expectations.of_parts(), {"parts": rows})
    judged, by_number = judge(whole, params, gate)
    refusals = [*by_number.values(), *_unread(parts, taken)]
    files = quarantine.file_names(one.name for one in refusals)
    quarantine.write_reasons(folder, refusals, files)
    _set_aside(parts, taken, whole, {number: folder / file for number, file in zip(by_number, files, strict=False)})
    drifted = distributions.drift(whole.distributions, earlier) if earlier is not None else {}
    drift = gate.judge(expectations.of_drift(drifted, params), {"drift": [{"recording": "all passed on", **drifted}]})
    gate.write_docs()
    kept = sum(len(one.kept) for one in taken)
    reference = distributions.reference(whole.distributions)
    return Report(kept, len(parts), (*verdicts, *judged, *drift), tuple(refusals), reference, drifted)


def _unread(parts: list[Part], taken: list[Taken]) -> Iterator[Refusal]:
    for part, one in zip(parts, taken, strict=True):
        if one.reason is not None:
            yield Refusal("part", part.name, None, (Reason("parts.readable", one.reason),))


def _set_aside(parts: list[Part], taken: list[Taken], whole: Inspection, targets: Mapping[int, Path]) -> None:
    """Move the recordings that are refused to their targets; those left are all that `kept` and the counts know."""
    for part, one in zip(parts, taken, strict=True):
        refused = {number - one.first: target for number, target in targets.items() if number >= one.first}
        for number in sorted(refused.keys() - set(one.kept)):
            if part.odd(number).exists():
                part.odd(number).rename(refused[number])
        if refused.keys() & set(one.kept):
            recordings.write(_left(part.shard, one.kept, refused, whole), part.folder / "left")
            remove(part.shard)
            (part.folder / "left").rename(part.shard)
            one.kept = [number for number in one.kept if number not in refused]


def _left(shard: Path, kept: list[int], refused: Mapping[int, Path], whole: Inspection) -> Iterator[Recording]:
    for number, recording in zip(kept, recordings.read(shard), strict=True):
        if number in refused:
            recordings.write([recording], refused[number])
            whole.forget_values(recording)
        else:
            yield recording
