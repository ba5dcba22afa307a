"""The stages as processes in a small project of their own: finished, killed and diverged."""

import json
import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import SMALL_RECURRENT, run_stage, start_stage, succeed
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[1]
OPTIMISER = {"learning_rate": 0.003, "batch_windows": 16, "gradient_norm": 1.0}
SMALL = {
    "divergence": {"max_rollbacks": 2, "snapshot_steps": 5},
    "train_generator": {
        "generator": SMALL_RECURRENT.model_dump(),
        **{"optimiser": OPTIMISER, "epochs": 6, "patience": None, "warm_start": None},
    },
    "train_discriminator": {"discriminator": {"units": 8, "hidden": 8}, "optimiser": OPTIMISER, "epochs": 2},
    "alternate": {
        **{"rounds": 2, "minibatch_windows": 32, "discriminator_epochs": 20, "generator_epochs": 20},
        "generator_optimiser": OPTIMISER,
        "discriminator_optimiser": OPTIMISER,
    },
}
FAST = {**OPTIMISER, "batch_windows": 64}
SMALL["evaluate"] = {
    **yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["evaluate"],
    "classifiers": ["cnn", "random_convolution"],
    "cnn": {"filters": 8, "optimiser": FAST, "epochs": 2},
    "random_convolution": {"features": 84},
    "encoder": {"filters": 8, "optimiser": FAST, "epochs": 2},
}
SMALL["evaluate"]["judges"] |= {"windows": 50, "patience": 1}
SMALL["export"] = {
    "classifier": {"kind": "cnn", "filters": 8, "optimiser": FAST, "epochs": 2},
    **{"calibration_windows": 10, "generated_windows": 4},
}
TRAINING_STAGES = ("train_generator", "train_discriminator", "alternate")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """A project with windows, from the stages before the training."""
    root = tmp_path_factory.mktemp("project")
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    document["dataset"]["seconds_per_activity"] = 8.0
    (root / "params.yaml").write_text(yaml.safe_dump({**document, **SMALL}), encoding="utf-8")
    for name in ("dvc.yaml", "sensegen", "stages", "flows"):
        (root / name).symlink_to(ROOT / name)
    succeed(root, "download", "validate", "window")
    return root


@pytest.fixture(scope="module")
def trained(prepared) -> Path:
    """The same project after its three trainings, which nobody disturbed."""
    succeed(prepared, *TRAINING_STAGES)
    return prepared


@pytest.fixture
def project(prepared, tmp_path) -> Path:
    """A copy of the project before its trainings, to break."""
    begun = shutil.ignore_patterns("mlruns", ".cache", *TRAINING_STAGES, "evaluate", "report", "export")
    return Path(shutil.copytree(prepared, tmp_path / "project", symlinks=True, ignore=begun))


def outputs(root: Path) -> dict[str, bytes]:
    folder = root / "artifacts"
    files = [path for stage in TRAINING_STAGES for path in sorted((folder / stage).rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.chosen
def test_evaluation_and_report_follow_the_trainings(trained):
    succeed(trained, "augment", "evaluate", "report", "export")
    written = {path for path in (trained / "artifacts").rglob("*") if path.is_file()}
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for stage in graph.values():
        for out in [*stage["outs"], *stage.get("metrics", [])]:
            assert (trained / out) in written or any((trained / out) in path.parents for path in written), out
    metrics = json.loads((trained / "artifacts" / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    for arm in ("trtr", "tstr"):
        for classifier in ("cnn", "random_convolution"):
            assert metrics[arm][classifier]["macro_f1"]["seeds"] == 2
    assert metrics["alternation"]["generator_steps"] == 2 * 20 * 2
    synthetic = np.load(trained / "artifacts" / "evaluate" / "synthetic.npy")
    assert len(synthetic) == metrics["windows"]["fit"] and np.isfinite(synthetic).all()
    page = (trained / "artifacts" / "report" / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("WALKING_UPSTAIRS", "heart_rate", "TSTR"))


@pytest.mark.slow
def test_the_export_is_the_same_bytes_in_a_second_run_whatever_was_done_before(trained):
    folder = trained / "artifacts" / "export"
    succeed(trained, "export")
    first = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    shutil.rmtree(folder)
    process = start_stage(trained, "export")
    while not list((trained / ".cache" / "checkpoints" / "export").rglob("*.safetensors")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)  # what goes on from a checkpoint names its graphs otherwise
    process.communicate()
    succeed(trained, "export")
    assert {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["classifier"]["formats"]["float"]["largest_difference"] < 1e-4
    assert metrics["generator"]["kind"] == "mdn_rnn" and metrics["generator"]["formats"]["onnx"]["rms_share"] < 1e-4


@pytest.mark.slow
@pytest.mark.chosen
def test_stages_killed_minus_nine_end_with_the_bytes_of_stages_that_were_not(trained, project):
    stream = np.random.default_rng(0)
    for stage in TRAINING_STAGES:
        checkpoints = project / ".cache" / "checkpoints" / stage
        process = start_stage(project, stage)
        while not list(checkpoints.rglob("*.safetensors")):
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.01)
        time.sleep(stream.uniform(0, 0.2))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        succeed(project, stage)
        assert not checkpoints.exists(), "checkpoints go when the stage succeeds"
    expected = outputs(trained)
    assert {name.split("/")[0] for name in expected} == set(TRAINING_STAGES)
    assert outputs(project) == expected


def test_an_absurd_learning_rate_is_caught_told_and_stopped_by_the_rule(project):
    document = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    document["train_generator"]["optimiser"]["learning_rate"] = 1e38
    (project / "params.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    code, output = run_stage(project, "train_generator")
    assert code == 42, output
    assert "after 2 returns to the last good state" in output and "optimiser.learning_rate" in output
    live = (project / ".cache" / "alerts" / "train_generator.jsonl").read_text(encoding="utf-8").splitlines()
    alerts = [json.loads(line) for line in live]
    assert [alert["rollback"] for alert in alerts] == [1, 2, 3]
    assert [alert["restored_step"] for alert in alerts] == [0, 0, None]
    assert not (project / "artifacts" / "train_generator").exists(), "no output of a training that diverged"
    (checkpoint,) = (project / ".cache" / "checkpoints" / "train_generator").rglob("*.safetensors")
    assert all(np.isfinite(array).all() for array in load_file(checkpoint).values())
    with sqlite3.connect(project / "mlruns" / "mlflow.db") as store:
        tags = dict(store.execute("SELECT key, value FROM tags").fetchall())
        counted = store.execute("SELECT MAX(value) FROM metrics WHERE key = 'alerts'").fetchone()
    store.close()
    assert tags["alert.nan"] == "true" and counted == (3.0,)
