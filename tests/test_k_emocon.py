"""K-EmoCon's debates are read by the published format; the data itself was not at hand."""

from pathlib import Path

import numpy as np
import pytest

from sensegen import datasets
from sensegen import params as schema
from sensegen.datasets import k_emocon
from sensegen.fetching.archive import ArchiveError
from sensegen.params.datasets import KEmoConParams
from sensegen.recording import InvalidRecording, Recording

ROOT = Path(__file__).parents[1]
PARAMS = schema.load(ROOT / "params.yaml")
START_MS = 1_548_900_000_000
RATES_HZ = {"ACC": 32, "BVP": 64, "EDA": 4, "TEMP": 4, "HR": 1}
JUDGED = (1, 3, 4, 5, 2, 2)  # arousal, every five seconds


def dataset(folder: Path | str = "nowhere", annotator: str = "self", target: str = "arousal") -> KEmoConParams:
    return KEmoConParams(name="k_emocon", folder=str(folder), annotator=annotator, target=target)


def published(folder: Path, pids: tuple[int, ...] = (1, 31), judged: tuple[int, ...] = JUDGED) -> Path:
    """Small files in the published format: debates as long as they were judged, with 20 s before and 10 s after."""
    debate_ms = 5000 * len(judged)
    lines = ["pid,initTime,startTime,endTime"]
    lines += [f"{pid},{START_MS - 300_000},{START_MS},{START_MS + debate_ms}" for pid in pids]
    (folder / "metadata").mkdir(parents=True)
    (folder / "metadata" / "subjects.csv").write_text("\n".join(lines) + "\n")
    for pid in pids:
        wear(folder, pid, START_MS - 20_000, debate_ms + 30_000, {31: "A013E1", 32: "A01A3A"}.get(pid, "A01F11"))
        for annotator in k_emocon.ANNOTATIONS:
            judge(folder, pid, annotator, judged)
    return folder


def wear(folder: Path, pid: int, start_ms: int, span_ms: int, device: str) -> None:
    draw = np.random.default_rng(pid)
    here = folder / "e4_data" / str(pid)
    here.mkdir(parents=True, exist_ok=True)
    for name, rate_hz in RATES_HZ.items():
        times_ms = (start_ms + np.arange(span_ms * rate_hz // 1000) * 1000 / rate_hz).astype(int)
        columns = "x,y,z" if name == "ACC" else "value"
        width = columns.count(",") + 1
        values = draw.integers(40, 110, (len(times_ms), width)) if name in ("ACC", "HR") else None
        values = draw.uniform(20, 40, (len(times_ms), width)).round(3) if values is None else values
        rows = [
            ",".join([str(time), *map(str, row), device]) for time, row in zip(times_ms, values.tolist(), strict=True)
        ]
        path = here / f"E4_{name}.csv"
        old = path.read_text() if path.exists() else f"timestamp,{columns},device_serial\n"
        path.write_text(old + "\n".join(rows) + "\n")


def judge(folder: Path, pid: int, annotator: str, judged: tuple[int, ...]) -> Path:
    here = folder / "emotion_annotations" / k_emocon.ANNOTATIONS[annotator]
    here.mkdir(parents=True, exist_ok=True)
    rows = [f"{5 * at},{rating},{6 - rating},1" for at, rating in enumerate(judged, start=1)]
    path = here / f"P{pid}.{annotator}.csv"
    path.write_text("seconds,arousal,valence,cheerful\n" + "\n".join(rows) + "\n")
    return path


def read(folder: Path, asked: KEmoConParams | None = None) -> list[Recording]:
    asked = asked or dataset()
    return [one for part in k_emocon.parts(folder, asked) for one in k_emocon.read(folder, asked, part)]


def spans(recording: Recording) -> list[tuple[str, float, float]]:
    return [(one.label, round(one.start_s, 3), round(one.end_s, 3)) for one in recording.activities]


def test_judgements_of_one_to_three_are_low_and_neighbours_are_one_activity(tmp_path):
    published(tmp_path, (1,))
    (recording,) = read(tmp_path)
    # The heart rate's last sample of the debate is at 29 s: what all signals cover ends there.
    assert spans(recording) == [("low", 0, 10), ("high", 10, 20), ("low", 20, 29)]
    (valence,) = read(tmp_path, dataset(target="valence"))
    assert spans(valence) == [("high", 0, 5), ("low", 5, 20), ("high", 20, 29)]


def test_each_annotator_has_a_file(tmp_path):
    published(tmp_path, (1,))
    judge(tmp_path, 1, "external", (5,) * 6)
    (recording,) = read(tmp_path, dataset(annotator="external"))
    assert spans(recording) == [("high", 0, 29)]


def test_annotations_longer_than_the_debate_are_cut_at_their_beginning(tmp_path):
    published(tmp_path, (1,))
    judge(tmp_path, 1, "self", (5, 5, *JUDGED))
    assert spans(read(tmp_path)[0]) == [("low", 0, 10), ("high", 10, 20), ("low", 20, 29)]


def test_annotations_shorter_than_the_debate_leave_its_end_unlabelled(tmp_path):
    published(tmp_path, (1,))
    judge(tmp_path, 1, "self", JUDGED[:3])
    assert spans(read(tmp_path)[0]) == [("low", 0, 10), ("high", 10, 15)]


def test_a_step_that_was_not_judged_is_unlabelled(tmp_path):
    path = judge(published(tmp_path, (1,)), 1, "self", JUDGED)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], *lines[3:]]) + "\n")
    assert spans(read(tmp_path)[0]) == [("low", 0, 5), ("high", 10, 20), ("low", 20, 29)]


