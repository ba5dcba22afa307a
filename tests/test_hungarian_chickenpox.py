"""Weekly cases are read as published, by whole weeks, out of an archive or plain files."""

import hashlib
import os
import shutil
import threading
import zipfile
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import yaml

from sensegen import datasets, labelling, presets
from sensegen import params as schema
from sensegen.datasets import hungarian_chickenpox as chickenpox
from sensegen.fetching import archive
from sensegen.fetching.mirror import MIRROR_VARIABLE
from sensegen.fetching.provenance import sha256
from sensegen.fetching.transfer import CHUNK_BYTES, Patience
from sensegen.params.datasets import HungarianChickenpoxParams
from sensegen.recording import InvalidRecording, Recording
from sensegen.source import Source

ROOT = Path(__file__).parents[1]
DATASET = HungarianChickenpoxParams(name="hungarian_chickenpox")


def published(folder: Path, weeks: int = chickenpox.WEEKS) -> Path:
    """A file of cases in the published format; the other file is not read."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    lines = ["Date," + ",".join(chickenpox.COUNTIES)]
    for week, counts in enumerate(draw.integers(0, 480, (weeks, len(chickenpox.COUNTIES))).tolist()):
        day = date(2005, 1, 3) + timedelta(weeks=week)
        lines.append(f"{day:%d/%m/%Y}," + ",".join(map(str, counts)))
    (folder / chickenpox.CASES).write_text("\n".join(lines) + "\n")
    (folder / chickenpox.EDGES).write_text("name_1,name_2,id_1,id_2\nBACS,JASZ,0,10\n")
    return folder / chickenpox.CASES


def read(folder: Path) -> Recording:
    (part,) = chickenpox.parts(folder, DATASET)
    (recording,) = chickenpox.read(folder, DATASET, part)
    return recording


def test_counts_come_by_week_and_county_as_written(tmp_path):
    path = published(tmp_path, weeks=60)
    recording = read(tmp_path)
    cases = recording.signals["cases"]
    rows = [line.split(",")[1:] for line in path.read_text().splitlines()]
    assert [name.upper() for name in cases.channels] == rows[0]
    assert cases.values.tolist() == [[float(word) for word in row] for row in rows[1:]]
    assert (np.diff(cases.times_s) == 7 * 24 * 3600).all() and cases.times_s[0] == 0


def test_the_one_activity_covers_every_week_and_is_unlabelled(tmp_path):
    published(tmp_path)
    recording = read(tmp_path)
    (activity,) = recording.activities
    assert (recording.subject, activity.label) == ("hungary", "unlabelled")
    assert not chickenpox.SOURCE.labelled
    assert activity.end_s == 522 * chickenpox.WEEK_SECONDS


@pytest.mark.parametrize(
    ("row", "change", "said"),
    [
        (
            5,
            lambda line: "07/02/2005" + line[10:],
            r"line 6, column 1 \(Date\): 07/02/2005 must be seven days after 24",
        ),
        (5, lambda line: "24/01/2005" + line[10:], r"line 6, column 1 \(Date\): .* but is 0"),
        (1, lambda line: "2005-01-03" + line[10:], r"line 2, column 1 \(Date\): must be a date dd/mm/yyyy"),
        (1, lambda line: "03/01/05" + line[10:], r"line 2, column 1 \(Date\): must be a date dd/mm/yyyy"),
        (3, lambda line: line.rpartition(",")[0], r"line 4, column 20: a row must have 21 columns, but has 20"),
        (3, lambda line: line.rpartition(",")[0] + ",few", r"line 4, column 21 \(ZALA\): 'few' is no whole number"),
        (3, lambda line: line.rpartition(",")[0] + ",", r"line 4, column 21 \(ZALA\): '' is no whole number"),
        (3, lambda line: line.replace(",", ";"), r"line 4, column 1: a row must have 21 columns, .*';' beside"),
        (0, lambda line: line.replace("ZALA", "ZALA,TOTAL"), r"line 1: the header .* is another one"),
        (0, lambda line: "03/01/2005" + ",1" * 20, r"line 1: a header must stand here.* it is missing"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, row, change, said):
    path = published(tmp_path, weeks=10)
    lines = path.read_text().splitlines()
    lines[row] = change(lines[row])
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InvalidRecording, match=r"hungary_chickenpox\.csv, " + said):
        read(tmp_path)


def test_a_file_cut_in_the_middle_of_a_number_is_refused(tmp_path):
    path = published(tmp_path, weeks=10)
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InvalidRecording, match=r"line 11: the file ends within the line"):
        read(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidRecording, match=r"hungary_chickenpox\.csv is missing"):
        chickenpox.parts(tmp_path, DATASET)


# --- the preset


@pytest.fixture(scope="module")
def preset():
    text = presets.applied((ROOT / "params.yaml").read_text(), presets.read(ROOT / "presets", "hungarian_chickenpox"))
    return schema.check(yaml.safe_load(text))


def test_the_preset_means_26_weeks_one_each_week(preset):
    assert preset.window.rate_hz == chickenpox.SOURCE.signals["cases"].rate_hz
    assert labelling.window_length(preset.window) == 26
    assert labelling.window_stride(preset.window) == 1
    assert datasets.check(preset) == chickenpox.SOURCE


# --- plain files in a mirror, an archive, other line ends


def fetch(folder: Path, source: Source) -> Path:
    patience = Patience(attempts=1, timeout_seconds=5.0)
    asked = ("hungarian_chickenpox", source, folder / "downloads", patience)
    archive.fetch(archive.Request(*asked, lambda done, total, text: None), folder / "raw")
    assert not [path for path in (folder / "downloads").rglob("*") if path.is_file()]
    return folder / "raw"


def mirrored(tmp_path: Path) -> tuple[Path, Source]:
    """A mirror with plain files, and the source with their sums."""
    here = tmp_path / "mirror" / "hungarian_chickenpox"
    published(here, weeks=30)
    (official,) = chickenpox.SOURCE.archives
    members = tuple(replace(member, sha256=sha256(here / member.path)) for member in official.members)
    return here, replace(chickenpox.SOURCE, archives=(replace(official, members=members),))


def as_plain_files(here: Path) -> None:
    pass


def as_archive(here: Path) -> None:
    with zipfile.ZipFile(here / "hungarian+chickenpox+cases.zip", "w") as file:
        for name in (chickenpox.CASES, chickenpox.EDGES):
            file.write(here / name, name)
            (here / name).unlink()


def with_crlf(here: Path) -> None:
    for name in (chickenpox.CASES, chickenpox.EDGES):
        (here / name).write_bytes((here / name).read_bytes().replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("shape", [as_plain_files, as_archive, with_crlf])
@pytest.mark.parametrize("over_http", [False, True])
def test_a_mirror_may_hold_plain_files_or_an_archive_with_any_line_ends(tmp_path, monkeypatch, shape, over_http):
    here, source = mirrored(tmp_path)
    shape(here)
    address = tmp_path / "mirror"
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(address))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv(MIRROR_VARIABLE, host if over_http else str(address))
        raw = fetch(tmp_path, source)
        server.shutdown()
    files = {path.name: sha256(path) for path in raw.iterdir()}
    assert files == {member.path: member.sha256 for member in source.archives[0].members}


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and prints nothing."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_line_end_across_two_chunks_is_one(tmp_path, monkeypatch):
    here, source = mirrored(tmp_path)
    text = b"x" * (CHUNK_BYTES - 1) + b"\r\n" + b"y\r\nz\r"
    (here / chickenpox.EDGES).write_bytes(text)
    (official,) = source.archives
    edges = replace(official.members[1], sha256=hashlib.sha256(text.replace(b"\r\n", b"\n")).hexdigest())
    source = replace(source, archives=(replace(official, members=(official.members[0], edges)),))
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    assert (fetch(tmp_path, source) / chickenpox.EDGES).read_bytes() == text.replace(b"\r\n", b"\n")


def test_a_changed_plain_file_is_refused_and_the_mirror_stays_as_it_is(tmp_path, monkeypatch):
    here, source = mirrored(tmp_path)
    path = here / chickenpox.CASES
    path.write_bytes(path.read_bytes().replace(b"2005", b"2006", 1))
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    with pytest.raises(archive.ArchiveError, match=r"hungary_chickenpox\.csv must have sha256"):
        fetch(tmp_path, source)
    assert path.is_file() and (here / chickenpox.EDGES).is_file()


def test_a_mirror_that_lacks_one_plain_file_does_not_hold_the_archive(tmp_path, monkeypatch):
    here, source = mirrored(tmp_path)
    (here / chickenpox.EDGES).unlink()
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    with pytest.raises(archive.ArchiveError, match="does not hold the archive"):
        fetch(tmp_path, source)


def test_an_official_address_may_be_that_of_the_member_itself(tmp_path, monkeypatch):
    here, source = mirrored(tmp_path)
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(here))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        plain = tuple(
            replace(source.archives[0], url=f"http://127.0.0.1:{server.server_port}/{member.path}", members=(member,))
            for member in source.archives[0].members
        )
        raw = fetch(tmp_path, replace(source, archives=plain))
        server.shutdown()
    assert sorted(path.name for path in raw.iterdir()) == sorted([chickenpox.CASES, chickenpox.EDGES])


# --- the real file


@pytest.fixture(scope="module")
def real_folder(tmp_path_factory):
    """Both files out of SENSEGEN_MIRROR."""
    mirror = os.environ.get(MIRROR_VARIABLE, "")
    if not (Path(mirror) / "hungarian_chickenpox" / chickenpox.CASES).is_file():
        pytest.skip(f"set {MIRROR_VARIABLE} to a folder with hungarian_chickenpox/{chickenpox.CASES}")
    folder = tmp_path_factory.mktemp("hungarian_chickenpox")
    yield fetch(folder, chickenpox.SOURCE)
    shutil.rmtree(folder)


@pytest.mark.real_data
def test_the_real_cases_are_those_that_were_counted(real_folder):
    values = read(real_folder).signals["cases"].values
    assert values.shape == (522, 20)
    assert (values.min(), values.max(), (values == 0).sum()) == (0, 479, 451)
    assert values[0, :5].tolist() == [168, 79, 30, 173, 169]
    assert (values == values.round()).all()
