"""Resampling, cutting, splitting and scaling: nothing invented, nothing bridged, nobody on two sides."""

import itertools
import pickle
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen import cutting, recordings, splitting, window_folder
from sensegen.artifacts import scratch
from sensegen.cutting import WindowIndex
from sensegen.params import RuntimeParams
from sensegen.params.windowing import WindowParams
from sensegen.recording import Activity, InvalidRecording, Recording, Signal
from sensegen.resampling import grid, resample
from sensegen.scaling import Scaling
from sensegen.source import Bounds, PublishedWindows, Source
from sensegen.validation import window_gate
from sensegen.windows import StoredValues, Windows, slice_windows

ALONE = RuntimeParams(threads=1, xla=False, engine="local", workers=1)
CHANNELS = ("x", "y")
SOURCE = Source(
    citation="",
    licence="",
    page="",
    signals={"acceleration": Bounds(CHANNELS, "g", 50.0, -4, 4)},
    labels=("rest", "move"),
    subjects=("A", "B", "C", "D"),
    longest_activity_seconds=10,
)


def window_params(**changes) -> WindowParams:
    values = {
        "rate_hz": 50.0, "window_seconds": 1.0, "overlap": 0.5, "max_gap_seconds": 0.25, "channels": list(CHANNELS),
        "resampling": "polyphase", "filtering": {"kind": "none"}, "label_purity": 1.0, "dropped_labels": [],
        "split": {"kind": "subjects", "validation_subjects": ["C"], "test_subjects": ["D"]},
        "held_out_time_share": 0.2, "balance": "none",
    }  # fmt: skip
    return WindowParams(**{**values, **changes})


def recording(subject: str, times_s: np.ndarray, values: np.ndarray | None = None) -> Recording:
    if values is None:
        values = np.random.default_rng(0).normal(size=(len(times_s), 2))
    end_s = float(times_s[-1]) + 0.02
    activities = (Activity("rest", 0.0, end_s / 2), Activity("move", end_s / 2, end_s))
    return Recording(subject, subject, {"acceleration": Signal(values, times_s, 50.0, "g", CHANNELS)}, activities)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 60))
def test_window_w_is_the_signal_from_w_strides_on(length, stride, more):
    signal = np.arange(2.0 * (length + more)).reshape(-1, 2)
    windows = slice_windows(signal, length=length, stride=stride)
    assert len(windows) == more // stride + 1
    for at, window in enumerate(windows):
        assert np.array_equal(window, signal[at * stride : at * stride + length])


def test_a_signal_shorter_than_a_window_is_refused():
    with pytest.raises(ValueError, match="needs 5 samples, but the signal has 4"):
        slice_windows(np.zeros((4, 1)), length=5, stride=1)


def test_samples_on_the_grid_pass_through_bit_for_bit():
    times_s = grid(0.0, 128, 50.0)
    values = np.random.default_rng(0).normal(size=(128, 2))
    (segment,) = resample(recording("A", times_s, values), CHANNELS, window_params())
    assert np.array_equal(segment.values, values)


@settings(max_examples=30)
@given(st.floats(0.1, 4.0), st.floats(0, 0.004), st.integers(0, 2**31))
def test_a_slow_sine_on_a_jittered_clock_survives(frequency_hz, jitter_s, seed):
    rng = np.random.default_rng(seed)
    times_s = np.sort(grid(0.0, 500, 50.0) + rng.uniform(-jitter_s, jitter_s, 500))
    values = np.sin(2 * np.pi * frequency_hz * times_s)[:, None].repeat(2, axis=1)
    (segment,) = resample(recording("A", times_s, values), CHANNELS, window_params())
    expected = np.sin(2 * np.pi * frequency_hz * segment.times_s)
    # The error of linear interpolation is at most the second derivative times the squared step, over eight.
    step_s = np.diff(times_s).max()
    assert np.abs(segment.values[:, 0] - expected).max() <= (2 * np.pi * frequency_hz * step_s) ** 2 / 8 + 1e-9


