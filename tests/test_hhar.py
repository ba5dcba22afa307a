"""HHAR's many devices, clocks and spellings become recordings of one device each, and bad rows are named by line."""

import io
import os
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen import datasets, presets
from sensegen import params as schema
from sensegen.datasets import hhar, hhar_streams
from sensegen.fetching import archive, provenance
from sensegen.fetching.mirror import MIRROR_VARIABLE, NotInMirror
from sensegen.params import Params
from sensegen.params.datasets import HharParams
from sensegen.recording import InvalidRecording, Recording

ROOT = Path(__file__).parents[1]
HEADER = "Index,Arrival_Time,Creation_Time,x,y,z,User,Model,Device,gt"
ACTIVITY = HharParams(name="hhar", experiment="activity", clock="creation")
STILL = HharParams(name="hhar", experiment="still", clock="creation")
ARRIVAL_MS, UNIX_NS = 1_424_696_633_908, 1_424_696_631_913_248_572
RUNS = (("stand", 3.0), ("null", 3.0), ("walk", 4.0))


def stream(user: str, device: str, rate_hz: float = 100.0, first_tick: float = UNIX_NS, tick_s: float = 1e-9):
    """Rows of one device as the published files have them: lying still, with noise; ten seconds, three labels."""
    times_s = np.arange(round(10 * rate_hz)) / rate_hz
    values = np.random.default_rng(len(user + device)).normal((0, 0, 9.81), 0.1, (len(times_s), 3)).tolist()
    ends_s = np.cumsum([seconds for _, seconds in RUNS])
    labels = [RUNS[number][0] for number in np.searchsorted(ends_s, times_s, side="right")]
    lines = []
    for at, (time_s, xyz, label) in enumerate(zip(times_s, values, labels, strict=True)):
        tick = first_tick + round(time_s / tick_s)
        where = f"{at},{ARRIVAL_MS + round(time_s * 1000)},{tick}"
        lines.append(f"{where},{xyz[0]!r},{xyz[1]!r},{xyz[2]!r},{user},model,{device},{label}")
    return lines


def interleaved(*streams: list[str]) -> list[str]:
    rows = [(at / len(lines), line) for lines in streams for at, line in enumerate(lines)]
    return [line for _, line in sorted(rows, key=lambda row: row[0])]


def written(folder: Path, lines: list[str], name: str = "Phones_accelerometer.csv", root: str = hhar.WHOLE) -> Path:
    path = folder / root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    return path


def published(folder: Path) -> None:
    """Two people with two phones each in one file, their rows mixed, and a watch."""
    pairs = [("a", "nexus4_1", 200.0), ("a", "s3_1", 100.0), ("b", "nexus4_1", 200.0)]
    for sensor in ("accelerometer", "gyroscope"):
        written(folder, interleaved(*(stream(*pair) for pair in pairs)), f"Phones_{sensor}.csv")
        written(folder, stream("a", "gear_1", 100.0, 27_920_678_471_000), f"Watch_{sensor}.csv")


def read(folder: Path, dataset: HharParams = ACTIVITY) -> list[Recording]:
    return [one for part in hhar.parts(folder, dataset) for one in hhar.read(folder, dataset, part)]


def column(lines: list[str], number: int) -> list[float]:
    return [float(line.split(",")[number]) for line in lines]


def changed(lines: list[str], at: int, number: int, word: str) -> list[str]:
    words = lines[at].split(",")
    words[number] = word
    return [*lines[:at], ",".join(words), *lines[at + 1 :]]


# --- streams


def test_each_person_and_device_becomes_a_recording(tmp_path):
    published(tmp_path)
    recordings = read(tmp_path)
    root = "Activity recognition exp"
    assert [(recording.name, recording.subject) for recording in recordings] == [
        (f"{root}:Phones:a:nexus4_1", "a"),
        (f"{root}:Phones:a:s3_1", "a"),
        (f"{root}:Phones:b:nexus4_1", "b"),
        (f"{root}:Watch:a:gear_1", "a"),
    ]
    assert [recording.signals["acc"].rate_hz for recording in recordings] == pytest.approx([200, 100, 200, 100])


def test_values_of_a_mixed_file_are_those_of_the_text_bit_for_bit(tmp_path):
    lines = stream("b", "s3_1"), stream("a", "nexus4_1", 200.0)
    written(tmp_path, interleaved(*lines))
    for recording, rows in zip(read(tmp_path), lines[::-1], strict=True):
        values = recording.signals["acc"].values
        assert [values[:, axis].tolist() for axis in range(3)] == [column(rows, 3 + axis) for axis in range(3)]


