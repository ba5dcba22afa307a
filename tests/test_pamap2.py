"""PAMAP2's files are read by the published format; the data itself was not at hand."""

from pathlib import Path

import numpy as np
import pytest

from sensegen.datasets import pamap2
from sensegen.params.datasets import Pamap2Params
from sensegen.recording import InvalidRecording, Recording

DATASET = Pamap2Params(name="pamap2")
# The first line of Protocol/subject101.dat, as quoted in public write-ups.
FIRST_LINE = (
    "8.38 0 104 30 2.37223 8.60074 3.51048 2.43954 8.76165 3.35465 -0.0922174 0.0568115 -0.0158445 14.6806 -69.2128 "
    "-5.58905 1 0 0 0 31.8125 0.23808 9.80003 -1.68896 0.265304 9.81549 -1.41344 -0.00506495 -0.00678097 -0.00566295 "
    "0.47196 -51.0499 43.2903 1 0 0 0 30.3125 9.65918 -1.65569 -0.0997967 9.64689 -1.55576 0.310404 0.00830026 "
    "0.00925038 -0.0175803 -61.1888 -38.9599 -58.1438 1 0 0 0"
)
SECONDS = {0: 3, 1: 11, 4: 12}  # of each activity in a made-up file


def published(folder: Path, subjects: tuple[str, ...] = ("101", "105")) -> Path:
    """Files in the published format: 100 Hz, a heart rate on every eleventh row, NaN on the others."""
    root = folder / pamap2.ROOT
    root.mkdir(parents=True)
    for subject in subjects:
        write(root / f"subject{subject}.dat", rows(np.random.default_rng(int(subject))))
    return root


def rows(draw: np.random.Generator, seconds: dict[int, int] = SECONDS) -> list[list[str]]:
    ids = np.repeat(list(seconds), np.array(list(seconds.values())) * 100)
    table = draw.normal(0, 1, (len(ids), 54))
    table[:, [pamap2.COLUMNS.index(f"{place}_acc_y") for place in pamap2.PLACES]] += 9.81
    table[:, 2] = np.where(np.arange(len(ids)) % 11 == 0, draw.uniform(60, 120, len(ids)).round(), np.nan)
    text = [[f"{value:.6g}" if value == value else "NaN" for value in row] for row in table.tolist()]
    for at, (row, activity) in enumerate(zip(text, ids.tolist(), strict=True)):
        row[:2] = [f"{8.38 + at / 100:.2f}", str(activity)]
    return text


def write(path: Path, table: list[list[str]]) -> None:
    path.write_text("".join(" ".join(row) + "\n" for row in table))


def small(folder: Path) -> tuple[Path, list[list[str]]]:
    """One file of a second, and its words."""
    root = folder / pamap2.ROOT
    root.mkdir(parents=True)
    table = rows(np.random.default_rng(0), {0: 1})
    write(root / "subject101.dat", table)
    return root / "subject101.dat", table


def read(folder: Path) -> list[Recording]:
    return [one for part in pamap2.parts(folder, DATASET) for one in pamap2.read(folder, DATASET, part)]


def test_the_published_first_line_is_read_into_the_right_channels(tmp_path):
    root = tmp_path / pamap2.ROOT
    root.mkdir(parents=True)
    (root / "subject101.dat").write_text(FIRST_LINE + "\n")
    (recording,) = read(tmp_path)
    first = {name: signal.values[0].tolist() for name, signal in recording.signals.items()}
    assert first == {
        "hand_acc": [2.37223, 8.60074, 3.51048],
        "hand_gyro": [-0.0922174, 0.0568115, -0.0158445],
        "hand_mag": [14.6806, -69.2128, -5.58905],
        "chest_acc": [0.23808, 9.80003, -1.68896],
        "chest_gyro": [-0.00506495, -0.00678097, -0.00566295],
        "chest_mag": [0.47196, -51.0499, 43.2903],
        "ankle_acc": [9.65918, -1.65569, -0.0997967],
        "ankle_gyro": [0.00830026, 0.00925038, -0.0175803],
        "ankle_mag": [-61.1888, -38.9599, -58.1438],
        "heart_rate": [104.0],
    }
    assert recording.activities[0].label == "transient"


