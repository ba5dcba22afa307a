"""What synthetic windows add to few real ones, an amount and classifier a row.

`python -m benchmarks augmentation` adds what the stage `augment` measured last in this folder (`sensegen run --preset
augmentation`, or other amounts in `augment.windows_a_class`) to docs/results/augmentation.csv and writes the table. The
generator of each amount and seed has seen these few windows alone.
"""

import json
from collections.abc import Iterator

from benchmarks import table
from benchmarks.ledger import FOLDER, Ledger, Row, commit
from benchmarks.uci_har import ROOT
from sensegen import params as schema
from sensegen.artifacts import Artifacts
from sensegen.evaluation.interval import is_null
from sensegen.tracking.provenance import params_hash

ARMS = ("real", "with_synthetic", "gain")
KNOWN = ("dataset", "generator", "params_sha256", "commit", "amount", "classifier")
NUMBERS = tuple(f"{arm}_{part}" for arm in ARMS for part in ("mean", "low", "high"))
LEDGER = Ledger(FOLDER / "augmentation.csv", (*KNOWN, "windows", "seeds", *NUMBERS), KNOWN)


def run() -> list[str]:
    """Add the last curve; the table of all."""
    for row in measured():
        if LEDGER.find(row) is None:
            LEDGER.append(row)
    heads = ("data, generator", "windows", "classifier", "seeds", "real alone", "and synthetic", "gain", "commit")
    lines = [
        "Macro-F1 on test people, mean (95 % interval over draws of the few windows, each with its own generator):",
        "",
        *table.markdown(heads, [_line(row) for row in LEDGER.rows()]),
    ]
    table.put("augmentation", lines)
    return lines


def measured() -> Iterator[Row]:
    """The rows of the present artifacts.

    Raises:
        ValueError: if no curve was measured.
    """
    params = schema.load(ROOT / "params.yaml")
    told = json.loads((Artifacts(ROOT).augment / "curve.json").read_text(encoding="utf-8"))
    if is_null(told):
        raise ValueError(f"No curve was measured: {told['reason']}.")
    for amount, of_amount in told.items():
        for classifier in params.evaluate.classifiers:
            found = of_amount[classifier]
            yield {
                "dataset": params.dataset.name,
                "generator": params.train_generator.generator.kind,
                "params_sha256": params_hash(params)[:12],
                "commit": commit(),
                "amount": amount,
                "classifier": classifier,
                "windows": str(of_amount["windows"]),
                "seeds": str(found["gain"]["seeds"]),
                **{f"{arm}_{part}": f"{found[arm][part]:.4f}" for arm in ARMS for part in ("mean", "low", "high")},
            }


def _line(row: Row) -> list[str]:
    cells = [
        f"{float(row[f'{arm}_mean']):.3f} ({float(row[f'{arm}_low']):.3f} to {float(row[f'{arm}_high']):.3f})"
        for arm in ARMS
    ]
    what = f"{row['dataset']}, {row['generator']}"
    return [what, f"{row['windows']} ({row['amount']})", row["classifier"], row["seeds"], *cells, row["commit"]]
