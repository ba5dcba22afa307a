"""Let only recordings pass that are what their dataset declares; the others go to the quarantine, with reasons."""

from sensegen import datasets, intake
from sensegen.artifacts import Artifacts, write_text
from sensegen.params import Params
from sensegen.progress import reporter
from sensegen.tracking import Tracker
from sensegen.validation import distributions


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    folder = artifacts.validate
    source, raw = datasets.check(params), artifacts.download / "raw"
    report = intake.take_in(params, source, raw, folder, reporter("validate"))
    if report.refusals:
        total = report.recordings + len(report.refusals)
        print(f"{len(report.refusals)} of {total} were refused; the reasons are in {folder / 'quarantine'}")
    write_text(folder / "expectations.json", report.to_json())
    write_text(folder / "reference.json", distributions.to_json(report.reference))
    tracker.log_metrics(
        {
            "recordings": report.recordings,
            "quarantined": len(report.refusals),
            "expectations": len(report.verdicts),
        }
    )
    tracker.log_file(folder / "expectations.json")
    tracker.log_file(folder / "quarantine" / "reasons.json", "quarantine")
