"""`sensegen inspect` guesses what a file holds from its names and values, and its draft reads the file."""

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

from flows.cli import app
from sensegen import description, drafting, units
from sensegen.datasets import file_pieces, file_recordings
from sensegen.drafting import guessing, profile, showing, sniffing, writing_down
from sensegen.drafting.guessing import Guess
from sensegen.recording import InvalidRecording, Recording

RATE_HZ = 50.0
SAMPLES = 500
UNIX_S = 1_424_696_633.9
ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "my_files" / "example"
MIRROR = os.environ.get("SENSEGEN_MIRROR", "")


def acceleration(one_g: float, seed: int = 0) -> np.ndarray:
    """(time, 3): a body near rest, gravity mostly along z."""
    return np.random.default_rng(seed).normal([0.1, -0.3, 0.95], 0.05, (SAMPLES, 3)) * one_g


def turning(unit: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1.5, (SAMPLES, 3)) * unit


def times(unit_s: float, start_s: float = UNIX_S) -> list[str]:
    return [str(round((start_s + at / RATE_HZ) / unit_s)) for at in range(SAMPLES)]


def written(folder: Path, header: list[str], *columns: object, separator: str = ",", name: str = "p1.csv") -> Path:
    cells = [column.T if isinstance(column, np.ndarray) and column.ndim == 2 else [column] for column in columns]
    flat = [one for column in cells for one in column]
    lines = [separator.join(map(str, row)) for row in zip(*flat, strict=True)]
    path = folder / name
    path.write_text("\n".join([*([separator.join(header)] if header else []), *lines]) + "\n", encoding="utf-8")
    return path


def guessed(path: Path) -> Guess:
    return guessing.guess(profile.profile(path, sniffing.sniff(path)))


def drafted(path: Path) -> tuple[str, list[Recording]]:
    """The draft, and what it reads."""
    seen = profile.profile(path, sniffing.sniff(path))
    text = writing_down.draft(seen, guessing.guess(seen), path.parent / "draft.yaml")
    part = file_pieces.Part(path.parent, path.name, description.parse(text, "draft.yaml"), {})
    return text, list(file_recordings.read(part))


# --- units


@pytest.mark.parametrize(("unit", "one_g"), [("g", 1.0), ("m/s2", 9.80665), ("g/64", 64.0), ("mg", 1000.0)])
def test_gravity_tells_the_unit_of_an_acceleration(tmp_path, unit, one_g):
    path = written(tmp_path, ["ms", "ax", "ay", "az"], times(1e-3), acceleration(one_g))
    (sensor,) = guessed(path).sensors
    assert (sensor.unit, sensor.gravity) == (unit, True)
    assert sensor.low < acceleration(one_g).min() and sensor.high > acceleration(one_g).max()


@pytest.mark.parametrize(("unit", "factor"), [("rad/s", 1.0), ("deg/s", 180 / np.pi)])
def test_the_largest_value_tells_the_unit_of_a_gyroscope(tmp_path, unit, factor):
    path = written(tmp_path, ["ms", "gyro_x", "gyro_y", "gyro_z"], times(1e-3), turning(factor))
    (sensor,) = guessed(path).sensors
    assert (sensor.unit, sensor.gravity) == (unit, False)


def test_what_is_not_gravity_is_not_called_so(tmp_path):
    path = written(tmp_path, ["ms", "x", "y", "z"], times(1e-3), turning(1.0))
    (sensor,) = guessed(path).sensors
    assert sensor.unit is None and "not gravity's" in sensor.why


def test_a_norm_near_one_beside_an_acceleration_in_m_s2_is_not_taken_for_g(tmp_path):
    header = [f"{sensor}_{axis}" for sensor in ("a", "b") for axis in "xyz"]
    path = written(tmp_path, ["ms", *header], times(1e-3), acceleration(9.81), acceleration(1.0))
    assert [sensor.unit for sensor in guessed(path).sensors] == ["m/s2", None]


def test_named_columns_get_their_unit_only_if_the_values_fit(tmp_path):
    heart, odd = np.full(SAMPLES, 71), np.full(SAMPLES, 5000)
    sensors = guessed(written(tmp_path, ["ms", "hr", "temp"], times(1e-3), heart, odd)).sensors
    assert [(sensor.name, sensor.unit) for sensor in sensors] == [("hr", "bpm"), ("temp", None)]


