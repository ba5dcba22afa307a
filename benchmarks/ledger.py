"""A CSV under docs/results/ to which each run adds a row as it finishes; what is there is not run again."""

import csv
import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.uci_har import ROOT

Row = dict[str, str]
FOLDER = ROOT / "docs" / "results"


@dataclass(frozen=True)
class Ledger:
    """The file, all its columns, and those by which a run is known: not the commit, not what it measured."""

    path: Path
    columns: Sequence[str]
    key: Sequence[str]

    def rows(self) -> list[Row]:
        """All rows, the oldest first."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def find(self, known: Mapping[str, Any]) -> Row | None:
        """The row of the run with this key, if it has been run."""
        wanted = {name: str(known[name]) for name in self.key}
        return next((row for row in self.rows() if all(row[name] == wanted[name] for name in self.key)), None)

    def append(self, row: Mapping[str, Any]) -> Row:
        """Add a row, and the head if the file is new; gives the row as it is read back."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists()
        with self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
        return {name: str(value) for name, value in row.items()}


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Twelve digits that are others as soon as one of the settings is."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def commit() -> str:
    """The commit that is checked out."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
