"""Delimited text is read exactly and in bounded memory, and whatever is wrong is named with line and column."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen import delimited
from sensegen.delimited import BadRow, Layout, columns_of, line_of_row, map_batches, read_columns
from sensegen.recording import InvalidRecording

ROOT = Path(__file__).parents[1]
NAMES = ("time", "x", "label")
LAYOUT = Layout({"time": "integer", "x": "float", "label": "category"}, variants=(NAMES, ("x", "time", "label")))
ROWS = "time,x,label\n1,0.5,walk\n2,1.5E+001,null\n3,-2,walk\n"


def table(path: Path, layout: Layout = LAYOUT) -> pa.Table:
    return pa.Table.from_batches(read_columns(path, layout))


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "some.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_columns_come_by_name_with_their_types(tmp_path):
    found = table(written(tmp_path, ROWS))
    assert found.to_pydict() == {"time": [1, 2, 3], "x": [0.5, 15.0, -2.0], "label": ["walk", "null", "walk"]}
    assert found.schema.types == [pa.int64(), pa.float64(), pa.dictionary(pa.int32(), pa.string())]


@pytest.mark.parametrize(
    "text",
    [
        ROWS.replace("\n", "\r\n"),
        "\ufeff" + ROWS,
        ROWS.rstrip("\n"),
        ROWS + "\n\n",
        ROWS.replace("2,1.5E", "\n2,1.5E"),
        "x,time,label\n0.5,1,walk\n15,2,null\n-2,3,walk\n",
    ],
    ids=[
        "line ends of Windows",
        "byte order mark",
        "no last line end",
        "blank at the end",
        "blank within",
        "other order",
    ],
)
def test_harmless_variants_give_the_same_columns(tmp_path, text):
    assert table(written(tmp_path, text)).to_pydict() == {
        "time": [1, 2, 3],
        "x": [0.5, 15.0, -2.0],
        "label": ["walk", "null", "walk"],
    }


def test_without_a_header_columns_come_by_place(tmp_path):
    layout = Layout({"x": "float"}, separator=" ", has_header=False, variants=(("time", "x"),), missing=("-",))
    assert table(written(tmp_path, "1 0.5\n2 NaN\n3 -\n"), layout)["x"].to_pylist()[::2] == [0.5, None]
    assert np.isnan(table(tmp_path / "some.csv", layout)["x"][1].as_py())


def test_any_header_that_names_the_columns_will_do_where_no_variant_is_known(tmp_path):
    path = written(tmp_path, "a comment\nother;time;x\nword;1;0,5\n")
    layout = Layout({"x": "float"}, separator=";", skipped_lines=1, decimal_point=",")
    assert table(path, layout).to_pydict() == {"x": [0.5]}
    assert columns_of(path, layout) == ("other", "time", "x")


def test_quotes_are_taken_off_where_they_may_stand(tmp_path):
    layout = Layout({"x": "float", "label": "text"}, quoted=True)
    assert table(written(tmp_path, '"x","label"\n"1.5","a, b"\n'), layout).to_pydict() == {
        "x": [1.5],
        "label": ["a, b"],
    }


@pytest.mark.parametrize("header", ["time,x,label", "time,x,label,"])
def test_a_separator_behind_every_line_is_tolerated_where_the_layout_says_so(tmp_path, header):
    path = written(tmp_path, f"{header}\n1,0.5,walk,\n2,0.5,sit,")
    tolerant = Layout(LAYOUT.columns, variants=LAYOUT.variants, trailing_separator=True)
    assert table(path, tolerant)["time"].to_pylist() == [1, 2]
    assert columns_of(path, tolerant) == NAMES
    with pytest.raises(InvalidRecording, match=r"ends with a separator|is another one"):
        table(path)


BAD = {
    "a word": ("2,fast,walk", r"line 3, column 2 \(x\): 'fast' is no number"),
    "nothing": ("2,,walk", r"line 3, column 2 \(x\): '' is no number"),
    "a number with a grouping mark": ("2,1_000,walk", r"line 3, column 2 \(x\): '1_000' is no number"),
    "a fraction": ("2.5,1,walk", r"line 3, column 1 \(time\): '2\.5' is no whole number"),
    "more than 64 bits": (f"{1 << 63},1,walk", r"line 3, column 1 \(time\): '9223372036854775808' is no whole number"),
    "a column less": ("2,1", r"line 3, column 2: a row must have 3 columns, but has 2: '2,1'"),
    "a column more": ("2,1,walk,9", r"line 3, column 4: a row must have 3 columns, but has 4"),
    "a trailing separator": ("2,1,walk,", r"line 3, column 4: .* has 4; the line ends with a separator"),
    "another separator": ("2;1;walk", r"line 3, column 1: .* has 1; it holds ';' beside the separator ','"),
    "tabs": ("2\t1\twalk", r"line 3, column 1: .* it holds '\\t' beside the separator ','"),
    "a text that is no UTF-8": (b"2,1,\xe4pfel", r"line 3, column 3 \(label\): b'\\xe4' is no UTF-8"),
    "a number that is no UTF-8": (b"2,1\xff,walk", r"line 3, column 2 \(x\): b'\\xff' is no UTF-8"),
    "spaces alone": ("  ", r"line 3, column 1: a row must have 3 columns, but has 1"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_line_is_named_with_its_column(tmp_path, kind):
    line, message = BAD[kind]
    line = line.encode() if isinstance(line, str) else line
    path = written(tmp_path, b"time,x,label\n1,0.5,walk\n" + line + b"\n3,1,walk\n")
    with pytest.raises(InvalidRecording, match=r"some\.csv, " + message):
        table(path)


def test_a_text_that_does_not_repeat_must_be_utf_8_too(tmp_path):
    path = written(tmp_path, b"time,x,label\n1,0.5,walk\n2,1,\xe4pfel\n3,1,walk\n4,1,\xe4pfel\n")
    with pytest.raises(InvalidRecording, match=r"some\.csv, line 3, column 3 \(label\): b'\\xe4' is no UTF-8"):
        table(path, Layout({**LAYOUT.columns, "label": "text"}, variants=(NAMES,)))


HEADERS = {
    "missing": ("1,0.5,walk\n2,1,walk\n", r"line 1: a header must stand here, but '1,0\.5,walk' looks like a row"),
    "of another variant": (
        "Zeit,x,Kennung\n1,2,a\n",
        r"line 1: the header 'Zeit,x,Kennung' is another one\. Known are ",
    ),
    "with another separator": ("time;x;label\n1;2;a\n", r"it holds ';' beside the separator ','. Known are"),
    "no UTF-8": (b"time,x,l\xe4bel\n1,2,a\n", r"line 1: the header b'time,x,l\\xe4bel' is no UTF-8"),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_that_is_not_known_is_answered_with_those_that_are(tmp_path, kind):
    text, message = HEADERS[kind]
    with pytest.raises(InvalidRecording, match=message) as told:
        table(written(tmp_path, text))
    assert kind == "no UTF-8" or "'time,x,label' or 'x,time,label'" in str(told.value)


def test_a_header_with_a_name_twice_is_refused(tmp_path):
    with pytest.raises(InvalidRecording, match="names a column twice"):
        table(written(tmp_path, "x,x\n1,2\n"), Layout({"x": "float"}))


@pytest.mark.parametrize("text", ["", "time,x,label\n", "time,x,label", "time,x,label\n\n\r\n"])
def test_a_file_without_rows_is_empty(tmp_path, text):
    with pytest.raises(InvalidRecording, match=r"some\.csv (is empty|holds a header and no rows)"):
        table(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidRecording, match=r"some\.csv is missing"):
        table(tmp_path / "some.csv")


def test_a_file_cut_in_the_middle_of_a_row_is_named_with_its_last_line(tmp_path):
    with pytest.raises(InvalidRecording, match=r"line 4, column 2: .* has 2.* seems to have been cut off"):
        table(written(tmp_path, ROWS[: ROWS.rindex(",walk")]))
    strict = Layout(LAYOUT.columns, variants=LAYOUT.variants, ends_with_newline=True)
    with pytest.raises(InvalidRecording, match=r"line 4: the file ends within the line '3,-2,wal': it was cut off"):
        table(written(tmp_path, ROWS[:-2]), strict)


@given(cut=st.integers(0, len(ROWS) - 1))
@settings(deadline=None)
def test_no_cut_goes_unnoticed_where_the_last_line_must_end(tmp_path_factory, cut):
    strict = Layout(LAYOUT.columns, variants=LAYOUT.variants, ends_with_newline=True)
    path = written(tmp_path_factory.mktemp("cut"), ROWS[:cut])
    rows = ROWS[:cut].count("\n") - 1
    if ROWS[:cut].endswith("\n") and rows > 0:
        assert table(path, strict).num_rows == rows
    else:
        with pytest.raises(InvalidRecording):
            table(path, strict)


def test_chunks_change_nothing_and_lines_are_counted_through_all_of_them(tmp_path, monkeypatch):
    rows = [f"{number},{number / 7!r},{'walk' if number % 3 else 'sit'}" for number in range(5000)]
    path = written(tmp_path, "\n".join(["time,x,label", *rows, ""]))
    whole = table(path).to_pydict()
    monkeypatch.setattr(delimited.blocks, "CHUNK_BYTES", 1000)
    assert len(list(read_columns(path, LAYOUT))) > 50
    assert table(path).to_pydict() == whole
    rows[4321] = "4321,none,sit"
    with pytest.raises(InvalidRecording, match=r"line 4323, column 2 \(x\): 'none' is no number"):
        table(written(tmp_path, "\n".join(["time,x,label", *rows, ""])))


def test_the_rows_before_a_bad_line_have_come_by_then(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited.blocks, "CHUNK_BYTES", 100)
    path = written(tmp_path, "time,x,label\n" + "1,0.5,walk\n" * 100 + "1,bad,walk\n")
    batches = read_columns(path, LAYOUT)
    assert next(batches).num_rows > 0
    with pytest.raises(InvalidRecording, match="line 102"):
        list(batches)


def test_the_line_of_a_row_counts_blank_lines_too(tmp_path):
    path = written(tmp_path, ROWS.replace("2,1.5E", "\r\n\n2,1.5E"))
    assert [line_of_row(path, LAYOUT, row) for row in range(3)] == [2, 5, 6]


READ_AND_MEASURE = """
import resource, sys
from pathlib import Path
from sensegen.delimited import Layout, read_columns
import pyarrow.csv
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for batch in read_columns(Path(sys.argv[1]), Layout({"x": "float"})): pass
except ValueError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize(("start", "line"), [(b"", 1), (b"x\n", 2), (b"x\n" + b"1.5\n" * 100_000, 100_002)])
def test_a_line_of_a_gigabyte_is_refused_in_little_memory(tmp_path, start, line):
    path = written(tmp_path, start)
    with path.open("r+b") as file:
        file.truncate(1 << 30)
    command = [sys.executable, "-c", READ_AND_MEASURE, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    message, grown_mib = done.stdout.splitlines()
    assert f"some.csv, line {line}, column 1: a line must not be longer than 1,048,576 bytes" in message
    assert float(grown_mib) < 100


def test_a_layout_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="not the decimal point"):
        Layout({"x": "float"}, separator=",", decimal_point=",")
    with pytest.raises(ValueError, match=r"'y'\] are wanted"):
        Layout({"y": "float"}, variants=(("x",),))
    with pytest.raises(ValueError, match="one order of columns"):
        Layout({"x": "float"}, has_header=False, variants=(("x",), ("x", "y")))


