"""Tables as CSV inside the page, with every digit, behind links that need no network and no script."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sensegen.reporting import control_table, tables
from sensegen.reporting.measures import Measure, find, flatten
from sensegen.reporting.results import Pipeline, Results

SAFE = ",.-_ ()/:;="  # besides letters and digits; the rest is escaped
HEAD = ("measure", "mean", "low", "high", "seeds", "reason")


@dataclass(frozen=True)
class Download:
    """A file's name, and its content as a link."""

    name: str
    link: str


def download(name: str, rows: Iterable[Sequence[Any]]) -> Download:
    """A CSV of some rows, the first of which is its head."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return Download(f"{name}.csv", f"data:text/csv;charset=utf-8,{quote(text.getvalue(), safe=SAFE)}")


def downloads(results: Results) -> dict[str, Download]:
    """Every table of the page by its name."""
    metrics = results.metrics
    made: dict[str, Iterable[Sequence[Any]]] = {
        "metrics": [HEAD, *(_measured(path, found) for path, found in flatten(metrics))],
        "windows": list(_windows(results)),
        "confusion": [("arm", "classifier", "actual", "predicted", "windows"), *_confusion(results)],
        "activities": [("classifier", "activity", "arm", "score", *HEAD[1:]), *_activities(results)],
        "embedding": [("set", "activity", "x", "y"), *([row[key] for key in ("set", "activity", "x", "y")]
                                                       for row in results.embedding)],
    }  # fmt: skip
    if table := control_table.control_table(metrics):
        made["controls"] = _controls(table)
    if results.pipeline is not None:
        made |= _of_run(results.pipeline, metrics)
    return {name: download(name, rows) for name, rows in made.items()}


def _of_run(run: Pipeline, metrics: Mapping[str, Any]) -> dict[str, Iterable[Sequence[Any]]]:
    """The tables that only a pipeline has."""
    rows = [(name, with_it.mean, without.mean) for name, _, with_it, without in tables.alternation(metrics)]
    heads = list(dict.fromkeys(key for alert in run.alerts for key in alert))
    return {
        "alternation": [("measure", "with", "without"), *rows],
        "alerts": [heads, *([alert.get(key) for key in heads] for alert in run.alerts)],
        "refusals": [("recording", "reason"), *tables.refusals(run.quarantine or ())],
        "provenance": [("key", "value"), *tables.provenance_rows(run.provenance)],
    }


def _measured(path: Sequence[str], found: Measure) -> list[Any]:
    return ["/".join(path), *_numbers(found)]


def _numbers(found: Measure) -> list[Any]:
    return [found.mean, found.low, found.high, found.seeds, found.reason]


def _controls(table: control_table.Table) -> list[list[Any]]:
    head = ["windows", *(column.key for column in table.columns)]
    return [head, *([row.key, *(cell.value.mean for cell in row.cells)] for row in table.rows)]


def _windows(results: Results) -> Iterable[list[Any]]:
    heads = list(dict.fromkeys(name for counts in results.counts.values() for name in counts["classes"]))
    yield ["split", *heads, "total", "skew"]
    for split, counts in results.counts.items():
        yield [split, *(counts["classes"].get(name) for name in heads), counts["total"], counts["skew"]]


def _confusion(results: Results) -> Iterable[list[Any]]:
    for matrix in tables.confusions(results):
        for actual, row in zip(matrix.classes, matrix.counts.tolist(), strict=True):
            for predicted, count in zip(matrix.classes, row, strict=True):
                yield [matrix.arm, matrix.classifier, actual, predicted, count]


def _activities(results: Results) -> Iterable[list[Any]]:
    metrics: Mapping[str, Any] = results.metrics
    for classifier in tables.classifiers(metrics):
        for name in results.shown_classes:
            for arm in tables.ARMS:
                for score in ("precision", "recall", "f1"):
                    found = find(metrics, arm, classifier, "per_class", name, score)
                    yield [classifier, name, arm, score, *_numbers(found)]