def test_the_published_first_line_has_gravity_in_m_per_s2():
    words = [float(word) for word in FIRST_LINE.split()]
    for name, bounds in pamap2.SIGNALS.items():
        values = [words[pamap2.COLUMNS.index(channel)] for channel in bounds.channels]
        assert all(bounds.low <= value <= bounds.high for value in values)
        if bounds.gravity:
            assert 9.3 < np.linalg.norm(values) < 10.3, name


def test_activities_are_the_runs_of_one_id(tmp_path):
    published(tmp_path, ("101",))
    (recording,) = read(tmp_path)
    spans = [(one.label, round(one.start_s, 2), round(one.end_s, 2)) for one in recording.activities]
    assert spans == [("transient", 0, 3), ("lying", 3, 14), ("walking", 14, 26)]
    assert (recording.name, recording.subject) == ("101:protocol", "101")


def test_the_heart_rate_keeps_the_times_of_its_own_samples(tmp_path):
    published(tmp_path, ("101",))
    heart_rate = read(tmp_path)[0].signals["heart_rate"]
    assert np.isfinite(heart_rate.values).all()
    assert np.allclose(np.diff(heart_rate.times_s), 0.11)


def test_lost_samples_of_one_unit_are_dropped_from_that_unit_alone(tmp_path):
    path, table = small(tmp_path)
    hand = slice(3, 20)
    for row in table[40:50]:
        row[hand] = ["NaN"] * 17
    table[60][pamap2.COLUMNS.index("chest_gyro_y")] = "NaN"
    write(path, table)
    signals = read(tmp_path)[0].signals
    lengths = {name: len(signal.times_s) for name, signal in signals.items()}
    assert lengths.pop("heart_rate") == 10
    assert {name: count for name, count in lengths.items() if count != 100} == {
        "hand_acc": 90,
        "hand_gyro": 90,
        "hand_mag": 90,
        "chest_gyro": 99,
    }
    assert np.isclose(np.diff(signals["hand_acc"].times_s).max(), 0.11)


def test_an_infinite_value_is_left_for_validate_to_report(tmp_path):
    path, table = small(tmp_path)
    table[5][pamap2.COLUMNS.index("hand_acc_x")] = "inf"
    write(path, table)
    assert np.isinf(read(tmp_path)[0].signals["hand_acc"].values[5, 0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: row[:-1], r"line 8, column 53: a row must have 54 columns, but has 53"),
        (lambda row: [*row, "1"], r"line 8, column 55: a row must have 54 columns, but has 55"),
        (lambda row: [*row[:4], "word", *row[5:]], r"line 8, column 5 \(hand_acc_x\): 'word' is no number"),
        (lambda row: [row[0], "1.5", *row[2:]], r"line 8, column 2 \(activity\): '1\.5' is no whole number"),
        (lambda row: [row[0], "8", *row[2:]], r"line 8, column 2 \(activity\): must be one of .* but is 8"),
        (lambda row: [",".join(row)], r"line 8, column 1: a row must have 54 columns, but has 1; it holds ','"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, change, said):
    path, table = small(tmp_path)
    table[7] = change(table[7])
    write(path, table)
    with pytest.raises(InvalidRecording, match=r"subject101\.dat, " + said):
        read(tmp_path)


def test_a_file_cut_in_the_middle_of_a_row_is_refused(tmp_path):
    path, table = small(tmp_path)
    path.write_text(path.read_text()[: -len(" ".join(table[-1])) // 2])
    with pytest.raises(InvalidRecording, match=r"subject101\.dat, line 100, .* cut off"):
        read(tmp_path)


def test_a_sensor_without_any_sample_is_refused(tmp_path):
    path, table = small(tmp_path)
    for row in table:
        row[2] = "NaN"
    write(path, table)
    with pytest.raises(InvalidRecording, match="heart_rate has no sample at all"):
        read(tmp_path)


def test_an_empty_file_and_an_empty_folder_are_refused(tmp_path):
    path, _ = small(tmp_path)
    path.write_text("")
    with pytest.raises(InvalidRecording, match=r"subject101\.dat .*no rows"):
        read(tmp_path)
    path.unlink()
    with pytest.raises(InvalidRecording, match=r"must hold files such as subject101\.dat"):
        read(tmp_path)


def test_the_protocol_holds_twelve_activities_and_the_transient_one():
    assert len(pamap2.SOURCE.labels) == 13
    assert len(pamap2.COLUMNS) == 54 and len(pamap2.SOURCE.channels) == 28
