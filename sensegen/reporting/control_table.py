"""The table of controls against measures: which measure catches which cheat.

A cell is marked where it is worse than the worse of the two real rows by a clear factor. How bad a number is depends on
its measure: a distance is its own badness, a share or an area counts as odds, since a judge who errs in 1 of 100 is ten
times as good as one who errs in 10, and a ratio counts by how many times it is off.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sensegen.reporting.answers import listed
from sensegen.reporting.measures import Measure, find, is_measure
from sensegen.reporting.usefulness import name_of

REAL = ("real_halves", "real_test")
JUDGED = "synthetic"
FIRST = (*REAL, JUDGED)
CLEARLY = 2.0  # times as bad as the worse real row
ROWS = {
    "real_halves": "real, other half", "real_test": "real, other people", "synthetic": "synthetic",
    "bootstrap": "copies (bootstrap)", "jitter_1": "copies with 1 % noise", "jitter_5": "copies with 5 % noise",
    "pca_mixture": "PCA + mixture", "phase_surrogate": "shuffled phase", "autoregression": "autoregression",
    "noise": "noise",
}  # fmt: skip
LARGEST = 1e9  # stands for odds without bound
Badness = Callable[[float], float]


def as_distance(value: float) -> float:
    """0 is best, and twice as far is twice as bad."""
    return max(value, 0.0)


def as_score(value: float) -> float:
    """A discriminative score (0 best, 0.5 worst) as the odds of the judge being right, above even ones."""
    return _odds(0.5 + value) - 1


def as_area(value: float) -> float:
    """An area under a curve (0.5 best, 1 worst) as odds above even ones."""
    return max(_odds(value) - 1, 0.0)


def as_share(value: float) -> float:
    """A share of which 1 is best, as the odds of what it leaves out."""
    return _odds(1 - value)


def as_ratio(value: float) -> float:
    """A ratio of which 1 is best, either way."""
    return abs(math.log(max(value, 1 / LARGEST)))


def as_error_ratio(value: float) -> float:
    """A ratio of errors, of which 1 is best and less is no worse."""
    return max(value - 1, 0.0)


def _odds(share: float) -> float:
    return min(max(share, 0.0) / max(1 - share, 1 / LARGEST), LARGEST)


@dataclass(frozen=True)
class Column:
    """A measure: what it is called, which end is good, how bad a value is, and how much of that is nothing yet."""

    key: str
    label: str
    best: str
    badness: Badness
    nothing: float
    real: tuple[str, ...] = REAL

    def clearly_worse(self, value: float, real: list[float]) -> bool:
        """Whether a value is worse than all real ones by a clear factor."""
        usual = max((self.badness(one) for one in real), default=0.0)
        comparable = bool(real) or not self.real
        return comparable and self.badness(value) > CLEARLY * max(usual, self.nothing)


COLUMNS = (
    Column("tstr_ratio", "TSTR ÷ TRTR", "1 is best", as_share, 0.05),
    Column("discriminative_score", "discriminative score", "0 is best", as_score, 0.25),
    Column("auc", "judge's AUC", "0.5 is best", as_area, 0.5),
    Column("log_psd", "spectrum", "0 is best", as_distance, 0.1),
    Column("acf", "autocorrelation", "0 is best", as_distance, 0.01),
    Column("cross_correlation", "channel correlation", "0 is best", as_distance, 0.01),
    Column("wasserstein", "values (Wasserstein)", "0 is best", as_distance, 0.01),
    Column("mmd", "MMD²", "0 is best", as_distance, 0.001),
    Column("signature", "signature", "0 is best", as_distance, 0.01),
    Column("context_fid", "Context-FID", "0 is best", as_distance, 0.05),
    Column("precision", "precision", "1 is best", as_share, 0.1),
    Column("coverage", "coverage", "1 is best", as_share, 0.1),
    Column("neighbour_ratio_time", "neighbour ratio (time)", "1 is best", as_ratio, 0.1),
    Column("neighbour_ratio_spectrum", "neighbour ratio (spectrum)", "1 is best", as_ratio, 0.1),
    Column("copies_time", "copies (time)", "0 is best", as_distance, 0.01),
    Column("copies_spectrum", "copies (spectrum)", "0 is best", as_distance, 0.01),
    Column("authenticity_time", "authenticity (time)", "1 is best", as_share, 0.2),
    Column("prediction_ratio", "forecast error ÷ real", "1 is best", as_error_ratio, 0.05),
    Column("jerk", "changes too fast", "0 is best", as_distance, 0.003),
    # No real windows are a yardstick: halves overlap the members, and test people are what attacks take for usual. A
    # coin is, and what attacks find on windows whose maker saw nobody, up to 0.59 in a class.
    Column("membership_auc", "membership AUC", "0.5 is best", as_area, 0.4, ()),
)


@dataclass(frozen=True)
class Cell:
    """A number of one row, and whether it gives the row away."""

    value: Measure
    caught: bool


@dataclass(frozen=True)
class Row:
    """All numbers of one set of windows."""

    key: str
    label: str
    cells: tuple[Cell, ...]

    @property
    def kind(self) -> str:
        """`real`, `synthetic` or `cheat`."""
        return "real" if self.key in REAL else "synthetic" if self.key == JUDGED else "cheat"


@dataclass(frozen=True)
class Table:
    """The columns that were measured, the rows, and what the marks say in words."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    sentences: tuple[str, ...]


