"""What was refused, and why: nothing is dropped silently.

`reasons.json` lists every refusal (an empty list where there was none), `<name>.reason.txt` tells one to a person, and
`<name>/` holds the recording itself, as a shard like those that were passed on. Of a part that could not be read there
is the reason alone: the part itself stands among the raw files.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

LONGEST_NAME = 100  # characters; a file's name has room for 255 bytes


@dataclass(frozen=True)
class Reason:
    """The expectation that was not met, and what was seen, in words."""

    expectation: str
    text: str


@dataclass(frozen=True)
class Refusal:
    """A recording, or a whole part that could not be read (then without a subject), and every reason against it."""

    kind: str
    name: str
    subject: str | None
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        whose = f" of subject {self.subject}" if self.subject is not None else ""
        lines = [f"  {reason.expectation}: {reason.text}" for reason in self.reasons]
        return "\n".join([f"The {self.kind} {self.name}{whose} was refused:", *lines, ""])


def file_names(refused: Iterable[str]) -> list[str]:
    """A name for each file, of letters that every file system takes, each once whatever the case of its letters."""
    taken: Counter[str] = Counter()
    names = []
    for name in refused:
        safe = re.sub(r"[^A-Za-z0-9._#-]+", "_", name).lstrip(".")[:LONGEST_NAME] or "unnamed"
        taken[safe.lower()] += 1
        while taken[safe.lower()] > 1:
            safe = f"{safe}~{taken[safe.lower()]}"
            taken[safe.lower()] += 1
        names.append(safe)
    return names


def write_reasons(folder: Path, refusals: Sequence[Refusal], names: Sequence[str]) -> None:
    """Write every reason twice: `reasons.json` for programs, a text beside each refused recording for people."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = [{"file": name} | asdict(refusal) for name, refusal in zip(names, refusals, strict=True)]
    (folder / "reasons.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    for name, refusal in zip(names, refusals, strict=True):
        (folder / f"{name}.reason.txt").write_text(str(refusal), encoding="utf-8")
