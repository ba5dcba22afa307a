"""Sessions of an Empatica E4 are read as exported, with their offsets, and labelled for the exam alone."""

import hashlib
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sensegen.datasets import empatica_e4, exam_stress
from sensegen.fetching import archive, provenance
from sensegen.fetching.mirror import MIRROR_VARIABLE
from sensegen.fetching.transfer import Patience
from sensegen.params.datasets import ExamStressParams
from sensegen.recording import InvalidRecording, Recording
from sensegen.source import Source

EXAM = ExamStressParams(name="exam_stress", label="exam")
GRADE = ExamStressParams(name="exam_stress", label="grade")
SUMMER_8_59 = 1539439140.0  # 13 October 2018, 8:59 in Houston, which is UTC-5
WINTER_8_30 = 1541860200.0  # 10 November 2018, 8:30 in Houston, which is UTC-6
GRADES = (
    "GRADES - MIDTERM 1\n------------------\n\nS01 \x96 78\nS08 \x96 80\n\n\n"
    "GRADES - MIDTERM 2\n------------------\n\nS01 \x96 79.5\nS08 \x96 92\n\n"
    "GRADES - FINAL (OUT OF 200)\n---------------------------\n\nS01 \x96 158\nS08 \x96 160\n"
)
SESSION = Path("S1") / "Midterm 1"


def exported(folder: Path) -> Path:
    """Two sessions in the format of the export, long enough for a midterm; grades with the dash of Windows."""
    export(folder / "S1" / "Midterm 1", SUMMER_8_59, seconds=5500)
    export(folder / "S8" / "Midterm 2", WINTER_8_30, seconds=7300)
    (folder / exam_stress.GRADES).write_bytes(GRADES.encode("latin-1"))
    return folder


def export(folder: Path, start_s: float, seconds: int) -> None:
    folder.mkdir(parents=True)
    draw = np.random.default_rng(0)
    stream(folder / "BVP.csv", start_s, 64, np.round(draw.normal(0, 50, (seconds * 64, 1)), 2), "%.2f")
    stream(folder / "ACC.csv", start_s, 32, draw.integers(-128, 128, (seconds * 32, 3)), "%d")
    stream(folder / "EDA.csv", start_s, 4, draw.uniform(0, 3, (seconds * 4, 1)), "%.6f")
    stream(folder / "TEMP.csv", start_s, 4, draw.uniform(25, 30, (seconds * 4 - 2, 1)), "%.2f")
    stream(folder / "HR.csv", start_s + 10, 1, draw.uniform(60, 110, (seconds - 9, 1)), "%.2f")


def stream(path: Path, start_s: float, rate_hz: float, values: np.ndarray, number: str) -> None:
    """A file of the export: start and rate once a column, then a line a sample."""
    columns = values.shape[1]
    header = [", ".join([f"{one:.6f}"] * columns) for one in (start_s, rate_hz)]
    row = ",".join([number] * columns)
    path.write_text("\n".join([*header, *(row % tuple(sample) for sample in values.tolist())]) + "\n")


def short(folder: Path) -> Path:
    """One short session that reaches into its exam: the folder of its streams."""
    export(folder / SESSION, SUMMER_8_59, seconds=90)
    (folder / exam_stress.GRADES).write_bytes(GRADES.encode("latin-1"))
    return folder / SESSION


def read(folder: Path, dataset: ExamStressParams = EXAM) -> list[Recording]:
    return [one for part in exam_stress.parts(folder, dataset) for one in exam_stress.read(folder, dataset, part)]


def test_a_session_is_a_part_by_student_and_exam(tmp_path):
    for name in ("S10/Midterm 1", "S8/Midterm 2", "S8/Midterm 1", "S2/Midterm 1"):
        (tmp_path / name).mkdir(parents=True)
    assert exam_stress.parts(tmp_path, EXAM) == ("S8:midterm_1", "S8:midterm_2", "S10:midterm_1")


def test_streams_keep_their_rates_and_offsets(tmp_path):
    short(tmp_path)
    (recording,) = read(tmp_path)
    begins = {name: signal.times_s[0] for name, signal in recording.signals.items()}
    assert begins == {"bvp": 0.0, "acc": 0.0, "eda": 0.0, "temperature": 0.0, "heart_rate": 10.0}
    for signal in recording.signals.values():
        assert np.allclose(np.diff(signal.times_s), 1 / signal.rate_hz)
    assert recording.signals["temperature"].times_s[-1] == recording.signals["eda"].times_s[-1] - 0.5