def test_a_faster_signal_does_not_fold_back():
    times_s = grid(0.0, 2000, 200.0)
    aliasing = np.sin(2 * np.pi * 45 * times_s)[:, None].repeat(2, axis=1)
    signal = Signal(aliasing, times_s, 200.0, "g", CHANNELS)
    (segment,) = resample(Recording("r", "A", {"s": signal}, ()), CHANNELS, window_params())
    assert np.abs(segment.values[50:-50]).max() < 0.01


def test_slow_and_fast_signals_come_to_one_grid():
    fast = Signal(np.zeros((500, 2)), grid(0.0, 500, 50.0), 50.0, "g", CHANNELS)
    slow = Signal(np.arange(10.0)[:, None], grid(0.0, 10, 1.0), 1.0, "bpm", ("rate",))
    both = Recording("r", "A", {"fast": fast, "slow": slow}, ())
    (segment,) = resample(both, ("rate", "x"), window_params())
    assert segment.values[:, 0] == pytest.approx(segment.times_s)
    assert segment.times_s[-1] == pytest.approx(9.0)


@settings(max_examples=30)
@given(st.lists(st.integers(20, 480), min_size=1, max_size=4), st.integers(0, 2**31))
def test_no_window_bridges_a_gap_and_every_window_is_of_one_activity(tmp_path_factory, gaps, seed):
    times_s = grid(0.0, 500, 50.0)
    kept = np.ones(500, bool)
    for gap in gaps:
        kept[gap : gap + 15] = False  # 0.3 s
    with_times = recording("A", times_s[kept], np.stack([times_s[kept]] * 2, axis=1))
    try:
        cut = cut_in(tmp_path_factory.mktemp("cut"), [with_times])
    except InvalidRecording:
        return
    signals = np.concatenate(list(cut.blocks()))
    middle_s = (times_s[kept][-1] + 0.02) / 2
    for start, label in zip(cut.index.start, cut.index.label, strict=True):
        window_times_s = signals[start : start + 50, 0]
        assert np.diff(window_times_s).max() < 0.021
        lost = times_s[~kept]
        assert not ((lost > window_times_s[0]) & (lost < window_times_s[-1])).any()
        assert (window_times_s < middle_s).all() if label == 0 else (window_times_s >= middle_s - 0.02).all()


def cut_in(
    folder: Path,
    made: Iterable[Recording],
    params: WindowParams | None = None,
    source: Source = SOURCE,
    runtime: RuntimeParams = ALONE,
) -> cutting.Cut:
    """Write recordings into a folder, a shard each person, and cut them there."""
    for number, (_, shard) in enumerate(itertools.groupby(made, key=lambda one: one.subject)):
        recordings.write(shard, folder / "recordings" / f"{number:06d}")
    (folder / "pieces").mkdir()
    return cutting.cut(folder / "recordings", folder / "pieces", params or window_params(), source, runtime)


def everybody() -> list[Recording]:
    return [recording(subject, grid(0.0, 1500, 50.0)) for subject in SOURCE.subjects]


def test_splits_hold_every_window_once_and_nobody_on_two_sides(tmp_path):
    cut = cut_in(tmp_path, everybody())
    splits = splitting.split(cut.index, window_params(), SOURCE)
    assert np.array_equal(np.sort(np.concatenate(list(splits.values()))), np.arange(len(cut.index)))
    people = {name: set(cut.index.subject[rows].tolist()) for name, rows in splits.items()}
    assert people["test"] == {3} and people["validation"] == {2}
    assert people["fit"] == people["held_out_time"] == {0, 1}


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 0.6), st.sampled_from([0.0, 0.5, 0.75]), st.sampled_from([0.5, 1.0, 2.0]))
def test_fit_ends_a_whole_window_before_held_out_time_begins(tmp_path_factory, share, overlap, window_seconds):
    params = window_params(held_out_time_share=share, overlap=overlap, window_seconds=window_seconds)
    cut = cut_in(tmp_path_factory.mktemp("cut"), everybody(), params)
    splits = splitting.split(cut.index, params, SOURCE)
    for subject in (0, 1):
        for label in (0, 1):
            begins = {
                name: cut.index.begin_s[
                    [r for r in splits[name] if (cut.index.subject[r], cut.index.label[r]) == (subject, label)]
                ]
                for name in ("fit", "held_out_time")
            }
            assert len(begins["held_out_time"])
            if len(begins["fit"]):
                end_of_fit_s = begins["fit"].max() + window_seconds
                assert begins["held_out_time"].min() - end_of_fit_s >= window_seconds - 1e-6