def test_the_order_of_mixed_devices_does_not_matter(tmp_path):
    lines = stream("b", "s3_1"), stream("a", "nexus4_1")
    written(tmp_path / "one", interleaved(*lines))
    written(tmp_path / "two", [*lines[0], *lines[1]])
    for one, two in zip(read(tmp_path / "one"), read(tmp_path / "two"), strict=True):
        assert one.name == two.name and one.activities == two.activities
        assert np.array_equal(one.signals["acc"].values, two.signals["acc"].values)


def test_a_gyroscope_belongs_to_the_recording_of_its_device_and_shares_its_clock(tmp_path):
    written(tmp_path, interleaved(stream("a", "with"), stream("a", "without")))
    written(tmp_path, stream("a", "with", first_tick=UNIX_NS + 2_000_000), "Phones_gyroscope.csv")
    both, one = read(tmp_path)
    assert list(both.signals) == ["acc", "gyro"] and list(one.signals) == ["acc"]
    assert both.signals["acc"].times_s[0] == 0 and both.signals["gyro"].times_s[0] == pytest.approx(0.002, abs=1e-6)


def test_activities_are_the_runs_of_gt_and_null_is_one_of_them(tmp_path):
    written(tmp_path, stream("a", "nexus4_1"))
    (recording,) = read(tmp_path)
    spans = [(run.label, run.start_s, run.end_s) for run in recording.activities]
    assert [label for label, *_ in spans] == ["stand", "null", "walk"]
    assert np.array([span[1:] for span in spans]) == pytest.approx(np.array([[0, 3], [3, 6], [6, 10]]), abs=1e-5)


def test_long_streams_become_several_recordings_that_follow_each_other(tmp_path, monkeypatch):
    published(tmp_path)
    whole = read(tmp_path)
    monkeypatch.setattr(hhar_streams, "PIECE_SAMPLES", 600)
    pieces = read(tmp_path)
    assert [piece.name.rpartition(":")[2] for piece in pieces[:4]] == [
        "nexus4_1",
        "nexus4_1#2",
        "nexus4_1#3",
        "nexus4_1#4",
    ]
    assert len({piece.name for piece in pieces}) == len(pieces)
    for sensor in ("acc", "gyro"):
        lengths = [len(piece.signals[sensor].values) for piece in pieces if "a:nexus4_1" in piece.name]
        assert lengths == [600, 600, 600, 200]
        values = [piece.signals[sensor].values for piece in pieces]
        assert np.array_equal(np.concatenate(values), np.concatenate([one.signals[sensor].values for one in whole]))


def test_a_last_piece_of_a_few_rows_goes_with_the_one_before(tmp_path, monkeypatch):
    written(tmp_path, stream("a", "some")[:801])
    lying_still(tmp_path, "Phoneonback/x/y.csv", "Arrival_Time,Creation_Time,x,y,z", "{arrival},{creation},{xyz}")
    monkeypatch.setattr(hhar_streams, "PIECE_SAMPLES", 400)
    assert [len(piece.signals["acc"].values) for piece in read(tmp_path)] == [400, 401]
    monkeypatch.setattr(hhar_streams, "PIECE_SAMPLES", 149)
    assert [len(piece.signals["acc"].values) for piece in read(tmp_path, STILL)] == [149, 150]


def test_a_gyroscope_that_goes_on_alone_for_long_is_not_dropped_silently(tmp_path, monkeypatch):
    written(tmp_path, stream("a", "some")[:100])
    written(tmp_path, stream("a", "some"), "Phones_gyroscope.csv")
    assert len(read(tmp_path)[0].signals["gyro"].values) == 1000
    monkeypatch.setattr(hhar_streams, "PIECE_SAMPLES", 400)
    with pytest.raises(InvalidRecording, match=r"a:some: rows are left .*\{'gyro': 600\}"):
        read(tmp_path)


