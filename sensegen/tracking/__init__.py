"""Runs, metrics, files and models in MLflow, and the only door of mlflow.

A pipeline run is a parent, each stage a child of it. Tracking never changes a number, and it never ends a training
that has begun: what MLflow refuses while a run is open is told in one warning line, and the run goes on. A store
that cannot be used at all is refused at the start, when nothing is lost.
"""

from sensegen.tracking.models import fetch as fetch_release
from sensegen.tracking.run import (
    PipelineRun,
    Tracker,
    TrainingCallback,
    start,
    start_pipeline,
    start_trial,
)
from sensegen.tracking.store import tracking_uri, warm_up

__all__ = [
    "PipelineRun",
    "Tracker",
    "TrainingCallback",
    "fetch_release",
    "start",
    "start_pipeline",
    "start_trial",
    "tracking_uri",
    "warm_up",
]