def test_published_windows_are_a_stride_apart_in_a_persons_time(tmp_path):
    source = Source(**{**SOURCE.__dict__, "published_windows": PublishedWindows(50, 25)})
    one = [Activity("rest", 0.0, 1.0)]
    made = [
        Recording(f"{at}", "A", {"s": Signal(np.zeros((50, 2)), grid(0.0, 50, 50.0), 50.0, "g", CHANNELS)}, tuple(one))
        for at in range(20)
    ]
    cut = cut_in(tmp_path, made, source=source)
    assert cut.index.begin_s == pytest.approx(np.arange(20) * 0.5)
    splits = splitting.split(cut.index, window_params(), source)
    # Windows 16 to 19 are held out; 15, 14 and 13 lie less than a window before them.
    assert splits["held_out_time"].tolist() == [16, 17, 18, 19]
    assert splits["dropped"].tolist() == [13, 14, 15]


def written_in(folder: Path, params: WindowParams, runtime: RuntimeParams = ALONE) -> tuple[cutting.Cut, Scaling]:
    cut = cut_in(folder, everybody(), params, runtime=runtime)
    splits = splitting.split(cut.index, params, SOURCE)
    stored = {name: splits[name] for name in splitting.SPLITS}
    return cut, window_folder.write(folder / "window", cut, stored, params, SOURCE)


def test_written_windows_open_as_they_were_cut_and_fit_alone_sets_the_scale(tmp_path):
    cut, scaling = written_in(tmp_path, window_params())
    fit, test = (Windows.open(tmp_path / "window" / name) for name in ("fit", "test"))
    assert np.mean(fit.values, axis=(0, 1)) == pytest.approx(0, abs=1e-5)
    assert np.std(fit.values, axis=(0, 1)) == pytest.approx(1, abs=1e-5)
    start = np.load(tmp_path / "window" / "test.npy")[3, 0]
    signals = np.concatenate(list(cut.blocks()))
    physical = Scaling.load(tmp_path / "window").invert(test.values[3])
    assert physical == pytest.approx(signals[start : start + 50], abs=1e-5)
    assert Scaling.load(tmp_path / "window").mean == pytest.approx(scaling.mean)


def test_a_filtering_that_separates_gravity_gives_windows_of_what_is_left_in_the_same_unit(tmp_path):
    bounds = Bounds(("acc_x", "acc_y", "acc_z"), "g", 50.0, -4, 4, gravity=True)
    source = Source(**{**SOURCE.__dict__, "signals": {"acc": bounds}})
    filtering = {
        **{"kind": "uci_har", "median_samples": 3, "low_pass_hz": 20.0, "order": 3, "gravity_hz": 0.3},
        **{"acceleration": "acc", "body": "body_acc"},
    }
    params = window_params(channels=["body_acc_z", "acc_z"], filtering=filtering)
    still = Signal(np.tile([0.0, 0.0, 1.0], (1500, 1)), grid(0.0, 1500, 50.0), 50.0, "g", bounds.channels)
    made = [Recording(at, at, {"acc": still}, (Activity("rest", 0.0, 30.0),)) for at in SOURCE.subjects]
    cut = cut_in(tmp_path, made, params, source)
    window_folder.write(tmp_path / "window", cut, {"fit": np.arange(len(cut.index))}, params, source)
    assert Windows.open(tmp_path / "window" / "fit").units == ("g", "g")
    assert np.concatenate(list(cut.blocks())) == pytest.approx(np.tile([0.0, 1.0], (6000, 1)), abs=1e-6)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_two_workers_leave_the_same_bytes_as_one(tmp_path, monkeypatch, engine):
    monkeypatch.setattr(cutting, "WORTH_SAMPLES", 1)
    two = RuntimeParams(threads=1, xla=False, engine=engine, workers=2)
    for name, runtime in (("one", ALONE), ("two", two)):
        (tmp_path / name).mkdir()
        written_in(tmp_path / name, window_params(), runtime)
    one, other = (contents(tmp_path / name / "window") for name in ("one", "two"))
    assert sorted(one) == ["fit.npy", "held_out_time.npy", "signals.npy", "test.npy", "validation.npy", "windows.json"]
    assert one == other


