"""New recordings: batches that pass the gate are taken in, others are set aside with the reason; nothing is lost."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import succeed
from phone_log import as_of, changed, describe, moved, put, rows_of

from flows.deploying import inbox
from sensegen import params as schema
from sensegen.params import InvalidParams

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A project of three people whose recordings have passed the gate."""
    root = tmp_path_factory.mktemp("template")
    for name in ("dvc.yaml", "sensegen", "stages", "flows"):
        (root / name).symlink_to(ROOT / name)
    describe(root)
    succeed(root, "download", "validate")
    return root


@pytest.fixture
def project(template, tmp_path, monkeypatch) -> Path:
    root = tmp_path / "project"
    shutil.copytree(template, root, symlinks=True, ignore=shutil.ignore_patterns("mlruns"))
    monkeypatch.chdir(root)
    return root


def take_in(root: Path) -> inbox.Came:
    return inbox.take_in(root, schema.load(root / "params.yaml"))


@pytest.mark.slow
@pytest.mark.chosen
def test_a_batch_that_passes_stands_beside_the_others_and_its_drift_says_whether_to_train(project):
    other = put(project / "inbox" / "second" / "P4.csv", rows_of("P4"))
    content = other.read_bytes()
    came = take_in(project)
    (batch,) = came.batches
    assert batch.refused is None and batch.folder == project / "my_files" / "people" / "second"
    assert (batch.folder / "P4.csv").read_bytes() == content and not other.exists()
    assert came.retrain == (batch.drift > 0.1)
    turned = put(project / "inbox" / "third" / "P5.csv", as_of("P5", moved(rows_of("P4"))))
    came = take_in(project)
    assert came.retrain and came.batches[0].drift > batch.drift and not turned.exists()
    assert take_in(project).retrain  # until a training has ended, though nothing comes any more
    succeed(project, "download", "validate")  # and the pipeline finds what came


def test_nothing_new_is_nothing_to_train_on(project):
    assert take_in(project) == inbox.Came((), False)
    put(project / "inbox" / ".being_written" / "P4.csv", rows_of("P4"))
    assert not take_in(project).retrain


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (changed(rows_of("P4"), "ax", 900.0), "acceleration"),
        (changed(rows_of("P4"), "timestamp_ms", 1e9, share=0.5), "time"),
        ([cells[:3] for cells in rows_of("P4")], "line 2"),
        ([], ""),
    ],
    ids=["out of the sensor's range", "clock that jumps", "cut off", "empty"],
)
def test_a_bad_batch_is_set_aside_with_its_reason_and_the_rest_stays_as_it_was(project, rows, said):
    before = hashes(project / "my_files")
    bad = put(project / "inbox" / "bad" / "P4.csv", rows)
    content = bad.read_bytes()
    came = take_in(project)
    (batch,) = came.batches
    assert batch.refused and not came.retrain
    assert batch.folder == project / "inbox" / "quarantine" / "bad"
    assert (batch.folder / "P4.csv").read_bytes() == content
    reason = (batch.folder / "reason.txt").read_text(encoding="utf-8")
    assert said in reason and str(project) not in reason
    assert hashes(project / "my_files") == before


def test_recordings_that_are_there_already_are_set_aside_whatever_they_are_called(project):
    put(project / "inbox" / "again" / "P9.csv", as_of("P9", rows_of("P1")))
    (batch,) = take_in(project).batches
    assert batch.refused and "the same values as" in batch.refused


def test_ten_bad_batches_in_a_row_lose_nothing_and_the_good_one_after_them_is_taken_in(project):
    for number in range(10):
        put(project / "inbox" / f"bad{number}" / "P4.csv", changed(rows_of("P4"), "ax", 900.0 + number))
    put(project / "inbox" / "good" / "P4.csv", rows_of("P4"))
    came = take_in(project)
    assert [batch.refused is None for batch in came.batches] == [False] * 10 + [True]
    assert len(list((project / "inbox" / "quarantine").iterdir())) == 10
    put(project / "inbox" / "bad0" / "P4.csv", changed(rows_of("P4"), "ax", 900.0))
    assert take_in(project).batches[0].folder.name == "bad0-2"


def test_a_batch_that_leads_out_of_its_folder_is_set_aside_and_nothing_there_is_read_or_written(project):
    secret = put(project / "elsewhere" / "P4.csv", rows_of("P4"))
    (project / "inbox" / "file").mkdir(parents=True)
    (project / "inbox" / "file" / "P4.csv").symlink_to(secret)
    put(project / "inbox" / "folder" / "P5.csv", as_of("P5", rows_of("P4")))
    (project / "inbox" / "folder" / "more").symlink_to(secret.parent)
    (project / "inbox" / "whole").symlink_to(secret.parent)
    before = hashes(project / "my_files")
    batches = take_in(project).batches
    named = {batch.name: batch.refused.partition(" is a link")[0] for batch in batches}
    assert named == {"file": "file/P4.csv", "folder": "folder/more", "whole": "whole/whole"}
    assert all((batch.folder / "reason.txt").is_file() for batch in batches)
    assert [path.name for path in secret.parent.iterdir()] == ["P4.csv"] and hashes(project / "my_files") == before
    assert not any((project / "inbox" / name).is_symlink() for name in named)


CUT = """
import os, signal, sys
from pathlib import Path
from flows.deploying import inbox
from sensegen import params as schema
root = Path(sys.argv[1])
inbox.take_in(root, schema.load(root / "params.yaml"), lambda batch: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.slow
@pytest.mark.chosen
@pytest.mark.parametrize("added", [0.0, 900.0], ids=["good", "bad"])
def test_a_batch_whose_setting_aside_was_cut_off_is_set_aside_and_told_the_next_time(project, added):
    content = put(project / "inbox" / "new" / "P4.csv", changed(rows_of("P4"), "ax", added)).read_bytes()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    cut = subprocess.run([sys.executable, "-c", CUT, str(project)], cwd=project, env=environment)
    assert cut.returncode == -signal.SIGKILL
    assert (project / "inbox" / "new" / "P4.csv").read_bytes() == content
    told: list[inbox.Batch] = []
    (batch,) = inbox.take_in(project, schema.load(project / "params.yaml"), told.append).batches
    assert told == [batch] and (batch.folder / "P4.csv").read_bytes() == content
    assert bool(batch.refused) == bool(added) == (batch.folder / "reason.txt").exists()
    assert not (project / "inbox" / "new").exists()


def test_a_name_that_was_taken_in_before_and_a_description_that_finds_no_batch_are_refused(project):
    put(project / "inbox" / "first" / "P4.csv", rows_of("P4"))
    assert "taken in before" in take_in(project).batches[0].refused
    path = project / "my_files" / "people" / "description.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("'**/*.csv'", "first/*.csv"), encoding="utf-8")
    put(project / "inbox" / "second" / "P4.csv", rows_of("P4"))
    with pytest.raises(InvalidParams, match=r"begin with \*\*/"):
        take_in(project)
    assert (project / "inbox" / "second" / "P4.csv").exists()  # it is not the batch that is wrong


def test_a_data_set_that_takes_no_files_refuses_what_waits(project):
    put(project / "inbox" / "second" / "P4.csv", rows_of("P4"))
    (project / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(InvalidParams, match="takes no new recordings"):
        take_in(project)
    assert (project / "inbox" / "second" / "P4.csv").exists()


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
