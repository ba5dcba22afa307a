"""The flow `sensegen`: one task for each stage of `dvc.yaml`, in DVC's order, one after another.

Each task is `dvc repro --single-item STAGE` in a process of its own, so the flow and `dvc repro` leave the
same `dvc.lock`, and DVC is the only cache. The tasks run in the main thread, since neither a cancelled flow
nor a time limit can interrupt a thread that waits for a process.
"""

import logging
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.states import Completed, State

from flows import artifacts_page, dvc_graph, environment, stage_process, workspace
from flows.dvc_graph import Stage
from flows.incidents import DATA_STAGES, Incidents
from flows.outcome import Outcome, Result, StageFailed, stage_metrics
from flows.progress import Progress
from flows.promoting import models
from flows.ui import run_address
from sensegen.artifacts import Artifacts

DIVERGED_EXIT_CODE = 42
BOOKKEEPING = ("Use `dvc push`", "To track the changes", "git add ", "Updating lock file", "Generating lock file")


@flow(name="sensegen", persist_result=False, validate_parameters=False)
def pipeline(root: Path) -> Result:
    """Run what has changed, and log every stage's metrics to one MLflow run.

    Raises:
        StageFailed: with the stage's last message; later stages do not run.
    """
    # Here, since MLflow takes seconds to import and the flow's module is also imported to list deployments.
    from sensegen import params, tracking

    root = Path(root)  # a deployment hands over text
    checked = params.load(root / "params.yaml")
    with workspace.only_run(root), tracking.start_pipeline(root, checked) as run:
        flow_run_id = _flow_run_id()
        run.set_tags({"prefect.flow_run_id": flow_run_id})
        result = Result([], run_address(root, run))
        incidents = Incidents(root, result.tracking_address)
        with _published(root, result):
            _walk(environment.of_stage(run.run_id, flow_run_id), run, result.outcomes, incidents)
            if any(outcome.stage == "alternate" for outcome in result.outcomes):
                models.register(root, checked, run, dict(_measured(result.outcomes)))
    return result


@contextmanager
def _published(root: Path, result: Result) -> Iterator[None]:
    """Show on Prefect's page how the stages ended, well or not; but nobody who interrupts a run waits for that."""
    try:
        yield
    except Exception:
        artifacts_page.publish(root, result)
        raise
    artifacts_page.publish(root, result)


def _measured(outcomes: list[Outcome]) -> Iterator[tuple[str, float]]:
    """What evaluation measured of the model over seeds, for the registry."""
    for outcome in outcomes:
        if outcome.stage == "evaluate":
            yield from ((name, value) for name, value in outcome.metrics.items() if name.endswith(".mean"))


def _walk(stage_environment: Mapping[str, str], run: Any, outcomes: list[Outcome], incidents: Incidents) -> None:
    """Run the stages in order; `outcomes` grows as they end, so that it is there when one fails."""
    root = incidents.root
    unchanged = dvc_graph.unchanged_stages(root)
    for stage in dvc_graph.stages_in_order(root):
        started = time.monotonic()
        state = _task(stage)(stage, incidents, stage_environment, stage.name in unchanged, return_state=True)
        metrics = stage_metrics(root, stage) if state.is_completed() else {}
        outcomes.append(Outcome(stage.name, state.name or "", time.monotonic() - started, metrics))
        _raise_if_failed(state, stage, outcomes[-1].seconds, incidents)
        if metrics:
            run.log_stage_metrics(stage.name, metrics)
        if state.name != "Cached":
            # DVC's earlier answers are about what was there before this stage ran.
            unchanged = frozenset()


def _raise_if_failed(state: State, stage: Stage, seconds: float, incidents: Incidents) -> None:
    try:
        state.result()
    except TimeoutError:  # Prefect's word for whatever cancels a task that has a time limit
        kind, message = _stopped(stage, seconds)
        incidents.meet(kind, f"stage.{stage.name}", message)
        raise StageFailed(stage.name, 1, message) from None
    except StageFailed as failure:
        kind = "data_refused" if stage.name in DATA_STAGES else "failed"
        incidents.meet(kind, f"stage.{stage.name}", str(failure))
        raise


