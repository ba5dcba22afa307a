"""Every registered dataset keeps the promises it declares, and params that ask for more are refused by key."""

import hashlib
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import test_dsads
import test_exam_stress
import test_hapt
import test_hhar
import test_hungarian_chickenpox
import test_k_emocon
import test_pamap2
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from test_uci_har import published

from sensegen import datasets, presets
from sensegen import params as schema
from sensegen.params import InvalidParams, Params
from sensegen.params.datasets import FilesParams, SimulatedParams, UciHarParams
from sensegen.params.windowing import KFoldSplit, LeaveOneOutSplit, OfficialSplit, SubjectSplit
from sensegen.recording import Recording

ROOT = Path(__file__).parents[1]
PARAMS = schema.load(ROOT / "params.yaml")


def with_window(params: Params, **changes: object) -> Params:
    return params.model_copy(update={"window": params.window.model_copy(update=changes)})


SIMULATED = PARAMS.model_copy(
    update={"dataset": SimulatedParams(name="simulated", seconds_per_activity=8.0)},
)


def with_split(params: Params, **changes: object) -> Params:
    return with_window(params, split=params.window.split.model_copy(update=changes))


UCI_HAR = with_window(
    PARAMS.model_copy(update={"dataset": UciHarParams(name="uci_har")}),
    channels=["body_acc_x", "total_acc_z"],
    split=OfficialSplit(kind="official", validation_subjects=["1", "3"]),
)


NOT_OFFICIAL = {"validation_subjects": ["1"], "test_subjects": ["2", "4"]}


def simulate(folder: Path, params: Params) -> None:
    datasets.get("simulated").fetch(folder, params, lambda done, total, text: None)


def publish(folder: Path, params: Params) -> None:
    published(folder)


def by_preset(name: str) -> Params:
    preset = presets.read(ROOT / "presets", name)
    return schema.check(yaml.safe_load(presets.applied((ROOT / "params.yaml").read_text(encoding="utf-8"), preset)))


# The description is found from any folder.
OWN_FILES = by_preset("files").model_copy(
    update={"dataset": FilesParams(name="files", description=str(ROOT / "my_files/example/description.yaml"))}
)


def described(folder: Path, params: Params) -> None:
    datasets.get("files").fetch(folder, params, lambda done, total, text: None)


# How each dataset gets raw files for the checks below: without a network, and small.
CHECKED: dict[str, tuple[Params, Callable[[Path, Params], None]]] = {
    "simulated": (SIMULATED, simulate),
    "uci_har": (UCI_HAR, publish),
    "hapt": (by_preset("hapt"), lambda folder, params: test_hapt.published(folder)),
    "hhar": (by_preset("hhar"), lambda folder, params: test_hhar.published(folder)),
    "dsads": (by_preset("dsads"), lambda folder, params: test_dsads.published(folder)),
    "pamap2": (by_preset("pamap2"), lambda folder, params: test_pamap2.published(folder)),
    "hungarian_chickenpox": (
        by_preset("hungarian_chickenpox"),
        lambda folder, params: test_hungarian_chickenpox.published(folder),
    ),
    "exam_stress": (by_preset("exam_stress"), lambda folder, params: test_exam_stress.exported(folder)),
    "k_emocon": (by_preset("k_emocon"), lambda folder, params: test_k_emocon.published(folder)),
    "files": (OWN_FILES, described),
}