def test_a_stream_that_begins_first_is_time_zero(tmp_path):
    folder = short(tmp_path)
    stream(folder / "EDA.csv", SUMMER_8_59 - 2, 4, np.ones((100, 1)), "%.6f")
    (recording,) = read(tmp_path)
    assert recording.signals["eda"].times_s[0] == 0 and recording.signals["bvp"].times_s[0] == 2
    assert recording.activities[0].start_s == 62


def test_acceleration_is_in_g(tmp_path):
    folder = short(tmp_path)
    stream(folder / "ACC.csv", SUMMER_8_59, 32, np.array([[-128, 64, 0]] * 2880), "%d")
    (recording,) = read(tmp_path)
    assert recording.signals["acc"].values[0].tolist() == [-2.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("start_s", "begin_s"), [(SUMMER_8_59, 60.0), (WINTER_8_30, 1800.0)], ids=["daylight saving", "winter"]
)
def test_the_exam_begins_at_nine_local_time(tmp_path, start_s, begin_s):
    export(tmp_path / SESSION, start_s, seconds=1900)
    (recording,) = read(tmp_path)
    (activity,) = recording.activities
    assert (activity.label, activity.start_s) == ("midterm_1", begin_s)
    assert activity.end_s == max(signal.times_s[-1] for signal in recording.signals.values())


def test_the_label_ends_with_the_exam(tmp_path):
    exported(tmp_path)
    spans = [(one.name, one.activities[0].start_s, one.activities[0].end_s) for one in read(tmp_path)]
    assert spans == [("S1:midterm_1", 60.0, 5460.0), ("S8:midterm_2", 1800.0, 7200.0)]


def test_a_session_that_ends_before_the_exam_is_refused(tmp_path):
    export(tmp_path / SESSION, SUMMER_8_59, seconds=50)
    with pytest.raises(InvalidRecording, match=r"S1:midterm_1: the session must reach into the exam"):
        read(tmp_path)


def test_grades_are_percent_and_eighty_is_high(tmp_path):
    exported(tmp_path)
    grades = exam_stress.read_grades(tmp_path / exam_stress.GRADES)
    assert grades["S1", "final"] == 79.0 and grades["S8", "final"] == 80.0 and grades["S8", "midterm_1"] == 80.0
    assert [one.activities[0].label for one in read(tmp_path, GRADE)] == ["low", "high"]
    assert exam_stress.declare(GRADE).labels == ("low", "high")


def test_a_line_that_is_no_grade_is_named(tmp_path):
    path = tmp_path / exam_stress.GRADES
    path.write_bytes(GRADES.replace("78", "C+").encode("latin-1"))
    with pytest.raises(InvalidRecording, match=r"StudentGrades\.txt, line 4: neither a heading nor a grade"):
        exam_stress.read_grades(path)


def test_a_missing_grade_is_named(tmp_path):
    short(tmp_path)
    (tmp_path / exam_stress.GRADES).write_bytes(GRADES.replace("S01", "S02").encode("latin-1"))
    with pytest.raises(InvalidRecording, match="holds no grade of S1 in midterm_1"):
        read(tmp_path, GRADE)


def damage(path: Path, number: int, line: str | None) -> None:
    """Put another line in the place of one, counted from one, or take it out."""
    lines = path.read_text().splitlines(keepends=True)
    lines[number - 1 : number] = [] if line is None else [line]
    path.write_text("".join(lines))