def test_signals_are_cut_to_the_debate_and_to_the_range_all_of_them_cover(tmp_path):
    published(tmp_path, (1,))
    path = tmp_path / "e4_data" / "1" / "E4_EDA.csv"
    late = [line for line in path.read_text().splitlines()[1:] if int(line.split(",")[0]) >= START_MS + 6000]
    path.write_text("timestamp,value,device_serial\n" + "\n".join(late) + "\n")
    (recording,) = read(tmp_path)
    for signal in recording.signals.values():
        assert 0 <= signal.times_s[0] < 1 and 22 <= signal.times_s[-1] <= 23
    assert spans(recording) == [("low", 0, 4), ("high", 4, 14), ("low", 14, 23)]


def test_acceleration_is_in_g(tmp_path):
    published(tmp_path, (1,))
    values = read(tmp_path)[0].signals["acc"].values
    assert (values * 64 == np.round(values * 64)).all() and values.min() == 40 / 64


def test_of_two_wristbands_the_known_one_is_kept(tmp_path):
    published(tmp_path, (31,))
    (alone,) = read(tmp_path)
    wear(tmp_path, 31, START_MS - 5000, 20_000, "A01525")
    (both,) = read(tmp_path)
    for name, signal in alone.signals.items():
        assert np.array_equal(signal.values, both.signals[name].values)


def test_two_wristbands_of_anybody_else_are_refused(tmp_path):
    published(tmp_path, (1,))
    wear(tmp_path, 1, START_MS, 5000, "A01525")
    with pytest.raises(InvalidRecording, match=r"E4_\w+\.csv must hold one device, but holds \['A01525', 'A01F11'\]"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("e4_data/1/E4_BVP.csv", "1548900000000,word,A01F11", r"E4_BVP\.csv, line 3, column 2 \(value\): 'word'"),
        ("e4_data/1/E4_ACC.csv", "1548900000000,1,2,A01F11", r"E4_ACC\.csv, line 3, column 4: a row must have 5"),
        ("e4_data/1/E4_EDA.csv", "nan,1.0,A01F11", r"E4_EDA\.csv, line 3: a timestamp must be a number of ms"),
        (
            "emotion_annotations/self_annotations/P1.self.csv",
            "10,6,1,1",
            r"line 3: arousal must be a whole number from",
        ),
        ("emotion_annotations/self_annotations/P1.self.csv", "10,2.5,1,1", r"line 3: arousal must .* but is 2\.5"),
        ("emotion_annotations/self_annotations/P1.self.csv", "10,,1,1", r"line 3, column 2 \(arousal\): '' is no"),
        ("emotion_annotations/self_annotations/P1.self.csv", "5,1,1,1", r"line 3: seconds must grow by multiples of 5"),
        ("emotion_annotations/self_annotations/P1.self.csv", "9,1,1,1", r"line 3: seconds must grow by multiples of 5"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path, file, line, said):
    path = published(tmp_path, (1,)) / file
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, *lines[3:]]) + "\n")
    with pytest.raises(InvalidRecording, match=said):
        read(tmp_path)


