"""Guesses what an unknown file holds, and drafts its description: `sensegen inspect FILE`."""

from pathlib import Path
from typing import TYPE_CHECKING

from sensegen.artifacts import write_text
from sensegen.drafting import guessing, profile, showing, sniffing, writing_down

if TYPE_CHECKING:
    from rich.console import Console


def inspect(path: Path, console: "Console", target: Path | None = None) -> None:
    """Print what a file seems to hold and, if a target is given, write a draft of its description there.

    Raises:
        InvalidRecording: if the file cannot be read at all.
        FileExistsError: if there is a target already; nothing is overwritten.
        ValueError: if nothing in the file can be described.
    """
    if target is not None and target.exists():
        raise FileExistsError(f"{target} is there already. Remove it, or write to another file.")
    seen = profile.profile(path, sniffing.sniff(path))
    found = guessing.guess(seen)
    showing.show(console, seen, found)
    if target is not None:
        write_text(target, writing_down.draft(seen, found, target))
        console.print(f"Draft written to {target}; read it before you use it.", markup=False, highlight=False)
