"""The gate: Great Expectations judges what an inspection found, by suites derived from what the dataset declares.

The only door of great_expectations. There is no second list of limits, nothing of it is configured on disk, and
nothing is sent to anyone. That values are finite is an expectation of its own: a range that only most samples must
keep would let an Inf through.
"""

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensegen.artifacts import writing
from sensegen.inspection import Inspection
from sensegen.params.windowing import ValidateParams
from sensegen.recording import InvalidRecording, Recording
from sensegen.source import Source

if TYPE_CHECKING:
    import pandas as pd

LINES = 10  # of a message


@dataclass(frozen=True)
class Expectation:
    """One expectation: `kind` is Great Expectations' class, judged over the table of the first word of `name`."""

    name: str
    kind: str
    arguments: dict[str, Any]

    @property
    def table(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Verdict:
    """Whether an expectation was met, and what was seen."""

    expectation: Expectation
    success: bool
    observed: dict[str, Any]


@dataclass(frozen=True)
class Report:
    """The verdicts on recordings that passed."""

    recordings: int
    verdicts: tuple[Verdict, ...]

    def to_json(self) -> str:
        """The same text for the same recordings: no times, no names of runs, observed numbers rounded."""
        entries = [
            {
                "name": verdict.expectation.name,
                "expectation": verdict.expectation.kind,
                "arguments": verdict.expectation.arguments,
                "success": verdict.success,
                "observed": verdict.observed,
            }
            for verdict in self.verdicts
        ]
        return json.dumps({"recordings": self.recordings, "expectations": entries}, indent=2, sort_keys=True) + "\n"


def validate(
    recordings: Iterable[Recording], source: Source, params: ValidateParams, docs_folder: Path | None = None
) -> Report:
    """Judge recordings, and write Great Expectations' Data Docs to `docs_folder`, if they pass and if not.

    Raises:
        InvalidRecording: naming each expectation that failed, with recordings, channels, samples and values.
    """
    inspection = Inspection(source, params.rate_tolerance)
    for _ in inspection.through(recordings):
        pass
    return judge(inspection, params, docs_folder)


def judge(inspection: Inspection, params: ValidateParams, docs_folder: Path | None = None) -> Report:
    """As `validate`, of recordings that have already passed through an inspection."""
    expected = [one for one in expectations(inspection, params) if _is_judged(one, inspection)]
    if docs_folder is None:
        verdicts = _verdicts(expected, inspection, None)
    else:
        with writing(docs_folder) as temporary:
            verdicts = _verdicts(expected, inspection, temporary)
    failed = [verdict for verdict in verdicts if not verdict.success]
    if failed:
        raise InvalidRecording(_complaint(failed, len(verdicts), inspection, docs_folder))
    return Report(len(inspection.tables["recordings"]), tuple(verdicts))


def expectations(inspection: Inspection, params: ValidateParams) -> list[Expectation]:
    """Every expectation that the dataset's declaration implies."""
    source = inspection.source
    signals = ", ".join(sorted(source.signals))
    found = [
        Expectation("recordings.any", "ExpectTableRowCountToBeBetween", {"min_value": 1}),
        _in_set("recordings.subject", source.subjects),
        _in_set("recordings.signals", [signals]),
        _in_set("activities.label", source.labels),
        _between("activities.seconds", "seconds", min_value=0, strict_min=True),
    ]
    for name, bounds in source.signals.items():
        low_hz, high_hz = inspection.rates_hz[name]
        allowed = math.floor((1 - params.in_bounds_share) * inspection.samples(name) + 1e-9)
        found += [
            _in_set(f"{name}.channels", [", ".join(bounds.channels)]),
            _in_set(f"{name}.unit", [bounds.unit]),
            _in_set(f"{name}.rate_hz", [bounds.rate_hz]),
            _between(f"{name}.samples", "samples", min_value=2),
            _between(f"{name}.median_rate_hz", "median_rate_hz", min_value=low_hz, max_value=high_hz),
            _between(f"{name}.times_increase", "times_not_after", max_value=0),
        ]
        for channel in bounds.channels:
            found += [
                _between(f"{name}.{channel}.not_null", f"{channel}.not_null", max_value=0),
                _between(f"{name}.{channel}.finite", f"{channel}.finite", max_value=0),
                _sum_of(f"{name}.{channel}.in_bounds", f"{channel}.in_bounds", allowed),
            ]
    return found


def _in_set(name: str, values: Iterable[Any]) -> Expectation:
    column = name.rpartition(".")[2]
    return Expectation(name, "ExpectColumnValuesToBeInSet", {"column": column, "value_set": list(values)})


def _between(name: str, column: str, **limits: float) -> Expectation:
    return Expectation(name, "ExpectColumnValuesToBeBetween", {"column": column, **limits})


def _sum_of(name: str, column: str, allowed: int) -> Expectation:
    # Faults are counted over all samples; the sum over recordings against the share that may lie outside.
    return Expectation(name, "ExpectColumnSumToBeBetween", {"column": column, "max_value": allowed})


def _is_judged(expectation: Expectation, inspection: Inspection) -> bool:
    """A table without rows has nothing to say: that a signal is missing is told by `recordings.signals`."""
    return expectation.table == "recordings" or bool(inspection.tables[expectation.table])


def _verdicts(expected: list[Expectation], inspection: Inspection, site: Path | None) -> list[Verdict]:
    context = _context(site)
    source = context.data_sources.add_pandas("recordings")
    verdicts = []
    for table in dict.fromkeys(one.table for one in expected):
        suite = [one for one in expected if one.table == table]
        verdicts += _judge_table(context, source, suite, _frame(inspection, suite))
    if site is not None:
        context.build_data_docs()
    return verdicts


def _judge_table(context: Any, source: Any, suite: list[Expectation], frame: "pd.DataFrame") -> list[Verdict]:
    import great_expectations as gx
    import great_expectations.expectations as kinds

    table = suite[0].table
    judged = [getattr(kinds, one.kind)(**one.arguments, meta={"name": one.name}) for one in suite]
    batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("all")
    definition = gx.ValidationDefinition(
        name=table, data=batch, suite=context.suites.add(gx.ExpectationSuite(name=table, expectations=judged))
    )
    results = context.validation_definitions.add(definition).run(batch_parameters={"dataframe": frame}).results
    by_name = {result.expectation_config.meta["name"]: result for result in results}
    return [Verdict(one, bool(by_name[one.name].success), _observed(by_name[one.name].result)) for one in suite]


def _context(site: Path | None) -> Any:
    # Before the import, which reads it.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    for name in context.get_site_names():
        context.delete_data_docs_site(name)
    if site is not None:
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site)}
        builder = {"class_name": "SiteBuilder", "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"}}
        context.add_data_docs_site("site", {**builder, "store_backend": store})
    return context