def test_signals_are_the_same_however_recordings_are_dealt_into_pieces(tmp_path, monkeypatch):
    cuts = []
    for name, samples in (("whole", 10**6), ("dealt", 1)):
        monkeypatch.setattr(cutting, "RUN_SAMPLES", samples)
        (tmp_path / name).mkdir()
        cuts.append(cut_in(tmp_path / name, [one for one in everybody() for _ in range(2)]))
    signals = [np.concatenate(list(cut.blocks())) for cut in cuts]
    assert len(cuts[0].pieces) < len(cuts[1].pieces)
    assert np.array_equal(*signals) and all(np.array_equal(*column) for column in zip(*map(columns, cuts), strict=True))


def columns(cut: cutting.Cut) -> list[np.ndarray]:
    return [cut.index.start, cut.index.label, cut.index.subject, cut.index.begin_s]


def test_pieces_are_gone_after_the_block_and_those_of_a_killed_run_before_it(tmp_path):
    (tmp_path / ".pieces").mkdir()
    (tmp_path / ".pieces" / "old").touch()
    with pytest.raises(OSError, match="full"), scratch(tmp_path / ".pieces") as pieces:
        assert list(pieces.iterdir()) == []
        (pieces / "new").touch()
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []


def test_opening_windows_reads_no_samples_before_they_are_asked_for(tmp_path):
    written_in(tmp_path, window_params())
    fit = Windows.open(tmp_path / "window" / "fit")
    signals, rows = np.load(tmp_path / "window" / "signals.npy"), np.load(tmp_path / "window" / "fit.npy")
    assert isinstance(fit.values, StoredValues) and isinstance(fit.values.signals, np.memmap)
    assert fit.values.shape == (len(rows), 50, 2) and fit.values.dtype == np.float32
    expected = np.stack([signals[start : start + 50] for start in rows[:, 0]])
    assert np.array_equal(np.asarray(fit.values), expected)
    assert np.array_equal(fit.values[2], expected[2]) and np.array_equal(fit.values[-3:], expected[-3:])
    chosen = fit.select(fit.labels == 1)
    assert isinstance(chosen.values, StoredValues) and np.array_equal(chosen.values, expected[fit.labels == 1])


@given(st.lists(st.integers(0, 190), min_size=1, max_size=30), st.integers(1, 40), st.integers(1, 10))
def test_scaling_by_blocks_is_the_scaling_of_the_windows_one_by_one(tmp_path_factory, starts, block, length):
    signals = np.random.default_rng(1).normal(1000, 0.1, (200, 2))
    windows = np.concatenate([signals[start : start + length] for start in starts])
    piece = tmp_path_factory.mktemp("piece") / "0"
    signals.tofile(piece)
    where = WindowIndex(np.array(starts), *(np.zeros(len(starts), int) for _ in range(3)))
    cut = cutting.Cut((piece,), 200, where, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "BLOCK_SAMPLES", block)
        scaling = Scaling.fit(cut.covered_blocks(np.arange(len(starts)), length))
    assert scaling.mean == pytest.approx(windows.mean(axis=0), rel=1e-12)
    expected = np.where(np.ptp(windows, axis=0) > 0, windows.std(axis=0), 1)
    assert scaling.stddev == pytest.approx(expected, rel=1e-8)


