"""Show everything on one page: windows, losses, verdicts and where it all comes from; a model card beside it."""

from sensegen.artifacts import Artifacts, write_text, writing
from sensegen.params import Params
from sensegen.reporting.page import build_report
from sensegen.reporting.reading import read_results
from sensegen.tracking import Tracker


def run(params: Params, artifacts: Artifacts, tracker: Tracker) -> None:
    """Write `report.html`, `model_card.md` and `figures/`."""
    report = build_report(read_results(params, artifacts))
    with writing(artifacts.report / "figures") as folder:
        folder.mkdir()
        for name, content in report.figures.items():
            (folder / name).write_bytes(content)
    for name, text in (("report.html", report.html), ("model_card.md", report.model_card)):
        write_text(artifacts.report / name, text)
        tracker.log_file(artifacts.report / name)
    for name in report.figures:
        tracker.log_file(artifacts.report / "figures" / name, "figures")
    print(f"report {artifacts.report.relative_to(artifacts.root) / 'report.html'}")
