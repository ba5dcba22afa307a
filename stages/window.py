"""Bring the recordings to one rate, cut them into windows, split by people and time, and scale."""

import json

from sensegen import balancing, cutting, datasets, splitting, window_folder
from sensegen.artifacts import Artifacts, scratch, write_text
from sensegen.params import Params
from sensegen.tracking import Tracker
from sensegen.validation import window_gate


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    source, folder = datasets.check(params), artifacts.window
    with scratch(folder / ".pieces") as pieces:
        whole = cutting.cut(artifacts.validate / "recordings", pieces, params.window, source, params.runtime)
        splits = splitting.split(whole.index, params.window, source)
        splits = balancing.balance(splits, whole.index.label, params.window.balance)
        splitting.require(splits, params.window)
        stored = {name: splits[name] for name in splitting.SPLITS}
        window_gate.check(whole.index, stored, params.window, source)
        window_folder.write(folder, whole, stored, params.window, source)
    if absent := cutting.classes_without_windows(whole.index, params.window, source):
        print(f"no window is of {', '.join(absent)}: not recorded, or never for as long as a window")
    counts = splitting.counts(whole.index, splits, source.labels, source.subjects)
    write_text(folder / "counts.json", json.dumps(counts, indent=2) + "\n")
    tracker.log_metrics({f"windows/{name}": count["total"] for name, count in counts.items()})