def fitted(values: np.ndarray) -> Scaling:
    return Scaling.fit([(values, np.ones(len(values), int))])


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_scaling_inverts(mean, spread):
    values = np.random.default_rng(0).normal(mean, spread, size=(40, 2))
    scaling = fitted(values)
    assert scaling.invert(scaling.apply(values)) == pytest.approx(values)


def test_a_constant_channel_is_scaled_without_a_division_by_zero():
    assert fitted(np.full((5, 1), 0.1)).apply(np.full((5, 1), 0.1)).tolist() == [[0.0]] * 5


def test_a_channel_that_no_recording_has_is_named():
    with pytest.raises(ValueError, match=r"no channel \['z'\].*window\.channels"):
        resample(recording("A", grid(0.0, 100, 50.0)), ("z",), window_params())


def test_what_two_devices_of_a_person_recorded_at_once_is_of_one_moment(tmp_path):
    clock = grid(0.0, 1000, 50.0)
    made = [replace(recording("A", clock), name=name, begins_s=begins_s) for name, begins_s in (("1", 50), ("2", 53))]
    begin_s = cut_in(tmp_path, made).index.begin_s
    first, second = np.split(begin_s, 2)
    assert (first[0], second[0]) == (50, 53)
    assert second == pytest.approx(first + 3)


def test_a_split_in_time_puts_no_moment_of_two_devices_on_two_sides(tmp_path):
    clock = grid(0.0, 10_000, 50.0)
    made = [replace(recording("A", clock), name=name, begins_s=begins_s) for name, begins_s in (("1", 0), ("2", 7))]
    params = window_params(split={"kind": "in_time", "validation_share": 0.2, "test_share": 0.2})
    index = cut_in(tmp_path, made, params).index
    splits = splitting.split(index, params, SOURCE)
    window_gate.check(index, {name: splits[name] for name in splitting.SPLITS}, params, SOURCE)
    for label in (0, 1):
        begins = {name: index.begin_s[rows[index.label[rows] == label]] for name, rows in splits.items()}
        assert begins["fit"].max() + 2 * params.window_seconds <= begins["test"].min() + 1e-6
    # As if the devices had followed each other, the gate finds each moment on both sides.
    half = np.arange(len(index)) < len(index) // 2
    moved = replace(index, begin_s=index.begin_s + np.where(half, 0.0, 1000.0))
    mixed = splitting.split(moved, params, SOURCE)
    with pytest.raises(InvalidRecording, match=r"windows\.time"):
        window_gate.check(index, {name: mixed[name] for name in splitting.SPLITS}, params, SOURCE)


def test_a_class_whose_activities_are_shorter_than_a_window_is_named(tmp_path):
    clock = grid(0.0, 1000, 50.0)
    brief = (Activity("move", 0.0, 0.9), Activity("rest", 0.9, 20.0))
    made = [replace(recording("A", clock), activities=brief)]
    index = cut_in(tmp_path, made).index
    assert cutting.classes_without_windows(index, window_params(), SOURCE) == ["move"]
    assert cutting.classes_without_windows(index, window_params(dropped_labels=["move"]), SOURCE) == []


def test_stored_windows_go_to_another_process_by_their_place(tmp_path):
    signals = np.random.default_rng(0).normal(size=(50_000, 2)).astype(np.float32)
    np.save(tmp_path / "signals.npy", signals)
    stored = StoredValues(np.load(tmp_path / "signals.npy", mmap_mode="r"), np.arange(0, 40, 10), 10)
    sent = pickle.dumps(stored)
    assert len(sent) < 2_000 < signals.nbytes
    assert np.array_equal(pickle.loads(sent)[:], stored[:])
    in_memory = StoredValues(signals, np.arange(0, 40, 10), 10)
    assert np.array_equal(pickle.loads(pickle.dumps(in_memory))[:], stored[:])
