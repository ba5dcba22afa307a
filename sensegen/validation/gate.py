"""The gate: Great Expectations judges what an inspection found, by suites derived from what the dataset declares.

The only door of great_expectations. There is no second list of limits, nothing of it is configured on disk, and
nothing is sent to anyone. That values are finite is an expectation of its own: a range that only most samples must
keep would let an Inf through.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensegen.params.windowing import ValidateParams
from sensegen.validation import expectations
from sensegen.validation.expectations import Expectation
from sensegen.validation.inspection import Inspection, Row
from sensegen.validation.quarantine import Reason, Refusal

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Verdict:
    """Whether an expectation was met, what was seen, and the places in the table of the rows that failed."""

    expectation: Expectation
    success: bool
    observed: dict[str, Any]
    failed_rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Report:
    """How many recordings may go on, of how many parts; the verdicts, what was refused, how values are distributed and
    how far each channel has drifted from the reference."""

    recordings: int
    parts: int
    verdicts: tuple[Verdict, ...]
    refusals: tuple[Refusal, ...] = ()
    reference: Mapping[str, Any] = field(default_factory=dict)
    drift: Mapping[str, float] = field(default_factory=dict)

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
        refused = {
            "recordings": sum(one.kind == "recording" for one in self.refusals),
            "parts": sum(one.kind == "part" for one in self.refusals),
            "by_expectation": Counter(reason.expectation for one in self.refusals for reason in one.reasons),
        }
        document = {"recordings": self.recordings, "quarantined": refused, "expectations": entries}
        return json.dumps(document, indent=2, sort_keys=True) + "\n"


class Gate:
    """Judges tables one after the other; all of them stand in the Data Docs that `write_docs` makes at `site`."""

    def __init__(self, site: Path | None):
        self.site = site
        self.context = _context(site)
        self.source = self.context.data_sources.add_pandas("recordings")

    def judge(self, expected: Sequence[Expectation], tables: Mapping[str, list[Row]]) -> list[Verdict]:
        """The verdicts, in the order of `expected`. Of a table without rows nothing is said."""
        verdicts: dict[str, Verdict] = {}
        for table in dict.fromkeys(one.table for one in expected):
            if tables.get(table):
                suite = [one for one in expected if one.table == table]
                verdicts |= {
                    one.expectation.name: one for one in self._judge_table(suite, _frame(tables[table], suite))
                }
        return [verdicts[one.name] for one in expected if one.name in verdicts]

    def write_docs(self) -> None:
        """Render everything judged so far as pages."""
        if self.site is not None:
            self.context.build_data_docs()

    def _judge_table(self, suite: Sequence[Expectation], frame: "pd.DataFrame") -> list[Verdict]:
        import great_expectations as gx
        import great_expectations.expectations as kinds

        table = suite[0].table
        judged = [getattr(kinds, one.kind)(**one.arguments, meta={"name": one.name}) for one in suite]
        batch = self.source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("all")
        definition = self.context.validation_definitions.add(
            gx.ValidationDefinition(
                name=table,
                data=batch,
                suite=self.context.suites.add(gx.ExpectationSuite(name=table, expectations=judged)),
            )
        )
        # COMPLETE names every row that failed, and not only the first twenty.
        results = definition.run(batch_parameters={"dataframe": frame}, result_format="COMPLETE").results
        by_name = {result.expectation_config.meta["name"]: result for result in results}
        return [_verdict(one, by_name[one.name]) for one in suite]


def judge(inspection: Inspection, params: ValidateParams, gate: Gate) -> tuple[list[Verdict], dict[int, Refusal]]:
    """Judge recordings one by one; gives the refusals by the number of the recording."""
    verdicts = gate.judge(expectations.of_recordings(inspection.source, params), inspection.tables)
    return verdicts, _refusals(verdicts, inspection)


def _refusals(verdicts: Sequence[Verdict], inspection: Inspection) -> dict[int, Refusal]:
    reasons: dict[int, list[Reason]] = {}
    for verdict in verdicts:
        name, table = verdict.expectation.name, inspection.tables[verdict.expectation.table]
        for at in verdict.failed_rows:
            number = table[at]["number"]
            notes = inspection.notes.get((number, name)) or [
                verdict.expectation.explain(table[at], _unit(verdict, inspection))
            ]
            new = [Reason(name, note) for note in notes]
            reasons.setdefault(number, []).extend(one for one in new if one not in reasons.get(number, []))
    people = inspection.tables["recordings"]
    return {
        number: Refusal("recording", people[number]["recording"], people[number]["subject"], tuple(reasons[number]))
        for number in sorted(reasons)
    }


def _unit(verdict: Verdict, inspection: Inspection) -> str:
    signal = inspection.source.signals.get(verdict.expectation.table)
    return signal.unit if signal else ""


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


def _frame(rows: list[Row], suite: Sequence[Expectation]) -> "pd.DataFrame":
    import pandas as pd

    columns = dict.fromkeys(["recording", *(one.arguments["column"] for one in suite)])
    return pd.DataFrame({column: [row.get(column) for row in rows] for column in columns})


def _verdict(expectation: Expectation, judged: Any) -> Verdict:
    kept = ("observed_value", "element_count", "unexpected_count")
    found = judged.result
    observed = {name: _rounded(found[name]) for name in kept if found.get(name) is not None}
    failed = tuple(int(at) for at in found.get("unexpected_index_list") or ())
    return Verdict(expectation, bool(judged.success), observed, failed)


def _rounded(value: Any) -> float | int:
    return int(value) if float(value).is_integer() else float(f"{float(value):.6g}")
