"""Are synthetic windows useful, and do they move as real ones do: in words."""

from collections.abc import Mapping
from typing import Any

from sensegen.reporting.answers import Answer, Tone, listed, percent, unmeasured
from sensegen.reporting.measures import Measure, find, number
from sensegen.reporting.tables import classifiers

USEFUL, USELESS = 0.95, 0.6  # of the macro-F1 that real windows give: yes from the one on, no below the other
DISTANCES = {
    "log_psd": "spectrum", "acf": "autocorrelation", "cross_correlation": "correlation of channels",
    "wasserstein": "values", "mmd": "MMD", "signature": "signature", "context_fid": "Context-FID",
}  # fmt: skip
SHARES = {"precision": "precision", "recall": "recall", "coverage": "coverage"}
SEVERAL = 1.5  # times as far as real people are, from which a distance is named with its factor

Metrics = Mapping[str, Any]


def useful(metrics: Metrics, seeds: int) -> Answer:
    """Whether classifiers learn from synthetic windows what they learn from real ones; the worst one decides."""
    names = classifiers(metrics)
    ratios = {name: find(metrics, "tstr_ratio", name, "macro_f1") for name in names}
    measured = {name: ratio for name, ratio in ratios.items() if ratio.mean is not None}
    if not measured:
        reason = next(iter(ratios.values())).reason if ratios else find(metrics, "tstr").reason
        return unmeasured("Useful", reason)
    details = (*(_ratio_sentence(metrics, name) for name in measured), *_added(metrics, names), _half(metrics))
    if all(no_skill(metrics, name) for name in measured):
        because = "What the classifiers cannot learn from real windows, synthetic ones cannot teach them."
        return Answer("Useful", "not known", "unknown", because, tuple(filter(None, details)))
    name = min(measured, key=lambda name: measured[name].mean or 0.0)
    word, tone = _usefulness(metrics, name, measured[name], seeds)
    because = (
        f"Trained on synthetic windows alone, {_worst(len(measured))} ({name_of(name)}) reaches "
        f"{percent(measured[name].mean or 0.0)}{_to(measured[name])} of the macro-F1 that real windows give on real "
        "test windows."
    )
    return Answer("Useful", word, tone, because, tuple(filter(None, details)))


def _usefulness(metrics: Metrics, name: str, ratio: Measure, seeds: int) -> tuple[str, Tone]:
    guess, reached = find(metrics, "majority_vote", "macro_f1"), find(metrics, "tstr", name, "macro_f1")
    if guess.mean is not None and reached.mean is not None and reached.mean <= guess.mean:
        return "no", "bad"
    word, tone = _of_ratio(ratio.mean or 0.0)
    sure = ratio.interval and _of_ratio(ratio.least) == _of_ratio(ratio.most)
    return (word if sure else f"{word}, as far as {seeds} seed{'s' if seeds > 1 else ''} can tell"), tone


def _of_ratio(ratio: float) -> tuple[str, Tone]:
    if ratio >= USEFUL:
        return "yes", "good"
    return ("partly", "mixed") if ratio >= USELESS else ("no", "bad")


def no_skill(metrics: Metrics, name: str) -> str:
    """What to say of a classifier that learns nothing from real windows: a ratio of two guesses is no measure."""
    real = find(metrics, "trtr", name, "macro_f1")
    per_class = metrics["trtr"][name].get("per_class") if real.mean is not None else None
    if not per_class or real.least > 1 / len(per_class):
        return ""
    return (
        f"Trained on real windows the {name_of(name)} is no better than a guess among {len(per_class)} classes, within "
        "the spread over seeds. What it cannot learn from real windows, synthetic ones cannot teach it: the ratio says "
        "nothing here."
    )


def _ratio_sentence(metrics: Metrics, name: str) -> str:
    real, synthetic = (find(metrics, arm, name, "macro_f1") for arm in ("trtr", "tstr"))
    less = find(metrics, "paired", name, "tstr_less_trtr")
    difference = f"; seed by seed {signed(less)}" if less.mean is not None else ""
    return f"{name_of(name)}: macro-F1 {real.whole} from real windows, {synthetic.whole} from synthetic{difference}."


def _added(metrics: Metrics, names: list[str]) -> list[str]:
    """What synthetic windows add to all real ones."""
    told = []
    for name in names:
        gain = find(metrics, "paired", name, "tstr_plus_real_less_trtr")
        if gain.mean is not None:
            word = "a gain" if gain.least > 0 else "a loss" if gain.most < 0 else "no difference that the seeds show"
            told.append(f"{name_of(name)}: added to all real windows, {signed(gain)} of macro-F1, {word}.")
    return told


