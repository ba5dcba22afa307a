"""Let only recordings pass that are what their dataset declares; write them as Parquet, and what was expected."""

from sensegen import datasets, recordings
from sensegen.artifacts import Artifacts, write_text, writing
from sensegen.inspection import Inspection
from sensegen.params import Params
from sensegen.tracking import Tracker
from sensegen.validation import judge


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    """Inspect recordings while they are written, and keep what was written only if the gate opens."""
    folder = artifacts.validate
    raw = datasets.read_all(artifacts.download / "raw", params.dataset)
    inspection = Inspection(datasets.check(params), params.validate_.rate_tolerance)
    with writing(folder / "recordings") as passed:
        recordings.write(inspection.through(raw), passed)
        report = judge(inspection, params.validate_, folder / "data_docs")
    write_text(folder / "expectations.json", report.to_json())
    tracker.log_metrics({"recordings": report.recordings, "expectations": len(report.verdicts)})
    tracker.log_file(folder / "expectations.json")
