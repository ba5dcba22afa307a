"""The page's tables, from the results: rows of text and numbers that the template only has to lay out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from sensegen.reporting.measures import Measure, find, flatten, is_measure, number
from sensegen.reporting.results import Results

ARMS = {"trtr": "trained on real windows", "tstr": "trained on synthetic windows"}
OF_PEOPLE = {
    "fit": "what the generator and the classifiers learn from",
    "validation": "other people; every choice is made on these",
    "held_out_time": "the last part of each fit person's recordings, never trained on",
    "test": "other people again; read once, at the end",
    "dropped": "between fit and held_out_time, so that no sample is on both sides",
}
IN_TIME = {
    "fit": "the first part of each activity: what the generator and the classifiers learn from",
    "held_out_time": "later, never trained on",
    "validation": "later again; every choice is made on these",
    "test": "the last part of each activity; read once, at the end",
    "dropped": "between the others, so that a whole window lies between them",
}
METRICS = {  # the title of each key of metrics.json, and which end of its numbers is good
    "trtr": ("Train on real, test on real", "1 is best: what the classifier can do at all"),
    "tstr": ("Train on synthetic, test on real", "best is the number of the row above it"),
    "trts": ("Train on real, test on synthetic", "1 is best"),
    "tstr_plus_real": ("Train on synthetic and real, test on real", "1 is best"),
    "tstr_ratio": ("TSTR divided by TRTR", "1 means as useful as real windows for this classifier"),
    "majority_vote": ("Always the largest class", "what any classifier has to exceed"),
    "paired": ("Difference in macro-F1, seed by seed", "above 0 is better than real windows alone"),
    "augmentation": ("Real windows with synthetic ones added", "1 is best"),
    "detection": ("Judges: synthetic or real", "0 is best: the judge guesses; 0.5 is always told apart"),
    "fidelity": ("Distances between real and synthetic", "0 is best (1 of precision, recall, density, coverage)"),
    "physics": ("Physical plausibility", "best is the number of real windows"),
    "memorisation": ("Copies of training windows", "0 copies; ratio and authenticity as of later real windows"),
    "privacy": ("Membership of the training windows", "0.5 is best"),
    "forecast": ("Forecasts learned from synthetic windows", "a ratio of 1 is as good as real windows"),
    "alternation": ("With and without the alternation", ""),
    "controls": ("The same numbers for simple controls", ""),
    "windows": ("Windows used", ""),
}


@dataclass(frozen=True)
class MetricGroup:
    """The metrics under one key of `metrics.json`."""

    title: str
    key: str
    best: str
    rows: tuple[tuple[str, Measure], ...]


@dataclass(frozen=True)
class Confusion:
    """One classifier of one arm: `counts` is (actual, predicted) over `classes`."""

    arm: str
    classifier: str
    classes: tuple[str, ...]
    counts: Int[np.ndarray, "actual predicted"]

    @property
    def rows(self) -> list[list[tuple[int, int]]]:
        """For each actual class, for each predicted one: windows, and their share of the row in per cent."""
        sums = np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        shares = np.rint(100 * self.counts / sums).astype(int)
        return [list(zip(counts, row, strict=True)) for counts, row in
                zip(self.counts.tolist(), shares.tolist(), strict=True)]  # fmt: skip


def metric_groups(metrics: Mapping[str, Any]) -> list[MetricGroup]:
    """Every number of `metrics.json`, in its order; the scores of single classes have a table of their own."""
    groups = []
    for key, node in metrics.items():
        title, best = METRICS.get(key, (words_of(key), ""))
        rows = tuple((" · ".join(words_of(name) for name in path) or "all", found) for path, found in flatten(node))
        groups.append(MetricGroup(title, key, best, rows))
    return groups


def classifiers(metrics: Mapping[str, Any]) -> list[str]:
    """The classifiers behind TRTR and TSTR; none where the dataset has no labels for them."""
    named = [name for arm in ARMS for name in _folder(metrics.get(arm))]
    return list(dict.fromkeys(named))


def judges(metrics: Mapping[str, Any]) -> list[str]:
    """The networks that try to tell synthetic windows from real ones."""
    return list(_folder(metrics.get("detection")))


def per_class(results: Results, classifier: str) -> list[tuple[str, list[Measure]]]:
    """For each class: precision, recall and F1, first of TRTR and then of TSTR."""
    scores = ("precision", "recall", "f1")
    return [
        (name, [find(results.metrics, arm, classifier, "per_class", name, score) for arm in ARMS for score in scores])
        for name in results.shown_classes
    ]


def confusions(results: Results) -> list[Confusion]:
    """One matrix an arm and classifier, in the order of the file.

    Raises:
        ValueError: if a row names a class that the windows do not have.
    """
    pairs = dict.fromkeys((row["arm"], row["classifier"]) for row in results.confusion)
    named = {row[side] for row in results.confusion for side in ("actual", "predicted")}
    if unknown := named - set(results.signals.classes):
        raise ValueError(
            f"confusion.csv names {sorted(unknown)}, but the windows hold only {list(results.signals.classes)}. "
            "Run stage evaluate again."
        )
    classes = tuple(name for name in results.signals.classes if name in {*results.shown_classes, *named})
    return [Confusion(*pair, classes, _count(results, pair, classes)) for pair in pairs]


def _count(results: Results, pair: tuple[str, str], classes: tuple[str, ...]) -> Int[np.ndarray, "actual predicted"]:
    counts = np.zeros((len(classes), len(classes)), int)
    for row in results.confusion:
        if (row["arm"], row["classifier"]) == pair:
            counts[classes.index(row["actual"]), classes.index(row["predicted"])] += 1
    return counts


def window_counts(results: Results) -> tuple[list[str], list[tuple[str, str, list[str]]]]:
    """Column heads, and for each split its name, its use, its windows by class and in all, and its skew."""
    heads = list(dict.fromkeys(name for counts in results.counts.values() for name in counts["classes"]))
    run = results.pipeline
    uses = IN_TIME if run is not None and run.params.window.split.kind == "in_time" else OF_PEOPLE
    rows = []
    for split, counts in results.counts.items():
        cells = [number(counts["classes"][name]) if name in counts["classes"] else "–" for name in heads]
        skew = "–" if counts["skew"] is None else number(float(counts["skew"]))
        rows.append((split, uses.get(split, ""), [*cells, number(counts["total"]), skew]))
    return [*heads, "total", "skew"], rows


def people(results: Results) -> list[tuple[str, list[tuple[str, str]]]]:
    """For each split, who is in it, with how many windows."""
    return [
        (split, [(name, number(windows)) for name, windows in counts["subjects"].items()])
        for split, counts in results.counts.items()
    ]


def refusals(quarantine: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Each recording (or part of the raw files) that was refused, and why; a reason may be a text or several."""
    rows = []
    for entry in quarantine:
        reasons = entry.get("reasons", [entry.get("reason", "no reason was recorded")])
        rows.append((str(entry["name"]), "; ".join(_reason(reason) for reason in reasons)))
    return rows