def _stopped(stage: Stage, seconds: float) -> tuple[str, str]:
    """Why Prefect stopped a stage after so many seconds: the kind of the alert, and its text."""
    limit = stage.timeout_seconds
    if limit is not None and seconds >= limit:
        why = (
            f"Stage {stage.name} took longer than {limit:g} seconds, its timeout_seconds in dvc.yaml, and was stopped."
        )
        return "over_time", why
    return "failed", (
        f"Prefect stopped stage {stage.name} after {seconds:.0f} seconds, before its time was over. Its server takes a "
        "deployment's slot back from a run that has not renewed it for five minutes: the clock was moved, the machine "
        "slept, or the server was away. The next run goes on from finished stages and the last checkpoint."
    )


def _task(stage: Stage) -> Any:
    return run_stage.with_options(
        name=stage.name,
        task_run_name=stage.name,
        description=stage.description,
        retries=stage.retries,
        retry_delay_seconds=stage.retry_delay_seconds,
        timeout_seconds=stage.timeout_seconds,
    )


def _may_pass_next_time(_task: Any, _run: Any, state: State) -> bool:
    """Wrong params (2) stay wrong, and a training that diverged beyond its rollbacks would do so again."""
    failure = state.result(raise_on_failure=False)
    return not (isinstance(failure, StageFailed) and failure.exit_code in (2, DIVERGED_EXIT_CODE))


@task(cache_policy=NO_CACHE, persist_result=False, retry_condition_fn=_may_pass_next_time)
def run_stage(stage: Stage, incidents: Incidents, stage_environment: Mapping[str, str], unchanged: bool) -> State:
    """Run one stage through DVC, which skips it when nothing it depends on changed."""
    if unchanged:
        return Completed(name="Cached", message=f"Stage '{stage.name}' didn't change.")
    listener, root = StageListener(stage, incidents), incidents.root
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", stage.name]
    with closing(listener):
        exit_code = stage_process.run(command, root, stage_environment, listener.on_line, listener.on_tick)
    if exit_code != 0:
        raise listener.failure(exit_code)
    listener.progress.finish()
    return Completed(name=listener.state_name)


class StageListener:
    """Passes a stage's output on to the run's log and progress, and its alerts to Prefect's events."""

    def __init__(self, stage: Stage, incidents: Incidents):
        self._incidents = incidents
        self.state_name = "Completed"
        self._stage = stage.name
        self._logger: Any = get_run_logger()
        self.progress = Progress(stage.name, self._logger)
        self._alerts = stage_process.AlertFollower(Artifacts(incidents.root).alerts(stage.name))
        self._message: list[str] = []
        self._stage_exit_code: int | None = None

    def on_line(self, line: str) -> None:
        """One line of what DVC and the stage print."""
        if self.progress.take(line):
            return
        if line == f"Stage '{self._stage}' didn't change, skipping":
            self.state_name = "Cached"
        elif line.startswith(f"Stage '{self._stage}' is cached - skipping run"):
            self.state_name = "Restored"
        elif failed := re.match(r"ERROR: failed to reproduce '.*': failed to run: .*, exited with (-?\d+)", line):
            self._stage_exit_code = int(failed[1])
        elif not line.startswith(BOOKKEEPING):
            self._remember(line)
        self._logger.log(logging.DEBUG if line.startswith(BOOKKEEPING) else logging.INFO, "%s", line)

    def on_tick(self) -> None:
        """Turn the alerts that came since the last tick into events."""
        for alert in self._alerts.new():
            self._logger.warning("%s: alert %s", self._stage, alert)
            self._incidents.meet(alert["kind"], f"stage.{self._stage}", alert["reason"], alert)

    def close(self) -> None:
        """Follow the alerts no longer."""
        self._alerts.close()

    def failure(self, exit_code: int) -> StageFailed:
        """Why the stage failed: a signal, or its last message, which is a line and what is indented under it."""
        stage_exit_code = exit_code if self._stage_exit_code is None else self._stage_exit_code
        if name := stage_process.signal_name(stage_exit_code):
            message = f"it was ended by {name}. Run again: it goes on from its last checkpoint."
            return StageFailed(self._stage, stage_exit_code, message)
        message = "\n".join(self._message) or f"it ended without a word; see the log of {self._stage}"
        return StageFailed(self._stage, stage_exit_code, message)

    def _remember(self, line: str) -> None:
        self._message = [*self._message, line] if line.startswith(" ") else [line]


def _flow_run_id() -> str:
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context and context.flow_run else ""


def hide_foreseen_tracebacks() -> None:
    """Let Prefect log a stage that failed as one message: the traceback would show only this file."""
    for name in ("prefect.task_runs", "prefect.flow_runs"):
        logging.getLogger(name).addFilter(_without_foreseen_traceback)


def _without_foreseen_traceback(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], StageFailed):
        record.exc_info = None
    return True