@pytest.mark.parametrize("file", ["e4_data/1/E4_TEMP.csv", "emotion_annotations/self_annotations/P1.self.csv"])
def test_a_missing_or_headless_file_is_named(tmp_path, file):
    path = published(tmp_path, (1,)) / file
    path.write_text("\n".join(path.read_text().splitlines()[1:]) + "\n")
    with pytest.raises(InvalidRecording, match=rf"{path.name}, line 1: a header must stand here|it is missing"):
        read(tmp_path)
    path.unlink()
    with pytest.raises(InvalidRecording, match=rf"{path.name} is missing"):
        read(tmp_path)


def test_a_signal_without_a_sample_in_the_debate_is_refused(tmp_path):
    published(tmp_path, (1,))
    path = tmp_path / "e4_data" / "1" / "E4_HR.csv"
    path.write_text(f"timestamp,value,device_serial\n{START_MS - 5000},70,A01F11\n")
    with pytest.raises(InvalidRecording, match=r"E4_HR\.csv must have samples during the debate"):
        read(tmp_path)


# --- the user's own copy


def fetch(folder: Path, copy: Path) -> Path:
    params = PARAMS.model_copy(update={"dataset": dataset(copy)})
    datasets.get("k_emocon").fetch(folder, params, lambda done, total, text: None)
    return folder


def test_the_files_used_are_copied_and_nothing_else(tmp_path):
    copy = published(tmp_path / "copy", (1, 2, 31))
    (copy / "e4_data" / "1" / "E4_IBI.csv").write_text("timestamp,value,device_serial\n")
    raw = fetch(tmp_path / "raw", copy)
    files = sorted(path.relative_to(raw).as_posix() for path in raw.rglob("*") if path.is_file())
    assert len(files) == 1 + 2 * (5 + 3)  # person 2 is not among those whose signals are whole
    assert not any("IBI" in path or "/2/" in path for path in files)
    assert not any(path.is_symlink() for path in raw.rglob("*"))
    assert [one.name for one in read(raw)] == ["P1:debate", "P31:debate"]


def test_a_copy_laid_out_as_the_owners_code_has_it_reads_the_same(tmp_path):
    copy = published(tmp_path / "copy", (1,))
    plain = fetch(tmp_path / "plain", copy)
    for name in ("e4_data", "emotion_annotations"):
        (copy / "raw").mkdir(exist_ok=True)
        (copy / name).rename(copy / "raw" / name)
    moved = fetch(tmp_path / "moved", copy)
    for path in plain.rglob("*.csv"):
        assert path.read_bytes() == (moved / path.relative_to(plain)).read_bytes()


@pytest.mark.parametrize("absent", [".", "metadata", "e4_data", "emotion_annotations"])
def test_a_folder_that_is_no_copy_says_where_to_request_access(tmp_path, absent):
    copy = published(tmp_path / "copy", (1,))
    (copy / absent).resolve().rename(tmp_path / "elsewhere")
    with pytest.raises(ArchiveError, match=r"dataset\.folder must hold K-EmoCon.*10\.5281/zenodo\.3931963"):
        fetch(tmp_path / "raw", copy)
