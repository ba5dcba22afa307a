"""Windows of any source come in from a file as they were, or are refused with what is wrong."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv
from pyarrow import parquet as pq

from sensegen import window_files
from sensegen.windows import Windows

ENDINGS = [".parquet", ".csv", ".npz"]


def windows(count: int = 7) -> Windows:
    rng = np.random.default_rng(0)
    labels = np.array([0, 1, 1, 0, 1, 0, 0])[:count]
    values = rng.normal(size=(count, 20, 2)).astype(np.float32)
    return Windows(values, labels, tuple("aabbabc"[:count]), ("acc_x", "hr"), ("rest", "run"), 25.0, ("g", "bpm"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_written_is_read_as_it_was(tmp_path, ending):
    made = windows()
    window_files.write(tmp_path / f"some{ending}", made)
    read = window_files.read(tmp_path / f"some{ending}")
    assert read.values.tobytes() == made.values.tobytes()
    assert (read.channels, read.classes, read.rate_hz, read.units) == (made.channels, made.classes, 25.0, made.units)
    assert (read.labels.tolist(), read.subjects) == (made.labels.tolist(), made.subjects)


@pytest.mark.parametrize("ending", ENDINGS)
def test_where_windows_come_from_stands_inside_the_file(tmp_path, ending):
    told, path = {"seed": 3, "model": {"kind": 'mdn_rnn, "quoted"'}}, tmp_path / f"some{ending}"
    window_files.write(path, windows(), told)
    assert window_files.provenance(path) == told
    assert window_files.read(path).values.tobytes() == windows().values.tobytes()
    window_files.write(path, windows())
    assert window_files.provenance(path) == {}


def test_the_rows_of_a_window_may_stand_apart_and_windows_keep_their_order(tmp_path):
    rows = pa.table(
        {
            "window": ["b", "a", "b", "a", "b", "a"],
            "time_s": [0.0, 5.0, 0.1, 5.1, 0.2, 5.2],
            "x": [1, 10, 2, 20, 3, 30],
        }
    )
    csv.write_csv(rows, tmp_path / "w.csv")
    pq.write_table(rows, tmp_path / "w.parquet")
    for ending in (".csv", ".parquet"):
        read = window_files.read(tmp_path / f"w{ending}")
        assert read.values[:, :, 0].tolist() == [[1, 2, 3], [10, 20, 30]]
        assert (read.rate_hz, read.units, read.classes) == (10.0, ("",), ("unlabelled",))


def table(**changes) -> pa.Table:
    made = {"window": [0, 0, 0, 1, 1, 1], "time_s": [0.0, 0.1, 0.2] * 2, "label": ["a"] * 6, "x": np.arange(6.0)}
    return pa.table({name: column for name, column in (made | changes).items() if column is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": [0, 0, 0, 0, 1, 1]}, "window 0 has 4 samples and window 1 has 2"),
        ({"time_s": [0.0, 0.1, 0.2, 0.0, 0.1, 0.5]}, "must be regular"),
        ({"time_s": [0.0] * 6}, "must rise"),
        ({"label": ["a", "b", "a", "a", "a", "a"]}, r"window 1 has \['a', 'b'\]"),
        ({"x": None}, "one a channel"),
        ({"window": None}, "must (have|name)"),
    ],
)
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table_that_is_no_windows_is_refused_with_what_is_wrong(tmp_path, ending, changes, message):
    path = tmp_path / f"w{ending}"
    csv.write_csv(table(**changes), path) if ending == ".csv" else pq.write_table(table(**changes), path)
    with pytest.raises(ValueError, match=message):
        window_files.read(path)


def test_a_word_among_numbers_is_told_with_its_line(tmp_path):
    (tmp_path / "w.csv").write_text("window,time_s,x\n0,0.0,1\n0,0.1,none\n")
    with pytest.raises(ValueError, match=r"line 3, column 3 \(x\): 'none' is no number"):
        window_files.read(tmp_path / "w.csv")
    pq.write_table(table(x=list("abcdef")), tmp_path / "w.parquet")
    with pytest.raises(ValueError, match="column x: numbers must stand here"):
        window_files.read(tmp_path / "w.parquet")


def test_an_npz_is_refused_where_arrays_are_missing_do_not_fit_or_would_be_unpickled(tmp_path):
    path = tmp_path / "w.npz"
    np.savez(path, values=np.zeros((2, 3, 1)))
    with pytest.raises(ValueError, match="channels, rate_hz"):
        window_files.read(path)
    np.savez(path, values=np.zeros((2, 3, 1)), channels=["x", "y"], rate_hz=10.0)
    with pytest.raises(ValueError, match="channels must be 1"):
        window_files.read(path)
    np.savez(path, values=np.zeros((2, 3, 1)), channels=np.array([{"a": 1}], object), rate_hz=10.0)
    with pytest.raises(ValueError, match="no NPZ of plain arrays"):
        window_files.read(path)


def test_an_unknown_ending_and_a_broken_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.parquet, \.csv, \.npz"):
        window_files.read(tmp_path / "w.pkl")
    (tmp_path / "w.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(ValueError, match="no Parquet file, or was cut off"):
        window_files.read(tmp_path / "w.parquet")
    with pytest.raises(OSError, match="absent"):
        window_files.read(tmp_path / "absent.npz")


def test_nothing_is_left_where_writing_fails(tmp_path):
    broken = replace(windows(), classes=())
    with pytest.raises(IndexError):
        window_files.write(tmp_path / "w.parquet", broken)
    assert not list(tmp_path.iterdir())
