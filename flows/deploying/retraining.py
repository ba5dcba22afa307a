"""The flow `retrain`: new recordings in, the pipeline, and the new model in the champion's place if it is better.

It trains where something calls for it: recordings that differ from those of the last model, from the champion's weights
on; params that differ; or that there is no champion yet.
"""

from pathlib import Path

from prefect import flow, get_run_logger
from prefect.states import Completed, State

from flows import warm_starting, workspace
from flows.deploying import inbox
from flows.incidents import Incidents
from flows.pipeline import pipeline
from flows.promoting import models
from flows.ui import address


def _tell_of(came: inbox.Came, drift: float, incidents: Incidents) -> None:
    for batch in came.batches:
        if batch.refused:
            incidents.meet("batch_quarantined", f"batch.{batch.name}", batch.refused, {"folder": str(batch.folder)})
        elif batch.drift is not None and batch.drift > drift:
            incidents.meet("drift", f"batch.{batch.name}", f"a channel has drifted by {batch.drift:.3f}")


@flow(name="retrain", persist_result=False, validate_parameters=False)
def retrain(root: Path = Path()) -> State:
    """Take in, train, compare, promote or refuse; what came of it is the message of its state."""
    from sensegen import params as schema
    from sensegen.tracking import provenance
    from sensegen.tracking.registry import CHALLENGER, CHAMPION, Registry

    logger = get_run_logger()
    root = workspace.find_root(Path(root).resolve())
    with workspace.only_run(root):
        params = schema.load(root / "params.yaml")
        registry = Registry(root, params.promotion.model)
        champion = registry.named(CHAMPION)
        came = inbox.take_in(root, params)
        for line in came.lines():
            logger.info("%s", line)
        _tell_of(came, params.retrain.drift, Incidents(root, address(root)))
        if champion and came.retrain:
            logger.info("training begins with the champion, version %d", champion.number)
            warm_starting.from_version(root, champion.address)
        elif champion and registry.newest_tag("params.sha256") == provenance.params_hash(params):
            return Completed(message="Nothing calls for training: no batch that differs, and the params are the same.")
        result = pipeline(root)
        inbox.wanted(root).unlink(missing_ok=True)
        if registry.named(CHALLENGER) == champion:
            return Completed(message="The model is the champion's.")
        incidents = Incidents(root, result.tracking_address)
        try:
            version, verdict = models.promote(root)
        except Exception as error:
            incidents.meet("failed", f"model.{registry.model}", str(error))
            raise
        kind = "promoted" if verdict.promoted else "promotion_refused"
        what = f"version {version.number} of {version.model}: {verdict.reason}"
        incidents.meet(kind, f"model.{version.model}", what, verdict.numbers)
        return Completed(message=f"{'Promoted' if verdict.promoted else 'Refused'}, {what}.")
