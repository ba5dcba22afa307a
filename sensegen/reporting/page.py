"""The page: one HTML file that needs nothing from outside, with the same bytes for the same results."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sensegen.reporting import clock, tables, wording
from sensegen.reporting.control_table import control_table
from sensegen.reporting.curves import gallery
from sensegen.reporting.downloads import downloads
from sensegen.reporting.embedding import embedding
from sensegen.reporting.measures import find
from sensegen.reporting.model_card import model_card
from sensegen.reporting.pictures import Pictures, pictures_of, undrawn
from sensegen.reporting.reading import TRAINING_STAGES
from sensegen.reporting.results import Pipeline, Results
from sensegen.reporting.sides import Sides
from sensegen.reporting.telling import spectrum_sentence
from sensegen.reporting.usefulness import name_of
from sensegen.reporting.verdict import RULES, Verdict, seen, verdict

if TYPE_CHECKING:
    from jinja2 import Environment

DATA_DOCS = "../validate/data_docs/index.html"  # from the page's own place among the artifacts


@dataclass(frozen=True)
class Report:
    """The page, its model card in Markdown, and its figures by file name as PNG."""

    html: str
    model_card: str
    figures: Mapping[str, bytes]


def build_report(results: Results) -> Report:
    """Draw every figure, lay out the page, and write the model card."""
    pictures, sides = pictures_of(results), Sides.of(results)
    said = verdict(results, sides.worst)
    html = _template("page.html.j2").render(_content(results, sides, said), pictures=pictures)
    return Report(html, model_card(results, said), {f"{picture.name}.png": picture.light for picture in pictures.drawn})


def lay_out(results: Results, pictures: Pictures) -> str:
    """The page as HTML, with its pictures inside."""
    sides = Sides.of(results)
    return _template("page.html.j2").render(_content(results, sides, verdict(results, sides.worst)), pictures=pictures)


def _template(name: str) -> Any:
    return _environment().get_template(name)


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sensegen.reporting", ""), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["called"] = name_of
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    return environment


def _content(results: Results, sides: Sides, said: Verdict) -> dict[str, Any]:
    """All that the templates show besides pictures."""
    return {
        "results": results, "verdict": said, "rules": RULES, "rate": clock.rate_in_words(results.signals.rate_hz),
        "gallery": gallery(results, sides), "embedding": embedding(results),
        "spectrum_sentence": spectrum_sentence(results, sides.worst),
        "downloads": downloads(results), "undrawn": undrawn(results),
        **_of_data(results), **_of_metrics(results.metrics), **_of_scores(results), **_of_run(results.pipeline),
    }  # fmt: skip


def _of_data(results: Results) -> dict[str, Any]:
    heads, counts = tables.window_counts(results)
    return {"count_heads": heads, "counts": counts, "people": tables.people(results)}


def _of_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "metric_groups": tables.metric_groups(metrics), "controls": control_table(metrics),
        "alternation": tables.alternation(metrics), "arms": tables.ARMS,
        "generator_steps": find(metrics, "alternation", "generator_steps"),
    }  # fmt: skip


def _of_scores(results: Results) -> dict[str, Any]:
    return {
        "cards": wording.scorecards(results.metrics, seen(results)), "classifiers": tables.classifiers(results.metrics),
        "no_classifier": find(results.metrics, "tstr").reason,
        "per_class": partial(tables.per_class, results), "confusions": tables.confusions(results),
    }  # fmt: skip


def _of_run(run: Pipeline | None) -> dict[str, Any]:
    """What only a pipeline leaves; the template asks for `run` first."""
    if run is None:
        return {"run": None}
    params = json.dumps(run.params.model_dump(mode="json", by_alias=True), indent=2, sort_keys=True)
    return {
        "run": run, "stages": TRAINING_STAGES, "data_docs": DATA_DOCS,
        "refusals": tables.refusals(run.quarantine or ()),
        "split_sentence": wording.split_sentence(run.params.window.split),
        "split_caveat": wording.split_caveat(run.params.window.split),
        "balance_sentence": wording.balance_sentence(run.params),
        "provenance": dict(tables.provenance_rows(run.provenance)),
        "params": params, "params_sha256": hashlib.sha256(params.encode()).hexdigest(),
    }  # fmt: skip