@pytest.fixture(scope="module", params=sorted(CHECKED))
def raw(request, tmp_path_factory) -> tuple[str, Params, Path]:
    params, fill = CHECKED[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    fill(folder, params)
    return request.param, params, folder


def recordings(raw: tuple[str, Params, Path]) -> list[Recording]:
    _, params, folder = raw
    return list(datasets.read_all(folder, params.dataset))


def test_every_registered_dataset_is_checked_here():
    assert set(CHECKED) == set(datasets.DATASETS)


def test_the_schema_knows_every_registered_dataset():
    for name, (params, _) in CHECKED.items():
        assert params.dataset.name == name
        assert datasets.check(params) == datasets.get(name).declare(params.dataset)


def test_every_file_beside_the_registry_is_registered_or_serves_one():
    folder = ROOT / "sensegen" / "datasets"
    modules = {f"sensegen.datasets.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"}
    with_source = {name for name in modules if hasattr(importlib.import_module(name), "SOURCE")}
    assert with_source == set(datasets.DATASETS.values())


def test_recordings_carry_the_declared_signals(raw):
    signals = datasets.get(raw[0]).declare(raw[1].dataset).signals
    for recording in recordings(raw):
        assert list(recording.signals) == list(signals)
        for name, signal in recording.signals.items():
            declared = signals[name]
            assert (signal.channels, signal.unit) == (declared.channels, declared.unit)
            assert declared.rate_hz <= signal.rate_hz <= (declared.highest_rate_hz or declared.rate_hz)
            assert np.isfinite(signal.values).all()
            assert (np.diff(signal.times_s) > 0).all()


def test_values_lie_within_the_declared_bounds(raw):
    for recording in recordings(raw):
        for name, signal in recording.signals.items():
            bounds = datasets.get(raw[0]).declare(raw[1].dataset).signals[name]
            inside = (signal.values >= bounds.low) & (signal.values <= bounds.high)
            assert inside.mean() >= PARAMS.validate_.in_bounds_share
            assert signal.values.std() > 0


def test_people_and_activities_are_among_the_declared(raw):
    source = datasets.get(raw[0]).declare(raw[1].dataset)
    assert {recording.subject for recording in recordings(raw)} <= set(source.subjects)
    labels = {activity.label for recording in recordings(raw) for activity in recording.activities}
    assert labels <= set(source.labels)


def test_no_activity_lasts_longer_than_declared_or_overlaps_another(raw):
    name, params, _ = raw
    longest_s = datasets.get(name).declare(params.dataset).longest_activity_seconds
    for recording in recordings(raw):
        for activity in recording.activities:
            assert 0 < activity.end_s - activity.start_s <= longest_s + 1e-9
        for before, after in zip(recording.activities, recording.activities[1:], strict=False):
            assert before.end_s <= after.start_s


def test_reading_twice_gives_the_same_recordings(raw):
    for first, second in zip(recordings(raw), recordings(raw), strict=True):
        assert (first.name, first.subject, first.activities) == (second.name, second.subject, second.activities)
        for name, signal in first.signals.items():
            assert signal.values.tobytes() == second.signals[name].values.tobytes()


def test_names_of_recordings_are_unique(raw):
    names = [recording.name for recording in recordings(raw)]
    assert len(set(names)) == len(names) > 0


def test_the_same_params_give_the_same_bytes(raw, tmp_path):
    _, params, folder = raw
    CHECKED[raw[0]][1](tmp_path, params)
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in paths:
        digests = {hashlib.sha256((root / path).read_bytes()).hexdigest() for root in (folder, tmp_path)}
        assert len(digests) == 1, path


def test_members_have_well_formed_checksums_and_paths():
    for name in datasets.DATASETS:
        for published_archive in datasets.get(name).SOURCE.archives:
            assert published_archive.members
            for member in published_archive.members:
                assert re.fullmatch("[0-9a-f]{64}", member.sha256)
                assert not member.path.startswith("/") and ".." not in member.path


# --- check


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (with_window(SIMULATED, window_seconds=9.0), r"window\.window_seconds is 9, longer .* Set it to 8 or less"),
        (with_window(SIMULATED, window_seconds=0.02), r"window\.window_seconds is 0\.02.* Set it to 0\.04 or more"),
        (with_split(SIMULATED, test_subjects=["S1"]), r"split\.test_subjects names 'S1'.* Did you mean S1\d\?"),
        (with_split(SIMULATED, validation_subjects=["X"]), r"window\.split\.validation_subjects names 'X'"),
        (with_window(SIMULATED, dropped_labels=["STAND"]), r"dropped_labels names 'STAND'.* Did you mean STANDING\?"),
        (with_window(SIMULATED, split=KFoldSplit(kind="k_fold", folds=17, fold=0)), r"folds is 17, but there are 16"),
        (
            with_window(SIMULATED, split=OfficialSplit(kind="official", validation_subjects=["S11"])),
            r"names no test subjects",
        ),
        (
            with_window(SIMULATED, split=LeaveOneOutSplit(kind="leave_one_out", test_subject="S99")),
            r"window\.split\.test_subject names 'S99'",
        ),
        (with_window(SIMULATED, channels=["acc_x", "gyro_w"]), r"window\.channels names 'gyro_w'.* Did you mean gyro_"),
        (
            with_split(SIMULATED, test_subjects=[f"S{number:02}" for number in range(1, 17) if number not in (11, 12)]),
            r"nobody is left to fit on",
        ),
        (with_window(UCI_HAR, rate_hz=25.0), r"window\.rate_hz is 25, .* never cut again\. Set it to 50\."),
        (with_window(UCI_HAR, window_seconds=2.0), r"window\.window_seconds is 2, .* Set it to 2\.56\."),
        (with_window(UCI_HAR, overlap=0.25), r"window\.overlap is 0\.25, .* Set it to 0\.5\."),
        (
            with_window(UCI_HAR, split=PARAMS.window.split.model_copy(update=NOT_OFFICIAL)),
            r"window\.split\.test_subjects is .* official .* Set it to \['2', '4', '9'",
        ),
        (with_window(UCI_HAR, channels=["acc_x"]), r"window\.channels names 'acc_x'.* Did you mean \w+_x\?"),
        (with_split(UCI_HAR, validation_subjects=["31"]), r"window\.split\.validation_subjects names '31'"),
        (with_split(UCI_HAR, validation_subjects=["2"]), r"puts \['2'\] on both sides"),
    ],
)
def test_what_a_dataset_has_not_is_refused_by_key(params, message):
    with pytest.raises(InvalidParams, match=message):
        datasets.check(params)


