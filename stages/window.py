"""Bring the recordings to one rate, cut them into windows, split by people and time, and scale."""

import json

from sensegen import cutting, datasets, recordings, splitting
from sensegen.artifacts import Artifacts, write_text
from sensegen.params import Params
from sensegen.tracking import Tracker


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    source = datasets.check(params)
    whole = cutting.cut(recordings.read(artifacts.validate / "recordings"), params.window, source)
    splits = splitting.split(whole.index, params.window, source)
    stored = {name: splits[name] for name in splitting.SPLITS}
    cutting.write(artifacts.window, whole, stored, params.window, source)
    counts = splitting.counts(whole.index, splits, source.labels)
    write_text(artifacts.window / "counts.json", json.dumps(counts, indent=2) + "\n")
    tracker.log_metrics({f"windows/{name}": count["total"] for name, count in counts.items()})