# --- clocks


@pytest.mark.parametrize(("unit", "unit_s"), [("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)])
def test_unix_time_tells_its_unit_by_its_size(tmp_path, unit, unit_s):
    stamps = times(unit_s) if unit_s < 1 else [f"{UNIX_S + at / RATE_HZ:.3f}" for at in range(SAMPLES)]
    found = guessed(written(tmp_path, ["Creation_Time", "x", "y", "z"], stamps, acceleration(1.0)))
    assert (found.clocks[0].unit, found.clocks[0].sure) == (unit, True)
    assert found.clocks[0].rate_hz == pytest.approx(RATE_HZ, rel=0.01)
    assert found.sensors[0].rate_hz == RATE_HZ


def test_a_clock_since_boot_gets_the_unit_in_which_it_agrees_with_unix_time(tmp_path):
    # 1.7e12 ns since boot looks like Unix ms, but for its steps.
    boot = [str(1_733_750_000_000 + at * 20_000_000) for at in range(SAMPLES)]
    path = written(tmp_path, ["Arrival_Time", "Creation_Time", "x", "y", "z"], times(1e-3), boot, acceleration(1.0))
    assert {clock.column: clock.unit for clock in guessed(path).clocks} == {"Arrival_Time": "ms", "Creation_Time": "ns"}


def test_dates_are_a_clock(tmp_path):
    dates = [f"{1 + at % 28:02}/{1 + at // 28:02}/2005" for at in range(300)]
    (clock,) = guessed(written(tmp_path, ["Date", "cases"], dates, np.arange(300) % 7)).clocks
    assert clock.unit == "%d/%m/%Y"
    assert 1 / clock.rate_hz == pytest.approx(24 * 3600)


def test_gaps_repeats_and_backward_steps_are_counted(tmp_path):
    stamps = np.arange(SAMPLES) * 20.0
    stamps[100:] += 5000
    stamps[200], stamps[300] = stamps[199], stamps[298]
    (clock,) = guessed(written(tmp_path, ["ms", "x", "y", "z"], stamps, acceleration(1.0))).clocks
    assert (clock.gaps, clock.repeated, clock.backward) == (1, 1, 1)
    assert clock.longest_gap_s == pytest.approx(5.02)


def test_two_interleaved_clocks_are_remarked_on(tmp_path):
    stamps = np.arange(SAMPLES) * 20.0 + np.arange(SAMPLES) % 2 * 1e6
    found = guessed(written(tmp_path, ["time_ms", "x", "y", "z"], stamps, acceleration(1.0)))
    assert any("time_ms does not go on in 249 of 499 steps. Are there two devices" in one for one in found.remarks)


def test_a_row_number_is_no_clock_and_no_signal(tmp_path):
    found = guessed(written(tmp_path, ["Index", "x", "y", "z"], np.arange(SAMPLES), acceleration(1.0)))
    assert found.clocks == [] and found.ignored == {"Index": "counts rows"}


# --- layout and words


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", "|"])
def test_any_separator_is_found_and_the_draft_reads_every_value(tmp_path, separator):
    values = acceleration(9.81)
    path = written(tmp_path, ["ms", "x", "y", "z"], times(1e-3), values, separator=separator)
    _, (recording,) = drafted(path)
    assert np.array_equal(recording.signals["acceleration"].values, values)


def test_decimal_commas_trailing_separators_and_lines_above_the_header_are_seen(tmp_path):
    lines = [f"{at * 20};{at / 10:.1f};{1 + at % 3}.5;9.25;".replace(".", ",") for at in range(SAMPLES)]
    path = tmp_path / "p1.csv"
    path.write_text("\n".join(["exported by a logger", "ms;x;y;z", *lines]) + "\n", encoding="utf-8")
    text, (recording,) = drafted(path)
    assert '"skipped_lines": 1' in text and '"decimal_point": ","' in text and '"trailing_separator": true' in text
    (signal,) = recording.signals.values()
    assert signal.values[3].tolist() == [0.3, 1.5, 9.25]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_marks_of_other_systems_and_quotes_are_read(tmp_path, end):
    lines = ['"ms","x","y","z","gt"', *(f'{at * 20},0.1,0.2,{0.9 + at / 1000:.3f},"at, home"' for at in range(100))]
    (tmp_path / "p1.csv").write_bytes(b"\xef\xbb\xbf" + end.join([*lines, ""]).encode())
    _, (recording,) = drafted(tmp_path / "p1.csv")
    assert recording.signals["acceleration"].values[50].tolist() == [0.1, 0.2, 0.95]
    assert {activity.label for activity in recording.activities} == {"at, home"}


def test_a_file_without_header_gets_numbered_columns(tmp_path):
    values = acceleration(1.0)
    text, (recording,) = drafted(written(tmp_path, [], values))
    assert '"columns": ["column_1", "column_2", "column_3"]' in text and "nothing in the file tells it" in text
    assert np.array_equal(recording.signals["acceleration"].values, values)


def test_an_empatica_export_tells_its_rate(tmp_path):
    path = tmp_path / "ACC.csv"
    lines = ["1539435366.0,1539435366.0,1539435366.0", "32.0,32.0,32.0", *["10,20,60"] * 40]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _, (recording,) = drafted(path)
    signal = recording.signals["acceleration"]
    assert (signal.rate_hz, signal.unit, len(signal.values)) == (32.0, "g", 40)
    assert signal.values[0].tolist() == [10 / 64, 20 / 64, 60 / 64]


def test_people_devices_and_labels_are_found_by_name_and_make_recordings(tmp_path):
    who = ["anna"] * 250 + ["ben"] * 250
    device = (["phone"] * 125 + ["watch"] * 125) * 2
    gt = ["sit", "walk"] * (SAMPLES // 2)
    header = ["ms", "x", "y", "z", "User", "Device", "gt"]
    path = written(tmp_path, header, times(1e-3), acceleration(1.0), who, device, gt)
    found = guessed(path)
    assert (found.subject, found.devices, found.label) == ("User", ["Device"], "gt")
    text, recordings = drafted(path)
    assert 'labels: ["sit", "walk"]' in text
    assert [recording.name for recording in recordings] == [
        f"p1.csv:{one}/{other}" for one in ("anna", "ben") for other in ("phone", "watch")
    ]


def test_a_parquet_file_is_drafted_too(tmp_path):
    values = acceleration(1.0)
    stamps = pa.array(np.arange(SAMPLES) * 20_000, pa.timestamp("us"))
    columns = {"when": stamps, "x": values[:, 0], "y": values[:, 1], "z": values[:, 2]}
    pq.write_table(pa.table(columns), tmp_path / "p1.parquet")
    _, (recording,) = drafted(tmp_path / "p1.parquet")
    assert np.array_equal(recording.signals["acceleration"].values, values)
    assert recording.signals["acceleration"].rate_hz == RATE_HZ


def test_a_large_file_is_looked_at_in_bounded_memory_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(profile, "KEPT_ROWS", 100)
    monkeypatch.setattr("sensegen.delimited.blocks.CHUNK_BYTES", 4096)
    path = written(tmp_path, ["ms", "x", "y", "z", "gt"], times(1e-3), acceleration(1.0), ["a"] * 450 + ["b"] * 50)
    console = Console(record=True, width=140)
    drafting.inspect(path, console)
    told = console.export_text()
    assert "numbers below are of the first 100 rows" in told and "gt: a 450, b 50" in told


def test_a_file_that_breaks_off_in_the_middle_is_drafted_as_far_as_it_goes(tmp_path, monkeypatch):
    monkeypatch.setattr("sensegen.delimited.blocks.CHUNK_BYTES", 4096)
    monkeypatch.setattr(sniffing, "HEAD_BYTES", 4096)
    path = written(tmp_path, ["ms", "x", "y", "z"], times(1e-3), acceleration(1.0))
    path.write_text(path.read_text() + "a word\n", encoding="utf-8")
    console = Console(record=True, width=200)
    drafting.inspect(path, console)
    told = console.export_text()
    assert "the file cannot be read further" in told and f"p1.csv, line {SAMPLES + 2}, column 1" in told
    assert "signal acceleration (x, y, z): g, 50 Hz" in told


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x00\x01\x02\n" * 9, "null bytes"),
        (b"caf\xe9,1\n" * 9, "line 1: .* is no UTF-8"),
        (b"x\n", "1 line"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    (tmp_path / "odd.bin").write_bytes(content)
    with pytest.raises(InvalidRecording, match=message):
        sniffing.sniff(tmp_path / "odd.bin")


# --- the page and the command


def test_a_sparkline_rises_with_the_signal():
    line = showing.sparkline(np.arange(1000.0))
    assert len(line) == showing.PLOT_WIDTH
    assert [*line] == sorted(line) and line[0] == showing.BARS[0] and line[-1] == showing.BARS[-1]


def test_a_sparkline_leaves_out_what_is_lost():
    values = np.concatenate([np.zeros(32), np.full(32, np.nan), np.ones(32)])
    assert showing.sparkline(values).count(" ") in (10, 11)


def test_the_command_writes_a_draft_once(tmp_path):
    path = written(tmp_path, ["ms", "x", "y", "z"], times(1e-3), acceleration(1.0))
    target = tmp_path / "mine" / "description.yaml"
    told = CliRunner().invoke(app, ["inspect", str(path), "--write", str(target)])
    assert told.exit_code == 0 and "signal acceleration (x, y, z): g, 50 Hz" in told.output
    read = description.load(target)
    assert (target.parent / read.folder / read.files).resolve() == path.resolve()
    again = CliRunner().invoke(app, ["inspect", str(path), "--write", str(target)])
    assert again.exit_code == 1 and "is there already" in again.output


def test_the_command_says_what_is_wrong_with_a_file_in_one_line(tmp_path):
    told = CliRunner().invoke(app, ["inspect", str(tmp_path / "nothing.csv")])
    assert told.exit_code == 1
    assert told.output.strip().endswith("cannot be read: No such file or directory.")


def test_the_walk_through_shows_what_the_command_prints(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "80")
    told = CliRunner().invoke(app, ["inspect", "my_files/example/phone_log.csv"]).output
    printed = {line.rstrip() for line in told.splitlines()}
    document = (ROOT / "docs" / "your_own_files.md").read_text(encoding="utf-8")
    shown = document.split("```\n$ sensegen inspect", 1)[1].split("```", 1)[0].splitlines()[1:]
    assert len(shown) > 10
    assert [line for line in shown if line not in printed and line != "..." and "Draft written" not in line] == []


def test_the_draft_of_the_example_reads_as_the_description_that_came_of_it(tmp_path):
    text, recordings = drafted(Path(shutil.copy(EXAMPLE / "phone_log.csv", tmp_path)))
    edited = description.load(EXAMPLE / "description.yaml")
    part = file_pieces.Part(EXAMPLE, "phone_log.csv", edited, {})
    assert "rate_hz: 25" in text
    for one, other in zip(recordings, file_recordings.read(part), strict=True):
        assert (one.name, one.subject, one.activities) == (other.name, other.subject, other.activities)
        values = one.signals["acceleration"].values / units.STANDARD_GRAVITY
        assert np.allclose(values, other.signals["acceleration"].values)


# --- real files


@pytest.mark.real_data
@pytest.mark.skipif(not Path(MIRROR, "hhar").is_dir() or not MIRROR, reason="needs SENSEGEN_MIRROR with hhar")
def test_real_phones_and_watches_are_understood(tmp_path):
    archive = Path(MIRROR, "hhar", "hhar_activity_recognition_exp_first_10000_rows.zip")
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(tmp_path)
    seen = {}
    for path in sorted(tmp_path.rglob("*.csv")):
        found = guessed(path)
        (sensor,) = found.sensors
        clocks = {clock.column: clock.unit for clock in found.clocks}
        assert clocks == {"Creation_Time": "ns", "Arrival_Time": "ms"}
        assert (found.label, found.subject, found.devices) == ("gt", "User", ["Model", "Device"])
        seen[path.stem] = (sensor.unit, sensor.rate_hz, found.clocks[0].backward)
    assert seen == {
        "Phones_accelerometer": ("m/s2", 200.0, 287),
        "Phones_gyroscope": ("rad/s", 200.0, 307),
        "Watch_accelerometer": ("m/s2", 100.0, 132),
        "Watch_gyroscope": ("rad/s", 100.0, 153),
    }
