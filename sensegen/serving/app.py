"""The application: what may be asked, by whom and how often, and what is answered.

Windows are made by few threads, since each keeps a core busy, of all requests that wait then at once (`merging`); who
comes meanwhile waits, and is told to come later where too many wait. An answer is fixed by model, activity, number and
seed.
"""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sensegen.distributed import by_threads
from sensegen.generators.sampling import BATCHES
from sensegen.released import Asked, Release
from sensegen.seeding import derived_seed
from sensegen.serving.formats import FORMATS, Form
from sensegen.serving.limits import Limits, Rate
from sensegen.serving.merging import Merger

BLOCK = 256  # windows that are made and sent at once
PAGE = Path(__file__).with_name("page.html")
BUSY_SECONDS = 1


class Query(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    activity: Annotated[str | None, Field(description="one of those of the model; null: all in equal numbers")] = None
    windows: Annotated[int, Field(ge=1, description="how many")] = 16
    seed: Annotated[int, Field(ge=0, lt=2**31, description="the same seed gives the same windows")] = 0
    format: Annotated[Literal["parquet", "jsonl"], Field(description="of the answer")] = "parquet"


class Measures:
    """What Prometheus is told."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.answers = Counter("sensegen_answers", "Answers by their code", ["code"], registry=self.registry)
        self.windows = Counter("sensegen_windows", "Windows made", registry=self.registry)
        self.seconds = Histogram("sensegen_answer_seconds", "Until an answer is sent", registry=self.registry)
        self.under_way = 0
        waiting = Gauge("sensegen_waiting", "Requests that are worked on or wait", registry=self.registry)
        waiting.set_function(lambda: self.under_way)


def application(release: Release, limits: Limits, token: str | None = None, threads: int = 2) -> FastAPI:
    """The application of one release; with a token, windows are for those alone who send it."""
    rate, measures, merger = Rate(limits), Measures(), Merger(release, threads)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        merger.close()

    about = "Synthetic windows of sensors."
    app = FastAPI(title="sensegen", description=about, docs_url="/docs", redoc_url=None, lifespan=lifespan)
    app.add_middleware(Watched, measures=measures, limits=limits)

    def allowed(request: Request) -> None:
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token is not None and not hmac.compare_digest(sent.encode(), token.encode()):
            raise HTTPException(401, "A token must be sent: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"})

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page() -> str:
        return PAGE.read_text(encoding="utf-8")

    @app.get("/health")
    def health() -> dict[str, str]:
        """Whether windows can be asked for."""
        return {"status": "ok", "sha256": release.sha256}

    @app.get("/model")
    def model() -> dict[str, Any]:
        """What the model makes, and what may be asked of it."""
        return {**release.about(), "most_windows": limits.windows}

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(measures.registry), media_type=CONTENT_TYPE_LATEST)

    @app.post("/windows", dependencies=[Depends(allowed)])
    async def windows(query: Query, request: Request) -> StreamingResponse:
        """Windows in physical units: Parquet as `sensegen generate` writes it, or JSON lines."""
        _possible(query, release, limits)
        wait = rate.wait_seconds(request.client.host if request.client else "", query.windows)
        if wait:
            raise HTTPException(429, f"Too many windows a second; come back in {wait:.1f} s.", _after(wait))
        if measures.under_way >= limits.waiting:
            raise HTTPException(503, "Too many requests wait.", _after(BUSY_SECONDS))
        form = FORMATS[query.format]({**release.about(), "request": query.model_dump(), "synthetic": True})
        measures.under_way += 1
        try:
            parts = _parts(form, release, query, merger, measures)
            first = await anext(parts)  # so that what fails is told by its code
        except BaseException:
            measures.under_way -= 1
            raise
        return StreamingResponse(_sent(first, parts, measures), media_type=form.media_type)

    return app


def warm_up(release: Release) -> None:
    """Compile the sampler for each size of batch that may be asked for, lest the first to ask wait for it."""
    sizes = [size for size in BATCHES if size <= BLOCK]
    list(by_threads(lambda size: release.windows(Asked(None, size, 0)), sizes))


def _possible(query: Query, release: Release, limits: Limits) -> None:
    if query.windows > limits.windows:
        raise HTTPException(422, f"windows must be at most {limits.windows}, but is {query.windows}.")
    if query.activity is not None and query.activity not in release.classes:
        raise HTTPException(422, f"activity must be one of {', '.join(release.classes)}, but is {query.activity!r}.")


async def _parts(
    form: Form, release: Release, query: Query, merger: Merger, measures: Measures
) -> AsyncIterator[bytes]:
    """Blocks of what is asked for as bytes, the first by the seed itself."""
    labels = Asked(query.activity, query.windows, query.seed).labels(release.classes)
    for number, first in enumerate(range(0, len(labels), BLOCK)):
        seed = derived_seed(query.seed, "serve", number) if number else query.seed
        block = await asyncio.wrap_future(merger.ask(labels[first : first + BLOCK], seed))
        measures.windows.inc(len(block))
        yield await asyncio.to_thread(form.last if first + BLOCK >= len(labels) else form.block, block)


async def _sent(first: bytes, parts: AsyncIterator[bytes], measures: Measures) -> AsyncIterator[bytes]:
    try:
        yield first
        async for part in parts:
            yield part
    finally:
        measures.under_way -= 1


class Watched:
    """Around the application: no body is too large, and codes and times of answers are measured."""

    def __init__(self, app: ASGIApp, measures: Measures, limits: Limits):
        self.app, self.measures, self.limits = app, measures, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began = time.perf_counter()

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.measures.answers.labels(str(message["status"])).inc()
                self.measures.seconds.observe(time.perf_counter() - began)
            await send(message)

        await (self._refusal(scope) or self.app)(scope, receive, measured)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if int(headers.get("content-length") or 0) > self.limits.body_bytes:
            return Response(f"A request has at most {self.limits.body_bytes} bytes.", 413)
        if scope["method"] == "POST" and "content-length" not in headers:
            return Response("A request must tell its length.", 411)
        return None


def _after(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(seconds)))}