def _reason(reason: Any) -> str:
    return f"{reason['expectation']}: {reason['text']}" if isinstance(reason, Mapping) else str(reason)


def alternation(metrics: Mapping[str, Any]) -> list[tuple[str, str, Measure, Measure]]:
    """Each measure with the alternation and after the same number of generator steps without it."""
    names = {
        "tstr_macro_f1": ("TSTR macro-F1", "higher is better"),
        "validation_loss": ("The generator's loss on validation windows", "lower is better"),
        "discriminative_score": ("Discriminative score", "lower is better"),
    }
    node = _folder(metrics.get("alternation"))
    found = dict.fromkeys(key for arm in ("with", "without") for key in _folder(node.get(arm)))
    rows = []
    for key in found:
        with_it, without_it = (find(metrics, "alternation", arm, key) for arm in ("with", "without"))
        rows.append((*names.get(key, (words_of(key), "")), with_it, without_it))
    return rows


def provenance_rows(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """A nested document as rows of key and value."""
    if isinstance(node, Mapping):
        for key, child in node.items():
            yield from provenance_rows(child, (*path, str(key)))
    elif isinstance(node, list) and any(isinstance(child, Mapping | list) for child in node):
        for index, child in enumerate(node):
            yield from provenance_rows(child, (*path, str(index + 1)))
    else:
        text = ", ".join(str(child) for child in node) if isinstance(node, list) else str(node)
        yield " · ".join(path), text


def _folder(node: Any) -> Mapping[str, Any]:
    """The node where it holds further keys, and nothing where it is a null with its reason."""
    return {} if is_measure(node) or not isinstance(node, Mapping) else node


def words_of(key: str) -> str:
    """A key of `metrics.json` as it is said."""
    names = {"cnn": "CNN", "lstm": "LSTM", "macro_f1": "macro-F1", "f1": "F1", "tstr_macro_f1": "TSTR macro-F1"}
    return names.get(key, key.replace("_", " "))
