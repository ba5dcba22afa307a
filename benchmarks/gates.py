"""How hard generated windows are to tell from real ones, a row a seed: what a generator has to reach, and what it does.

`python -m benchmarks gates` adds the pipeline's last run (of `sensegen run`, in this folder) to docs/results/gates.csv
and writes the table of all runs. Runs by the same params stand together, of each seed the newest one.
"""

import hashlib
import json
from collections.abc import Callable
from itertools import takewhile
from typing import Any, NamedTuple

from benchmarks import table
from benchmarks.ledger import FOLDER, Ledger, Row, commit
from benchmarks.uci_har import ROOT
from sensegen import params as schema
from sensegen import processor
from sensegen.artifacts import Artifacts
from sensegen.evaluation.interval import is_null, over_seeds
from sensegen.params import Params
from sensegen.tracking.provenance import flat_params
from sensegen.tracking.store import connect

FAMILIES = ("mdn_rnn", "flow_matching")


class Gate(NamedTuple):
    """A measure, where it stands in the metrics, and its limit by family: at least, or at most."""

    title: str
    value: Callable[[dict[str, Any]], float | None]
    limits: tuple[float, float]
    at_least: bool = False


def at(path: str) -> Callable[[dict[str, Any]], float | None]:
    """The number at a place of the metrics; none where it was not measured."""

    def value(metrics: dict[str, Any]) -> float | None:
        node: Any = metrics
        for name in path.split("/"):
            if is_null(node) or name not in node:
                return None
            node = node[name]
        return None if is_null(node) else float(node["mean"] if isinstance(node, dict) else node)

    return value


def against_test(measure: str) -> Callable[[dict[str, Any]], float | None]:
    """A distance from the fit people, as a multiple of that of the test people."""

    def value(metrics: dict[str, Any]) -> float | None:
        of = [at(f"fidelity/{name}/{measure}")(metrics) for name in ("synthetic", "real_test")]
        return None if None in of else of[0] / of[1]  # type: ignore[operator]

    return value


def gravity(metrics: dict[str, Any], name: str) -> tuple[float, float] | None:
    """Of the accelerometer's length at rest: synthetic and real, mean or spread (g)."""
    sites = metrics["physics"]["synthetic"].get("gravity", {})
    if is_null(sites) or not sites:
        return None
    site = next(iter(sites))
    one, other = (at(f"physics/synthetic/gravity/{site}/{kind}/{name}")(metrics) for kind in ("synthetic", "real"))
    return None if one is None or other is None else (one, other)


def gravity_off(metrics: dict[str, Any]) -> float | None:
    """How far the mean length is off (g)."""
    pair = gravity(metrics, "mean_g")
    return pair and abs(pair[0] - pair[1])


def gravity_spread(metrics: dict[str, Any]) -> float | None:
    """The spread of the length, as a multiple of the real one."""
    pair = gravity(metrics, "stddev_g")
    return pair and pair[0] / pair[1]


GATES = {
    **{
        f"ratio_{kind}": Gate(f"TSTR / TRTR, {kind}", at(f"tstr_ratio/{kind}/macro_f1"), limits, at_least=True)
        for kind, limits in (("cnn", (0.97, 1.0)), ("lstm", (0.93, 0.97)), ("random_convolution", (0.97, 1.0)))
    },
    **{
        f"gain_{kind}": Gate(
            f"macro-F1 with real and synthetic windows less that with real ones, {kind}",
            at(f"paired/{kind}/tstr_plus_real_less_trtr/mean"),
            (0.0, 0.005),
            at_least=True,
        )
        for kind in ("cnn", "lstm", "random_convolution")
    },
    **{
        f"judge_{kind}": Gate(f"discriminative score, {kind}", at(f"detection/{kind}/discriminative_score"), limits)
        for kind, limits in (("cnn", (0.4, 0.08)), ("gru", (0.4, 0.08)), ("spectral", (0.4, 0.08)))
    },
    **{
        name: Gate(f"{title}, as a multiple of that of test people", against_test(name), (2.0, 1.0))
        for name, title in (("log_psd", "log spectrum"), ("acf", "autocorrelation"), ("wasserstein", "Wasserstein-1"))
    },
    "gravity_off": Gate("mean length of gravity off by (g)", gravity_off, (0.02, 0.005)),
    "gravity_spread": Gate("spread of the length of gravity, real 1", gravity_spread, (2.0, 1.3)),
    "nearest": Gate(
        "nearest fit window, time, class of the smallest, held-out windows 1",
        at("memorisation/nearest_neighbour_ratio/time/smallest"),
        (0.8, 0.9),
        at_least=True,
    ),
    "copies": Gate("exact copies (share)", at("memorisation/copies/time/exact"), (0.0, 0.0)),
    "membership_time": Gate("membership AUC by window, time", at("privacy/by_window/time/auc"), (0.6, 0.6)),
    "membership_spectrum": Gate("membership AUC by window, spectrum", at("privacy/by_window/spectrum/auc"), (0.6, 0.6)),
}
UNMEASURED = ("promotion", "retrain", "export")  # sections on which nothing that is measured here depends
MAKING = 2  # to be raised where generators make other windows of the same params: rows before and after never mix
GROUP = ("dataset", "generator", "params_sha256")
KNOWN = (*GROUP, "seed", "commit")
LEDGER = Ledger(FOLDER / "gates.csv", (*KNOWN, "precision", "training_minutes", *GATES), KNOWN)