def test_stamps_come_whole_where_all_of_a_block_are_and_as_floats_where_one_is_not(tmp_path):
    stamped = Layout({"time": "stamp"})
    whole = table(written(tmp_path, "time\n1424696631913248572\n-7\n"), stamped)
    assert whole["time"].to_pylist() == [1424696631913248572, -7]
    rounded = table(written(tmp_path, "time\n1.42469663191E+18\n7\n"), stamped)
    assert rounded["time"].to_pylist() == [1.42469663191e18, 7.0]
    with pytest.raises(InvalidRecording, match=r"line 3, column 1 \(time\): 'noon' is no number"):
        table(written(tmp_path, "time\n1\nnoon\n"), stamped)


def test_a_bad_row_is_named_by_its_line_whatever_block_it_is_in(tmp_path, monkeypatch):
    monkeypatch.setattr("sensegen.delimited.blocks.CHUNK_BYTES", 100)
    path = written(tmp_path, "time,x,label\n\n" + "1,0.5,walk\n" * 100 + "1,0.5,fly\n")

    def no_flying(batch):
        labels = batch.column("label").to_pylist()
        if "fly" in labels:
            raise BadRow(labels.index("fly"), ", column label: nobody flies.")
        return len(labels)

    with pytest.raises(InvalidRecording, match="line 103, column label: nobody flies"):
        list(map_batches(path, LAYOUT, no_flying))
