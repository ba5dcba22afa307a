"""Show everything on one page: windows, losses, verdicts and where it all comes from."""

from sensegen.artifacts import Artifacts, write_text, writing
from sensegen.params import Params
from sensegen.reporting.page import build_report
from sensegen.reporting.results import read_results
from sensegen.tracking import Tracker


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    """Write `report.html` and `figures/`."""
    report = build_report(read_results(params, artifacts))
    with writing(artifacts.report / "figures") as folder:
        folder.mkdir()
        for name, content in report.figures.items():
            (folder / name).write_bytes(content)
    write_text(artifacts.report / "report.html", report.html)
    tracker.log_file(artifacts.report / "report.html")
    for name in report.figures:
        tracker.log_file(artifacts.report / "figures" / name, "figures")
    print(f"report {artifacts.report.relative_to(artifacts.root) / 'report.html'}")
