"""DSADS: segments are joined exactly where they follow one another, and whatever is wrong in one is named."""

import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from sensegen import datasets, presets
from sensegen import params as schema
from sensegen.datasets import dsads
from sensegen.fetching import archive
from sensegen.fetching.mirror import MIRROR_VARIABLE
from sensegen.fetching.provenance import sha256
from sensegen.fetching.transfer import Patience
from sensegen.params.datasets import DsadsParams
from sensegen.recording import Activity, InvalidRecording, Recording
from sensegen.source import Member

ROOT = Path(__file__).parents[1]
DSADS = DsadsParams(name="dsads")
PARTS = ("a01_p1", "a05_p2", "a15_p4")  # joined, never joined, joined but for one break


def published(folder: Path, parts: tuple[str, ...] = PARTS) -> Path:
    """A small data set in the published format: comma-separated, five significant digits."""
    draw = np.random.default_rng(0)
    for part in parts:
        place = folder / dsads.ROOT / part[:3] / part[4:]
        place.mkdir(parents=True)
        for number in range(1, dsads.SEGMENTS + 1):
            rows = draw.normal(0, 0.5, (dsads.SEGMENT_SAMPLES, 45)).tolist()
            text = "".join(",".join(f"{value:.5g}" for value in row) + "\n" for row in rows)
            (place / f"s{number:02}.txt").write_text(text, encoding="utf-8")
    return folder / dsads.ROOT


def read(folder: Path, part: str) -> list[Recording]:
    return list(dsads.read(folder, DSADS, part))


def text_values(place: Path, numbers: range) -> np.ndarray:
    lines = [line for number in numbers for line in (place / f"s{number:02}.txt").read_text().split()]
    return np.array([[float(word) for word in line.split(",")] for line in lines])


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return published(tmp_path_factory.mktemp("dsads")).parent


def test_what_one_person_did_of_one_activity_is_a_part(made):
    assert dsads.parts(made, DSADS) == PARTS


def test_twenty_segments_make_a_recording_of_100_seconds_bit_for_bit(made):
    (recording,) = read(made, "a01_p1")
    values = np.concatenate([signal.values for signal in recording.signals.values()], axis=1)
    assert np.array_equal(values, text_values(made / "data" / "a01" / "p1", range(1, 21)))
    assert (recording.name, recording.subject) == ("a01_p1", "p1")
    assert recording.activities == (Activity("SITTING", 0.0, 100.0),)
    for signal in recording.signals.values():
        assert signal.times_s.tolist() == [at / 25 for at in range(2500)]


def test_columns_are_named_by_unit_sensor_and_axis_in_the_published_order():
    channels = dsads.SOURCE.channels
    assert len(channels) == len(set(channels)) == 45
    assert channels[:9] == tuple(f"torso_{sensor}_{axis}" for sensor in ("acc", "gyro", "mag") for axis in "xyz")
    assert channels[9::9] == ("right_arm_acc_x", "left_arm_acc_x", "right_leg_acc_x", "left_leg_acc_x")


def test_on_stairs_every_segment_is_a_recording(made):
    recordings = read(made, "a05_p2")
    assert [recording.name for recording in recordings] == [f"a05_p2_s{number:02}" for number in range(1, 21)]
    place = made / "data" / "a05" / "p2"
    for number, recording in enumerate(recordings, start=1):
        assert recording.subject == "p2"
        assert recording.activities == (Activity("ASCENDING_STAIRS", 0.0, 5.0),)
        expected = text_values(place, range(number, number + 1))[:, 9:12]
        assert np.array_equal(recording.signals["right_arm_acc"].values, expected)


def test_a_recording_ends_where_segments_do_not_follow_one_another(made):
    before, after = read(made, "a15_p4")
    assert (before.name, after.name) == ("a15_p4_s01", "a15_p4_s13")
    assert [recording.activities[0].end_s for recording in (before, after)] == [60.0, 40.0]
    expected = text_values(made / "data" / "a15" / "p4", range(13, 21))[:, :3]
    assert np.array_equal(after.signals["torso_acc"].values, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda words: words[:-1], "line 7: a row must have 45 numbers, but has 44"),
        (lambda words: [*words, "0.5"], "line 7: a row must have 45 numbers, but has 46"),
        (lambda words: [*words, ""], "line 7: '' is no number"),
        (lambda words: [*words[:4], "word", *words[5:]], "line 7: 'word' is no number"),
        (lambda words: [" ".join(words)], "is no number"),
        (lambda words: [*words[:4], "\ufffd", *words[5:]], "line 7: '\ufffd' is no number"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, change, message):
    published(tmp_path, ("a01_p1",))
    path = tmp_path / "data" / "a01" / "p1" / "s03.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[6] = ",".join(change(lines[6].split(",")))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InvalidRecording, match=rf"s03\.txt, line 7: .*{re.escape(message.removeprefix('line 7: '))}"):
        read(tmp_path, "a01_p1")


def test_a_segment_that_is_short_missing_or_empty_is_named(tmp_path):
    published(tmp_path, ("a01_p1",))
    path = tmp_path / "data" / "a01" / "p1" / "s20.txt"
    text = path.read_text(encoding="utf-8")
    path.write_text("".join(text.splitlines(keepends=True)[:-1]), encoding="utf-8")
    with pytest.raises(InvalidRecording, match=r"s20\.txt must have 125 rows, but has 124"):
        read(tmp_path, "a01_p1")
    path.write_text(text[:-30], encoding="utf-8")
    with pytest.raises(InvalidRecording, match=r"s20\.txt, line 125: a row must have 45 numbers, but has"):
        read(tmp_path, "a01_p1")
    path.write_text("", encoding="utf-8")
    with pytest.raises(InvalidRecording, match=r"s20\.txt is empty"):
        read(tmp_path, "a01_p1")
    path.unlink()
    with pytest.raises(InvalidRecording, match=r"s20\.txt is missing"):
        read(tmp_path, "a01_p1")