def test_nothing_is_left_of_the_temporary_files(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    published(tmp_path)
    reading = hhar.read(tmp_path, ACTIVITY, f"{hhar.WHOLE}:Phones")
    next(reading)
    assert list((tmp_path / "temporary").iterdir())
    reading.close()
    assert not list((tmp_path / "temporary").iterdir())


# --- clocks


@pytest.mark.parametrize(
    ("first_tick", "tick_s"), [(UNIX_NS, 1e-9), (877_284_102_000, 1e-9), (339_190_177, 1e-6), (ARRIVAL_MS, 1e-3)]
)
def test_the_unit_and_zero_of_creation_times_are_found(tmp_path, first_tick, tick_s):
    written(tmp_path, stream("a", "some", 100.0, first_tick, tick_s))
    (recording,) = read(tmp_path)
    assert recording.signals["acc"].times_s == pytest.approx(np.arange(1000) / 100, abs=1e-6)


def test_the_arrival_clock_is_taken_where_params_ask_for_it(tmp_path):
    lines = stream("a", "some")
    late = [line.replace(f",{ARRIVAL_MS + 50},", f",{ARRIVAL_MS + 60},") for line in lines]
    written(tmp_path, late)
    arrival = HharParams(name="hhar", experiment="activity", clock="arrival")
    assert read(tmp_path, arrival)[0].signals["acc"].times_s[:7].round(3).tolist() == [
        0,
        0.01,
        0.02,
        0.03,
        0.04,
        0.06,
        0.06,
    ]
    assert read(tmp_path)[0].signals["acc"].times_s[5] == pytest.approx(0.05, abs=1e-6)
    assert hhar.declare(arrival).disordered_share > hhar.declare(ACTIVITY).disordered_share


def test_what_a_spreadsheet_did_to_a_file_is_undone(tmp_path):
    lines = stream("a", "nexus4_1")
    rounded = [
        ",".join(
            f"{float(word):.14E}".replace("E+", "E+0") if at == 2 else word for at, word in enumerate(line.split(","))
        )
        for line in lines
    ]
    assert ".4246966319132" in rounded[0] and "E+018" in rounded[0]
    path = written(tmp_path / "spread", rounded)
    path.write_text(path.read_text().replace(",", "\t") + "\n")
    written(tmp_path / "good", lines)
    spread, good = read(tmp_path / "spread")[0], read(tmp_path / "good")[0]
    assert np.array_equal(spread.signals["acc"].values, good.signals["acc"].values)
    assert spread.signals["acc"].times_s == pytest.approx(good.signals["acc"].times_s, abs=1e-5)


def test_backward_and_repeated_times_are_passed_on_in_their_place(tmp_path):
    lines = stream("a", "nexus4_1")
    lines[5:7] = [lines[6], lines[5]]
    lines = changed(lines, 20, 2, lines[19].split(",")[2])
    written(tmp_path, lines)
    times_s = read(tmp_path)[0].signals["acc"].times_s
    assert np.flatnonzero(np.diff(times_s) <= 0).tolist() == [5, 19]


def test_the_index_is_not_needed_in_order(tmp_path):
    lines = stream("a", "nexus4_1")
    written(tmp_path, [f"{7919 * at % 1000},{line.partition(',')[2]}" for at, line in enumerate(lines)])
    assert read(tmp_path)[0].signals["acc"].times_s == pytest.approx(np.arange(1000) / 100, abs=1e-6)


def test_where_a_device_slept_its_clock_is_set_forward_and_being_late_is_no_sleep():
    clock_s = np.arange(1000) / 100
    asleep_s = np.where(clock_s >= 4, 30.0, 0.0)
    late_s = np.where((clock_s >= 7) & (clock_s < 9), 5.0, 0.0)
    found = hhar_streams.slept(clock_s + asleep_s + late_s, clock_s)
    assert found == pytest.approx(asleep_s)


@given(st.lists(st.tuples(st.floats(0.5, 3.0), st.floats(2.0, 500.0)), max_size=5), st.floats(0.0, 0.4))
@settings(deadline=None)
def test_sleep_is_found_however_the_arrivals_jitter(sleeps, jitter_s):
    clock_s = np.arange(2000) / 100
    asleep_s = np.zeros(2000)
    for awake_s, length_s in sleeps:
        asleep_s[clock_s >= np.clip(5 * awake_s, 0, 15)] += length_s
    arrival_s = clock_s + asleep_s + np.random.default_rng(0).uniform(0, jitter_s, 2000)
    assert hhar_streams.slept(arrival_s, clock_s) == pytest.approx(asleep_s, abs=0.5 * max(1, len(sleeps)))


def test_clocks_that_cannot_be_of_the_same_samples_are_refused(tmp_path):
    lines = stream("a", "some", 100.0, 0, 1.0 / 30)
    written(tmp_path, lines)
    with pytest.raises(InvalidRecording, match="a:some: Creation_Time has no known unit"):
        read(tmp_path)


# --- what is refused

BAD = {
    "a label": (9, "jump", r"Phones_accelerometer\.csv, line 12, column gt: it must be one of bike, .*but is 'jump'"),
    "a number": (3, "fast", r"Phones_accelerometer\.csv, line 12, column 4 \(x\): 'fast' is no number"),
    "a time that is not finite": (1, "nan", r"line 12, column Arrival_Time: a time must be finite, but is nan"),
    "a time that is no number": (2, "1.42469E+", r"line 12, column 3 \(Creation_Time\): '1.42469E\+' is no number"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_is_named_by_its_line(tmp_path, kind):
    number, word, message = BAD[kind]
    written(tmp_path, changed(stream("a", "some"), 10, number, word))
    with pytest.raises(InvalidRecording, match=message):
        read(tmp_path)


def test_another_header_is_answered_with_the_known_one(tmp_path):
    path = written(tmp_path, stream("a", "some"))
    path.write_text(path.read_text().replace("Arrival_Time", "Ankunft"))
    with pytest.raises(InvalidRecording, match=f"line 1: the header .* is another one. Known are '{HEADER}'"):
        read(tmp_path)


def test_a_file_that_was_cut_off_is_refused_and_the_watch_is_still_read(tmp_path):
    published(tmp_path)
    path = tmp_path / hhar.WHOLE / "Phones_gyroscope.csv"
    path.write_bytes(path.read_bytes()[:-2])
    phones, watch = hhar.parts(tmp_path, ACTIVITY)
    with pytest.raises(InvalidRecording, match=r"Phones_gyroscope\.csv, line 5001: .* cut off"):
        list(hhar.read(tmp_path, ACTIVITY, phones))
    assert len(list(hhar.read(tmp_path, ACTIVITY, watch))) == 1


def test_a_device_with_a_single_sample_is_refused(tmp_path):
    written(tmp_path, [*stream("a", "some"), stream("b", "other")[0]])
    with pytest.raises(InvalidRecording, match="b:other"):
        read(tmp_path)


def test_too_many_devices_are_refused_before_there_are_no_more_files_to_open(tmp_path):
    lines = [line for number in range(501) for line in stream("a", f"d{number}", 1.0)[:2]]
    written(tmp_path, lines)
    with pytest.raises(InvalidRecording, match="at most 500 pairs"):
        read(tmp_path)


def test_a_folder_without_files_is_named(tmp_path):
    for dataset, name in ((ACTIVITY, "Activity recognition exp"), (STILL, "Still exp")):
        with pytest.raises(InvalidRecording, match=f"{name} holds no CSV file"):
            hhar.parts(tmp_path, dataset)


def test_rows_of_the_excerpts_that_the_first_rows_cover_are_read_once(tmp_path):
    lines = stream("a", "nexus4_1")
    written(tmp_path, lines[:600])
    written(tmp_path, lines[400:], root=hhar.EXCERPTS)
    first, rest = read(tmp_path)
    assert len(first.signals["acc"].values) == 600
    assert rest.signals["acc"].values[:, 0].tolist() == column(lines[600:], 3)


# --- still

VARIANTS = {
    "Creation_Time,Sensor_Time,Arrival_Time,x,y,z": "{creation},7,{arrival},{xyz}",
    "Index,Arrival_Time,Creation_Time,x,y,z": "{at},{arrival},{creation},{xyz}",
    "Arrival_Time,Creation_Time,x,y,z": "{arrival},{creation},{xyz}",
}


def lying_still(folder: Path, name: str, header: str, row: str, end: str = "\r\n") -> Path:
    path = folder / hhar.STILL_ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        row.format(at=at, arrival=ARRIVAL_MS + 10 * at, creation=UNIX_NS + 10_000_000 * at, xyz=f"0.{at},0,9.8")
        for at in range(1, 300)
    ]
    path.write_bytes(end.join([header, *rows]).encode())
    return path


@pytest.mark.parametrize("header", VARIANTS)
@pytest.mark.parametrize("end", ["\r\n", ",\r\n"])
def test_every_header_of_the_still_experiment_gives_the_same(tmp_path, header, end):
    path = lying_still(tmp_path, "Phoneonback/it-139/LG-Nexus4.csv", header, VARIANTS[header], end)
    if end.startswith(","):
        path.write_bytes(path.read_bytes().replace(b",\r\n", b"\r\n", 1) + b",")
    (recording,) = read(tmp_path, STILL)
    assert (recording.name, recording.subject) == ("Phoneonback:it-139:LG-Nexus4", "it-139")
    assert recording.signals["acc"].times_s == pytest.approx(np.arange(299) / 100, abs=1e-6)
    assert recording.signals["acc"].values[:3].tolist() == [[0.1, 0, 9.8], [0.2, 0, 9.8], [0.3, 0, 9.8]]
    assert [run.label for run in recording.activities] == ["Phoneonback"]


def test_devices_without_a_name_of_their_own_are_told_apart_by_model(tmp_path):
    header = "Arrival_Time,Creation_Time,x,y,z"
    for name in (
        "no-name/LG-Nexus4.csv",
        "no-name/Samsung-Galaxy-Tab10.1.csv",
        "x-sense.csv",
        "iphone6_s/a_locked.csv",
    ):
        lying_still(tmp_path, f"Phoneonfront/{name}", header, VARIANTS[header])
    found = {recording.subject for recording in read(tmp_path, STILL)}
    assert found == {"no-name/LG-Nexus4", "no-name/Samsung-Galaxy-Tab10.1", "x-sense", "iphone6_s"}
    assert found <= set(hhar.declare(STILL).subjects)


def test_an_unknown_orientation_is_refused(tmp_path):
    header = "Arrival_Time,Creation_Time,x,y,z"
    lying_still(tmp_path, "Phoneonedge/it-139/LG-Nexus4.csv", header, VARIANTS[header])
    with pytest.raises(InvalidRecording, match=r"must lie in a folder of Phoneonback, .*, not in Phoneonedge"):
        read(tmp_path, STILL)


def test_the_still_experiment_has_no_gyroscope_to_ask_for():
    assert list(hhar.declare(STILL).signals) == ["acc"] and list(hhar.declare(ACTIVITY).signals) == ["acc", "gyro"]


# --- fetch


def params(experiment: str) -> Params:
    whole = schema.load(ROOT / "params.yaml")
    dataset = HharParams.model_validate({"name": "hhar", "experiment": experiment, "clock": "creation"})
    return whole.model_copy(update={"dataset": dataset})


def zipped(content: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in content.items():
            file.writestr(name, data)
    return buffer.getvalue()


def silently(done: int, total: int, text: str) -> None:
    pass


def test_the_whole_archive_is_preferred_and_its_checksums_are_told(tmp_path, monkeypatch):
    text = "\n".join([HEADER, *stream("c", "s3_1"), ""]).encode()
    inner = zipped({f"{hhar.WHOLE}/Phones_accelerometer.csv": text, "__MACOSX/._Phones_accelerometer.csv": b"x"})
    (tmp_path / "hhar").mkdir()
    outer = zipped({f"{hhar.WHOLE}.zip": inner, f"{hhar.STILL_ROOT}.zip": zipped({"Still exp/readme.txt": b""})})
    (tmp_path / "hhar" / hhar.NAME).write_bytes(outer)
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path))
    hhar.fetch(tmp_path / "raw", params("activity"), silently, tmp_path / "downloads")
    assert [recording.subject for recording in read(tmp_path / "raw")] == ["c"]
    told = provenance.record("hhar", hhar.SOURCE, tmp_path / "raw")["files"]
    assert list(told) == ["Activity recognition exp/Phones_accelerometer.csv"]
    with pytest.raises(archive.ArchiveError, match=r"holds no file that ends with \.csv"):
        hhar.fetch(tmp_path / "still", params("still"), silently, tmp_path / "downloads")


def test_a_mirror_with_nothing_of_it_is_told_what_to_hold(tmp_path, monkeypatch):
    (tmp_path / "hhar").mkdir()
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path))
    with pytest.raises(NotInMirror) as told:
        hhar.fetch(tmp_path / "raw", params("still"), silently, tmp_path / "downloads")
    assert "hhar_still_exp_subset.zip" in str(told.value) and hhar.NAME in str(told.value)


