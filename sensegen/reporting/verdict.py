"""The first screen: a headline, an answer to each question, and what was not measured.

No answer is read by itself. Copies of training windows are useful, faithful and told apart by nobody, so where there
are copies, or where nobody looked for them, the other answers say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sensegen.evaluation.controls import POWER
from sensegen.reporting.answers import Answer, listed
from sensegen.reporting.copying import catches, copies, membership
from sensegen.reporting.measures import find, flatten, number
from sensegen.reporting.results import Results
from sensegen.reporting.sides import Worst
from sensegen.reporting.tables import METRICS, words_of
from sensegen.reporting.telling import distinguishable
from sensegen.reporting.usefulness import USEFUL, USELESS, faithful, useful

FEW_NAMES = 3  # of what was not measured for one reason
AS_COPIES = {
    "Useful": "as a copy is", "Distinguishable": "copies cannot be told apart", "Faithful": "as a copy is",
}  # fmt: skip
RULES = (
    f"Useful is yes from {100 * USEFUL:.0f} % of the macro-F1 of real windows on, and no below {100 * USELESS:.0f} % "
    "or where nothing is learned that a guess at the largest class does not know; the worst classifier decides. Where "
    "the ends of its interval would be other words, it is as far as the seeds can tell.",
    "Distinguishable is yes where the interval of any judge's score (or AUC) lies above that of its floor, two halves "
    f"of the real windows. A judge that misses noise ({POWER['noise']:.2f}), a PCA mixture "
    f"({POWER['pca_mixture']:.2f}) or windows of shuffled phase ({POWER['phase_surrogate']:.2f}) "
    "proves nothing by finding nothing.",
    "Faithful compares each distance with the larger one of two of real windows: two halves, and other people.",
    "Copies are windows nearer to a training window than half of what the nearest 5 % of later real windows are; yes "
    "from 1 % above their share among later real windows on. Windows of a class at less than half of the usual "
    "distance, or of less than half of the usual authenticity, are suspected.",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """The headline, the answers, what was not measured by reason, and how much was looked at (`scale` in short)."""

    headline: str
    scale: str
    alarming: bool
    answers: tuple[Answer, ...]
    missing: tuple[tuple[str, str], ...]
    basis: tuple[str, ...]


def verdict(results: Results, worst: Worst | None) -> Verdict:
    """What the numbers say, in words."""
    metrics = results.metrics
    copied = copies(metrics)
    found = (
        useful(metrics, results.evaluate.seeds),
        distinguishable(results, worst, seen(results)),
        faithful(metrics),
        copied,
        membership(metrics),
    )
    answers = tuple(_in_the_light_of(copied, answer) for answer in found)
    headline = _headline(copied, answers)
    return Verdict(
        headline, _scale(results), copied.tone == "bad", answers, tuple(_missing(metrics)), tuple(_basis(results))
    )


def seen(results: Results) -> int:
    """How many windows of a side a judge saw at most: it gets half of the real ones."""
    counts = [find(results.metrics, "windows", "fit").mean, find(results.metrics, "windows", "synthetic").mean]
    fit, synthetic = (int(count) if count is not None else results.evaluate.judges.windows for count in counts)
    return min(results.evaluate.judges.windows, fit // 2, synthetic)


def _in_the_light_of(copied: Answer, answer: Answer) -> Answer:
    """An answer that copies would get, too, is no praise where there are copies, or where nobody looked for them."""
    if answer.question not in AS_COPIES or answer.tone != "good":
        return answer
    if copied.tone == "bad":
        because = f"{answer.because} So it would be of copies, and these are: it says nothing for the generator."
        return replace(answer, word=f"{answer.word}, {AS_COPIES[answer.question]}", tone="bad", because=because)
    if copied.tone == "unknown":
        because = f"{answer.because} It would be the same of copies, and copies were not looked for."
        return replace(answer, word=f"{answer.word}, unless these are copies", tone="mixed", because=because)
    return answer


def _headline(copied: Answer, answers: tuple[Answer, ...]) -> str:
    if copied.word == "suspected":
        return "These windows lie too near the training windows to be new. Read nothing else on this page as praise."
    if copied.tone == "bad":
        return "These windows hold copies of training windows. Nothing else on this page speaks for them."
    texts = [f"{answer.question.lower()}: {answer.word}" for answer in answers]
    text = "; ".join(texts)
    return f"{text[0].upper()}{text[1:]}."


def _missing(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was not measured, joined by reason; controls have their own table."""
    by_reason: dict[str, list[str]] = {}
    for key, node in metrics.items():
        for path, found in flatten(node) if key != "controls" else ():
            if found.mean is None:
                title = METRICS.get(key, (words_of(key), ""))[0]
                by_reason.setdefault(found.reason, []).append(f"{title}, {words_of(path[-1])}" if path else title)
    return [(_few(list(dict.fromkeys(names))), reason) for reason, names in by_reason.items()]


def _few(names: list[str]) -> str:
    rest = len(names) - FEW_NAMES
    return listed(names) if rest <= 0 else f"{', '.join(names[:FEW_NAMES])} and {rest} more"


def _scale(results: Results) -> str:
    seeds = results.evaluate.seeds
    return (
        f"{seeds} seed{'s' if seeds > 1 else ''}, controls in {results.evaluate.control_seeds} of them; judges saw at "
        f"most {number(seen(results))} windows of a side."
    )


def _basis(results: Results) -> list[str]:
    """How many seeds and windows are behind the answers."""
    evaluate, windows = results.evaluate, results.metrics.get("windows", {})
    counts = [(name, find(windows, name)) for name in ("fit", "test", "synthetic")]
    said = [f"{found.text} {name}" for name, found in counts if found.mean is not None]
    seeds = f"{evaluate.seeds} repetition{'s' if evaluate.seeds > 1 else ''} with other seeds"
    return [
        f"{seeds}; floors, the judges' power and the controls in {evaluate.control_seeds} of them, and what one seed "
        "measured has no interval.",
        f"Windows: {', '.join(said)}. Judges saw at most {number(seen(results))} of a side (evaluate.judges.windows is "
        f"{number(evaluate.judges.windows)}), half of the real ones.",
        *filter(None, [catches(results.metrics)]),
    ]
