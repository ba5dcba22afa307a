"""A description says where everything stands in a user's files; what is wrong in it is told by file and key."""

from pathlib import Path

import pytest
import yaml

from sensegen import description
from sensegen.params import InvalidParams

MINIMAL = """
citation: made up
licence: none
folder: .
files: '*.csv'
format: {kind: csv, separator: ','}
recording: {kind: file}
subject: {kind: constant, name: p1}
activity: {kind: none}
time: {kind: column, column: t, unit: ms}
signals:
  acceleration:
    columns: [x, y, z]
    unit: m/s2
    low: -40
    high: 40
"""


def changed(**changes: object) -> str:
    return yaml.safe_dump(yaml.safe_load(MINIMAL) | changes)


def signal(**changes: object) -> str:
    document = yaml.safe_load(MINIMAL)
    document["signals"]["acceleration"] |= changes
    return yaml.safe_dump(document)


def test_what_is_left_out_has_the_meaning_that_is_documented():
    read = description.parse(MINIMAL, "mine.yaml")
    acceleration = read.signals["acceleration"]
    assert acceleration.names == ("x", "y", "z")
    assert acceleration.final_unit == "m/s2"
    assert (read.subjects, read.labels, read.disordered_share) == (None, None, 0.0)


def test_the_unit_after_conversion_is_the_one_asked_for_however_it_is_spelled():
    read = description.parse(signal(unit="m/s^2", to_unit="g"), "mine.yaml")
    assert read.signals["acceleration"].final_unit == "g"
    assert description.parse(signal(unit="m/s^2"), "mine.yaml").signals["acceleration"].final_unit == "m/s2"


def test_labels_are_renamed_by_word_or_number():
    read = description.parse(changed(label_names={1: "WALKING", "s": "SITTING"}), "mine.yaml")
    assert [read.renamed(label) for label in ("1", "s", "other")] == ["WALKING", "SITTING", "other"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(folders="."), r"folders is no key of mine\.yaml .*Did you mean folder\?"),
        (signal(colums=["x"]), r"signals\.acceleration\.colums is no key of mine\.yaml.*acceleration\.columns\?"),
        (changed(files=3), r"files: .* string \(got 3\)"),
        (changed(format={"kind": "excel"}), r"format\.kind must be one of csv, parquet \(got 'excel'\)"),
        (signal(rate_hz=0), r"signals\.acceleration\.rate_hz: .*greater than 0 \(got 0\)"),
        (signal(unit="m/s3"), r"signals\.acceleration\.unit: 'm/s3' is no unit.*Did you mean m/s.\?"),
        (signal(to_unit="rad/s"), r"signals\.acceleration\.to_unit: m/s2 measures acceleration"),
        (signal(low=40), r"signals\.acceleration\.low must be below"),
        (signal(channels=["x"]), r"signals\.acceleration\.channels must name each of \['x', 'y', 'z'\]"),
        (signal(highest_rate_hz=20.0, rate_hz=50.0), r"highest_rate_hz must be above"),
        (
            changed(time={"kind": "column", "column": "t", "unit": "minutes"}),
            r"time\.unit must be one of s, ms, us, ns",
        ),
        (changed(time={"kind": "fixed_rate", "rate_hz": 50.0}), r"signals\.acceleration\.rate_hz is missing"),
        (changed(time={"kind": "fixed_rate", "rate_hz": 0.0}), r"time\.rate_hz: .*greater than 0"),
        (changed(subject={"kind": "file_name", "pattern": "s(\\d+)"}), r"subject\.pattern must hold .*\?P<subject>"),
        (changed(subject={"kind": "file_name", "pattern": "s(?P<subject>"}), r"subject\.pattern is no regular expr"),
        (changed(files="../*.csv"), r"files must stay below folder"),
        ("- a list", r"mine\.yaml must be a mapping"),
        ("a: [", r"mine\.yaml is not YAML"),
    ],
)
def test_what_is_wrong_is_told_by_file_and_key(text, message):
    with pytest.raises(InvalidParams, match=message) as told:
        description.parse(text, "mine.yaml")
    assert str(told.value).startswith("mine.yaml")


def test_a_signal_of_two_sensors_with_the_same_channels_is_refused():
    document = yaml.safe_load(MINIMAL)
    document["signals"]["second"] = document["signals"]["acceleration"]
    with pytest.raises(InvalidParams, match=r"signals name the channels \['x', 'y', 'z'\] more than once"):
        description.parse(yaml.safe_dump(document), "mine.yaml")


def test_a_missing_description_says_how_to_draft_one(tmp_path: Path):
    with pytest.raises(InvalidParams, match=r"There is no .*mine\.yaml.*sensegen inspect FILE --write"):
        description.load(tmp_path / "mine.yaml")


def test_a_description_that_is_no_utf8_is_refused(tmp_path: Path):
    (tmp_path / "mine.yaml").write_bytes(b"citation: \xff")
    with pytest.raises(InvalidParams, match=r"is no(t)? UTF-8"):
        description.load(tmp_path / "mine.yaml")
