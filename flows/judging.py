"""`sensegen evaluate`: judge windows of any source against real ones, by the measures of the stage `evaluate`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from sensegen import params as schema
from sensegen.params import Params
from sensegen.params.models import ClassifierKind

if TYPE_CHECKING:
    from sensegen.evaluation.comparison import Comparable
    from sensegen.evaluation.real import Real
    from sensegen.evaluation.suite import Evaluation

QUICKEST: ClassifierKind = "random_convolution"


@dataclass(frozen=True)
class Question:
    """What is judged against what, with how many seeds (None: those of params.yaml), by which classifiers."""

    real: Path
    synthetic: Path
    seeds: int | None
    every_classifier: bool

    def params(self, root: Path) -> Params:
        """The params of the project, with the classifiers and seeds that were asked for.

        The floors, the judges' power and the controls are measured in as many repetitions as params.yaml says, or in
        all of those asked for.
        """
        params = schema.load(root / "params.yaml")
        others = [kind for kind in get_args(ClassifierKind) if kind != QUICKEST]
        chosen = [*others, QUICKEST] if self.every_classifier else [QUICKEST]
        changed: dict[str, Any] = {"classifiers": chosen}
        if self.seeds is not None:
            changed |= {"seeds": self.seeds, "control_seeds": self.seeds}
        document = params.model_dump(mode="json", by_alias=True)
        return schema.check({**document, "evaluate": {**document["evaluate"], **changed}})


def judge(root: Path, question: Question, out: Path) -> "tuple[Evaluation, Comparable]":
    """Measure everything, and write `metrics.json`, `confusion.csv`, `embedding.csv` and `remarks.json` to a folder.

    Raises:
        InvalidParams: params.yaml cannot be used.
        ValueError: the windows cannot be compared with the real ones, or a file cannot be read; nothing was written.
    """
    params = question.params(root)
    from sensegen import training, window_files
    from sensegen.evaluation.comparison import comparable
    from sensegen.evaluation.real import Real

    real = Real.open(question.real)
    compared = comparable(real.fit, real.scaling, window_files.read(question.synthetic))
    training.set_up(params.runtime)
    judged = _judged(params, real, compared, out)
    _write(judged, compared, out)
    return judged, compared


def _judged(params: Params, real: "Real", compared: "Comparable", out: Path) -> "Evaluation":
    from sensegen.divergence import AlertLog
    from sensegen.evaluation.repetition import Judged
    from sensegen.evaluation.suite import evaluate
    from sensegen.training_run import Training

    log = AlertLog(out / "alerts.jsonl", "evaluate")
    return evaluate(real, [Judged(compared.windows)] * params.evaluate.seeds, Training(params, log))


def _write(judged: "Evaluation", compared: "Comparable", out: Path) -> None:
    from sensegen.artifacts import write_text
    from sensegen.training_run import write_rows

    write_rows(out / "confusion.csv", ("arm", "classifier", "actual", "predicted"), judged.confusion)
    write_rows(out / "embedding.csv", ("set", "activity", "x", "y"), judged.embedding)
    write_text(out / "remarks.json", json.dumps(list(compared.remarks), indent=2) + "\n")
    write_text(out / "metrics.json", json.dumps(judged.metrics, indent=2) + "\n")
