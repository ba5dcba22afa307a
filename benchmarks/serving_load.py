"""How many windows a second `sensegen serve` gives: 16 clients that ask for 16 windows each, again and again.

UCI HAR's windows (128 samples of 9 channels) of both families, as new weights make them: how fast does not depend on
weights. Server and clients (threads of one process that read each answer whole) share this machine's cores. Memory is
that of the server's process, after a tenth of the time and at the end.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks import table
from benchmarks.uci_har import ROOT, our_split

CLIENTS, WINDOWS = 16, 16
SECONDS = float(os.environ.get("SERVING_LOAD_SECONDS", "60"))
FAMILIES = ("flow_matching", "mdn_rnn")
HEADS = ("family", "format", "windows a second", "p50, ms", "p99, ms", "errors", "server's memory, MiB")
SERVER = """
import sys
from pathlib import Path
import uvicorn
from sensegen import training
from sensegen.params import load
from sensegen.released import Release
from sensegen.serving.app import application, warm_up
from sensegen.serving.limits import Limits
training.set_up(load(Path("params.yaml")).runtime.model_copy(update={"threads": 1}), at_once=2)
release = Release.load(Path(sys.argv[1]))
warm_up(release)
uvicorn.run(application(release, Limits(windows_a_second=1e9)), port=int(sys.argv[2]), log_level="error")
"""


def run() -> list[str]:
    """Measure every family and format."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for family in FAMILIES:
            release = released_new(Path(folder) / family, family)
            for form in ("parquet", "jsonl"):
                with served(release) as (address, process):
                    rows.append([family, form, *loaded(address, form, process)])
    lines = [f"{CLIENTS} clients, {WINDOWS} windows a request, {SECONDS:g} s; server and clients on 2 cores.", ""]
    lines += table.markdown(HEADS, rows)
    table.put("serving_load", lines)
    return lines


def released_new(folder: Path, family: str) -> Path:
    """A release of a new generator that has seen the windows."""
    from pydantic import TypeAdapter

    from benchmarks.sampling_speed import of_preset
    from sensegen import released
    from sensegen.generators import build_generator
    from sensegen.params.models import GeneratorParams
    from sensegen.windows import Windows

    windows = our_split(folder)
    fit = Windows.open(windows / "fit")
    params = TypeAdapter(GeneratorParams).validate_python(of_preset({"flow_matching": "uci_har"}.get(family, family)))
    generator = build_generator(fit.shape, params, seed=0)
    generator.settle(fit)
    generator.save(folder / "generator")
    released.write(folder / "release", folder / "generator", windows)
    return folder / "release"


@contextmanager
def served(release: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server in a process of its own, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with subprocess.Popen([sys.executable, "-c", SERVER, str(release), port], cwd=ROOT) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            while not _answers(address):
                if (code := process.poll()) is not None:
                    raise ChildProcessError(f"The server ended with {code} before it answered.")
                time.sleep(0.2)
            yield address, process
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    import requests

    try:
        return requests.get(f"{address}/health", timeout=1).ok
    except requests.RequestException:
        return False


def loaded(address: str, form: str, process: "subprocess.Popen[bytes]") -> list[str]:
    """Windows a second, latencies, errors and memory under load."""
    import psutil

    memory = psutil.Process(process.pid).memory_info
    until = time.monotonic() + SECONDS
    seconds: list[float] = []
    errors: list[str] = []
    clients = [threading.Thread(target=_ask, args=(address, form, until, n, seconds, errors)) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(SECONDS / 10)
    early = memory().rss
    for client in clients:
        client.join()
    late = memory().rss
    low, high = np.percentile(seconds, [50, 99]) * 1000
    speed = len(seconds) * WINDOWS / SECONDS
    grown = f"{early / 2**20:.0f}, then {late / 2**20:.0f}"
    return [f"{speed:.0f}", f"{low:.0f}", f"{high:.0f}", str(len(errors)), grown]


def _ask(address: str, form: str, until: float, client: int, seconds: list[float], errors: list[str]) -> None:
    import requests

    session, number = requests.Session(), 0
    while time.monotonic() < until:
        query = {"windows": WINDOWS, "seed": client * 1_000_000 + number, "format": form}
        began = time.monotonic()
        number += 1
        try:
            answer = session.post(f"{address}/windows", json=query, timeout=60)
            answer.raise_for_status()
        except requests.RequestException as error:
            errors.append(str(error))
            time.sleep(0.1)
            continue
        seconds.append(time.monotonic() - began)