def _frame(inspection: Inspection, suite: list[Expectation]) -> "pd.DataFrame":
    import pandas as pd

    columns = [one.arguments["column"] for one in suite if "column" in one.arguments]
    return pd.DataFrame(inspection.tables[suite[0].table]).reindex(columns=["recording", *columns])


def _observed(result: dict[str, Any]) -> dict[str, Any]:
    kept = ("observed_value", "element_count", "unexpected_count")
    return {name: _rounded(result[name]) for name in kept if result.get(name) is not None}


def _rounded(value: Any) -> float | int:
    return int(value) if float(value).is_integer() else float(f"{float(value):.6g}")


def _complaint(failed: list[Verdict], judged: int, inspection: Inspection, docs_folder: Path | None) -> str:
    each = max(1, LINES // len(failed))
    lines = [line for verdict in failed for line in _faults(verdict, inspection, each)]
    rest = [f"... and {len(lines) - LINES} lines more"] if len(lines) > LINES else []
    where = f" All of it: {docs_folder / 'index.html'}" if docs_folder else ""
    told = "".join(f"\n  {line}" for line in [*lines[:LINES], *rest])
    return (
        f"The recordings failed {len(failed)} of {judged} expectations, and nothing was passed on:{told}\n"
        "Repair or leave out these recordings. If the data is right, correct what the dataset's file declares, or "
        f"validate.in_bounds_share and validate.rate_tolerance in params.yaml.{where}"
    )


def _faults(verdict: Verdict, inspection: Inspection, most: int) -> list[str]:
    name = verdict.expectation.name
    examples, count = inspection.examples.get(name, []), inspection.faults.get(name, 0)
    if not examples:
        return [f"{name}: expected {verdict.expectation.arguments}, observed {verdict.observed}"]
    lines = [f"{name}: {example}" for example in examples[:most]]
    if count > len(lines):
        lines[-1] += f" (and {count - len(lines)} more)"
    return lines
