"""Fetch the raw files of the dataset: from its official address, from a mirror of it, or from the simulator."""

import json

from sensegen import datasets
from sensegen.artifacts import Artifacts, write_text, writing
from sensegen.fetching import provenance
from sensegen.fetching.transfer import DOWNLOADS
from sensegen.params import Params
from sensegen.progress import reporter
from sensegen.tracking import Tracker


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    source = datasets.check(params)
    with writing(artifacts.download / "raw") as folder:
        folder.mkdir()
        dataset = datasets.get(params.dataset.name)
        dataset.fetch(folder, params, reporter("download"), artifacts.root / DOWNLOADS)
        record = provenance.record(params.dataset.name, source, folder)
    write_text(artifacts.download / "provenance.json", json.dumps(record, indent=2) + "\n")
    tracker.log_metrics({"raw_files": len(record["files"])})
