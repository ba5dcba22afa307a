"""A page of measures in a row of numbers: what the table of controls shows, and which measure catches which cheat."""

from collections.abc import Mapping
from typing import Any

from sensegen.evaluation.interval import Null, is_null, null

ABSENT = null("not measured for this row")
PATHS: Mapping[str, tuple[str, ...]] = {
    "log_psd": ("fidelity", "log_psd"),
    "acf": ("fidelity", "acf"),
    "cross_correlation": ("fidelity", "cross_correlation"),
    "wasserstein": ("fidelity", "wasserstein"),
    "mmd": ("fidelity", "mmd"),
    "signature": ("fidelity", "signature"),
    "context_fid": ("fidelity", "context_fid"),
    "precision": ("fidelity", "precision"),
    "coverage": ("fidelity", "coverage"),
    "neighbour_ratio_time": ("memorisation", "nearest_neighbour_ratio", "time", "over_classes"),
    "neighbour_ratio_spectrum": ("memorisation", "nearest_neighbour_ratio", "spectrum", "over_classes"),
    "copies_time": ("memorisation", "copies", "time", "share"),
    "copies_spectrum": ("memorisation", "copies", "spectrum", "share"),
    "authenticity_time": ("memorisation", "authenticity", "time", "over_classes"),
    "prediction_ratio": ("prediction", "ratio"),
    "jerk": ("physics", "jerk", "over_channels"),
}


def headline(measures: Mapping[str, Any]) -> dict[str, float | Null]:
    """One number a measure, by a flat name; `discriminative_score_<judge>` and `auc_<judge>` of each judge."""
    row: dict[str, float | Null] = {}
    for kind, judged in measures["detection"].items():
        row |= {f"{key}_{kind}": judged[key] for key in ("discriminative_score", "auc")}
    row |= {name: at(measures, path) for name, path in PATHS.items()}
    return row | {"membership_auc": strongest_attack(measures["privacy"])}


def strongest_attack(privacy: Mapping[str, Any]) -> float | Null:
    """The largest AUC of the attacks on windows: one that succeeds is enough."""
    if is_null(privacy):
        return {**privacy}
    found = [attack["auc"] for attack in privacy["by_window"].values()]
    measured = [auc for auc in found if not is_null(auc)]
    return max(measured) if measured else found[0]


def at(measures: Mapping[str, Any], path: tuple[str, ...]) -> float | Null:
    """The number at a path; where a folder above it is null, that null."""
    node: Any = measures
    for key in path:
        if is_null(node):
            return node
        if key not in node:
            return ABSENT
        node = node[key]
    return node