def control_table(metrics: Mapping[str, Any]) -> Table | None:
    """The table; None where no controls were measured."""
    node = metrics.get("controls")
    if not isinstance(node, Mapping) or is_measure(node):
        return None
    columns = tuple(_columns(node))
    names = [*(name for name in FIRST if name in node), *(name for name in node if name not in FIRST)]
    rows = tuple(Row(name, ROWS.get(name, name.replace("_", " ")), _cells(node, name, columns)) for name in names)
    return Table(columns, rows, tuple(_sentences(columns, rows)))


def _columns(node: Mapping[str, Any]) -> list[Column]:
    """A column a measure that any row has; detection has one a judge."""
    keys = list(dict.fromkeys(key for row in node.values() if not is_measure(row) for key in row))
    found = []
    for column in COLUMNS:
        for key in keys:
            judge = key.removeprefix(f"{column.key}_") if column.key in ("discriminative_score", "auc") else ""
            if key == column.key:
                found.append(column)
            elif judge and judge != key:
                label = f"{column.label} ({name_of(judge)})"
                found.append(Column(key, label, column.best, column.badness, column.nothing))
    return found


def _cells(node: Mapping[str, Any], name: str, columns: tuple[Column, ...]) -> tuple[Cell, ...]:
    cells = []
    for column in columns:
        value = find(node, name, column.key)
        real = [found.mean for row in column.real if (found := find(node, row, column.key)).mean is not None]
        caught = name not in REAL and value.mean is not None and column.clearly_worse(value.mean, real)
        cells.append(Cell(value, caught))
    return tuple(cells)


def _sentences(columns: tuple[Column, ...], rows: tuple[Row, ...]) -> list[str]:
    """Which measures catch each cheat, and which cheat none catches."""
    told = []
    for row in rows:
        if row.kind == "real":
            continue
        caught = [column.label for column, cell in zip(columns, row.cells, strict=True) if cell.caught]
        reason = row.cells[0].value.reason if row.cells else ""
        if all(cell.value.mean is None for cell in row.cells):
            told.append(f"{_capital(row.label)}: not measured, {reason}.")
        elif caught:
            word = "clearly worse than real ones by" if row.kind == "synthetic" else "caught by"
            told.append(f"{_capital(row.label)}: {word} {listed(caught)}.")
        else:
            told.append(f"{_capital(row.label)}: no measure here tells them from real windows by a clear factor.")
    return told


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