def _half(metrics: Metrics) -> str:
    half = find(metrics, "controls", "real_halves", "tstr_ratio")
    return "" if half.mean is None else f"For comparison: half of the real windows give {percent(half.mean)}."


def faithful(metrics: Metrics) -> Answer:
    """Whether distances of distributions are within what real people are apart."""
    judged = {key: _within(metrics, key) for key in (*DISTANCES, *SHARES)}
    known = {key: within for key, within in judged.items() if within is not None}
    if not known:
        return unmeasured("Faithful", find(metrics, "fidelity", "synthetic", "log_psd").reason)
    beyond = [key for key, within in known.items() if not within]
    word, tone = _faithfulness(len(beyond), len(known))
    because = f"Within what real windows are from each other: {len(known) - len(beyond)} of {len(known)} measures."
    if not beyond:
        return Answer("Faithful", word, tone, because, tuple(_physics(metrics)))
    farthest = max(beyond, key=lambda key: _times(metrics, key))
    told = f"Beyond it: {listed([_how_far(metrics, key) for key in beyond])}."
    because = f"{because} Farthest: {_how_far(metrics, farthest)}."
    return Answer("Faithful", word, tone, because, (told, *_physics(metrics)))


def _faithfulness(beyond: int, known: int) -> tuple[str, Tone]:
    if not beyond:
        return "yes", "good"
    return ("partly", "mixed") if beyond <= 2 * known / 3 else ("no", "bad")


def _real(metrics: Metrics, key: str) -> list[float]:
    rows = (find(metrics, "fidelity", row, key).mean for row in ("real_halves", "real_test"))
    return [value for value in rows if value is not None]


def _within(metrics: Metrics, key: str) -> bool | None:
    """Whether a number is no worse than the worse of the two real ones; None where either was not measured."""
    found, real = find(metrics, "fidelity", "synthetic", key), _real(metrics, key)
    if found.mean is None or not real:
        return None
    return found.mean >= min(real) if key in SHARES else found.mean <= max(real)


def _times(metrics: Metrics, key: str) -> float:
    """How many times as far as real windows; of shares 1, since they are no distances."""
    found, usual = find(metrics, "fidelity", "synthetic", key).mean or 0.0, max(_real(metrics, key))
    return found / usual if key in DISTANCES and usual > 0 else 1.0


def _how_far(metrics: Metrics, key: str) -> str:
    found, times = find(metrics, "fidelity", "synthetic", key).mean or 0.0, _times(metrics, key)
    if key in SHARES:
        return f"{SHARES[key]} ({number(found)} against {number(min(_real(metrics, key)))})"
    return f"{DISTANCES[key]} ({times:.2g} times as far)" if times > SEVERAL else DISTANCES[key]


def _physics(metrics: Metrics) -> list[str]:
    jerk, floor = (find(metrics, "physics", row, "jerk", "over_channels") for row in ("synthetic", "real_test"))
    told = []
    if jerk.mean is not None:
        usual = f"; of other people's windows {percent(floor.mean)}" if floor.mean is not None else ""
        told.append(f"{percent(jerk.mean)} of the changes are faster than all but 0.1 % of the real ones{usual}.")
    gravity = metrics.get("physics", {}).get("synthetic", {})
    for sensor in gravity.get("gravity", {}) if "reason" not in gravity else ():
        rest = [find(gravity, "gravity", sensor, side, "mean_g") for side in ("real", "synthetic")]
        if all(one.mean is not None for one in rest):
            told.append(f"At rest {sensor} measures {rest[1].text} g, the real one {rest[0].text} g.")
    return told


def _worst(count: int) -> str:
    return "the classifier" if count == 1 else f"the worst of {count} classifiers"


def _to(ratio: Measure) -> str:
    return f" ({percent(ratio.least)} to {percent(ratio.most)})" if ratio.interval else ""


def signed(difference: Measure) -> str:
    """A difference with its sign and interval."""
    sign = "+" if (difference.mean or 0.0) > 0 else ""
    return f"{sign}{difference.whole}"


def name_of(kind: str) -> str:
    """The name of a classifier or judge as it is said."""
    return kind.upper() if kind in ("cnn", "lstm", "gru", "svm") else kind.replace("_", " ")
