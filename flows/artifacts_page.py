"""What a run leaves on Prefect's artifacts page: the stages, the main numbers, and links."""

import logging
from pathlib import Path

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from flows import summary
from flows.outcome import Result

logger = logging.getLogger(__name__)


def publish(root: Path, result: Result) -> None:
    """Create the artifacts of a run that ended, well or not; a server that does not take them changes nothing."""
    try:
        _publish(root, result)
    except Exception as error:
        logger.warning("Prefect did not take the page of artifacts (%s).", error)


def _publish(root: Path, result: Result) -> None:
    table = [{"stage": item.stage, "state": item.state, "seconds": round(item.seconds, 1)} for item in result.outcomes]
    create_table_artifact(table, key="stages", description="How each stage ended")
    if rows := summary.main_numbers(summary.read_metrics(root)):
        lines = ["| measure | value |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)]
        create_markdown_artifact("\n".join(lines), key="metrics", description="Main numbers of the evaluation")
    report = summary.report_path(root)
    if report.is_file():
        create_link_artifact(report.resolve().as_uri(), link_text="report", key="report")
    create_link_artifact(
        result.tracking_address, link_text="MLflow run", key="mlflow-run", description="Answers while `make ui` runs"
    )
