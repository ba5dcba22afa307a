"""Wearable Exam Stress: students with an Empatica E4 in exams (Amin et al., 2022).

Six of the thirty sessions, of five of the ten students: those whose every file could be verified. None is of the final.
A recording is a session with all its streams as they were exported (sensegen/datasets/empatica_e4.py). The label covers
the exam alone, which the authors' readme puts at 9:00 local time, for 1.5 h (the final 3 h): before and after it the
wristband is worn as well, and that is not labelled. `dataset.label` says what the label is: which exam it was, or
whether its grade was high, which here means 80 % or more (the final counts out of 200, the midterms out of 100).
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sensegen.datasets import empatica_e4
from sensegen.fetching import archive
from sensegen.fetching.transfer import DOWNLOADS, Patience
from sensegen.params import Params
from sensegen.params.datasets import ExamStressParams
from sensegen.progress import Progress
from sensegen.recording import Activity, InvalidRecording, Recording, Signal
from sensegen.source import Archive, Member, Source

MIRROR_FOLDER = "wearable_exam_stress"
SUBSET = "wearable_exam_stress_subset.zip"
OFFICIAL = "https://physionet.org/files/wearable-exam-stress/1.0.0"
GRADES = "StudentGrades.txt"
EXAMS = {"midterm_1": "Midterm 1", "midterm_2": "Midterm 2", "final": "Final"}  # label -> folder
EXAM_HOURS = {"midterm_1": 1.5, "midterm_2": 1.5, "final": 3.0}
EXAM_BEGINS_HOUR = 9
TIME_ZONE = "America/Chicago"  # Houston; dates are shifted for anonymity, within daylight saving time
HIGH_GRADE_PERCENT = 80.0
FULL_GRADE = 100.0  # where the file does not say out of how many
HEADING = re.compile(r"GRADES . (MIDTERM 1|MIDTERM 2|FINAL)(?: \(OUT OF (\d+)\))?")
GRADE = re.compile(r"S(\d+) . (\d+(?:\.\d+)?)")

# The sha256 of every member used. Text files: the sums are those of the files with LF at line ends.
SHA256 = {
    "S1/Midterm 1/ACC.csv": "0e603c111ef1d8deed5701cf12449a0dfa88b56680dba034e5adaa624ab4d5e4",
    "S1/Midterm 1/BVP.csv": "124cc44bca7e42ef0e8e12e3244bfa5630ba448f5986a01f0d59a974c746b8a5",
    "S1/Midterm 1/EDA.csv": "7b9439f800322a71fd86d47d3b07ba40597b26a546ebf75e83f65975f25da1c4",
    "S1/Midterm 1/HR.csv": "eef681bc663c699bc084c590210ddd2309f975064b357adf3b0ebe457f900f35",
    "S1/Midterm 1/TEMP.csv": "4ca13a95bdee07db24d78b94a3bbea157523dd643579e0bf4dd4458bd7d76a14",
    "S4/Midterm 1/ACC.csv": "ead9fecb5e300f407313430dd9e8f9cb396fb329e07adcc8215416efd098b9fe",
    "S4/Midterm 1/BVP.csv": "0944ba13e591c3bfcdaafaf0a6de18f90c70108774c1fa10f5554c93ac66cff3",
    "S4/Midterm 1/EDA.csv": "ae78744c68280001016b6da48087c5d9f36c122dab7afad9894b3092555ef991",
    "S4/Midterm 1/HR.csv": "63b5c3b6e8418560cccfc98a40dce4752e36630b1901a570e96eb979003a9cd7",
    "S4/Midterm 1/TEMP.csv": "52caba3b44a4c7034f91a1e901fd9c1a9f87b366affd01b38b6ddc83a7d0d704",
    "S6/Midterm 1/ACC.csv": "a7611951930fb77373ad66e0da4dc5a4a24d85837ee0506ed4128192a4f903e3",
    "S6/Midterm 1/BVP.csv": "60eacb2e7181bfeadd0692dce264815f76ca0e460d7c777152a40ff0fcf3a561",
    "S6/Midterm 1/EDA.csv": "2ada31d11aeb15eb55126c4dd7b8ba960c63ea457096593370ffd5f14348bfd0",
    "S6/Midterm 1/HR.csv": "247895c49b16662f74a581f869b6d81bc6b406b8f09e75df32ed3065dc55438a",
    "S6/Midterm 1/TEMP.csv": "ecbc0b4f10640a924569d76089d7d90ec3a364cbb172115e97592a600c7ff825",
    "S8/Midterm 1/ACC.csv": "ca0d1fcdfa50ae3b7c08e35e6a00b8670a7573285843bbc4c4e332f60171edb2",
    "S8/Midterm 1/BVP.csv": "4c5c9c8a67c1d9bd86372e7086e279e8b364f452f379d16c37a6ab7bf9512960",
    "S8/Midterm 1/EDA.csv": "b9098295d0f7bce304ff235086886f0c37181d36d0413f7d172d71387bebaad8",
    "S8/Midterm 1/HR.csv": "f538aa25db22a34f9ba764fd4a6e714ef69ddf877d3e6a9f99d8f623a17bd303",
    "S8/Midterm 1/TEMP.csv": "5eaf7d6569b6ce78056e1611af3009734f4176e3ba779227fa541676a1d31b10",
    "S8/Midterm 2/ACC.csv": "11a5d7c72ea001590622fb388139231082743bdc31cc351fcc5bdc4fd236fc8d",
    "S8/Midterm 2/BVP.csv": "f0d9e3655c3c321fed84723e96333c7c7ea602b63289d56c053ae44b5a18213f",
    "S8/Midterm 2/EDA.csv": "89c11f4ddb825d096ba97a1cd8e330c8a59b0a73da4e9ac77953e162a50c124e",
    "S8/Midterm 2/HR.csv": "6935f618cab56307958c5ef20f40bd6d776bbc852922503b32d73947cd1ab7d3",
    "S8/Midterm 2/TEMP.csv": "7445a7b65737d592a20b1718b3e181742a348fd75e3bceb70f8e8bb5893ec30e",
    "S10/Midterm 1/ACC.csv": "0db353216eb9227867331ac624271a48342b4098c524f4f56b4a19d94688589e",
    "S10/Midterm 1/BVP.csv": "f1a1019b7581c88c4fb7ddad74585c7d3e932e14173227aadb9b7b8163ba504e",
    "S10/Midterm 1/EDA.csv": "198b0a8200684a639ee656866ecdf2bd1426c68100409963e812483fc18da5fd",
    "S10/Midterm 1/HR.csv": "633d1365aeb394627ebe5ec5255e2c9a36e485477dd9e1acbc07568855e5b0b4",
    "S10/Midterm 1/TEMP.csv": "b23d82f9e3f2822d3fbd0f3ddd9136d32f0fb287baed6e385ec6166fa012ead8",
}
GRADES_SHA256 = "0caf48e1e4b8fe1bc95cc2b7efe17e063163e52eddde35bceb2e472077cb7d05"
SESSIONS = tuple(dict.fromkeys(tuple(path.split("/")[:2]) for path in SHA256))  # (student, folder of the exam)

SOURCE = Source(
    citation=(
        "M. R. Amin, D. S. Wickramasuriya, R. T. Faghih. A Wearable Exam Stress Dataset for Predicting Grades using "
        "Physiological Signals. IEEE HI-POCT 2022. And: A. L. Goldberger et al. PhysioBank, PhysioToolkit, and "
        "PhysioNet. Circulation 101(23), 2000."
    ),
    licence="Open Data Commons Attribution License (ODC-By) v1.0",
    page="https://physionet.org/content/wearable-exam-stress/1.0.0/",
    signals=empatica_e4.SIGNALS,
    labels=tuple(exam for exam, folder in EXAMS.items() if folder in {session[1] for session in SESSIONS}),
    subjects=tuple(dict.fromkeys(student for student, _ in SESSIONS)),
    longest_activity_seconds=max(EXAM_HOURS.values()) * 3600,
    archives=(
        Archive(
            name=SUBSET,
            url=f"{OFFICIAL}/Data.zip",
            members=tuple(Member(path, digest, text=True) for path, digest in SHA256.items()),
            copies=("Data.zip",),
            top="Data",
        ),
        Archive(name=SUBSET, url=f"{OFFICIAL}/{GRADES}", members=(Member(GRADES, GRADES_SHA256, text=True),)),
    ),
    notes={
        "sessions": "Six of thirty, five of ten students: those whose every file could be verified. None of the final.",
        "labels": "The label covers the exam alone; the time before and after it is not labelled.",
        "events": "Beat intervals (IBI.csv) and button presses (tags.csv) are events, and left out of the signals.",
    },
)


def declare(dataset: ExamStressParams) -> Source:
    """The source, with the labels that `dataset.label` asks for."""
    return SOURCE if dataset.label == "exam" else replace(SOURCE, labels=("low", "high"))


def fetch(folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
    """Put the streams of six sessions and the grades under `folder`, verified; see `fetching.archive.fetch`."""
    patience = Patience(params.download.attempts, params.download.timeout_seconds)
    archive.fetch(archive.Request(MIRROR_FOLDER, SOURCE, downloads, patience, progress), folder)


def parts(folder: Path, dataset: ExamStressParams) -> tuple[str, ...]:
    """One part a session, `<student>:<exam>`, by student and exam.

    Raises:
        InvalidRecording: if there is no session.
    """
    del dataset
    found = tuple(
        f"{subject}:{exam}"
        for subject in SOURCE.subjects
        for exam, name in EXAMS.items()
        if (folder / subject / name).is_dir()
    )
    if not found:
        raise InvalidRecording(
            f"{folder} must hold sessions such as {'/'.join(SESSIONS[0])}, but holds none. Fetch them again: "
            "python -m stages download"
        )
    return found


def read(folder: Path, dataset: ExamStressParams, part: str) -> Iterator[Recording]:
    """The one recording of a session.

    Raises:
        InvalidRecording: a stream or the grades are missing or no E4 export; the session ends before the exam.
    """
    subject, _, exam = part.partition(":")
    start_s, signals = empatica_e4.read_session(folder / subject / EXAMS[exam])
    label = exam if dataset.label == "exam" else _grade_label(folder / GRADES, subject, exam)
    begin_s, end_s = _exam_interval(start_s, exam)
    yield Recording(part, subject, signals, (_activity(part, label, (begin_s, end_s), signals),), start_s)


def _exam_interval(start_s: float, exam: str) -> tuple[float, float]:
    """When the exam begins and ends, in seconds since the session started (Unix time `start_s`)."""
    day = datetime.fromtimestamp(start_s, ZoneInfo(TIME_ZONE))
    begins = day.replace(hour=EXAM_BEGINS_HOUR, minute=0, second=0, microsecond=0)
    begin_s = begins.timestamp() - start_s
    return begin_s, begin_s + EXAM_HOURS[exam] * 3600


def _activity(part: str, label: str, interval_s: tuple[float, float], signals: dict[str, Signal]) -> Activity:
    """The exam, as far as the session recorded it."""
    last_s = max(signal.times_s[-1] for signal in signals.values())
    begin_s, end_s = max(0.0, interval_s[0]), min(float(last_s), interval_s[1])
    if begin_s >= end_s:
        raise InvalidRecording(
            f"{part}: the session must reach into the exam, {interval_s[0]:.0f} s to {interval_s[1]:.0f} s after its "
            f"start, but lasts {last_s:.0f} s. Check the start in the first line of its files."
        )
    return Activity(label, begin_s, end_s)


def _grade_label(path: Path, subject: str, exam: str) -> str:
    grade = read_grades(path).get((subject, exam))
    if grade is None:
        raise InvalidRecording(f"{path} holds no grade of {subject} in {exam}. Take dataset.label: exam.")
    return "high" if grade >= HIGH_GRADE_PERCENT else "low"


def read_grades(path: Path) -> dict[tuple[str, str], float]:
    """The grade in percent of each (student, exam).

    Raises:
        InvalidRecording: missing, or a line that is neither heading nor grade.
    """
    try:
        # Not UTF-8: the dash is that of Windows.
        lines = path.read_bytes().decode("cp1252", errors="replace").splitlines()
    except FileNotFoundError:
        raise InvalidRecording(f"{path} is missing. Fetch it again: python -m stages download") from None
    grades: dict[tuple[str, str], float] = {}
    exam, full = "", FULL_GRADE
    for number, line in enumerate(lines, start=1):
        if heading := HEADING.fullmatch(line.strip()):
            exam, full = heading[1].lower().replace(" ", "_"), float(heading[2] or FULL_GRADE)
        elif (grade := GRADE.fullmatch(line.strip())) and exam:
            grades[f"S{int(grade[1])}", exam] = 100 * float(grade[2]) / full
        elif line.strip(" -\t"):
            raise InvalidRecording(f"{path}, line {number}: neither a heading nor a grade: {line.strip()[:60]!r}.")
    return grades
