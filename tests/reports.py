"""What the stages leave behind for a report, made up in no time, and the page as text."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from sensegen import params as schema
from sensegen.artifacts import STAGES, Artifacts
from sensegen.params import Params
from sensegen.reporting.page import Report, build_report, lay_out
from sensegen.reporting.pictures import Pictures
from sensegen.reporting.reading import read_results
from sensegen.reporting.results import Results

PARAMS_FILE = Path(__file__).resolve().parents[1] / "params.yaml"
AXES = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z", "mag_x", "mag_y", "mag_z")
ALERT = {
    "stage": "train_generator", "part": "all", "step": 13, "reason": "loss is nan", "learning_rate": 0.003,
    "rollback": 1, "restored_step": 10, "kind": "nan",
}  # fmt: skip


@dataclass(frozen=True)
class Story:
    """What the stages are made to have left behind."""

    classes: tuple[str, ...] = ("WALKING", "SITTING")
    channels: tuple[str, ...] = AXES[:1]
    parts: tuple[str, ...] = ("all",)
    alerts: tuple[Mapping[str, Any], ...] = ()
    rounds: int = 2
    validation_loss: bool = True
    windows_per_activity: int = 1
    rate_hz: float = 50.0
    unit: str | None = None
    calibration: Mapping[str, Any] = field(default_factory=lambda: {"value": None, "reason": "it gives no likelihood"})
    metrics: Mapping[str, Any] = field(default_factory=dict)


def params_of(story: Story) -> Params:
    params = schema.load(PARAMS_FILE)
    return params.model_copy(
        update={"report": params.report.model_copy(update={"windows_per_activity": story.windows_per_activity})}
    )


def leave_behind(story: Story, root: Path) -> Artifacts:
    """Write the outputs of every stage before the report."""
    artifacts, random = Artifacts(root), np.random.default_rng(3)
    for stage in STAGES:
        getattr(artifacts, stage).mkdir(parents=True)
    leave_windows(story, artifacts, random)
    leave_training(story, artifacts, random)
    leave_evaluation(story, artifacts, random)
    provenance = {"dataset": "simulated", "citation": "Doe & Roe <2013>", "licence": "CC BY 4.0",
                  "page": "https://example.org/data", "members": {"a/b.txt": "0" * 64}}  # fmt: skip
    write_json(artifacts.download / "provenance.json", provenance)
    return artifacts


def waves(story: Story, labels: np.ndarray, random: np.random.Generator, noise: float) -> np.ndarray:
    """Sines whose rate depends on the class and whose phase on the window: (window, time, channel)."""
    seconds = np.arange(128)[None, :, None] / 50
    phase = random.uniform(0, 6.28, (len(labels), 1, len(story.channels)))
    clean = np.sin(6.28 * (0.4 + 0.5 * labels[:, None, None]) * seconds + phase)
    return (clean + random.normal(0, noise, clean.shape)).astype(np.float32)


def leave_windows(story: Story, artifacts: Artifacts, random: np.random.Generator) -> None:
    labels = np.repeat(np.arange(len(story.classes)), 5)
    np.save(artifacts.window / "signals.npy", waves(story, labels, random, 0.1).reshape(-1, len(story.channels)))
    index = np.stack([np.arange(len(labels)) * 128, labels, labels % 2], axis=1)
    for split in ("fit", "validation", "held_out_time", "test"):
        np.save(artifacts.window / f"{split}.npy", index)
    width = len(story.channels)
    write_json(artifacts.window / "windows.json", {
        "channels": story.channels, "units": [story.unit if story.unit is not None else
                                              ("g", "rad/s", "uT")[AXES.index(c) // 3 if c in AXES else 0]
                                              for c in story.channels],
        "rate_hz": story.rate_hz, "length": 128, "classes": story.classes, "subjects": ["S01", "S02"],
        "scaling": {"mean": [0.5] * width, "stddev": [2.0] * width},
    })  # fmt: skip
    counts = {"total": 5 * len(story.classes), "skew": 1.0, "classes": dict.fromkeys(story.classes, 5),
              "subjects": {"S01": 4, "S02": 3}}  # fmt: skip
    write_json(artifacts.window / "counts.json", {"fit": counts, "test": {**counts, "skew": None}})


def leave_training(story: Story, artifacts: Artifacts, random: np.random.Generator) -> None:
    parts = {
        "train_generator": story.parts, "train_discriminator": ("discriminator all",),
        "alternate": (*story.parts, "discriminator all"),
    }  # fmt: skip
    for stage, names in parts.items():
        rows = [
            {"part": part, "epoch": epoch, "step": 10 * epoch, "loss": 2 / epoch + random.normal(0, 0.02),
             "gradient_norm": 1, "learning_rate": 0.003,
             "validation_loss": 2.2 / epoch if story.validation_loss else ""}
            for part in names for epoch in range(1, 9)
        ]  # fmt: skip
        head = "part,epoch,step,loss,gradient_norm,learning_rate,validation_loss"
        write_rows(getattr(artifacts, stage) / "curves.csv", head, rows)
        write_json(getattr(artifacts, stage) / "alerts.json", [a for a in story.alerts if a["stage"] == stage])
    write_json(artifacts.train_generator / "calibration.json", story.calibration)
    scores = ("discriminator_loss", "discriminator_validation_accuracy", "generator_loss",
              "generator_validation_loss")  # fmt: skip
    rounds = [{"part": part, "round": number, **{name: random.uniform(0.4, 0.9) for name in scores}}
              for part in story.parts for number in range(1, story.rounds + 1)]  # fmt: skip
    write_rows(artifacts.alternate / "rounds.csv", ",".join(["part", "round", *scores]), rounds)


def leave_evaluation(story: Story, artifacts: Artifacts, random: np.random.Generator) -> None:
    labels = np.repeat(np.arange(len(story.classes)), 4)
    np.save(artifacts.evaluate / "synthetic.npy", waves(story, labels, random, 0.2))
    np.save(artifacts.evaluate / "synthetic_labels.npy", labels)
    write_json(artifacts.evaluate / "metrics.json", {**metrics_of(story), **story.metrics})
    for stage in ("augment", "evaluate"):
        write_json(getattr(artifacts, stage) / "alerts.json", [a for a in story.alerts if a["stage"] == stage])
    places = [{"set": name, "activity": activity, **{axis: f"{random.normal():.4f}" for axis in "xy"}}
              for name in ("real", "synthetic", "noise") for activity in story.classes for _ in range(3)]  # fmt: skip
    write_rows(artifacts.evaluate / "embedding.csv", "set,activity,x,y", places)
    rows = [{"arm": arm, "classifier": name, "actual": actual,
             "predicted": actual if random.random() < 0.8 else random.choice(story.classes)}
            for arm in ("trtr", "tstr") for name in ("cnn", "lstm") for actual in story.classes * 9]  # fmt: skip
    write_rows(artifacts.evaluate / "confusion.csv", "arm,classifier,actual,predicted", rows)


def near(mean: float) -> dict[str, Any]:
    """A number measured over three seeds."""
    return {"mean": mean, "low": mean - 0.012, "high": mean + 0.011, "seeds": 3}


def metrics_of(story: Story) -> dict[str, Any]:
    """`metrics.json` of a generator that is useful, told apart by its spectrum, and copies nothing."""
    scores = {"precision": near(0.9), "recall": near(0.88), "f1": near(0.89)}
    arm = {"accuracy": near(0.93), "macro_f1": near(0.92), "balanced_accuracy": near(0.92),
           "per_class": dict.fromkeys(story.classes, scores)}  # fmt: skip
    side = {"tstr_macro_f1": near(0.87), "validation_loss": -0.71, "discriminative_score": near(0.21)}
    ratios = {"cnn": {"macro_f1": near(0.95)}, "lstm": {"macro_f1": near(0.91)}}
    paired = {
        "tstr_less_trtr": {**near(-0.02), "p_value": 0.2},
        "tstr_plus_real_less_trtr": {**near(0.0), "p_value": 0.9},
    }
    jerk = {"synthetic": near(0.03), "real_test": 0.001}
    arms = {name: {"cnn": arm, "lstm": arm} for name in ("trtr", "tstr", "trts", "tstr_plus_real")}
    metrics = {
        **arms, "tstr_ratio": ratios,
        "majority_vote": {"macro_f1": 0.1}, "paired": {"cnn": paired, "lstm": paired},
        "detection": {"cnn": {
            "discriminative_score": near(0.31), "auc": near(0.8), "floor": near(0.03), "floor_auc": near(0.5),
            "floor_test": 0.1, "noise": 0.5, "pca_mixture": 0.45, "phase_surrogate": 0.4,
        }},
        "fidelity": {
            "synthetic": {"log_psd": near(1.4), "acf": near(0.02), "mmd": near(0.001), "coverage": near(0.9)},
            "real_halves": {"log_psd": 0.1, "acf": 0.01, "mmd": 0.0, "coverage": 0.95},
            "real_test": {"log_psd": 0.3, "acf": 0.05, "mmd": 0.01, "coverage": 0.5},
        },
        "physics": {name: {"jerk": {"over_channels": share}} for name, share in jerk.items()},
        "memorisation": memorised(share=0.0, ratio=1.1), "privacy": privacy_of(0.52),
        "controls": controls_of(), "alternation": {"with": side, "without": side, "generator_steps": 120},
        "augmentation": {"value": None, "reason": "a flow of its own"},
        "windows": {"fit": 40, "test": 20, "synthetic": 40},
    }  # fmt: skip
    return json.loads(json.dumps(metrics))  # so that no two keys share a value that a test may change


def memorised(share: float, ratio: float, floor: float = 0.001) -> dict[str, Any]:
    """What `memorisation` says of a set with a share of copies, and a distance to the nearest training window."""
    copies = {"share": share, "exact": 0.0, "floor": floor, "per_class": {}}
    ratios, authentic = {"over_classes": ratio, "smallest": ratio}, {"over_classes": 0.9, "floor": 0.8}
    kinds = {"nearest_neighbour_ratio": ratios, "copies": copies, "authenticity": authentic}
    return {kind: dict.fromkeys(("time", "spectrum"), told) for kind, told in kinds.items()}


def privacy_of(auc: float) -> dict[str, Any]:
    """What `privacy` says where each attack has one AUC."""
    by_subject = {"auc": 0.6, "stddev_without_leak": 0.2, "members": 10, "non_members": 2}
    return {
        "by_window": {name: {"auc": auc} for name in ("time", "spectrum", "halves")},
        "by_subject": {"time": by_subject},
    }


def controls_of() -> dict[str, Any]:
    """A few rows of a table of controls: real windows, synthetic ones, copies, noise."""

    def row(psd: float, copied: float, member: float) -> dict[str, Any]:
        return {
            "tstr_ratio": 0.98,
            "auc_spectral": 0.55,
            "log_psd": psd,
            "copies_time": copied,
            "membership_auc": member,
        }

    nobody = {"value": None, "reason": "a classifier cannot be tested on what it learned"}
    return {
        "synthetic": row(1.4, 0.0, 0.52), "real_halves": row(0.1, 0.0, 0.88),
        "real_test": {**row(0.3, 0.0, 0.5), "tstr_ratio": nobody},
        "bootstrap": row(0.05, 1.0, 0.97), "noise": row(4.0, 0.0, 0.5),
    }  # fmt: skip


def write_json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")


def write_rows(path: Path, head: str, rows: Sequence[Mapping[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, head.split(","), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def results_of(story: Story, root: Path) -> Results:
    """What the stages left behind, as the report reads it."""
    return read_results(params_of(story), leave_behind(story, root))


def report_of(story: Story, root: Path) -> Report:
    return build_report(results_of(story, root))


def words_of(story: Story, root: Path) -> str:
    """The text of the page, without drawing its pictures."""
    return laid_out(results_of(story, root))


def laid_out(results: Results) -> str:
    """The text of a page without pictures, in one line."""
    return " ".join(Elements(lay_out(results, Pictures([], {}, None, None, None))).text.split())


class Elements(HTMLParser):
    """Every element with its attributes, and all text outside of style and script."""

    def __init__(self, html: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        if self.found[-1:] and self.found[-1][0] not in ("style", "script"):
            self.text += data
