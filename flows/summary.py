"""What is printed after a run: times, the main numbers, and where to look further."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.outcome import Result
from sensegen.artifacts import Artifacts

if TYPE_CHECKING:
    from rich.console import Console


USEFULNESS = {"trtr": "TRTR: trained on real", "tstr": "TSTR: trained on synthetic", "tstr_ratio": "TSTR / TRTR"}
FLOORS = {
    "floor": "real, same people",
    "floor_test": "real, test windows",
    "noise": "noise (below 0.45 the judge proves nothing)",
    "pca_mixture": "PCA + mixture (below 0.40 the judge proves nothing)",
    "phase_surrogate": "shuffled phase (below 0.30 the judge proves nothing)",
}
COPIES = {"share": "copies of training windows", "floor": "  for comparison: later real windows"}


def report_path(root: Path) -> Path:
    """The page that `report` writes."""
    return Artifacts(root).report / "report.html"


def read_metrics(root: Path) -> Mapping[str, Any]:
    """The metrics of `evaluate`; empty if it has not run."""
    path = Artifacts(root).evaluate / "metrics.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def main_numbers(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of what a reader looks at first; each score stands beside its floor."""
    return [*_usefulness(metrics), *_detection(metrics), *_copies(metrics)]


def _usefulness(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, meaning in USEFULNESS.items():
        if _is_null(metrics.get(key)):
            yield meaning, measured(metrics[key])
            continue
        for classifier, scores in metrics.get(key, {}).items():
            told = scores if _is_null(scores) else scores.get("macro_f1")
            yield f"{meaning}, {classifier}, macro-F1", measured(told)


def _detection(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    detection = metrics.get("detection", {})
    if _is_null(detection):
        yield "discriminative score", measured(detection)
        return
    for judge, scores in detection.items():
        told = scores if _is_null(scores) else scores.get("discriminative_score")
        yield f"discriminative score, {judge} (0 is best)", measured(told)
        for key, meaning in FLOORS.items():
            if key in scores:
                yield f"  for comparison: {meaning}", measured(scores[key])


def _copies(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The shares of copies, which every other number has to be read beside."""
    node = metrics.get("memorisation", {})
    copies = node if _is_null(node) else node.get("copies", {})
    if _is_null(copies):
        yield COPIES["share"], measured(copies)
        return
    for domain, shares in copies.items():
        for key, meaning in COPIES.items():
            yield f"{meaning}, in {domain}", measured(shares if _is_null(shares) else shares.get(key))


def _is_null(node: Any) -> bool:
    return isinstance(node, Mapping) and "reason" in node


def measured(value: Any) -> str:
    """A number measured over seeds as `0.912 (0.905 to 0.919, 3 seeds)`, a plain number, or why there is none."""
    if isinstance(value, Mapping) and value.get("mean") is not None:
        interval = f"{value['low']:.3f} to {value['high']:.3f}" if {"low", "high"} <= value.keys() else "no interval"
        return f"{value['mean']:.3f} ({interval}, {value.get('seeds', '?')} seeds)"
    if isinstance(value, int | float):
        return f"{value:.3f}"
    return f"not measured: {value['reason'].removeprefix('not measured: ')}" if _is_null(value) else "not measured"


def show(console: "Console", root: Path, result: Result) -> None:
    """Print the summary: tables in a terminal, plain lines where the output goes to a file."""
    stages = [(item.stage, item.state, f"{item.seconds:.1f} s") for item in result.outcomes]
    total = sum(item.seconds for item in result.outcomes)
    _print_table(console, "Stages", [*stages, ("total", "", f"{total:.1f} s")])
    if rows := main_numbers(read_metrics(root)):
        _print_table(console, "Evaluation", rows)
    links = [("report", str(report_path(root))), ("MLflow", f"make ui, then {result.tracking_address}")]
    _print_table(console, "Look at", links)


def show_judged(console: "Console", metrics: Mapping[str, Any], out: Path) -> None:
    """Print what was measured of windows that no pipeline made."""
    _print_table(console, "Evaluation", main_numbers(metrics))
    _print_table(console, "Look at", [("report", str(out / "report.html")), ("all numbers", str(out / "metrics.json"))])


def _print_table(console: "Console", title: str, rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not console.is_terminal:
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        console.print(f"\n{title}", markup=False, highlight=False)
        for row in rows:
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        return
    table = Table(title=title, title_justify="left", show_header=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
