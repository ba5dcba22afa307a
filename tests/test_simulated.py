"""The simulator obeys its own physics, repeats itself byte for byte, and leaves work for a classifier."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sensegen import params as schema
from sensegen.datasets import simulated, simulated_people, simulator
from sensegen.params.datasets import SimulatedParams
from sensegen.recording import Activity, InvalidRecording
from sensegen.seeding import rng

PARAMS = schema.load(Path(__file__).parents[1] / "params.yaml")
SHORT = PARAMS.model_copy(update={"dataset": SimulatedParams(name="simulated", seconds_per_activity=6.0)})


def silent(done: int, total: int, text: str) -> None:
    """No progress shown."""


def moved(label: str, seconds: float = 20.0) -> tuple[simulated_people.Person, simulator.Trajectory]:
    someone = simulated_people.person(0, "S01")
    tracks = simulator.phases((Activity(label, 0.0, seconds),), someone.body, rng(0, "schedule"))
    return someone, simulator.trajectory(tracks, someone, rng(0, "motion"))


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("label", simulated.SOURCE.labels)
def test_integrating_the_gyroscope_reproduces_the_orientation(label):
    someone, motion = moved(label)
    _, turning = simulator.inertial_readings(motion, someone.mount)
    to_pelvis = Rotation.from_rotvec(someone.mount.rotation)
    omega = to_pelvis.apply(turning)
    orientation = motion.orientation[0]
    for step in (omega[:-1] + omega[1:]) / 2 / simulator.GRID_HZ:
        orientation = orientation * Rotation.from_rotvec(step)
    error_deg = np.rad2deg((orientation.inv() * motion.orientation[-1]).magnitude())
    assert error_deg < 0.5


def test_a_still_sensor_reads_gravity_turned_into_its_frame():
    someone = simulated_people.person(0, "S01")
    pose = Rotation.from_euler("y", 30, degrees=True)
    times_s = np.arange(50) / simulator.GRID_HZ
    motion = simulator.Trajectory(times_s, Rotation.concatenate([pose] * 50), np.zeros((50, 3)))
    force, turning = simulator.inertial_readings(motion, replace(someone.mount, rotation=np.zeros(3)))
    assert force == pytest.approx(np.tile([-0.5, 0.0, np.sqrt(0.75)], (50, 1)))
    assert turning == pytest.approx(np.zeros((50, 3)), abs=1e-12)


def test_a_sensor_off_the_axis_of_a_steady_turn_reads_the_centripetal_acceleration():
    someone = simulated_people.person(0, "S01")
    times_s = np.arange(200) / simulator.GRID_HZ
    motion = simulator.Trajectory(
        times_s, Rotation.from_rotvec(2.0 * times_s[:, None] * [0.0, 0.0, 1.0]), np.zeros((200, 3))
    )
    mount = replace(someone.mount, rotation=np.zeros(3), lever_m=np.array([0.5, 0.0, 0.0]))
    force, turning = simulator.inertial_readings(motion, mount)
    inner = slice(3, -3)  # the ends are one-sided differences
    assert force[inner, 0] == pytest.approx(-(2.0**2) * 0.5 / simulated_people.GRAVITY, rel=1e-3)
    assert turning[inner, 2] == pytest.approx(2.0, rel=1e-3)


def test_longer_legs_stride_more_slowly_by_the_pendulum_law():
    body = simulated_people.person(0, "S01").body
    ratio = replace(body, leg_m=1.0).stride_hz / replace(body, leg_m=0.81).stride_hz
    assert ratio == pytest.approx(0.9)


def test_the_spectrum_of_walking_peaks_at_the_step_frequency():
    someone, motion = moved("WALKING", seconds=60.0)
    spectrum = np.abs(np.fft.rfft(motion.acceleration[:, 2] * np.hanning(len(motion.times_s))))
    peak_hz = np.fft.rfftfreq(len(motion.times_s), 1 / simulator.GRID_HZ)[spectrum.argmax()]
    step_hz = 2 * someone.body.stride_hz * someone.style.tempo
    assert peak_hz == pytest.approx(step_hz, rel=0.12)


@given(time_constant_s=st.floats(0.02, 1.0), seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_smooth_noise_has_a_standard_deviation_of_one(time_constant_s, seed):
    noise = simulator.smooth_noise(np.random.default_rng(seed), 100_000, time_constant_s)
    effective_draws = 500 / (4 * time_constant_s)
    assert noise.std() == pytest.approx(1.0, abs=4 / np.sqrt(effective_draws))


def test_heart_rate_follows_effort_slowly():
    body = simulated_people.person(0, "S01").body
    count = int(120 * simulator.GRID_HZ)
    still = np.zeros(count)
    effort = np.where(np.arange(count) < count // 2, 0.0, 1.0)
    rate = simulator.heart_rate(simulator.Phases(still, still, still, still, effort), body, rng(0, "heart"))
    a_second = int(simulator.GRID_HZ)
    assert abs(rate[count // 2 + a_second] - rate[count // 2]) < 0.2 * body.effort_bpm
    assert rate[-5 * a_second :].mean() - rate[: 5 * a_second].mean() > 0.6 * body.effort_bpm


def test_clocks_jitter_and_lose_samples_and_some_gaps_are_long():
    sessions = [simulated.simulate(0, subject, 64.0) for subject in simulated.SOURCE.subjects[:6]]
    steps = [np.diff(session.signals["acceleration"].times_s) for session in sessions]
    assert min(step.min() for step in steps) > 0
    assert max(step.max() for step in steps) > 0.25
    every = np.concatenate(steps)
    assert np.median(every) == pytest.approx(0.02, rel=0.02)
    assert 0.001 < every[every < 0.03].std() < 0.005
    assert 0.002 < np.mean(every > 0.03) < 0.02


@pytest.fixture(scope="module")
def fetched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    simulated.fetch(folder, SHORT, silent)
    return folder


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(fetched, tmp_path):
    simulated.fetch(tmp_path / "again", SHORT, silent)
    assert digests(tmp_path / "again") == digests(fetched)
    simulated.fetch(tmp_path / "other", SHORT.model_copy(update={"seed": 1}), silent)
    assert set(digests(tmp_path / "other").values()).isdisjoint(digests(fetched).values())


def test_what_was_written_is_read_back(fetched):
    first = next(simulated.read(fetched, PARAMS.dataset, "S01"))
    made = simulated.simulate(SHORT.seed, "S01", 6.0)
    assert first.activities == made.activities
    for name, signal in made.signals.items():
        assert np.array_equal(first.signals[name].values, signal.values)
        assert np.array_equal(first.signals[name].times_s, signal.times_s)


def test_a_raw_file_that_is_cut_short_is_named(fetched, tmp_path):
    shutil.copytree(fetched, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "S02" / "gyroscope.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InvalidRecording, match="S02"):
        list(simulated.read(tmp_path, PARAMS.dataset, "S02"))


def test_activities_of_unseen_people_are_told_apart_well_but_not_perfectly():
    from sklearn.ensemble import ExtraTreesClassifier

    rows, labels, subjects = [], [], []
    for subject in simulated.SOURCE.subjects:
        features, of_label = window_features(simulated.simulate(PARAMS.seed, subject, 40.0))
        rows.append(features)
        labels += of_label
        subjects += [subject] * len(of_label)
    x, y, test = np.concatenate(rows), np.array(labels), np.isin(subjects, PARAMS.window.split.test_subjects)
    trees = ExtraTreesClassifier(60, random_state=0).fit(x[~test], y[~test])
    assert 0.88 < trees.score(x[test], y[test]) < 0.985


def window_features(recording):
    """Mean, spread and log spectrum of windows of 2.56 s, half overlapping, and their labels."""
    windows, labels = [], []
    for activity in recording.activities:
        times_s = np.arange(activity.start_s + 0.1, activity.end_s - 0.1, 0.02)
        columns = [
            np.interp(times_s, signal.times_s, column)
            for signal in recording.signals.values()
            for column in signal.values.T
        ]
        cut = np.lib.stride_tricks.sliding_window_view(np.stack(columns), 128, axis=1)[:, ::64].swapaxes(0, 1)
        windows.append(cut)
        labels += [activity.label] * len(cut)
    values = np.concatenate(windows)  # (window, channel, time)
    spectrum = np.log(np.abs(np.fft.rfft(values - values.mean(-1, keepdims=True)))[..., :24] + 1e-3)
    return np.concatenate([values.mean(-1), values.std(-1), spectrum.reshape(len(values), -1)], axis=1), labels


def test_a_lying_person_who_rolls_over_turns_gravity_to_the_side():
    zero = np.zeros(int(4 * simulator.GRID_HZ))
    tracks = simulator.Phases(zero, zero, pitch=zero - np.pi / 2, roll=zero + np.pi / 2, effort=zero)
    motion = simulator.trajectory(tracks, simulated_people.person(0, "S01"), rng(0, "motion"))
    upward = motion.orientation[-1].inv().apply([0.0, 0.0, 1.0])
    assert abs(upward[1]) > 0.99
