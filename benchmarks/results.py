"""The results of the pipeline as it was last run here: a row in docs/results/pipeline.csv, and README's table.

A preset keeps one row, the newest; its numbers are read from `artifacts/evaluate/metrics.json`.
"""

import csv
import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks import table
from sensegen import params as schema
from sensegen.artifacts import Artifacts, write_text
from sensegen.evaluation.interval import null
from sensegen.tracking.provenance import params_hash

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "docs" / "results" / "pipeline.csv"
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
SCORES = ("trtr_lstm", "tstr_lstm", "trtr_cnn", "tstr_cnn", "ratio_cnn", "discriminative_score", "floor", "floor_test")
COLUMNS = ("dataset", "generator", "commit", "params_sha256", "seed", "seeds", *SCORES)


def run() -> list[str]:
    """Add the row of the present artifacts and write the table into README.md; gives the table."""
    row = _row()
    kept = [old for old in _stored() if (old["dataset"], old["generator"]) != (row["dataset"], row["generator"])]
    rows = sorted([*kept, row], key=lambda each: (each["dataset"], each["generator"]))
    _store(rows)
    lines = _table(rows)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    before, rest = readme.split(BEGIN)
    write_text(ROOT / "README.md", f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{rest.split(END)[1]}")
    return lines


def _row() -> dict[str, str]:
    params = schema.load(ROOT / "params.yaml")
    metrics = json.loads((Artifacts(ROOT).evaluate / "metrics.json").read_text(encoding="utf-8"))
    head = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return {
        "dataset": params.dataset.name,
        "generator": params.train_generator.generator.kind,
        "commit": subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip(),
        "params_sha256": params_hash(params)[:12],
        "seed": str(params.seed),
        "seeds": str(params.evaluate.seeds),
        **{name: _shown(value) for name, value in _scores(metrics).items()},
    }


def _scores(metrics: dict[str, Any]) -> dict[str, Any]:
    detection = metrics["detection"]["cnn"]
    return {
        **{f"{arm}_{kind}": _macro_f1(metrics, arm, kind) for kind in ("lstm", "cnn") for arm in ("trtr", "tstr")},
        "ratio_cnn": _macro_f1(metrics, "tstr_ratio", "cnn"),
        **{name: detection[name] for name in ("discriminative_score", "floor", "floor_test")},
    }


def _macro_f1(metrics: dict[str, Any], arm: str, kind: str) -> Any:
    """The score, or the null of the whole arm where the classes cannot carry it."""
    if "reason" in metrics[arm]:
        return metrics[arm]
    return metrics[arm][kind]["macro_f1"] if kind in metrics[arm] else null("not among evaluate.classifiers")


def _shown(measured: Any) -> str:
    if isinstance(measured, float):
        return f"{measured:.3f}"
    if "reason" in measured:
        return "not measured"
    return f"{measured['mean']:.3f} ({measured['low']:.3f} to {measured['high']:.3f})"


def _stored() -> list[dict[str, str]]:
    if not ROWS.exists():
        return []
    with ROWS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _store(rows: list[dict[str, str]]) -> None:
    ROWS.parent.mkdir(parents=True, exist_ok=True)
    with ROWS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _table(rows: list[dict[str, str]]) -> list[str]:
    titles = {
        **{"dataset": "data", "generator": "generator"},
        **{"trtr_lstm": "TRTR, LSTM", "tstr_lstm": "TSTR, LSTM", "trtr_cnn": "TRTR, CNN", "tstr_cnn": "TSTR, CNN"},
        **{"ratio_cnn": "TSTR / TRTR, CNN", "discriminative_score": "discriminative score"},
        **{"floor": "its floor, same people", "floor_test": "its floor, other people"},
    }
    body = [[row[name] for name in titles] for row in rows]
    return ["Macro-F1, mean and 95 % interval over seeds.", "", *table.markdown(list(titles.values()), body)]
