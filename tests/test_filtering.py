"""The filter chain: what is slow stays, what is fast goes, nothing moves in time, and short segments come through."""

import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen import datasets, filtering
from sensegen.params import InvalidParams
from sensegen.params.windowing import NoFiltering, UciHarFiltering, UciHarPublishedFiltering, WindowParams
from sensegen.resampling import Segment, grid
from sensegen.source import Bounds, Source

UCI_HAR = {
    "kind": "uci_har", "median_samples": 3, "low_pass_hz": 20.0, "order": 3, "gravity_hz": 0.3,
    "acceleration": "acceleration", "body": "body_acc",
}  # fmt: skip
PUBLISHED = {"kind": "uci_har_published", "acceleration": "acceleration", "body": "body_acc"}
SOURCE = Source(
    citation="",
    licence="",
    page="",
    signals={
        "acceleration": Bounds(("acc_x", "acc_y", "acc_z"), "g", 50.0, -4, 4),
        "gyroscope": Bounds(("gyro_x", "gyro_y", "gyro_z"), "rad/s", 50.0, -9, 9),
        "heart_rate": Bounds(("heart_rate",), "bpm", 1.0, 30, 220),
    },
    labels=("rest",),
    subjects=("A", "B", "C"),
    longest_activity_seconds=10,
)
CHANNELS = ["body_acc_y", "gyro_x", "acc_y"]
INPUTS = ("acc_y", "gyro_x", "acc_y")


def window_params(rate_hz: float = 50.0, **changes) -> WindowParams:
    return WindowParams(
        rate_hz=rate_hz, window_seconds=1.0, overlap=0.5, max_gap_seconds=0.25, channels=CHANNELS,
        resampling="polyphase", filtering=changes if "kind" in changes else UCI_HAR | changes,
        label_purity=1.0, dropped_labels=[], split={"kind": "leave_one_out", "test_subject": "A"},
        held_out_time_share=0.2, balance="none",
    )  # fmt: skip


def filtered(channel: np.ndarray, **changes) -> np.ndarray:
    """Body acceleration, gyroscope and total acceleration, all made of one channel."""
    segment = Segment(3.0, 50.0, np.stack([channel] * 3, axis=1))
    found = filtering.filtered(segment, INPUTS, window_params(**changes))
    assert (found.start_s, found.rate_hz) == (3.0, 50.0)
    return found.values.T


def sine(frequency_hz: float, samples: int = 4000) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * grid(0.0, samples, 50.0))


def test_body_channels_are_made_of_the_acceleration_and_others_of_themselves():
    params = window_params()
    assert filtering.inputs(CHANNELS, params.filtering, SOURCE) == INPUTS
    assert filtering.inputs(CHANNELS, NoFiltering(kind="none"), SOURCE) == tuple(CHANNELS)
    assert filtering.channels(params.filtering, SOURCE)[-3:] == ("body_acc_x", "body_acc_y", "body_acc_z")


def test_without_filtering_a_segment_is_itself():
    segment = Segment(0.0, 50.0, np.random.default_rng(0).normal(size=(20, 3)))
    params = window_params().model_copy(update={"filtering": NoFiltering(kind="none")})
    assert filtering.filtered(segment, CHANNELS, params) is segment


def test_each_column_is_filtered_by_itself_and_stands_where_it_was_asked_for():
    rng = np.random.default_rng(1)
    gyro, acc = rng.normal(size=200), 1 + rng.normal(size=200)
    both = filtering.filtered(Segment(0.0, 50.0, np.stack([acc, gyro, acc], axis=1)), INPUTS, window_params()).values
    assert np.array_equal(both[:, 1], filtered(gyro)[1])
    assert np.array_equal(both[:, [0, 2]].T, filtered(acc)[[0, 2]])


@given(st.integers(0, 2**31), st.integers(1, 400))
def test_total_acceleration_is_body_and_gravity(seed, samples):
    total = np.random.default_rng(seed).normal(1, 0.5, (samples, 1))
    params = window_params().filtering
    assert isinstance(params, UciHarFiltering)
    body, _, denoised = filtered(total[:, 0])
    gravity = filtering.chain(params).gravity(denoised[:, None], 50.0)[:, 0]
    assert body + gravity == pytest.approx(denoised, abs=1e-14)