def run() -> list[str]:
    """Add the pipeline's last run; the table of all."""
    row = measured()
    if LEDGER.find(row) is None:
        LEDGER.append(row)
    return tell()


def tell() -> list[str]:
    """Write the table of all rows."""
    lines = [line for rows in grouped(LEDGER.rows()) for line in shown(rows)]
    table.put("gates", lines)
    return lines


def grouped(rows: list[Row]) -> list[list[Row]]:
    """The rows of each data set, family and params, of each seed the newest, which stands last in the file."""
    groups: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in GROUP), {})[row["seed"]] = row
    return [[*groups[key].values()] for key in sorted(groups)]


def measured() -> Row:
    """The row of the present artifacts."""
    params = schema.load(ROOT / "params.yaml")
    metrics = json.loads((Artifacts(ROOT).evaluate / "metrics.json").read_text(encoding="utf-8"))
    found = {name: gate.value(metrics) for name, gate in GATES.items()}
    generator = params.train_generator.generator
    return {
        **known(params),
        "commit": commit(),
        "precision": processor.precision(getattr(generator, "precision", "float32")),  # what this machine can do
        "training_minutes": f"{training_minutes():.1f}",
        **{name: "" if value is None else f"{value:.4f}" for name, value in found.items()},
    }


def known(params: Params) -> Row:
    """By what a run is known, whatever the commit."""
    return {
        "dataset": params.dataset.name,
        "generator": params.train_generator.generator.kind,
        "seed": str(params.seed),
        "params_sha256": identity(params),
    }


def identity(params: Params) -> str:
    """Digits of all params that a result depends on, but its seed, and of `MAKING`.

    A key that is null is off, as if there were none: rows go on together when a version brings a new one.
    """
    found = flat_params(params.model_copy(update={"seed": 0}))
    measured = {key: value for key, value in found.items() if key.partition(".")[0] not in UNMEASURED}
    known = {"making": MAKING} | {key: value for key, value in measured.items() if value != "null"}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:12]


def training_minutes() -> float:
    """How long the last training of the generator took, with the attempts before it that were cut off."""
    client, experiment = connect(ROOT)
    named = "attributes.run_name = 'train_generator'"
    last, *earlier = client.search_runs([experiment], named, order_by=["attributes.start_time DESC"], max_results=100)
    cut_off = takewhile(lambda run: run.info.status != "FINISHED", earlier)
    attempts = [run.info for run in (last, *cut_off) if run.info.end_time]
    return sum(attempt.end_time - attempt.start_time for attempt in attempts) / 60_000


def shown(rows: list[Row]) -> list[str]:
    """A table of the runs of one data set and family."""
    first = rows[0]
    names = ("seed", "precision", "training_minutes", "commit")
    seeds, precisions, minutes, commits = (", ".join(row[name] for row in rows) for name in names)
    head = (
        f"{first['dataset']}, {first['generator']}: seeds {seeds}; products of {precisions}; minutes of training "
        f"{minutes}; at {commits}."
    )
    body = [_line(name, gate, rows) for name, gate in GATES.items()]
    return [head, "", *table.markdown(["measure", "mean (95 % interval over seeds)", "gate", "reached"], body), ""]


def _line(name: str, gate: Gate, rows: list[Row]) -> list[str]:
    limit = gate.limits[FAMILIES.index(rows[0]["generator"])]
    values = [float(row[name]) for row in rows if row[name]]
    wanted = f"{'at least' if gate.at_least else 'at most'} {limit:g}"
    if not values:
        return [gate.title, "not measured", wanted, "-"]
    mean = sum(values) / len(values)
    told = over_seeds(values) if len(values) > 1 else None
    interval = f" ({told['low']:.3f} to {told['high']:.3f})" if told else ""
    reached = mean >= limit if gate.at_least else mean <= limit
    return [gate.title, f"{mean:.3f}{interval}", wanted, "yes" if reached else "no"]