@pytest.mark.parametrize(
    ("file", "number", "line", "said"),
    [
        ("BVP.csv", 2, "0.000000\n", r"BVP\.csv, line 2: the rate must be above 0 Hz, but is 0"),
        ("EDA.csv", 2, "-4.000000\n", r"EDA\.csv, line 2: the rate must be above 0 Hz, but is -4"),
        ("HR.csv", 2, "nan\n", r"HR\.csv, line 2: the header must hold the rate"),
        ("TEMP.csv", 1, None, r"TEMP\.csv, line 1: .*Unix seconds, but this is 4\. Is the header missing\?"),
        ("ACC.csv", 1, "1539439140.0,1539439140.0\n", r"ACC\.csv, line 1: .* once a column \(3\)"),
        ("ACC.csv", 2, "32.0, 32.0, 31.0\n", r"ACC\.csv, line 2: .* once a column \(3\)"),
        ("BVP.csv", 7, "word\n", r"BVP\.csv, line 7, column 1 \(bvp\): 'word' is no number"),
        ("EDA.csv", 3, "0,5\n", r"EDA\.csv, line 3, column 2: a row must have 1 columns, but has 2"),
        ("ACC.csv", 9, "1,2\n", r"ACC\.csv, line 9, column 2: a row must have 3 columns, but has 2"),
        ("ACC.csv", 9, "1;2;3\n", r"ACC\.csv, line 9"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path, file, number, line, said):
    damage(short(tmp_path) / file, number, line)
    with pytest.raises(InvalidRecording, match=said):
        read(tmp_path)


@pytest.mark.parametrize("file", ["ACC.csv", "BVP.csv", "HR.csv"])
def test_a_file_cut_in_the_middle_of_a_row_is_refused(tmp_path, file):
    path = short(tmp_path) / file
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InvalidRecording, match=rf"{file}, line \d+: the file ends within the line"):
        read(tmp_path)


@pytest.mark.parametrize("text", ["", "1539439140.0\n", "1539439140.0\n1.0\n"])
def test_a_file_without_samples_is_refused(tmp_path, text):
    (short(tmp_path) / "HR.csv").write_text(text)
    with pytest.raises(InvalidRecording, match=r"HR\.csv.*(no rows|Is the header missing)"):
        read(tmp_path)


@pytest.mark.parametrize("file", [f"{name}.csv" for name in empatica_e4.FILES.values()])
def test_a_missing_stream_is_named(tmp_path, file):
    (short(tmp_path) / file).unlink()
    with pytest.raises(InvalidRecording, match=rf"{file} is missing, but a session needs BVP\.csv, ACC\.csv"):
        read(tmp_path)


def test_a_stream_of_another_session_is_refused(tmp_path):
    damage(short(tmp_path) / "EDA.csv", 1, "1539539140.000000\n")
    with pytest.raises(InvalidRecording, match=r"EDA\.csv, line 1: starts at 1539539140, when \w+\.csv has ended"):
        read(tmp_path)


def test_events_are_no_signals_and_need_not_be_there(tmp_path):
    short(tmp_path)
    assert not list(tmp_path.rglob("IBI.csv")) and not list(tmp_path.rglob("tags.csv"))
    assert list(read(tmp_path)[0].signals) == ["bvp", "acc", "eda", "temperature", "heart_rate"]


def test_a_folder_without_sessions_is_refused(tmp_path):
    with pytest.raises(InvalidRecording, match="must hold sessions such as S1/Midterm 1"):
        exam_stress.parts(tmp_path, EXAM)


def test_the_verified_sessions_are_of_five_students_and_no_final():
    assert exam_stress.SOURCE.subjects == ("S1", "S4", "S6", "S8", "S10")
    assert exam_stress.SOURCE.labels == ("midterm_1", "midterm_2")
    assert len(exam_stress.SHA256) == 6 * 5


def packed(folder: Path, monkeypatch) -> Source:
    """A mirror laid out as the official site: `Data.zip`, its files with CRLF, and the grades beside it."""
    here = folder / "mirror" / exam_stress.MIRROR_FOLDER
    here.mkdir(parents=True)
    sums = {}
    with zipfile.ZipFile(here / "Data.zip", "w") as file:
        for path in exam_stress.SHA256:
            text = path.encode() + b"\r\n"
            file.writestr(path, text)
            sums[path] = hashlib.sha256(text.replace(b"\r\n", b"\n")).hexdigest()
    (here / exam_stress.GRADES).write_bytes(GRADES.encode("latin-1").replace(b"\n", b"\r\n"))
    sums[exam_stress.GRADES] = hashlib.sha256(GRADES.encode("latin-1")).hexdigest()
    monkeypatch.setenv(MIRROR_VARIABLE, str(folder / "mirror"))
    archives = [
        replace(one, members=tuple(replace(member, sha256=sums[member.path]) for member in one.members))
        for one in exam_stress.SOURCE.archives
    ]
    return replace(exam_stress.SOURCE, archives=tuple(archives))


def fetch(folder: Path, source: Source) -> Path:
    patience = Patience(attempts=1, timeout_seconds=5.0)
    asked = (exam_stress.MIRROR_FOLDER, source, folder / "downloads", patience)
    archive.fetch(archive.Request(*asked, lambda done, total, text: None), folder / "raw")
    return folder / "raw"


def test_the_official_layout_with_crlf_gives_the_same_bytes(tmp_path, monkeypatch):
    raw = fetch(tmp_path, packed(tmp_path, monkeypatch))
    assert (raw / "S1" / "Midterm 1" / "BVP.csv").read_bytes() == b"S1/Midterm 1/BVP.csv\n"
    assert (raw / exam_stress.GRADES).read_bytes() == GRADES.encode("latin-1")
    assert len([path for path in raw.rglob("*") if path.is_file()]) == 31


# --- the real sessions

# Samples as counted when the copy was prepared: bvp, acc, eda, temperature, heart_rate.
COUNTED = {
    "S1:midterm_1": (715407, 357702, 44712, 44712, 11169),
    "S4:midterm_1": (748396, 374202, 46776, 46776, 11684),
    "S6:midterm_1": (713823, 356910, 44610, 44608, 11144),
    "S8:midterm_1": (689942, 344970, 43122, 43120, 10771),
    "S8:midterm_2": (637538, 318768, 39846, 39840, 9952),
    "S10:midterm_1": (747978, 373986, 46746, 46744, 11678),
}


@pytest.fixture(scope="module")
def real_folder(tmp_path_factory):
    """The six sessions out of SENSEGEN_MIRROR."""
    mirror = os.environ.get(MIRROR_VARIABLE, "")
    if not (Path(mirror) / exam_stress.MIRROR_FOLDER / exam_stress.SUBSET).is_file():
        pytest.skip(f"set {MIRROR_VARIABLE} to a folder with {exam_stress.MIRROR_FOLDER}/{exam_stress.SUBSET}")
    return fetch(tmp_path_factory.mktemp("exam_stress"), exam_stress.SOURCE)


@pytest.mark.real_data
def test_the_real_sessions_have_the_samples_that_were_counted(real_folder):
    counted = {one.name: tuple(len(signal.times_s) for signal in one.signals.values()) for one in read(real_folder)}
    assert counted == COUNTED


@pytest.mark.real_data
def test_the_real_values_are_those_that_were_seen(real_folder):
    recordings = read(real_folder)
    for name, low, high in (("eda", 0.0, 4.441), ("temperature", 15.01, 34.34), ("heart_rate", 49.0, 203.17)):
        values = np.concatenate([one.signals[name].values for one in recordings])
        assert (values.min(), round(values.max(), 3)) == (low, high)
    for one in recordings:
        assert one.signals["heart_rate"].times_s[0] == 10
        ends_s = [signal.times_s[-1] for signal in one.signals.values()]
        assert max(ends_s) - min(ends_s) < 2.1
        # A worn wristband measures gravity: half of its samples have a norm within 5 % of 1 g.
        norms = np.linalg.norm(one.signals["acc"].values, axis=1)
        assert np.mean(np.abs(norms - 1) < 0.05) > 0.5


@pytest.mark.real_data
def test_every_real_exam_lies_within_its_session(real_folder):
    for one in read(real_folder):
        (exam,) = one.activities
        assert exam.end_s - exam.start_s == 5400
        assert 2600 < exam.start_s < 3900 and exam.end_s < max(s.times_s[-1] for s in one.signals.values())


@pytest.mark.real_data
def test_the_real_grades_make_three_low_and_three_high_sessions(real_folder):
    labels = {one.name: one.activities[0].label for one in read(real_folder, GRADE)}
    assert [name for name, label in labels.items() if label == "high"] == [
        *("S8:midterm_1", "S8:midterm_2", "S10:midterm_1")
    ]
    assert len(exam_stress.read_grades(real_folder / exam_stress.GRADES)) == 30


@pytest.mark.real_data
def test_only_the_streams_and_the_grades_are_taken_out(real_folder):
    files = provenance.record("exam_stress", exam_stress.SOURCE, real_folder)["files"]
    assert files == exam_stress.SHA256 | {exam_stress.GRADES: exam_stress.GRADES_SHA256}