@pytest.mark.parametrize("name", ["hhar", "hhar_still"])
def test_the_presets_ask_for_nothing_that_the_dataset_has_not(name):
    text = presets.applied((ROOT / "params.yaml").read_text(encoding="utf-8"), presets.read(ROOT / "presets", name))
    asked = schema.check(yaml.safe_load(text))
    assert isinstance(asked.dataset, HharParams) and datasets.check(asked) == hhar.declare(asked.dataset)


# --- the real excerpts


@pytest.fixture(scope="module")
def real_folder(tmp_path_factory):
    """The known excerpts, out of SENSEGEN_MIRROR or a folder of copies beside the project."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    mirror = os.environ.get(MIRROR_VARIABLE) or str(beside)
    if "://" not in mirror and not (Path(mirror) / "hhar" / hhar.FIRST_ROWS.name).is_file():
        pytest.skip(f"no HHAR excerpts in {mirror}; set {MIRROR_VARIABLE} to a folder that holds them")
    folder = tmp_path_factory.mktemp("hhar")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(MIRROR_VARIABLE, mirror)
        for experiment in ("activity", "still"):
            hhar.fetch(folder / experiment, params(experiment), silently, folder / "downloads")
    return folder


@pytest.mark.real_data
def test_the_real_activity_excerpts_hold_what_was_counted(real_folder):
    recordings = read(real_folder / "activity")
    assert [len(recording.signals["acc"].values) for recording in recordings] == [10_000, 10_000, 6_006]
    assert [len(recording.signals["gyro"].values) for recording in recordings] == [10_000, 10_000, 6_006]
    assert [round(recording.signals["acc"].rate_hz) for recording in recordings] == [199, 101, 199]
    assert recordings[0].begins_s == 1424696633.908  # Unix time of the first arrival: 23 February 2015
    labels = [[run.label for run in recording.activities] for recording in recordings]
    assert labels[:2] == [["stand"], ["stand", "null", "sit"]]
    assert labels[2] == ["sit", "null", "walk", "stairsup", "stairsdown", "stairsup", "bike"]


@pytest.mark.real_data
def test_the_real_backward_steps_are_within_what_is_declared(real_folder):
    for clock in ("creation", "arrival"):
        for experiment in ("activity", "still"):
            dataset = HharParams.model_validate({"name": "hhar", "experiment": experiment, "clock": clock})
            source = hhar.declare(dataset)
            for recording in read(real_folder / experiment, dataset):
                for name, signal in recording.signals.items():
                    assert (np.diff(signal.times_s) <= 0).mean() <= source.disordered_share
                    bounds = source.signals[name]
                    assert bounds.rate_hz <= signal.rate_hz <= bounds.highest_rate_hz
                    assert (signal.values >= bounds.low).all() and (signal.values <= bounds.high).all()


@pytest.mark.real_data
def test_the_sleep_of_the_real_watch_is_put_back_in(real_folder):
    watch = next(recording for recording in read(real_folder / "activity") if "gear_1" in recording.name)
    for signal in watch.signals.values():
        assert np.ptp(signal.times_s) == pytest.approx(538, abs=2)  # by its own clock 135 s
        assert 30 < np.diff(signal.times_s).max() < 38


@pytest.mark.real_data
def test_the_real_devices_lie_still_at_their_rates(real_folder):
    recordings = read(real_folder / "still", STILL)
    assert sum(len(recording.signals["acc"].values) for recording in recordings) == 796_671
    labels = Counter(run.label for recording in recordings for run in recording.activities)
    assert labels == {"Phoneonback": 39, "Phoneonfront": 30}
    assert {recording.subject for recording in recordings} == set(hhar.declare(STILL).subjects)
    rates = {recording.name.split(":")[-1]: recording.signals["acc"].rate_hz for recording in recordings}
    assert rates["HTC-Nexus-One"] == pytest.approx(23, abs=2) and rates["LG_G-Watch"] == pytest.approx(201, abs=1)
    assert rates["x-sense"] == pytest.approx(100) and rates["iphone-6_s_locked"] == pytest.approx(102, abs=2)


@pytest.mark.real_data
def test_every_real_norm_but_that_of_a_dead_sensor_is_gravity(real_folder):
    for recording in read(real_folder / "still", STILL):
        values = recording.signals["acc"].values
        assert 8.4 < np.linalg.norm(values, axis=1).mean() < 11
        dead = bool((values == values[0]).all())
        assert dead == (recording.name == "Phoneonfront:SamsungGalaxyTab10.1:Samsung-Galaxy-Tab10.1")
