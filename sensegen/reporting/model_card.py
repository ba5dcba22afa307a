"""The model card: what Hugging Face asks of one, in Markdown beside the page, with the page's own words and numbers."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sensegen.reporting.clock import rate_in_words
from sensegen.reporting.measures import Measure, find
from sensegen.reporting.results import Results
from sensegen.reporting.tables import classifiers, judges
from sensegen.reporting.usefulness import name_of
from sensegen.reporting.verdict import Verdict

LICENCES = {"cc by 4.0": "cc-by-4.0", "cc by-sa 4.0": "cc-by-sa-4.0", "apache-2.0": "apache-2.0", "mit": "mit",
            "cc0 1.0": "cc0-1.0", "cc by-nc 4.0": "cc-by-nc-4.0"}  # fmt: skip
TAGS = ("synthetic-data", "time-series", "sensor-data", "sensegen")
TASK = {"type": "time-series-classification", "name": "Activity recognition from synthetic windows"}


def model_card(results: Results, verdict: Verdict) -> str:
    """The card; its front matter is YAML of which every value is JSON, so that no name can break it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sensegen.reporting", ""), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["plain"] = plain
    content = {
        "results": results, "verdict": verdict, "run": results.pipeline, "front": front_matter(results),
        "rate": rate_in_words(results.signals.rate_hz), "scores": list(_scores(results.metrics)),
        "provenance": results.pipeline.provenance if results.pipeline else {},
    }  # fmt: skip
    return environment.get_template("model_card.md.j2").render(content)


def front_matter(results: Results) -> str:
    """The fields that Hugging Face reads: licence, tags, data, metrics, results."""
    fields = {
        **_licence(results), "library_name": "sensegen", "tags": list(TAGS),
        **({"datasets": [results.name]} if results.pipeline else {}),
        "metrics": ["f1", "accuracy"], "model-index": [_index(results)],
    }  # fmt: skip
    return "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())


def _licence(results: Results) -> dict[str, str]:
    declared = str(results.pipeline.provenance.get("licence", "")) if results.pipeline else ""
    known = LICENCES.get(declared.lower())
    return {"license": known} if known else {"license": "other", "license_name": declared or "unknown"}


def _index(results: Results) -> dict[str, Any]:
    """The scores that were measured, in the form of a model index."""
    values = [
        {"type": kind, "name": name, "value": found.mean}
        for kind, name, found in _scores(results.metrics)
        if found.mean is not None and math.isfinite(found.mean)
    ]
    dataset = {"type": results.name, "name": results.name, "split": "test"}
    return {
        "name": f"sensegen {results.name}",
        "results": [{"task": TASK, "dataset": dataset, "metrics": values}] if values else [],
    }


def _scores(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str, Measure]]:
    """Type, name and value of what a reader looks at first."""
    arms = {"trtr": "TRTR", "tstr": "TSTR", "tstr_plus_real": "TSTR + real"}
    for name in classifiers(metrics):
        for arm, title in arms.items():
            yield "f1", f"{title} macro-F1, {name_of(name)}", find(metrics, arm, name, "macro_f1")
            yield "accuracy", f"{title} accuracy, {name_of(name)}", find(metrics, arm, name, "accuracy")
    for name in judges(metrics):
        for key, title in (("discriminative_score", "Discriminative score"), ("floor", "Floor of real halves")):
            yield key, f"{title}, {name_of(name)} judge", find(metrics, "detection", name, key)
    for domain in ("time", "spectrum"):
        for key, title in (("share", "Copies"), ("floor", "Copies, floor")):
            yield f"copies_{key}", f"{title}, {domain}", find(metrics, "memorisation", "copies", domain, key)
        yield "membership_auc", f"Membership AUC, {domain}", find(metrics, "privacy", "by_window", domain, "auc")


def plain(text: object) -> str:
    """Text that Markdown takes for text, whatever a name holds."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$])", r"\\\1", " ".join(str(text).split()))
