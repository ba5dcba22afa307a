"""What MLflow is told, and that it can neither change nor end a training."""

import base64
import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import put_windows, sines

from sensegen import params as schema
from sensegen import released, tracking
from sensegen.generators import build_generator
from sensegen.params import Params
from sensegen.released import Asked, Release, Tampered
from sensegen.scaling import Scaling
from sensegen.tracking import provenance, store
from sensegen.tracking.samples import SamplePlots

ROOT = Path(__file__).resolve().parents[1]
ROW = {"part": "all", "step": 12, "loss": 0.5, "gradient_norm": 2.0, "learning_rate": 0.1, "validation_loss": ""}
DVC_YAML = """
stages:
  window:
    cmd: python -m stages window
    params: [window, train_generator.epochs]
    deps: [artifacts/validate/recordings, "sensegen/datasets/${dataset.name}.py"]
"""
DVC_LOCK = """
schema: '2.0'
stages:
  validate:
    outs:
    - {path: artifacts/validate/recordings, hash: md5, md5: 0123abcd.dir}
"""


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracking database with its tables, and no experiment: making them takes seconds."""
    folder = tmp_path_factory.mktemp("store")
    store._client(folder).search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def root(tmp_path: Path, migrated_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DVC_ROOT", "DVC_STAGE", "SENSEGEN_PARENT_RUN_ID", "SENSEGEN_PREFECT_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "mlruns").mkdir()
    shutil.copy(migrated_store, tmp_path / "mlruns")
    return tmp_path


@pytest.fixture(scope="module")
def params() -> Params:
    return schema.load(ROOT / "params.yaml")


def stored(run: tracking.Tracker | tracking.PipelineRun):
    return run.client.get_run(run.run_id)


def test_a_stage_is_a_child_of_the_pipeline_and_logs_its_params(root, params, monkeypatch):
    with tracking.start_pipeline(root, params) as pipeline:
        monkeypatch.setenv("SENSEGEN_PARENT_RUN_ID", pipeline.run_id)
        monkeypatch.setenv("SENSEGEN_PREFECT_RUN_ID", "flow-1")
        with tracking.start(params, stage="window", root=root) as tracker:
            pass
    run = stored(tracker)
    assert (run.info.run_name, run.info.status) == ("window", "FINISHED")
    assert run.data.tags["mlflow.parentRunId"] == pipeline.run_id
    assert run.data.tags["prefect.flow_run_id"] == "flow-1"
    assert run.data.params["window.overlap"] == "0.5" and run.data.params["dataset.name"] == "simulated"
    assert "evaluate.seeds" not in run.data.params and "evaluate.seeds" in stored(pipeline).data.params


def test_rows_of_curves_become_metrics_at_their_epoch(root, params):
    with tracking.start(params, stage="train_generator", root=root) as tracker:
        callback = tracker.training_callback("generator")
        callback.on_epoch({**ROW, "epoch": 0})
        callback.on_epoch({**ROW, "epoch": 1, "loss": 0.25, "validation_loss": 0.75})
    history = tracker.client.get_metric_history(tracker.run_id, "generator/all/loss")
    assert [(entry.step, entry.value) for entry in history] == [(0, 0.5), (1, 0.25)]
    validation = tracker.client.get_metric_history(tracker.run_id, "generator/all/validation_loss")
    assert [(entry.step, entry.value) for entry in validation] == [(1, 0.75)]
    assert not any(name.endswith("/step") for name in stored(tracker).data.metrics)


def test_pictures_of_samples_are_logged_as_a_generator_trains_and_not_again_after_a_kill(root, params):
    windows, asked = sines(np.random.default_rng(0), 12, length=32), []

    def sampler(labels, seed):
        asked.append((labels.tolist(), seed))
        return np.zeros((len(labels), 32, 2))

    with tracking.start(params, stage="train_generator", root=root) as tracker:
        plots = SamplePlots(tracker, sampler, windows, epochs=10)
        plots.on_resumed({**ROW, "epoch": 1})
        for epoch in range(2, 11):
            plots.on_epoch({**ROW, "epoch": epoch})
        plots.on_epoch({**ROW, "part": "fast", "epoch": 3})
    logged = {file.path for file in tracker.client.list_artifacts(tracker.run_id, "samples/all")}
    assert logged == {f"samples/all/epoch_{epoch:04d}.png" for epoch in (3, 7, 10)}
    assert asked[0] == ([0, 0, 0, 1, 1, 1], 3) and asked[-1] == ([1, 1, 1], 3)


def test_a_picture_that_cannot_be_drawn_ends_no_training(root, params, caplog):
    def broken(labels, seed):
        raise MemoryError("no more")

    with tracking.start(params, stage="train_generator", root=root) as tracker:
        SamplePlots(tracker, broken, sines(np.random.default_rng(0), 12), epochs=1).on_epoch({**ROW, "epoch": 1})
    assert "a picture of samples" in caplog.text and "no more" in caplog.text


def test_more_numbers_than_mlflow_takes_in_one_call_are_all_there(root, params):
    with tracking.start_pipeline(root, params) as pipeline:
        pipeline.log_stage_metrics("evaluate", {f"controls.noise.number_{at}.mean": float(at) for at in range(1640)})
    logged = stored(pipeline).data.metrics
    assert len(logged) == 1640 and logged["evaluate/controls.noise.number_1639.mean"] == 1639.0


def test_an_alert_marks_the_stage_and_the_pipeline(root, params, monkeypatch):
    with tracking.start_pipeline(root, params) as pipeline:
        monkeypatch.setenv("SENSEGEN_PARENT_RUN_ID", pipeline.run_id)
        with tracking.start(params, stage="alternate", root=root) as tracker:
            for step in (40, 90):
                tracker.training_callback("generator").on_alert({"kind": "nan", "step": step, "reason": "loss is nan"})
    experiment = [stored(tracker).info.experiment_id]
    marked = tracker.client.search_runs(experiment, filter_string="tags.`alert.nan` = 'true'")
    assert {run.info.run_id for run in marked} == {tracker.run_id, pipeline.run_id}
    assert stored(tracker).data.metrics["alerts"] == 2


@pytest.mark.parametrize(("raised", "status"), [(RuntimeError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_a_run_that_ends_early_says_how(root, params, raised, status):
    with pytest.raises(raised), tracking.start(params, stage="window", root=root) as tracker:
        raise raised
    assert stored(tracker).info.status == status


def test_the_run_of_a_killed_process_is_ended_at_the_next_start_and_a_living_one_is_not(root, params):
    code = """
