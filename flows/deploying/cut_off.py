"""Runs that were cut off: after a `kill -9` of worker and run or a power cut, Prefect has them as running for ever, and
keeps the only slot of their deployment for minutes. The next worker ends them, and whoever is to hear of it hears."""

from pathlib import Path
from typing import Any

from flows.deploying.deployments import POOL, ROOT
from flows.incidents import Incidents

RUN_ID = "PREFECT__FLOW_RUN_ID"  # in the environment of the process that Prefect starts for a run
MESSAGE = "Its process is gone. Nothing is lost: the next run goes on from what is finished."


def end(root: Path, address: str) -> list[str]:
    """Mark the runs of the project's pool whose process is gone as crashed; their names.

    Every process of the pool is on this machine, since the project's own server answers no other.
    """
    from prefect.client.orchestration import get_client
    from prefect.events.worker import EventsWorker
    from prefect.states import Crashed

    alive, incidents = _values(RUN_ID), Incidents(root, address)
    if str(root) in _values(ROOT):  # another worker, which may be starting the process of a run at this moment
        return []
    with get_client(sync_client=True) as client:
        gone = [run for run in _open_runs(client) if str(run.id) not in alive]
        for run in gone:
            client.set_flow_run_state(run.id, Crashed(message=MESSAGE), force=True)
            incidents.meet("failed", f"run.{run.name}", MESSAGE)
    if gone:
        EventsWorker.instance().drain()  # this process goes on as the worker, without its threads
    return [run.name for run in gone]


def _open_runs(client: Any) -> list[Any]:
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType

    types = filters.FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    runs: list[Any] = client.read_flow_runs(
        flow_run_filter=filters.FlowRunFilter(state=filters.FlowRunFilterState(type=types)),
        work_pool_filter=filters.WorkPoolFilter(name=filters.WorkPoolFilterName(any_=[POOL])),
    )
    return runs


def _values(variable: str) -> set[str]:
    """Of a variable in the environments of this machine's processes."""
    import psutil

    found = set()
    for process in psutil.process_iter():
        try:
            found.add(process.environ().get(variable, ""))
        except (psutil.Error, OSError):  # another user's, or just gone
            continue
    return found