@pytest.mark.parametrize("part", ["a20_p1", "a00_p1", "a01_p5"])
def test_an_unknown_activity_or_person_is_refused(tmp_path, part):
    published(tmp_path, (part,))
    assert dsads.parts(tmp_path, DSADS) == (part,)
    with pytest.raises(InvalidRecording, match=r"activity from a01 to a19 and a person of p1, p2, p3, p4"):
        read(tmp_path, part)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(InvalidRecording, match=r"holds no folder such as a01/p1"):
        dsads.parts(tmp_path, DSADS)


def test_every_segment_of_four_people_has_a_known_checksum_and_no_other_has():
    paths = {member.path for member in dsads.SOURCE.archives[0].members}
    assert paths == {
        f"data/a{activity:02}/p{person}/s{segment:02}.txt"
        for activity in range(1, 20)
        for person in range(1, 5)
        for segment in range(1, 21)
    }


def test_segments_without_a_known_checksum_stay_in_the_archive(tmp_path, monkeypatch):
    root = published(tmp_path / "made", ("a01_p1", "a01_p2"))
    packed = tmp_path / "mirror" / "dsads" / "dsads_subset.zip"
    packed.parent.mkdir(parents=True)
    paths = sorted(root.rglob("*.txt"))
    with zipfile.ZipFile(packed, "w") as file:
        for path in paths:
            file.write(path, path.relative_to(root.parent).as_posix())
    known = tuple(
        Member(path.relative_to(root.parent).as_posix(), sha256(path)) for path in paths if "p1" in path.parts
    )
    source = replace(dsads.SOURCE, archives=(replace(dsads.SOURCE.archives[0], members=known),))
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    patience = Patience(attempts=1, timeout_seconds=5.0)
    asked = archive.Request("dsads", source, tmp_path / "downloads", patience, lambda done, total, text: None)
    archive.fetch(asked, tmp_path / "raw")
    assert dsads.parts(tmp_path / "raw", DSADS) == ("a01_p1",)


def test_the_preset_asks_for_what_the_dataset_has():
    text = presets.applied((ROOT / "params.yaml").read_text(encoding="utf-8"), presets.read(ROOT / "presets", "dsads"))
    assert datasets.check(schema.check(yaml.safe_load(text))) == dsads.SOURCE


# --- the real data


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> list[Recording]:
    """The recordings out of the archive in SENSEGEN_MIRROR, or in a folder of copies beside the project."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    mirror = os.environ.get(MIRROR_VARIABLE) or str(beside)
    names = (dsads.SOURCE.archives[0].name, *dsads.SOURCE.archives[0].copies)
    if "://" not in mirror and not any((Path(mirror) / "dsads" / name).is_file() for name in names):
        pytest.skip(f"no DSADS archive in {mirror}; set {MIRROR_VARIABLE} to a folder that holds one")
    folder = tmp_path_factory.mktemp("dsads")
    patience = Patience(attempts=1, timeout_seconds=5.0)
    asked = archive.Request("dsads", dsads.SOURCE, folder / "downloads", patience, lambda done, total, text: None)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(MIRROR_VARIABLE, mirror)
        archive.fetch(asked, folder / "raw")
    return list(datasets.read_all(folder / "raw", DSADS))


@pytest.mark.real_data
def test_the_real_segments_are_all_there_once(real):
    assert sum(len(recording.signals["torso_acc"].times_s) for recording in real) == 190_000
    seconds: dict[tuple[str, str], float] = {}
    for recording in real:
        key = (recording.subject, recording.activities[0].label)
        seconds[key] = seconds.get(key, 0.0) + recording.activities[0].end_s
    assert len(seconds) == 4 * 19 and set(seconds.values()) == {100.0}
    assert len({recording.signals["torso_acc"].values.tobytes() for recording in real}) == len(real) == 250


@pytest.mark.real_data
def test_every_real_value_lies_within_the_declared_bounds(real):
    for recording in real:
        for name, signal in recording.signals.items():
            bounds = dsads.SOURCE.signals[name]
            assert (signal.values >= bounds.low).all() and (signal.values <= bounds.high).all()


@pytest.mark.real_data
def test_real_people_who_sit_feel_one_g_in_every_unit(real):
    for recording in real:
        if recording.activities[0].label == "SITTING":
            for name, signal in recording.signals.items():
                if dsads.SOURCE.signals[name].gravity:
                    assert np.linalg.norm(signal.values, axis=1).mean() == pytest.approx(9.81, rel=0.01)


@pytest.mark.real_data
def test_real_joins_within_recordings_are_as_smooth_as_the_inside_of_segments(real):
    """Steps at joins are no larger than steps elsewhere: the median step is at the median, half lie above it."""
    shares = []
    for recording in real:
        values = np.concatenate([signal.values for signal in recording.signals.values()], axis=1)
        steps = np.abs(np.diff(values, axis=0))
        joins = np.arange(dsads.SEGMENT_SAMPLES - 1, len(steps), dsads.SEGMENT_SAMPLES)
        inside = np.delete(steps, joins, axis=0)
        size = np.median(steps / (np.median(inside, axis=0) + 1e-6), axis=1)
        shares += [(np.delete(size, joins) >= size[join]).mean() for join in joins]
    assert len(shares) == 1273 - 3
    assert np.mean(np.array(shares) < 0.01) < 0.02
    assert 0.4 < np.median(shares) < 0.6
