"""Can judges tell synthetic windows from real ones, by what, and did the judges prove that they can tell: in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensegen.evaluation.controls import POWER
from sensegen.reporting.answers import Answer, Tone, listed, unmeasured
from sensegen.reporting.bands import band_in_words, ratio_in_words
from sensegen.reporting.measures import Measure, find
from sensegen.reporting.results import Results
from sensegen.reporting.sides import Worst
from sensegen.reporting.tables import judges
from sensegen.reporting.usefulness import name_of

CHEATS = {"noise": "noise", "pca_mixture": "a mixture of shapes (PCA)", "phase_surrogate": "windows of shuffled phase"}
TEST_SHARE = 0.6  # of the windows of one side, on both sides together: what a judge without repetitions is tested on
ERRORS = 2.0  # standard errors of an accuracy that has no interval over seeds

Metrics = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """What one judge found: told apart, not, or open; and whether it passed the bars of its power."""

    name: str
    score: Measure
    floor: Measure
    apart: bool
    open: bool
    failed: tuple[str, ...]
    unproven: tuple[str, ...]

    @property
    def counts(self) -> bool:
        """A judge may say `apart` whatever it missed elsewhere; `not apart` only when it has proved its power."""
        return self.apart or not (self.failed or self.unproven)


def told(metrics: Metrics, name: str, windows: int) -> Told:
    """What a judge that was shown at most so many windows of a side found."""
    score, floor = (find(metrics, "detection", name, key) for key in ("discriminative_score", "floor"))
    bars = {cheat: find(metrics, "detection", name, cheat) for cheat in POWER}
    failed = tuple(cheat for cheat, found in bars.items() if found.mean is not None and found.mean < POWER[cheat])
    unproven = tuple(cheat for cheat, found in bars.items() if found.mean is None)
    if score.mean is None or floor.mean is None:
        return Told(name, score, floor, False, False, failed, unproven)
    tested = TEST_SHARE * max(windows, 1)
    area, floor_area = (find(metrics, "detection", name, key) for key in ("auc", "floor_auc"))
    certain = [_above(score, floor, 0.5 / tested**0.5), _above(area, floor_area, (1 / (3 * tested)) ** 0.5)]
    apart = any(above == "clearly" for above in certain)
    return Told(name, score, floor, apart, not apart and certain[0] == "on average", failed, unproven)


def _above(found: Measure, floor: Measure, error: float) -> str:
    """Whether a number is above its floor `clearly` or `on average`, given the standard error of one repetition.

    The area is looked at beside the score: a judge whose threshold is off is right about half of the windows, and yet
    its order of them tells the sides apart. By chance its standard error is as of Mann and Whitney (1947).
    """
    if found.mean is None or floor.mean is None:
        return "not measured"
    bottom = found.mean - ERRORS * error if found.low is None else found.low
    ceiling = floor.mean + ERRORS * error if floor.high is None else floor.high
    return "clearly" if bottom > ceiling else "on average" if found.mean > ceiling else "no"


def distinguishable(results: Results, worst: Worst | None, windows: int) -> Answer:
    """Whether any judge tells synthetic windows from real ones beyond what it finds between real ones."""
    metrics = results.metrics
    found = [told(metrics, name, windows) for name in judges(metrics)]
    measured = [one for one in found if one.score.mean is not None and one.floor.mean is not None]
    if not measured:
        return unmeasured("Distinguishable", _reason(metrics, found))
    details = (*(sentence(metrics, one) for one in measured), spectrum_sentence(results, worst))
    counting = [one for one in measured if one.counts]
    if not counting:
        because = "No judge proved its power: one that misses what must be caught proves nothing by finding nothing."
        return Answer("Distinguishable", "not known", "unknown", because, tuple(filter(None, details)))
    word, tone = _word(counting, spectrum_differs(metrics), _band(results, worst))
    best = max(counting, key=lambda one: one.score.mean or 0.0)
    because = f"The best judge ({name_of(best.name)}) is right about {right(best.score)} of 100 windows, and about "
    because += f"{right(best.floor)} of 100 between real halves."
    return Answer("Distinguishable", word, tone, because, tuple(filter(None, details)))


def _word(counting: list[Told], by_spectrum: bool, band: str) -> tuple[str, Tone]:
    if any(one.apart for one in counting):
        return (f"yes, by the spectrum {band}" if by_spectrum and band else "yes"), "bad"
    if any(one.open for one in counting):
        return "perhaps: more seeds would tell", "mixed"
    return "no more than real halves", "good"


def _reason(metrics: Metrics, found: list[Told]) -> str:
    if not found:
        return find(metrics, "detection").reason
    one = found[0]
    return one.score.reason if one.score.mean is None else f"the floor was not measured ({one.floor.reason})"


def spectrum_differs(metrics: Metrics) -> bool:
    """Whether the spectra differ by more than those of other real people do."""
    synthetic, *real = (find(metrics, "fidelity", row, "log_psd") for row in ("synthetic", "real_halves", "real_test"))
    usual = [row.mean for row in real if row.mean is not None]
    return synthetic.mean is not None and bool(usual) and synthetic.least > max(usual)


def _band(results: Results, worst: Worst | None) -> str:
    if worst is None:
        return ""
    return f"of {worst.channel} {band_in_words(worst.band, results.signals.rate_hz, results.window_samples)}"


def spectrum_sentence(results: Results, worst: Worst | None) -> str:
    """The worst channel and band, and how wrong its power is."""
    if worst is None:
        return ""
    where = f"{worst.channel} {band_in_words(worst.band, results.signals.rate_hz, results.window_samples)}"
    return f"The spectra differ most in {where}: {ratio_in_words(worst.band)}."


def sentence(metrics: Metrics, one: Told) -> str:
    """What one judge found, beside its floors, and whether it may be believed."""
    test = find(metrics, "detection", one.name, "floor_test")
    people = f", real windows of other people {test.text}" if test.mean is not None else ""
    area = find(metrics, "detection", one.name, "auc")
    areas = f"; area under its curve {area.whole}" if area.mean is not None else ""
    numbers = f"{name_of(one.name)} judge: score {one.score.whole}, real halves {one.floor.whole}{people}{areas}."
    return " ".join(filter(None, [numbers, power_sentence(metrics, one)]))


def power_sentence(metrics: Metrics, one: Told) -> str:
    """What to say of a judge that misses what must be caught; nothing of one that proved its power."""
    missed = [
        f"{CHEATS[cheat]} ({find(metrics, 'detection', one.name, cheat).text}, {POWER[cheat]} is asked)"
        for cheat in one.failed
    ]
    if missed and one.apart:
        return f"It misses {listed(missed)}, but what it found it found."
    if missed:
        return f"This judge proves nothing: it misses {listed(missed)}."
    if one.unproven and not one.apart:
        names = listed([CHEATS[cheat] for cheat in one.unproven])
        return f"Its power was not measured on {names}, so that it found nothing proves nothing."
    return ""


def right(score: Measure) -> str:
    """Of 100 windows, how many a judge is right about."""
    return f"{100 * (0.5 + (score.mean or 0.0)):.0f}"
