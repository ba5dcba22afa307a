"""Every kind of damage is caught by the expectation or the error that is named for it, and by no other."""

import os
import re
from pathlib import Path

import pytest

from benchmarks import damage, mutations
from sensegen import datasets
from sensegen import params as schema
from sensegen.fetching.mirror import MIRROR_VARIABLE
from sensegen.recording import InvalidRecording
from sensegen.validation.gate import Gate, judge
from sensegen.validation.inspection import Inspection

ROOT = Path(__file__).resolve().parents[1]
REAL = {
    "uci_har": {"name": "uci_har"},
    "hapt": {"name": "hapt"},
    "dsads": {"name": "dsads"},
    "hungarian_chickenpox": {"name": "hungarian_chickenpox"},
    "exam_stress": {"name": "exam_stress", "label": "exam"},
}


@pytest.fixture(scope="module")
def caught() -> dict[str, set[str]]:
    names = [one.name for one in damage.RECORDINGS]
    found = mutations.caught([one.change for one in damage.RECORDINGS])
    return {name: failed for name, (failed, _) in zip(names, found, strict=True)}


def test_there_are_at_least_25_kinds_of_damage():
    kinds = [one.name for one in (*damage.RECORDINGS, *damage.FILES)] + list(damage.COPIES)
    assert len(set(kinds)) == len(kinds) >= 25


@pytest.mark.parametrize("one", damage.RECORDINGS, ids=lambda one: one.name)
def test_damage_is_caught_by_what_is_named_for_it_and_by_nothing_else(caught, one):
    assert caught[one.name] == set(one.caught_by)


@pytest.mark.parametrize("name", damage.COPIES)
def test_a_copy_is_caught_and_its_original_only_if_nobody_knows_whose_it_is(name):
    change, expected, both = damage.COPIES[name]
    original = mutations.good(0, "S01")
    of_original, of_copy = mutations.refused([original, change(original)], mutations.SOURCE)
    assert of_copy[0] == set(expected)
    assert of_original[0] == (set(expected) if both else set())


def test_good_recordings_raise_no_alarm():
    recordings = [mutations.good(seed, f"S{seed + 1:02}") for seed in range(8)]
    assert mutations.refused(recordings, mutations.SOURCE) == [(set(), "")] * 8


@pytest.mark.parametrize("one", damage.FILES, ids=lambda one: one.name)
def test_a_damaged_file_is_refused_by_file_and_line(tmp_path, one):
    with pytest.raises(InvalidRecording, match=rf"signal\.csv.*{one.says}"):
        damage.read_file(tmp_path, one.change(damage.GOOD_FILE))


def test_a_good_file_is_read_whole(tmp_path):
    assert damage.read_file(tmp_path, damage.GOOD_FILE) == 50


def test_the_page_names_every_kind_of_damage_and_what_catches_it(caught):
    page = (ROOT / "docs" / "mutations.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (.+?) \| (.*?) \|", page, flags=re.MULTILINE))
    for name, failed in caught.items():
        assert set(re.findall(r"`(.+?)`", rows[name])) == failed
    assert {one.name for one in damage.FILES} | set(damage.COPIES) <= set(rows)


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_real_recordings_raise_no_alarm(name, tmp_path, monkeypatch):
    mirror = os.environ.get(MIRROR_VARIABLE)
    if not mirror:
        pytest.skip(f"set {MIRROR_VARIABLE} to a folder of the published archives")
    params = schema.load(ROOT / "params.yaml")
    document = params.model_dump(by_alias=True, mode="json") | {"dataset": REAL[name]}
    params = schema.Params.model_validate(document)
    dataset = datasets.get(name)
    dataset.fetch(tmp_path, params, lambda done, total, text: None, tmp_path / "downloads")
    inspection = Inspection(dataset.declare(params.dataset))
    for part in dataset.parts(tmp_path, params.dataset):
        for recording in dataset.read(tmp_path, params.dataset, part):
            assert inspection.look_at(recording)
    inspection.mark_repeats()
    _, refusals = judge(inspection, params.validate_, Gate(None))
    assert [str(refusal) for refusal in refusals.values()] == []