import os, signal, sys
from pathlib import Path
from sensegen import params, tracking
with tracking.start(params.load(Path(sys.argv[2])), stage="alternate", root=Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", code, str(root), str(ROOT / "params.yaml")]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    with (
        tracking.start_pipeline(root, params) as pipeline,
        tracking.start(params, stage="window", root=root) as tracker,
    ):
        runs = tracker.client.search_runs([stored(tracker).info.experiment_id])
        statuses = {run.info.run_name: run.info.status for run in runs}
    assert statuses == {"alternate": "KILLED", "pipeline": "RUNNING", "window": "RUNNING"}
    assert stored(pipeline).info.status == "FINISHED"


def test_the_hashes_of_what_was_read_are_tags_when_dvc_runs_the_stage(root, params, monkeypatch):
    (root / "dvc.yaml").write_text(DVC_YAML)
    (root / "dvc.lock").write_text(DVC_LOCK)
    by_hand = provenance.stage_tags(root, "window", {})
    assert not any(name.startswith("dvc.md5") for name in by_hand)
    monkeypatch.setenv("DVC_STAGE", "window")
    with tracking.start(params, stage="window", root=root) as tracker:
        pass
    run = stored(tracker)
    assert run.data.tags["dvc.md5.artifacts/validate/recordings"] == "0123abcd.dir"
    assert run.data.params["train_generator.epochs"] == str(params.train_generator.epochs)


def test_the_commit_and_a_change_since_are_tags(root, params):
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)

    (root / "file").write_text("1")
    git("init")
    git("add", "file")
    git("commit", "-m", "one")
    clean = provenance.git_tags(root)
    (root / "file").write_text("2")
    assert len(clean["mlflow.source.git.commit"]) == 40 and clean["git.dirty"] == "false"
    assert provenance.git_tags(root)["git.dirty"] == "true"


def test_params_hash_changes_with_any_param(params):
    other = schema.check(params.model_dump(by_alias=True) | {"seed": params.seed + 1})
    assert provenance.params_hash(other) != provenance.params_hash(params)


def test_a_refusal_of_mlflow_is_a_warning_and_the_run_goes_on(root, params, caplog):
    with tracking.start(params, stage="window", root=root) as tracker:
        (root / "mlruns" / "mlflow.db").write_bytes(b"no database" * 1000)
        tracker.log_metrics({"loss": 1.0})
        tracker.log_file(root / "missing")
    assert "did not take metrics" in caplog.text and "(file is not a database); the run goes on" in caplog.text
    assert "did not take file" in caplog.text
    assert "Traceback" not in caplog.text and "[SQL" not in caplog.text


