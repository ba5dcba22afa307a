"""A generator behind HTTP: the same question has the same answer, and what cannot be asked is told with its reason."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import requests
import uvicorn
from conftest import put_windows, sines

from flows import serving
from sensegen import released, window_files
from sensegen.generators import build_generator
from sensegen.params.models import FlowMatchingParams
from sensegen.released import Asked, Release
from sensegen.scaling import Scaling
from sensegen.serving.app import application
from sensegen.serving.limits import Limits, Rate
from sensegen.serving.merging import Merger

FLOW = FlowMatchingParams(
    kind="flow_matching", width=8, heads=2, precision="float32", sampling_steps=2, temperature=1.0
)
LIMITS = Limits(windows=600, body_bytes=300, windows_a_second=1e6, waiting=64)


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Release:
    root = tmp_path_factory.mktemp("release")
    windows = replace(sines(np.random.default_rng(0), 40, length=16), units=("g", "rad/s"))
    generator = build_generator(windows.shape, FLOW, seed=0)
    generator.settle(windows)
    generator.save(root / "generator")
    scaling = Scaling(np.array([9.81, 0.0]), np.array([2.0, 1.0]))
    released.write(root / "release", root / "generator", put_windows(root / "windows", windows, scaling))
    return Release.load(root / "release")


class Served:
    """A server of this process, at a port of its own."""

    def __init__(self, release: Release, limits: Limits = LIMITS, token: str | None = None):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.server = uvicorn.Server(uvicorn.Config(application(release, limits, token), log_level="error"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.port = self.socket.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Served":
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *error: object) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()

    def ask(self, headers: dict[str, str] | None = None, **query: object) -> requests.Response:
        return requests.post(f"{self.address}/windows", json=query, headers=headers, timeout=60)

    def measured(self, name: str) -> float:
        lines = requests.get(f"{self.address}/metrics", timeout=10).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


@pytest.fixture(scope="module")
def served(release) -> Iterator[Served]:
    with Served(release) as server:
        yield server


def test_windows_come_in_units_and_tell_where_they_come_from(served, release, tmp_path):
    answer = served.ask(activity="fast", windows=5, seed=7)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/vnd.apache.parquet"
    (tmp_path / "got.parquet").write_bytes(answer.content)
    got = window_files.read(tmp_path / "got.parquet")
    made = release.windows(Asked("fast", 5, 7))
    assert np.array_equal(got.values, made.values) and got.units == ("g", "rad/s") and got.classes == ("fast",)
    told = window_files.provenance(tmp_path / "got.parquet")
    assert told["synthetic"] and told["sha256"] == release.sha256 and told["request"]["seed"] == 7


def test_both_formats_hold_the_same_windows_and_more_than_a_block_comes_in_blocks(served, tmp_path):
    (tmp_path / "got.parquet").write_bytes(served.ask(windows=300, seed=3).content)
    got = window_files.read(tmp_path / "got.parquet")
    told, *lines = served.ask(windows=300, seed=3, format="jsonl").text.splitlines()
    assert json.loads(told)["channels"] == ["a", "b"] and len(lines) == 300
    np.testing.assert_allclose([json.loads(line)["values"] for line in lines], got.values, atol=1e-6)
    assert [json.loads(line)["activity"] for line in lines] == [got.classes[label] for label in got.labels]
    assert len(np.unique(np.asarray(got.values)[:, 0, 0])) == 300  # no block repeats another one's draws


def test_the_same_question_has_the_same_answer_whoever_else_asks(served):
    alone = served.ask(activity="slow", windows=20, seed=1).content
    answers: list[bytes] = []
    threads = [
        threading.Thread(
            target=lambda seed=seed: answers.append(served.ask(activity="slow", windows=20, seed=seed).content)
        )
        for seed in (1, 2, 1, 3, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(alone) == 3 and len(set(answers)) == 3


class Counted:
    """A release that notes the sizes of its batches, and makes none before it may."""

    def __init__(self, release: Release):
        self.release, self.sizes, self.may = release, [], threading.Event()

    def windows_each(self, asked):
        self.may.wait(20)
        self.sizes.append([len(labels) for labels, _ in asked])
        if any(seed < 0 for _, seed in asked):
            raise RuntimeError("no such seed")
        return self.release.windows_each(asked)


def test_who_waits_is_served_together_and_who_went_away_is_left_out(release):
    counted = Counted(release)
    merger = Merger(counted, threads=1)
    futures = [merger.ask(np.zeros(5, np.int64), seed=0)]
    while merger._waiting:
        time.sleep(0.01)  # the first is under way
    futures += [merger.ask(np.zeros(windows, np.int64), windows) for windows in (16, 3, 40, 100)]
    assert futures[2].cancel()
    counted.may.set()
    assert [len(future.result(60)) for future in futures if not future.cancelled()] == [5, 16, 40, 100]
    assert counted.sizes == [[5], [16, 40], [100]]
    assert np.array_equal(futures[1].result().values, release.windows(Asked("slow", 16, 16)).values)
    with pytest.raises(RuntimeError, match="no such seed"):
        merger.ask(np.zeros(1, np.int64), -1).result(60)
    assert len(merger.ask(np.zeros(2, np.int64), 1).result(60)) == 2  # the thread lives on
    merger.close()


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ({"activity": "flying"}, 422, "activity must be one of slow, fast, but is 'flying'"),
        ({"windows": 601}, 422, "windows must be at most 600, but is 601"),
        ({"windows": 0}, 422, "greater than or equal to 1"),
        ({"windows": "3"}, 422, "valid integer"),
        ({"seed": -1}, 422, "greater than or equal to 0"),
        ({"format": "exe"}, 422, "'parquet' or 'jsonl'"),
        ({"folder": "../.."}, 422, "Extra inputs"),
        ({"activity": "x" * 400}, 413, "at most 300 bytes"),
    ],
)
def test_what_cannot_be_asked_is_told_with_its_reason(served, query, code, said):
    answer = served.ask(**query)
    assert answer.status_code == code and said in answer.text


def test_a_body_whose_length_is_not_told_or_that_is_no_json_is_refused(served):
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("POST", "/windows", iter([b"{}"]), {"Content-Type": "application/json"}, encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()
    answer = requests.post(
        f"{served.address}/windows", data=b"{", headers={"Content-Type": "application/json"}, timeout=9
    )
    assert answer.status_code == 422
    assert requests.get(f"{served.address}/windows", timeout=10).status_code == 405


def test_with_a_token_windows_are_for_those_who_send_it_and_it_is_told_nobody(release, capfd):
    with Served(release, token="open sesame") as server:
        assert server.ask(windows=1).status_code == 401
        assert server.ask({"Authorization": "Bearer wrong"}, windows=1).status_code == 401
        assert server.ask({"Authorization": "Bearer open sesame"}, windows=1).status_code == 200
        open_to_all = [
            requests.get(f"{server.address}{path}", timeout=10).text for path in ("/health", "/metrics", "/")
        ]
    assert not any("open sesame" in text for text in (*open_to_all, *capfd.readouterr()))


def test_whoever_asks_too_much_is_told_when_to_come_back(release):
    slow = replace(LIMITS, windows_a_second=1.0, burst_seconds=30.0)
    with Served(release, slow) as server:
        assert server.ask(windows=25).status_code == 200
        refused = server.ask(windows=25)
        assert refused.status_code == 429 and 15 <= int(refused.headers["Retry-After"]) <= 20


def test_a_bucket_fills_as_time_goes_by():
    now = [0.0]
    rate = Rate(Limits(windows_a_second=10.0, burst_seconds=2.0), lambda: now[0])
    assert [rate.wait_seconds("a", 15), rate.wait_seconds("a", 15), rate.wait_seconds("b", 15)] == [0.0, 1.0, 0.0]
    now[0] = 1.0
    assert rate.wait_seconds("a", 15) == 0.0
    now[0] = 100.0
    assert [rate.wait_seconds("a", 10**6), rate.wait_seconds("a", 1)] == [0.0, pytest.approx(10**5 - 2 + 0.1, rel=1e-3)]


def test_when_too_many_wait_others_are_sent_away(release):
    with Served(release, replace(LIMITS, waiting=0)) as server:
        refused = server.ask(windows=1)
        assert refused.status_code == 503 and refused.headers["Retry-After"] == "1"


def test_health_numbers_and_who_leaves_in_the_middle(served, release):
    assert requests.get(f"{served.address}/health", timeout=10).json() == {"status": "ok", "sha256": release.sha256}
    assert requests.get(f"{served.address}/model", timeout=10).json()["classes"] == ["slow", "fast"]
    before = served.measured("sensegen_windows_total")
    with requests.post(f"{served.address}/windows", json={"windows": 600}, stream=True, timeout=60) as answer:
        next(answer.iter_content(10))
    deadline = time.monotonic() + 20
    while served.measured("sensegen_waiting") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert served.measured("sensegen_waiting") == 0
    assert served.measured("sensegen_windows_total") > before
    assert "Synthetic windows" in requests.get(served.address, timeout=10).text
    assert "/windows" in requests.get(f"{served.address}/openapi.json", timeout=10).json()["paths"]


def test_to_serve_others_takes_a_token(monkeypatch, tmp_path):
    monkeypatch.delenv(serving.TOKEN, raising=False)
    with pytest.raises(ValueError, match=f"set {serving.TOKEN}"):
        serving.serve(Path(tmp_path), serving.Place("0.0.0.0", 8000, 2), None)