@given(st.floats(-100, 100), st.integers(1, 200))
def test_a_constant_is_gravity_and_stays_constant_however_short(value, samples):
    body, gyro, total = filtered(np.full(samples, value))
    assert total == pytest.approx(value, abs=1e-9)
    assert gyro == pytest.approx(value, abs=1e-9)
    assert body == pytest.approx(0, abs=1e-9)


@given(st.integers(1, 60), st.integers(0, 2**31))
def test_the_shortest_segments_stay_finite_and_near_what_they_were(samples, seed):
    channel = np.random.default_rng(seed).uniform(-1, 1, samples)
    assert np.abs(filtered(channel)).max() < 10


@settings(max_examples=25)
@given(st.integers(20, 80), st.integers(0, 2**31))
def test_a_symmetric_pulse_stays_symmetric(half, seed):
    pulse = np.zeros(2001)
    shape = np.random.default_rng(seed).normal(size=half)
    pulse[1000 - half : 1000], pulse[1001 : 1001 + half] = shape[::-1], shape
    for channel in filtered(pulse):
        assert np.abs(channel).max() > 1e-2
        assert channel == pytest.approx(channel[::-1], abs=1e-6)


MIDDLE = slice(1000, -1000)


@settings(max_examples=25)
@given(st.floats(1.5, 6.0))
def test_motion_stays_in_the_body_without_delay(frequency_hz):
    body, _, total = filtered(sine(frequency_hz), median_samples=1)
    assert total[MIDDLE] == pytest.approx(sine(frequency_hz)[MIDDLE], abs=0.01)
    assert body[MIDDLE] == pytest.approx(sine(frequency_hz)[MIDDLE], abs=0.01)


@settings(max_examples=25)
@given(st.floats(0.02, 0.1))
def test_slow_turning_is_gravity(frequency_hz):
    body, _, total = filtered(sine(frequency_hz))
    assert total[MIDDLE] == pytest.approx(sine(frequency_hz)[MIDDLE], abs=0.01)
    assert np.abs(body[MIDDLE]).max() < 0.01


def test_at_the_corner_half_of_the_amplitude_is_left():
    _, _, total = filtered(sine(20.0), median_samples=1)
    assert np.ptp(total[MIDDLE]) / np.ptp(sine(20.0)[MIDDLE]) == pytest.approx(0.5, abs=0.01)


def test_what_is_above_the_corner_goes():
    assert np.abs(filtered(sine(24.0), median_samples=1)[2][MIDDLE]).max() < 0.01


def test_a_single_outlier_leaves_no_trace():
    with_outlier = sine(0.1)
    with_outlier[2000] = 50
    assert filtered(with_outlier)[2] == pytest.approx(filtered(sine(0.1))[2], abs=0.02)


@given(st.floats(-100, 100), st.integers(1, 200))
def test_the_published_chain_keeps_a_constant_too(value, samples):
    body, gyro, total = filtered(np.full(samples, value), **PUBLISHED)
    assert total == pytest.approx(value, abs=1e-9) and gyro == pytest.approx(value, abs=1e-9)
    assert body == pytest.approx(0, abs=1e-9)


def test_the_published_chain_looks_only_back():
    rng = np.random.default_rng(0)
    channel = rng.normal(size=500)
    later = np.concatenate([channel[:301], rng.normal(size=199)])
    one, other = filtered(channel, **PUBLISHED), filtered(later, **PUBLISHED)
    assert np.array_equal(one[:, :300], other[:, :300])  # the median looks one sample ahead
    assert not np.array_equal(one[:, 300:], other[:, 300:])


