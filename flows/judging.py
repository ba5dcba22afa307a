"""`sensegen evaluate`: judge windows of any source against real ones, by the measures of the stage `evaluate`."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import yaml

from sensegen import params as schema
from sensegen import presets
from sensegen.params import Params
from sensegen.params.models import ClassifierKind

if TYPE_CHECKING:
    from sensegen.evaluation.comparison import Comparable
    from sensegen.evaluation.real import Real
    from sensegen.evaluation.suite import Evaluation
    from sensegen.reporting.page import Report

QUICKEST: ClassifierKind = "random_convolution"


@dataclass(frozen=True)
class Question:
    """What is judged against what, with how many seeds (None: those of params.yaml), by which classifiers."""

    real: Path
    synthetic: Path
    seeds: int | None
    every_classifier: bool
    preset: str | None = None

    def params(self, root: Path) -> Params:
        """The params of the project, or of a preset, with the classifiers and seeds that were asked for.

        The floors, the judges' power and the controls are measured in as many repetitions as params.yaml says, or in
        all of those asked for.
        """
        text = (root / "params.yaml").read_text(encoding="utf-8")
        if self.preset:
            text = presets.applied(text, presets.read(root / "presets", self.preset))
        params = schema.check(yaml.safe_load(text))
        others = [kind for kind in get_args(ClassifierKind) if kind != QUICKEST]
        chosen = [*others, QUICKEST] if self.every_classifier else [QUICKEST]
        changed: dict[str, Any] = {"classifiers": chosen}
        if self.seeds is not None:
            changed |= {"seeds": self.seeds, "control_seeds": self.seeds}
        document = params.model_dump(mode="json", by_alias=True)
        return schema.check({**document, "evaluate": {**document["evaluate"], **changed}})

    def inputs(self) -> Iterator[tuple[str, str]]:
        """The names of what is compared, with the sha256 of each file."""
        files = [self.synthetic]
        files += [path for path in sorted(self.real.iterdir()) if path.is_file()] if self.real.is_dir() else []
        for path in files:
            with path.open("rb") as content:
                yield path.name, hashlib.file_digest(content, "sha256").hexdigest()


def judge(root: Path, question: Question, out: Path) -> "tuple[Evaluation, Comparable]":
    """Measure everything, and write the numbers, the page and a model card to a folder.

    Raises:
        InvalidParams: params.yaml cannot be used.
        UnknownPreset: there is no preset of that name.
        ValueError: the windows cannot be compared with the real ones, or a file cannot be read; nothing was written.
    """
    params = question.params(root)
    from sensegen import window_files
    from sensegen.evaluation.comparison import comparable
    from sensegen.evaluation.real import Real

    real = Real.open(question.real)
    compared = comparable(real.fit, real.scaling, window_files.read(question.synthetic))
    judged = _judged(params, real, compared, out)
    _write_numbers(judged, compared, out)
    _write_page(_page(question, params, judged, real, compared), out)
    return judged, compared


def _judged(params: Params, real: "Real", compared: "Comparable", out: Path) -> "Evaluation":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from sensegen.divergence import AlertLog
    from sensegen.evaluation.draw import Judged, set_up
    from sensegen.evaluation.suite import evaluate
    from sensegen.training_run import Training

    set_up(params.runtime)
    log = AlertLog(out / "alerts.jsonl", "evaluate")
    return evaluate(real, [Judged(compared.windows)] * params.evaluate.seeds, Training(params, log))


def _write_numbers(judged: "Evaluation", compared: "Comparable", out: Path) -> None:
    from sensegen.artifacts import write_text
    from sensegen.training_run import write_rows

    write_rows(out / "confusion.csv", ("arm", "classifier", "actual", "predicted"), judged.confusion)
    write_rows(out / "embedding.csv", ("set", "activity", "x", "y"), judged.embedding)
    write_text(out / "remarks.json", json.dumps(list(compared.remarks), indent=2) + "\n")
    write_text(out / "metrics.json", json.dumps(judged.metrics, indent=2) + "\n")


def _page(question: Question, params: Params, judged: "Evaluation", real: "Real", compared: "Comparable") -> "Report":
    from sensegen.reporting.judged import Terms, judged_page

    name = f"{question.synthetic.name} against {question.real.name}"
    terms = Terms(name, params.evaluate, params.seed, compared.remarks, dict(question.inputs()))
    return judged_page(judged, real, compared.windows, terms)


def _write_page(page: "Report", out: Path) -> None:
    from sensegen.artifacts import write_text

    write_text(out / "report.html", page.html)
    write_text(out / "model_card.md", page.model_card)
