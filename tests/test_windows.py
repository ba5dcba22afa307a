"""Resampling, cutting, splitting and scaling: nothing invented, nothing bridged, nobody on two sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen import cutting, splitting
from sensegen.params.windowing import WindowParams
from sensegen.recording import Activity, InvalidRecording, Recording, Signal
from sensegen.resampling import grid, resample
from sensegen.scaling import Scaling
from sensegen.source import Bounds, PublishedWindows, Source
from sensegen.windows import Windows, slice_windows

CHANNELS = ("x", "y")
SOURCE = Source(
    citation="",
    licence="",
    page="",
    signals={"acceleration": Bounds(CHANNELS, "g", 50.0, -4, 4)},
    labels=("rest", "move"),
    subjects=("A", "B", "C", "D"),
    shortest_activity_seconds=10,
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
    (segment,) = resample(recording("A", times_s, values), CHANNELS, rate_hz=50.0, max_gap_seconds=0.25)
    assert np.array_equal(segment.values, values)


@settings(max_examples=30)
@given(st.floats(0.1, 4.0), st.floats(0, 0.004), st.integers(0, 2**31))
def test_a_slow_sine_on_a_jittered_clock_survives(frequency_hz, jitter_s, seed):
    rng = np.random.default_rng(seed)
    times_s = np.sort(grid(0.0, 500, 50.0) + rng.uniform(-jitter_s, jitter_s, 500))
    values = np.sin(2 * np.pi * frequency_hz * times_s)[:, None].repeat(2, axis=1)
    (segment,) = resample(recording("A", times_s, values), CHANNELS, rate_hz=50.0, max_gap_seconds=0.25)
    expected = np.sin(2 * np.pi * frequency_hz * segment.times_s)
    # The error of linear interpolation is at most the second derivative times the squared step, over eight.
    step_s = np.diff(times_s).max()
    assert np.abs(segment.values[:, 0] - expected).max() <= (2 * np.pi * frequency_hz * step_s) ** 2 / 8 + 1e-9


def test_a_faster_signal_does_not_fold_back():
    times_s = grid(0.0, 2000, 200.0)
    aliasing = np.sin(2 * np.pi * 45 * times_s)[:, None].repeat(2, axis=1)
    signal = Signal(aliasing, times_s, 200.0, "g", CHANNELS)
    (segment,) = resample(Recording("r", "A", {"s": signal}, ()), CHANNELS, rate_hz=50.0, max_gap_seconds=0.25)
    assert np.abs(segment.values[50:-50]).max() < 0.01


def test_slow_and_fast_signals_come_to_one_grid():
    fast = Signal(np.zeros((500, 2)), grid(0.0, 500, 50.0), 50.0, "g", CHANNELS)
    slow = Signal(np.arange(10.0)[:, None], grid(0.0, 10, 1.0), 1.0, "bpm", ("rate",))
    both = Recording("r", "A", {"fast": fast, "slow": slow}, ())
    (segment,) = resample(both, ("rate", "x"), rate_hz=50.0, max_gap_seconds=0.25)
    assert segment.values[:, 0] == pytest.approx(segment.times_s)
    assert segment.times_s[-1] == pytest.approx(9.0)


@settings(max_examples=30)
@given(st.lists(st.integers(20, 480), min_size=1, max_size=4), st.integers(0, 2**31))
def test_no_window_bridges_a_gap_and_every_window_is_of_one_activity(gaps, seed):
    times_s = grid(0.0, 500, 50.0)
    kept = np.ones(500, bool)
    for gap in gaps:
        kept[gap : gap + 15] = False  # 0.3 s
    with_times = recording("A", times_s[kept], np.stack([times_s[kept]] * 2, axis=1))
    try:
        cut = cutting.cut([with_times], window_params(), SOURCE)
    except InvalidRecording:
        return
    middle_s = (times_s[kept][-1] + 0.02) / 2
    for start, label in zip(cut.index.start, cut.index.label, strict=True):
        window_times_s = cut.signals[start : start + 50, 0]
        assert np.diff(window_times_s).max() < 0.021
        lost = times_s[~kept]
        assert not ((lost > window_times_s[0]) & (lost < window_times_s[-1])).any()
        assert (window_times_s < middle_s).all() if label == 0 else (window_times_s >= middle_s - 0.02).all()


def everybody() -> list[Recording]:
    return [recording(subject, grid(0.0, 1500, 50.0)) for subject in SOURCE.subjects]


def test_splits_hold_every_window_once_and_nobody_on_two_sides():
    cut = cutting.cut(everybody(), window_params(), SOURCE)
    splits = splitting.split(cut.index, window_params(), SOURCE)
    assert np.array_equal(np.sort(np.concatenate(list(splits.values()))), np.arange(len(cut.index)))
    people = {name: set(cut.index.subject[rows].tolist()) for name, rows in splits.items()}
    assert people["test"] == {3} and people["validation"] == {2}
    assert people["fit"] == people["held_out_time"] == {0, 1}


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 0.6), st.sampled_from([0.0, 0.5, 0.75]), st.sampled_from([0.5, 1.0, 2.0]))
def test_fit_ends_a_whole_window_before_held_out_time_begins(share, overlap, window_seconds):
    params = window_params(held_out_time_share=share, overlap=overlap, window_seconds=window_seconds)
    cut = cutting.cut(everybody(), params, SOURCE)
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


def test_published_windows_are_a_stride_apart_in_a_persons_time():
    source = Source(**{**SOURCE.__dict__, "published_windows": PublishedWindows(50, 25)})
    one = [Activity("rest", 0.0, 1.0)]
    recordings = [
        Recording(f"{at}", "A", {"s": Signal(np.zeros((50, 2)), grid(0.0, 50, 50.0), 50.0, "g", CHANNELS)}, tuple(one))
        for at in range(20)
    ]
    cut = cutting.cut(recordings, window_params(), source)
    assert cut.index.begin_s == pytest.approx(np.arange(20) * 0.5)
    splits = splitting.split(cut.index, window_params(), source)
    # Windows 16 to 19 are held out; 15, 14 and 13 lie less than a window before them.
    assert splits["held_out_time"].tolist() == [16, 17, 18, 19]
    assert splits["dropped"].tolist() == [13, 14, 15]


def test_written_windows_open_as_they_were_cut_and_fit_alone_sets_the_scale(tmp_path):
    params = window_params()
    cut = cutting.cut(everybody(), params, SOURCE)
    splits = splitting.split(cut.index, params, SOURCE)
    scaling = cutting.write(tmp_path, cut, {name: splits[name] for name in splitting.SPLITS}, params, SOURCE)
    fit = Windows.open(tmp_path / "fit")
    assert fit.values.mean(axis=(0, 1)) == pytest.approx(0, abs=1e-5)
    assert fit.values.std(axis=(0, 1)) == pytest.approx(1, abs=1e-5)
    start = cut.index.start[splits["test"][3]]
    physical = Scaling.load(tmp_path).invert(Windows.open(tmp_path / "test").values[3])
    assert physical == pytest.approx(cut.signals[start : start + cutting.window_length(params)], abs=1e-5)
    assert Scaling.load(tmp_path).mean == pytest.approx(scaling.mean)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_scaling_inverts(mean, spread):
    values = np.random.default_rng(0).normal(mean, spread, size=(40, 2))
    scaling = Scaling.fit(values)
    assert scaling.invert(scaling.apply(values)) == pytest.approx(values)


def test_a_constant_channel_is_scaled_without_a_division_by_zero():
    assert Scaling.fit(np.ones((5, 1))).apply(np.ones((5, 1))).tolist() == [[0.0]] * 5


def test_a_channel_that_no_recording_has_is_named():
    with pytest.raises(ValueError, match=r"no channel \['z'\].*window\.channels"):
        resample(recording("A", grid(0.0, 100, 50.0)), ("z",), rate_hz=50.0, max_gap_seconds=0.25)