@pytest.mark.parametrize(
    ("rate_hz", "changes", "said"),
    [
        (40.0, {}, r"window\.filtering\.low_pass_hz is 20, but at window\.rate_hz 40 .* below 20 Hz.* above 40"),
        (0.5, {"low_pass_hz": 0.2}, r"window\.filtering\.gravity_hz is 0\.3"),
        (40.0, PUBLISHED, r"window\.filtering\.kind uci_har_published filters at 20 Hz, .* Take kind uci_har, or"),
        (50.0, {"gravity_hz": 20.0}, r"window\.filtering\.gravity_hz must be below .*low_pass_hz \(20\).* is 20"),
        (50.0, {"acceleration": "accelerometer"}, r"window\.filtering\.acceleration .* Did you mean acceleration\?"),
        (50.0, {"acceleration": "gyroscope"}, r"acceleration must .* three axes in g or m/s2, but 'gyroscope' has"),
        (50.0, {"acceleration": "heart_rate"}, r"'heart_rate' has heart_rate in bpm"),
        (50.0, {"body": "gyro"}, r"window\.filtering\.body is 'gyro', but the dataset has gyro_x, gyro_y, gyro_z"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_by_its_key(rate_hz, changes, said):
    first, *_ = filtering.problems(window_params(rate_hz, **changes), SOURCE)
    assert re.search(said, first), first


def test_the_chain_of_uci_har_is_possible_at_its_rate():
    assert list(filtering.problems(window_params(), SOURCE)) == []
    params = window_params(1.0).model_copy(update={"filtering": NoFiltering(kind="none")})
    assert list(filtering.problems(params, SOURCE)) == []


def test_params_with_a_filter_that_cannot_be_are_refused_before_anything_runs(params):
    filters = UciHarFiltering(**UCI_HAR)
    window = params.window.model_copy(update={"filtering": filters, "rate_hz": 25.0})
    with pytest.raises(InvalidParams, match=r"window\.filtering\.low_pass_hz is 20, but at window\.rate_hz 25"):
        datasets.check(params.model_copy(update={"window": window}))


@pytest.fixture(scope="module")
def person_one() -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Of UCI HAR's first person: HAPT's raw acceleration (time, axis) of both sessions, and the published total and
    body acceleration (window, time, axis)."""
    mirror = Path(os.environ.get("SENSEGEN_MIRROR") or Path(__file__).parents[2] / "shared" / "data")
    archives = mirror / "hapt" / "hapt_rawdata.zip", mirror / "uci_har" / "UCI HAR Dataset.zip"
    if not all(path.is_file() for path in archives):
        pytest.skip(f"no archives of hapt and uci_har in {mirror}; set SENSEGEN_MIRROR to a folder that holds them")
    with zipfile.ZipFile(archives[0]) as hapt, zipfile.ZipFile(archives[1]) as uci_har:
        raw = [np.loadtxt(hapt.open(f"HAPT Dataset/RawData/acc_exp0{session}_user01.txt")) for session in (1, 2)]
        windows = int((np.loadtxt(uci_har.open("UCI HAR Dataset/train/subject_train.txt"))[:400] == 1).sum())
        published = [
            [
                np.loadtxt(
                    uci_har.open(f"UCI HAR Dataset/train/Inertial Signals/{kind}_{axis}_train.txt"), max_rows=windows
                )
                for axis in filtering.AXES
            ]
            for kind in ("total_acc", "body_acc")
        ]
    return raw, *(np.stack(axes, axis=2) for axes in published)


@pytest.mark.real_data
def test_the_published_chain_gives_the_windows_that_uci_har_published(person_one):
    raw, total, body = person_one
    chain = filtering.chain(UciHarPublishedFiltering(**PUBLISHED))
    sessions = [chain.denoised(session, 50.0) for session in raw]
    moving = [session - chain.gravity(session, 50.0) for session in sessions]
    wrong_total, wrong_body = [], []
    for window in range(len(total)):
        session, start = next(
            (at, start)
            for at, session in enumerate(sessions)
            for start in np.flatnonzero(np.abs(session[:-127] - total[window, 0]).max(axis=1) < 1e-5)
            if np.abs(session[start : start + 128] - total[window]).max() < 1e-4
        )
        wrong_total.append(np.abs(sessions[session][start : start + 128] - total[window]).max())
        if start > 600:  # before, the published gravity still rises from zero, where the filter began
            wrong_body.append(np.abs(moving[session][start : start + 128] - body[window]).max())
    assert len(wrong_total) == 347 and max(wrong_total) < 1e-6
    assert len(wrong_body) > 330 and max(wrong_body) < 2e-5 and np.median(wrong_body) < 1e-7


@pytest.mark.real_data
def test_without_delay_the_chain_comes_near_what_uci_har_published(person_one):
    raw, total, _ = person_one
    params = window_params().filtering
    assert isinstance(params, UciHarFiltering)
    session = filtering.chain(params).denoised(raw[0], 50.0)
    start, published = 6 * 64 + 249, total[6]  # the seventh window of the first activity
    shifts = {late: np.abs(session[start - late :][:128] - published).mean() for late in range(6)}
    assert min(shifts, key=lambda late: shifts[late]) > 0  # the published window is late
    assert min(shifts.values()) < 0.005
