"""People of the example's phone log, who do not exist, as files of one's own: as they are, and changed."""

from pathlib import Path

import yaml

from sensegen import presets

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "my_files" / "example"
HEADER, *ROWS = (EXAMPLE / "phone_log.csv").read_text(encoding="utf-8").splitlines()
Rows = list[list[str]]


def rows_of(person: str) -> Rows:
    return [cells for row in ROWS if (cells := row.split(";"))[1] == person]


def put(path: Path, rows: Rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *(";".join(cells) for cells in rows)]) + "\n", encoding="utf-8")
    return path


def changed(rows: Rows, column: str, by: float, share: float = 1.0) -> Rows:
    """The rows with something added to the first so many of a column."""
    at, most = HEADER.split(";").index(column), round(share * len(rows))
    return [
        [*cells[:at], f"{float(cells[at]) + by * (n < most):.4f}", *cells[at + 1 :]] for n, cells in enumerate(rows)
    ]


def moved(rows: Rows) -> Rows:
    """Other values of every sensor."""
    for column, by in (("ax", 1.0), ("ay", 1.5), ("az", -1.0), ("gx", 20.0), ("gy", 20.0), ("gz", -20.0)):
        rows = changed(rows, column, by)
    return rows


def as_of(person: str, rows: Rows) -> Rows:
    """The rows with another person's name."""
    return [[cells[0], person, *cells[2:]] for cells in rows]


def describe(root: Path, *changes: str) -> None:
    """Put three people and their description into a project's my_files/, and params.yaml that reads them: P1 to fit on,
    P2 to choose by, P3 to test; with changes as of presets."""
    for person in ("P1", "P2", "P3"):
        put(root / "my_files" / "people" / "first" / f"{person}.csv", rows_of(person))
    description = yaml.safe_load((EXAMPLE / "description.yaml").read_text(encoding="utf-8"))
    described = yaml.safe_dump({**description, "files": "**/*.csv"}, sort_keys=False)
    (root / "my_files" / "people" / "description.yaml").write_text(described, encoding="utf-8")
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    split = "split: {kind: subjects, validation_subjects: [P2], test_subjects: [P3]}"
    people = f"dataset: {{name: files, description: my_files/people/description.yaml}}\nwindow:\n  {split}\n"
    for change in (presets.read(ROOT / "presets", "files"), people, *changes):
        text = presets.applied(text, change)
    (root / "params.yaml").write_text(text, encoding="utf-8")
