"""`sensegen serve`: a registered model behind HTTP, on this machine alone unless a token protects it."""

import os
from dataclasses import dataclass
from pathlib import Path

TOKEN = "SENSEGEN_SERVE_TOKEN"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Place:
    """Where to listen, and how many requests are worked on at once."""

    host: str
    port: int
    threads: int


def serve(root: Path, place: Place, address: str | None) -> None:
    """Serve until interrupted.

    Raises:
        ValueError: there is no such model, it was tampered with, or others are to be served without a token.
    """
    token = os.environ.get(TOKEN)
    if place.host not in LOOPBACK and not token:
        raise ValueError(f"To listen at {place.host}, set {TOKEN}: whoever sends it may ask for windows.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import uvicorn

    from flows.promoting.models import served
    from sensegen import params as schema
    from sensegen import training
    from sensegen.serving.app import application, warm_up
    from sensegen.serving.limits import Limits

    params = schema.load(root / "params.yaml")
    # One thread a batch: two small ones side by side take less than one after the other by two threads.
    training.set_up(params.runtime.model_copy(update={"threads": 1}), at_once=place.threads)
    release = served(root, params, address)
    warm_up(release)
    app = application(release, Limits(), token, place.threads)
    print(f"Windows: http://{place.host}:{place.port}   (Ctrl-C ends it; how to ask: /docs)", flush=True)
    uvicorn.run(app, host=place.host, port=place.port, log_level="warning", access_log=False)
