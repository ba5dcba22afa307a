"""What a person is told when the gate stays closed: which share was refused, the first reasons, what to do."""

from collections.abc import Iterator
from pathlib import Path

from sensegen.params.windowing import ValidateParams
from sensegen.validation.gate import Report
from sensegen.validation.quarantine import Refusal

LINES = 10


def complaint(report: Report, params: ValidateParams, folder: Path) -> str | None:
    """Why nothing may be passed on, or None if all is well. `folder` is where the quarantine and the pages stand."""
    drifted = [verdict for verdict in report.verdicts if verdict.expectation.table == "drift" and not verdict.success]
    problems = [*_refused(report, params)]
    if drifted:
        problems.append(f"{len(drifted)} channels drifted from {params.reference} by more than validate.max_drift")
    if not problems:
        return None
    lines = [f"{one.expectation.name}: {one.expectation.explain(report.drift)}" for one in drifted]
    lines += _told(report.refusals)
    rest = [f"... and {len(lines) - LINES} lines more"] if len(lines) > LINES else []
    told = "".join(f"\n  {line}" for line in [*lines[:LINES], *rest])
    return (
        f"{'; '.join(problems)}. Nothing was passed on:{told}\n"
        "Repair or leave out these recordings. If the data is right, correct what the dataset's file declares, or "
        f"the section validate in params.yaml. All of it: {folder / 'quarantine'} and "
        f"{folder / 'data_docs' / 'index.html'}"
    )


def _refused(report: Report, params: ValidateParams) -> Iterator[str]:
    recordings = sum(one.kind == "recording" for one in report.refusals)
    for kind, refused, total in (
        ("recordings", recordings, recordings + report.recordings),
        ("parts", len(report.refusals) - recordings, report.parts),
    ):
        if refused > params.max_quarantined_share * total:
            yield (
                f"{refused} of {total} {kind} were refused, more than validate.max_quarantined_share "
                f"({params.max_quarantined_share:g}) allows"
            )
    if not report.recordings and not report.refusals:
        yield "recordings.any: there is not a single recording"


def _told(refusals: tuple[Refusal, ...]) -> list[str]:
    """A line a reason, the first of every refusal before the second of any."""
    reasons = [[(one.name, reason) for reason in one.reasons] for one in refusals]
    most = max(map(len, reasons), default=0)
    ranked = [listed[at] for at in range(most) for listed in reasons if at < len(listed)]
    return [f"{reason.expectation}: {name}: {reason.text}" for name, reason in ranked]
