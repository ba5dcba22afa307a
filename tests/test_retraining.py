"""The flow `retrain` in a small project of one's own files: real Prefect, DVC, MLflow and stages, few steps."""

import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import SMALL_RECURRENT
from phone_log import as_of, changed, describe, moved, put, rows_of

from flows import environment, workspace
from flows.incidents import NAMES
from sensegen import params as schema
from sensegen.tracking.registry import CHALLENGER, CHAMPION, VERDICT, Registry

# Prefect's clients leave sockets of the finished test server to the garbage collector.
pytestmark = [pytest.mark.slow, pytest.mark.chosen, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]

ROOT = Path(__file__).resolve().parents[1]
TRAINED = ("download", "validate", "window", "train_generator", "train_discriminator", "alternate")
NOTHING = "Completed: Nothing calls for training: no batch that differs, and the params are the same."
SMALL = yaml.safe_dump(
    {
        "window": {"overlap": 0.0},
        "train_generator": {"generator": SMALL_RECURRENT.model_dump(), "epochs": 2, "patience": None},
        "train_discriminator": {"discriminator": {"units": 8, "hidden": 8}, "epochs": 1},
        "alternate": {"rounds": 1, "discriminator_epochs": 1, "generator_epochs": 1},
        "evaluate": {"random_convolution": {"features": 84}},
        "promotion": {"seeds": 2, "least_score": -1.0, "most_leak": 1.0},
    }
)


@pytest.fixture(scope="module", autouse=True)
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    environment.prepare(tmp_path_factory.mktemp("prefect"))
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=300):
        yield
    gc.collect()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of three people, with the graph as far as the trained generator: nobody retrains for the report."""
    root = tmp_path_factory.mktemp("project")
    for name in ("sensegen", "stages", "flows"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    describe(root, SMALL)
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    graph["stages"] = {name: graph["stages"][name] for name in TRAINED}
    (root / "dvc.yaml").write_text(yaml.safe_dump(graph, sort_keys=False), encoding="utf-8")
    (root / ".dvcignore").write_text("my_files/warm_start\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=root, check=True)
    return root


RETRAIN = """
import json
from pathlib import Path
from flows import environment
environment.prepare(Path.cwd())
from prefect.events.clients import AssertingEventsClient
from prefect.events.worker import EventsWorker
from flows.deploying.retraining import retrain
EventsWorker.set_client_override(AssertingEventsClient)
state = retrain(Path.cwd(), return_state=True)
EventsWorker.instance().drain()
events = [event for client in AssertingEventsClient.all for event in client.events]
told = [(event.event, event.payload.get("place")) for event in events]
print("TOLD " + json.dumps([f"{state.name}: {state.message}", told]))
"""


def retrained(root: Path) -> tuple[str, list[tuple[str, str]]]:
    """What the flow says that it did, and the incidents that were told on the way: kind and what of. In a process of
    its own, as a deployment runs it: how many threads TensorFlow has is settled once in each."""
    from prefect.settings import PREFECT_API_URL

    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    ran = subprocess.run([sys.executable, "-c", RETRAIN], cwd=root, env=environment, capture_output=True, text=True)
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("TOLD ")] or [""]
    assert line, ran.stdout + ran.stderr
    said, events = json.loads(line.removeprefix("TOLD "))
    kinds = {name: kind for kind, name in NAMES.items()}
    return said, [(kinds[event], place) for event, place in events if event in kinds]


def registry_of(root: Path) -> Registry:
    return Registry(root, schema.load(root / "params.yaml").promotion.model)


def test_what_comes_into_the_inbox_becomes_a_model_or_is_set_aside(project):
    said, told = retrained(project)
    assert said.startswith("Completed: Promoted, version 1"), said
    assert told == [("promoted", "model.sensegen")]
    models = registry_of(project)
    first = models.named(CHAMPION)

    # Nothing came: nothing is trained. A bad batch: it is told and set aside, and the champion stays.
    assert retrained(project) == (NOTHING, [])
    put(project / "inbox" / "bad" / "P5.csv", changed(as_of("P5", rows_of("P4")), "ax", 900.0))
    before = (project / "dvc.lock").read_bytes()
    said, told = retrained(project)
    assert said == NOTHING and told == [("batch_quarantined", "batch.bad")]
    assert "acceleration" in (project / "inbox" / "quarantine" / "bad" / "reason.txt").read_text(encoding="utf-8")
    assert (project / "dvc.lock").read_bytes() == before and models.named(CHAMPION) == first

    # A good one that differs: taken in, trained from the champion's weights on, and judged beside it.
    put(project / "inbox" / "good" / "P6.csv", as_of("P6", moved(rows_of("P4"))))
    said, told = retrained(project)
    second = models.named(CHALLENGER)
    assert second is not None and second.number == 2
    assert told[0] == ("drift", "batch.good")
    promoted = said.startswith("Completed: Promoted, version 2")
    assert promoted or said.startswith("Completed: Refused, version 2"), said
    assert told[1:] == [("promoted" if promoted else "promotion_refused", "model.sensegen")]
    assert models.named(CHAMPION) == (second if promoted else first)
    assert (project / "my_files" / "people" / "good" / "P6.csv").is_file() and not (project / "inbox" / "good").exists()
    warm = schema.load(project / "params.yaml").train_generator.warm_start
    assert warm is not None and (project / warm.model / "weights.safetensors").is_file()
    assert "P6" in (project / "artifacts" / "window" / "windows.json").read_text(encoding="utf-8")
    assert retrained(project) == (NOTHING, [])


def test_a_model_whose_judgement_was_cut_off_is_judged_the_next_time(project):
    models = registry_of(project)
    newest = models.versions()[0]
    models.client.delete_model_version_tag(models.model, newest.version, VERDICT)
    models.client.set_registered_model_alias(models.model, CHAMPION, "1")
    said, told = retrained(project)
    assert said.startswith(("Completed: Promoted, version 2", "Completed: Refused, version 2")), said
    assert len(told) == 1


def test_who_finds_the_folder_in_use_waits_for_his_turn(project):
    hold = "import sys, pathlib, time; from flows import workspace\n"
    hold += "with workspace.only_run(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(3)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", hold, str(project)]
    first = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None and first.stdout.readline() == "held\n"
    with pytest.raises(workspace.WorkspaceBusy), workspace.only_run(project):
        pass
    assert retrained(project)[0] == NOTHING
    assert first.wait() == 0
    first.stdout.close()
