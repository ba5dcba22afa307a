"""Which expectation or error catches which damage: `python -m benchmarks mutations` writes docs/mutations.md.

The damage stands in benchmarks/damage.py; what is written is what failed when it was done, and tests/test_mutations.py
demands that this is what must fail.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import damage
from benchmarks.table import markdown
from sensegen.artifacts import write_text
from sensegen.datasets import simulated
from sensegen.params.windowing import ValidateParams
from sensegen.recording import InvalidRecording, Recording
from sensegen.source import Source
from sensegen.validation.gate import Gate, judge
from sensegen.validation.inspection import Inspection

PAGE = Path(__file__).resolve().parents[1] / "docs" / "mutations.md"
SECONDS = 10.0  # of each activity
SOURCE = replace(simulated.SOURCE, longest_activity_seconds=SECONDS)
PARAMS = ValidateParams(
    in_bounds_share=0.999, rate_tolerance=0.05, max_quarantined_share=0.05, reference=None, max_drift=0.25
)
HEAD = """# What the gate catches

Written by `python -m benchmarks mutations`, never by hand: each kind of damage was done to a good recording (of the
simulator) or a good file, and the middle column is everything that failed then. Good ones raise no alarm.
"""


def good(seed: int, subject: str) -> Recording:
    """A good recording of one person."""
    return simulated.simulate(seed, subject, SECONDS)


def caught(changes: Sequence[Callable[[Recording], Recording]]) -> list[tuple[set[str], str]]:
    """For each change, done to a recording of its own: what failed, and how it was told."""
    recordings = [change(renamed(good(seed, "S01"), f"damaged {seed}")) for seed, change in enumerate(changes)]
    return refused(recordings, SOURCE)


def renamed(recording: Recording, name: str) -> Recording:
    """The recording by another name."""
    return replace(recording, name=name)


def refused(recordings: Sequence[Recording], source: Source) -> list[tuple[set[str], str]]:
    """What failed of each recording, and the first reason, when all are judged together."""
    inspection = Inspection(source)
    for recording in recordings:
        inspection.look_at(recording)
    inspection.mark_repeats()
    _, refusals = judge(inspection, PARAMS, Gate(None))
    found = []
    for number in range(len(recordings)):
        reasons = refusals[number].reasons if number in refusals else ()
        found.append(({reason.expectation for reason in reasons}, reasons[0].text if reasons else ""))
    return found


def told(text: bytes) -> str:
    """What the reader says of a file with these bytes; nothing if it reads it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            damage.read_file(Path(folder), text)
        except InvalidRecording as error:
            return str(error).replace(f"{folder}/", "")
    return ""


def page() -> str:
    """The page, from damage done now."""
    of_recordings = zip(damage.RECORDINGS, caught([one.change for one in damage.RECORDINGS]), strict=True)
    rows = [[one.name, ", ".join(f"`{name}`" for name in sorted(names)), text] for one, (names, text) in of_recordings]
    original = good(0, "S01")
    for name, (change, _, _) in damage.COPIES.items():
        names, text = refused([original, change(original)], SOURCE)[1]
        rows.append([name, ", ".join(f"`{one}`" for one in sorted(names)), text])
    rows += [[one.name, "reader", told(one.change(damage.GOOD_FILE))] for one in damage.FILES]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join([HEAD, *markdown(("damage", "caught by", "told as"), cells), ""])


def run() -> list[str]:
    """Write the page, and give its lines."""
    text = page()
    write_text(PAGE, text)
    return text.splitlines()
