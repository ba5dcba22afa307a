"""An answer in words to one question of the first screen."""

from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["good", "mixed", "bad", "unknown"]
SIGNS = {"good": "✓", "mixed": "~", "bad": "✗", "unknown": "?"}


@dataclass(frozen=True)
class Answer:
    """The question, the answer in a word or a few, whether it speaks for the windows, and the numbers behind it."""

    question: str
    word: str
    tone: Tone
    because: str
    details: tuple[str, ...] = field(default=())

    @property
    def sign(self) -> str:
        """The tone for those who do not see colours."""
        return SIGNS[self.tone]

    @property
    def text(self) -> str:
        """Question and answer in one line."""
        return f"{self.question}: {self.word}"


def unmeasured(question: str, reason: str) -> Answer:
    """The answer where nothing was measured."""
    return Answer(question, "not measured", "unknown", f"Not measured: {reason}.".replace("..", "."))


def percent(share: float) -> str:
    """`97.3 %`."""
    return f"{100 * share:.3g} %".replace("-", "−")


def listed(names: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