def test_a_store_that_cannot_be_opened_is_refused_at_the_start(root, params):
    (root / "mlruns" / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ValueError, match="cannot be used"), tracking.start(params, stage="window", root=root):
        pass


def test_a_store_made_in_another_folder_is_refused_with_what_to_do(root, params, tmp_path_factory):
    with tracking.start_pipeline(root, params):
        pass
    moved = tmp_path_factory.mktemp("moved")
    shutil.copytree(root / "mlruns", moved / "mlruns")
    with pytest.raises(ValueError, match="Move the project back, or begin a new store: mv "):
        store.connect(moved)


def test_the_store_of_a_temporary_copy_is_that_of_the_project(root, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(root))
    assert store.store_folder(root / ".dvc" / "tmp" / "exps" / "copy") == root / "mlruns"
    assert store.store_folder(root.parent / "elsewhere") == root.parent / "elsewhere" / "mlruns"


def test_processes_that_open_a_fresh_store_together_all_succeed(tmp_path):
    code = "import sys; from pathlib import Path; from sensegen.tracking import store; store.connect(Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    opened = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(2)]
    assert [(process.communicate(timeout=120), process.returncode)[1] for process in opened] == [0, 0]


@pytest.fixture
def release(root, params) -> Path:
    """A small flow beside what its windows mean."""
    windows = replace(sines(np.random.default_rng(0), 40, length=16), units=("g", "rad/s"))
    small = params.train_generator.generator.model_copy(update={"width": 8, "sampling_steps": 2})
    generator = build_generator(windows.shape, small, seed=0)
    generator.settle(windows)
    generator.save(root / "generator")
    scaling = Scaling(np.array([9.81, 0.0]), np.array([2.0, 1.0]))
    released.write(root / "release", root / "generator", put_windows(root / "windows", windows, scaling))
    return root / "release"


def test_a_logged_generator_answers_rows_of_what_is_asked_in_physical_units(root, params, release):
    import mlflow
    import pandas as pd

    with tracking.start(params, stage="train_generator", root=root) as tracker:
        tracker.log_generator(root / "generator", root / "windows")
    (entry,) = tracker.client.search_logged_models([stored(tracker).info.experiment_id])
    assert (entry.source_run_id, entry.status.name) == (tracker.run_id, "READY")
    assert entry.tags["sha256"] == released.digest(release)
    model = mlflow.pyfunc.load_model(entry.artifact_location)
    asked = pd.DataFrame({"activity": ["fast", None], "windows": [3, 2], "seed": [7, 5]})
    windows = model.predict(asked)
    whole = Release.load(release)
    assert np.array_equal(windows[:3], whole.windows(Asked("fast", 3, 7)).values)
    assert np.array_equal(windows[3:], whole.windows(Asked(None, 2, 5)).values)
    assert windows[..., 0].mean() == pytest.approx(9.81, abs=1.5)
    assert model.predict(model.input_example).shape == (2, 16, 2)
    assert next(iter(model.metadata.get_output_schema())).shape == (-1, 16, 2)
    requirements = (root / "mlruns").rglob("requirements.txt")
    assert all("==" in line for file in requirements for line in file.read_text().splitlines())
    assert not list((root / "mlruns").rglob("*.pkl"))