def test_every_problem_is_told_at_once():
    with pytest.raises(InvalidParams) as told:
        datasets.check(with_split(with_window(UCI_HAR, rate_hz=25.0, channels=["nose"]), validation_subjects=["99"]))
    assert all(key in str(told.value) for key in ("rate_hz", "channels", "split.validation_subjects"))


def test_the_order_of_official_test_subjects_does_not_matter():
    turned = list(datasets.get("uci_har").SOURCE.test_subjects[::-1])
    split = SubjectSplit(kind="subjects", validation_subjects=["1"], test_subjects=turned)
    datasets.check(with_window(UCI_HAR, split=split))


@given(seconds=st.floats(0.05, 20.0))
@settings(deadline=None)
def test_a_window_fits_exactly_when_it_is_no_longer_than_the_longest_activity(seconds):
    params = with_window(SIMULATED, window_seconds=seconds)
    if seconds <= 8.0:
        assert datasets.check(params).longest_activity_seconds == 8.0
    else:
        with pytest.raises(InvalidParams, match="window_seconds"):
            datasets.check(params)


def test_an_unknown_dataset_is_refused_with_the_nearest_name():
    with pytest.raises(InvalidParams, match=r"dataset\.name is 'uci-har'.* Did you mean uci_har\?"):
        datasets.get("uci-har")


def test_checking_params_loads_nothing_heavy():
    code = (
        "import sys; from pathlib import Path; from sensegen import params, datasets\n"
        f"datasets.check(params.load(Path({str(ROOT / 'params.yaml')!r})))\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'pyarrow', 'scipy', 'requests'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


# --- the stage


def run_download(workspace: Path, params: Params, mirror: Path) -> subprocess.CompletedProcess[str]:
    document = params.model_dump(by_alias=True, mode="json")
    (workspace / "params.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SENSEGEN_MIRROR": str(mirror)}
    environment.pop("DVC_ROOT", None)
    command = [sys.executable, "-m", "stages", "download"]
    return subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True, timeout=120)


def test_the_stage_writes_verified_provenance_and_a_failure_leaves_it_alone(tmp_path):
    short = PARAMS.model_copy(update={"dataset": SimulatedParams(name="simulated", seconds_per_activity=5.0)})
    done = run_download(tmp_path, short, tmp_path / "nowhere")
    assert done.returncode == 0, done.stderr
    assert "progress download 16/16" in done.stdout
    out = tmp_path / "artifacts" / "download"
    written = (out / "provenance.json").read_text()
    files = json.loads(written)["files"]
    assert list(files) == sorted(files) and len(files) == 64
    for path, digest in files.items():
        assert hashlib.sha256((out / "raw" / path).read_bytes()).hexdigest() == digest

    failed = run_download(tmp_path, UCI_HAR, tmp_path / "nowhere")
    assert failed.returncode == 1
    assert "SENSEGEN_MIRROR" in failed.stderr and "is no folder" in failed.stderr and "Traceback" not in failed.stderr
    assert sorted(path.name for path in out.iterdir()) == ["provenance.json", "raw"]
    assert (out / "provenance.json").read_text() == written
    assert len([path for path in (out / "raw").rglob("*") if path.is_file()]) == 64
