"""The flow `retrain`: new recordings in, the pipeline, and the new model in the champion's place if it is better.

It trains where something calls for it: recordings that differ from those of the last model, from the champion's weights
on; params that differ; or that there is no champion yet.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import flow, get_run_logger
from prefect.states import Completed, State

from flows import warm_starting, workspace
from flows.deploying import inbox
from flows.incidents import Incidents
from flows.outcome import StageFailed
from flows.pipeline import pipeline
from flows.promoting import models
from flows.ui import address

if TYPE_CHECKING:
    from sensegen.params import Params
    from sensegen.tracking.registry import Registry, Version


@flow(name="retrain", persist_result=False, validate_parameters=False)
def retrain(root: Path = Path()) -> State:
    """Take in, train, compare, promote or refuse; what came of it is the message of its state."""
    root = workspace.find_root(Path(root).resolve())
    try:
        with workspace.turn(root):
            return _retrained(root)
    except StageFailed:
        raise  # the pipeline has told of it
    except Exception as error:
        Incidents(root, address(root)).meet("failed", "flow.retrain", str(error))
        raise


def _retrained(root: Path) -> State:
    from sensegen import params as schema
    from sensegen.tracking.registry import CHALLENGER, CHAMPION, Registry

    logger = get_run_logger()
    params = schema.load(root / "params.yaml")
    registry = Registry(root, params.promotion.model)
    champion = registry.named(CHAMPION)
    came = inbox.take_in(root, params, partial(_tell_of, Incidents(root, address(root)), params.retrain.drift))
    for line in came.lines():
        logger.info("%s", line)
    if champion and came.retrain:
        logger.info("training begins with the champion, version %d", champion.number)
        warm_starting.from_version(root, champion.address)
    elif champion and _nothing_to_do(registry, champion, params):
        return Completed(message="Nothing calls for training: no batch that differs, and the params are the same.")
    result = pipeline(root)
    inbox.wanted(root).unlink(missing_ok=True)
    if registry.named(CHALLENGER) == champion:
        return Completed(message="The model is the champion's.")
    return _judged(root, Incidents(root, result.tracking_address))


def _nothing_to_do(registry: "Registry", champion: "Version", params: "Params") -> bool:
    """Whether the newest model is of these params, and has been judged: a run may have been cut off before that."""
    from sensegen.tracking import provenance
    from sensegen.tracking.registry import CHALLENGER, VERDICT

    challenger = registry.named(CHALLENGER) or champion
    judged = challenger == champion or registry.tag(challenger, VERDICT) is not None
    return judged and registry.newest_tag("params.sha256") == provenance.params_hash(params)


def _judged(root: Path, incidents: Incidents) -> State:
    version, verdict = models.promote(root)
    kind = "promoted" if verdict.promoted else "promotion_refused"
    what = f"version {version.number} of {version.model}: {verdict.reason}"
    incidents.meet(kind, f"model.{version.model}", what, verdict.numbers)
    return Completed(message=f"{'Promoted' if verdict.promoted else 'Refused'}, {what}.")


def _tell_of(incidents: Incidents, drift: float, batch: inbox.Batch) -> None:
    if batch.refused:
        incidents.meet("batch_quarantined", f"batch.{batch.name}", batch.refused, {"folder": str(batch.folder)})
    elif batch.drift is not None and batch.drift > drift:
        incidents.meet("drift", f"batch.{batch.name}", f"a channel has drifted by {batch.drift:.3f}")