def test_a_release_that_was_changed_after_it_was_logged_is_not_taken(root, params, release, tmp_path):
    from sensegen.tracking import fetch_release

    with tracking.start(params, stage="train_generator", root=root) as tracker:
        tracker.log_generator(root / "generator", root / "windows")
    (entry,) = tracker.client.search_logged_models([stored(tracker).info.experiment_id])
    fetch_release(root, f"models:/{entry.model_id}", tmp_path / "taken")
    assert released.digest(tmp_path / "taken") == released.digest(release)
    (weights,) = (root / "mlruns").rglob("weights.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(Tampered, match=r"sha256 \w+, with which it was logged.*Do not use it"):
        fetch_release(root, f"models:/{entry.model_id}", tmp_path / "changed")
    assert not (tmp_path / "changed").exists()


def test_a_password_in_the_address_of_a_server_reaches_it_and_no_message(root, monkeypatch):
    asked: list[str] = []

    class Guarded(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization", ""))
            self.send_error(401)

        def log_message(self, *arguments: object) -> None:
            """Nothing is printed."""

    with http.server.HTTPServer(("127.0.0.1", 0), Guarded) as guarded:
        threading.Thread(target=guarded.serve_forever, daemon=True).start()
        for name in (store.USERNAME, store.PASSWORD):
            monkeypatch.setenv(name, "")
        monkeypatch.setenv(store.SERVER, f"http://me:s%23cret@127.0.0.1:{guarded.server_address[1]}")
        with pytest.raises(ValueError, match="cannot be used") as refused:
            store.connect(root)
        guarded.shutdown()
    assert asked and set(asked) == {f"Basic {base64.b64encode(b'me:s#cret').decode()}"}
    told = "".join(traceback.format_exception(refused.value))
    assert f"http://127.0.0.1:{guarded.server_address[1]}" in told and "s%23cret" not in told and "s#cret" not in told
    assert "cret" not in os.environ[store.SERVER]  # which the stages get


@pytest.fixture
def server(tmp_path_factory) -> Iterator[tuple[str, Callable[[], subprocess.Popen[bytes]]]]:
    """The address of a tracking server, and what starts it."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", "--serve-artifacts"]
        command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--artifacts-destination", str(folder)]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        log = (folder / "log").open("ab")
        started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True))
        log.close()
        wait_for(f"http://127.0.0.1:{port}/health")
        return started[-1]

    yield f"http://127.0.0.1:{port}", start
    for process in started:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server with all its processes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(address: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(address, timeout=1):
            return
        time.sleep(0.2)
    raise TimeoutError(address)


@pytest.mark.slow
@pytest.mark.chosen
def test_what_a_server_that_was_down_did_not_take_is_delivered_when_it_is_back(
    server, root, params, release, monkeypatch, caplog
):
    address, start = server
    monkeypatch.setenv(store.SERVER, address)
    with pytest.raises(ValueError, match=rf"tracking server {address} .*cannot be used[\s\S]*Start it, or unset"):
        store.connect(root)  # a clear stop before anything is trained
    process = start()
    monkeypatch.setattr("sensegen.tracking.run.SECONDS_BETWEEN_TRIES", 0.0)
    with tracking.start(params, stage="train_generator", root=root) as tracker:
        tracker.log_metrics({"loss": 3.0}, step=1)
        end(process)
        for step in (2, 3, 4):
            tracker.log_metrics({"loss": 3.0 - step}, step=step)
        tracker.log_file(release / "config.json")
        start()
        tracker.log_metrics({"loss": 0.5}, step=5)
        tracker.log_generator(root / "generator", root / "windows")
    assert "it is tried again" in caplog.text and "lost" not in caplog.text
    history = tracker.client.get_metric_history(tracker.run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 3.0), (2, 1.0), (3, 0.0), (4, -1.0), (5, 0.5)]
    assert [metric.timestamp for metric in history] == sorted(metric.timestamp for metric in history)
    assert [file.path for file in tracker.client.list_artifacts(tracker.run_id)] == ["config.json"]
    (entry,) = tracker.client.search_logged_models([stored(tracker).info.experiment_id])
    tracking.fetch_release(root, f"models:/{entry.model_id}", root / "taken")  # through the server
    assert released.digest(root / "taken") == released.digest(release)
    assert not (root / "mlruns" / "artifacts").exists()


@pytest.mark.slow
@pytest.mark.chosen
def test_what_a_server_did_not_take_to_the_end_of_a_run_is_delivered_by_the_next_one(
    server, root, params, release, monkeypatch, caplog
):
    address, start = server
    monkeypatch.setenv(store.SERVER, address)
    process = start()
    with tracking.start(params, stage="train_generator", root=root) as tracker:
        tracker.log_metrics({"loss": 3.0}, step=1)
        end(process)
        tracker.log_metrics({"loss": 1.0}, step=2)
        tracker.set_tags({"told": "late"})
        tracker.log_file(release / "config.json")
        tracker.log_generator(root / "generator", root / "windows")
        digest = released.digest(release)
        shutil.rmtree(release)
        shutil.rmtree(root / "generator")
    ended_ms = time.time() * 1000
    assert "the next run delivers it" in caplog.text
    start()
    with tracking.start(params, stage="evaluate", root=root):
        assert not (root / ".cache" / "undelivered" / tracker.run_id).exists()
    run = stored(tracker)
    assert run.info.status == "FINISHED" and run.info.end_time <= ended_ms  # and not KILLED, when the next one came
    assert run.data.tags["told"] == "late"
    history = tracker.client.get_metric_history(tracker.run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 3.0), (2, 1.0)]
    assert [file.path for file in tracker.client.list_artifacts(tracker.run_id)] == ["config.json"]
    (entry,) = tracker.client.search_logged_models([run.info.experiment_id])
    assert (entry.source_run_id, entry.tags["sha256"]) == (tracker.run_id, digest)
