"""A waist-worn inertial unit, simulated: from what a person does to what the sensor reads.

    schedule -> phases (slope, posture, sway, effort) -> trajectory (orientation, acceleration) -> readings

Everything that changes is a piecewise constant track passed through a second-order low-pass, so one activity runs
into the next without a jump. The gyroscope is the derivative of the very orientation that turns gravity into the
sensor's frame; equations, symbols and units: docs/simulator.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from sensegen.datasets.simulated_people import GRAVITY, Body, Mount, Person
from sensegen.recording import Activity

if TYPE_CHECKING:
    from scipy.spatial.transform import Rotation

GRID_HZ = 200.0
TRANSITION_SECONDS = 0.25
# Rows: going down, level, going up. Columns: stride frequency, Froude number, rise of the pelvis relative to a
# compass gait, heel strike in m/s², forward lean in rad, forward to vertical acceleration, tilt of the pelvis to the
# swinging leg relative to the person's own.
GAITS = np.array(
    [
        [1.12, 0.11, 1.15, 8.0, -0.02, 0.35, 0.6],
        [1.00, 0.20, 0.60, 2.2, 0.05, 0.65, 1.0],
        [0.82, 0.10, 0.95, 1.0, 0.17, 0.50, 1.8],
    ]
)


@dataclass(frozen=True)
class Phases:
    """What a person does at each instant; every field is (time,).

    `moving` is 0 or 1, `slope` runs from -1 (stairs down) over 0 (level) to 1 (stairs up), `pitch` and `roll` are the
    pelvis' posture in rad, `effort` is 0 at rest and 1 when climbing stairs.
    """

    moving: Float[np.ndarray, "time"]
    slope: Float[np.ndarray, "time"]
    pitch: Float[np.ndarray, "time"]
    roll: Float[np.ndarray, "time"]
    effort: Float[np.ndarray, "time"]


@dataclass(frozen=True)
class Trajectory:
    """The pelvis on a grid of `GRID_HZ`: orientation to the world, acceleration without gravity in m/s² (world)."""

    times_s: Float[np.ndarray, "time"]
    orientation: "Rotation"
    acceleration: Float[np.ndarray, "time 3"]


def schedule(labels: tuple[str, ...], seconds_each: float, draw: np.random.Generator) -> tuple[Activity, ...]:
    """All activities one after the other, in an order of the person's own."""
    order = draw.permutation(len(labels))
    return tuple(
        Activity(labels[label], place * seconds_each, (place + 1) * seconds_each) for place, label in enumerate(order)
    )


def phases(activities: tuple[Activity, ...], body: Body, draw: np.random.Generator) -> Phases:
    """The tracks of a recording on the grid, before smoothing."""
    starts, rows = [], []
    for activity in activities:
        start_s = activity.start_s
        for seconds, row in _pieces(activity.label, body, draw):
            if start_s >= activity.end_s:
                break
            starts.append(start_s)
            rows.append(row)
            start_s += seconds
    times_s = np.arange(round(activities[-1].end_s * GRID_HZ)) / GRID_HZ
    tracks = np.array(rows)[np.searchsorted(starts, times_s, side="right") - 1]
    return Phases(*tracks.T)


Row = tuple[float, float, float, float, float]


def _pieces(label: str, body: Body, draw: np.random.Generator) -> Iterator[tuple[float, Row]]:
    """Seconds and (moving, slope, pitch, roll, effort) of one piece after another, without end."""
    while True:
        match label:
            case "WALKING":
                # Paths rise and fall a little, and nobody keeps one pace.
                yield draw.uniform(5, 12), (1, draw.normal(0, 0.12), body.standing_pitch, 0, 0.45)
            case "WALKING_UPSTAIRS" | "WALKING_DOWNSTAIRS":
                direction = 1 if label == "WALKING_UPSTAIRS" else -1
                flight = direction * draw.normal(1.0, 0.12)
                yield draw.uniform(8, 14), (1, flight, body.standing_pitch, 0, 0.7 + 0.3 * direction)
                # The landing between two flights is level, though its label is not.
                yield draw.uniform(1.0, 2.0), (1, draw.normal(0, 0.12), body.standing_pitch, 0, 0.6)
            case "STANDING":
                pitch = body.standing_pitch + np.deg2rad(draw.normal(0, 2.5))
                yield draw.uniform(5, 14), (0, 0, pitch, np.deg2rad(draw.normal(0, 3.0)), 0.12)
            case "SITTING":
                # Slumped most of the time; now and then as upright as when standing.
                upright = draw.random() < 0.15
                pitch = body.standing_pitch - np.deg2rad(4.0) if upright else body.sitting_pitch
                pitch += np.deg2rad(draw.normal(0, 3.5))
                yield draw.uniform(5, 14), (0, 0, pitch, np.deg2rad(draw.normal(0, 2.5)), 0.06)
            case "LAYING":
                roll = np.deg2rad(draw.normal(0, 25))
                yield draw.uniform(10, 30), (0, 0, body.lying_pitch, roll, 0.0)
            case _:
                raise ValueError(f"The simulator knows no activity {label!r}.")


def trajectory(tracks: Phases, someone: Person, draw: np.random.Generator) -> Trajectory:
    """Move the pelvis through the phases."""
    from scipy.spatial.transform import Rotation

    count = len(tracks.moving)
    times_s = np.arange(count) / GRID_HZ
    smooth = Phases(*(low_pass(track, TRANSITION_SECONDS) for track in vars(tracks).values()))
    acceleration, rotation, lean = _gait(smooth, someone, draw)
    quiet = _quiet_angles(times_s, someone.body, draw)
    heading = np.cumsum(smooth.moving * 0.2 * smooth_noise(draw, count, 2.0)) / GRID_HZ
    posture = np.stack([np.zeros(count), smooth.pitch + lean, np.zeros(count)], axis=1)
    orientation = (
        Rotation.from_rotvec(heading[:, None] * [0.0, 0.0, 1.0])
        * Rotation.from_rotvec(smooth.roll[:, None] * [1.0, 0.0, 0.0])
        * Rotation.from_rotvec(posture)
        * Rotation.from_rotvec(rotation + quiet)
    )
    sway = 0.04 * np.stack([smooth_noise(draw, count, 0.2) for _ in range(3)], axis=1)
    # The gait is written in the direction of travel, the world is not.
    turned = Rotation.from_rotvec(heading[:, None] * [0.0, 0.0, 1.0]).apply(acceleration)
    return Trajectory(times_s, orientation, turned + sway)


def _gait(
    tracks: Phases, someone: Person, draw: np.random.Generator
) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 3"], Float[np.ndarray, "time"]]:
    """Acceleration (forward, left, up; m/s²), pelvic rotation vector (rad) and forward lean (rad) of walking."""
    body, style = someone.body, someone.style
    count = len(tracks.moving)
    tempo, froude, rise, impact, lean, thrust, tilt = (
        np.interp(tracks.slope, (-1, 0, 1), column) for column in GAITS.T
    )
    stride_hz = body.stride_hz * style.tempo * tempo * (1 + 0.03 * smooth_noise(draw, count, 1.5))
    vigour = tracks.moving * np.exp(0.10 * smooth_noise(draw, count, 2.0))
    speed = style.speed * np.sqrt(froude * GRAVITY * body.leg_m)
    half_step = np.minimum(speed / (4 * stride_hz), 0.5 * body.leg_m)
    rise_m = rise * (body.leg_m - np.sqrt(body.leg_m**2 - half_step**2))
    phase = 2 * np.pi * np.cumsum(stride_hz) / GRID_HZ
    step_rad_s = 4 * np.pi * stride_hz
    bounce = vigour * rise_m / 2 * step_rad_s**2
    strike = vigour * impact * _heel_strike(phase, stride_hz, body.impact_rad_s, style.damping)
    up = -bounce * (_series(2 * phase, style.vertical) + style.asymmetry * np.cos(phase)) + strike
    forward = thrust * bounce * _series(2 * phase - np.pi / 2, style.forward) - 0.4 * strike
    left = 0.35 * bounce * _series(phase - np.pi / 2, style.sideways)
    cycles = np.stack([phase, 2 * phase, phase], axis=1)
    swing = vigour[:, None] * np.stack([tilt, np.ones(count), np.ones(count)], axis=1)
    rotation = style.rotation[:, 0] * np.sin(cycles + style.rotation[:, 1]) * swing
    return np.stack([forward, left, up], axis=1), rotation, lean * tracks.moving


def _series(phase: Float[np.ndarray, "time"], harmonics: Float[np.ndarray, "harmonic 2"]) -> Float[np.ndarray, "time"]:
    """Sum of amplitude_k cos(k phase + shift_k)."""
    return sum(
        (amplitude * np.cos((k + 1) * phase + shift) for k, (amplitude, shift) in enumerate(harmonics)),
        start=np.zeros_like(phase),
    )


def _heel_strike(
    phase: Float[np.ndarray, "time"], stride_hz: Float[np.ndarray, "time"], rad_s: float, damping: float
) -> Float[np.ndarray, "time"]:
    """The damped ringing after each heel strike, twice a stride, with a peak around one."""
    since_s = np.mod(phase / np.pi, 1.0) / (2 * stride_hz)
    return np.exp(-damping * rad_s * since_s) * np.sin(rad_s * np.sqrt(1 - damping**2) * since_s)


def _quiet_angles(
    times_s: Float[np.ndarray, "time"], body: Body, draw: np.random.Generator
) -> Float[np.ndarray, "time 3"]:
    """What nobody can hold still, as a rotation vector in rad: sway, breathing and tremor."""
    count = len(times_s)
    sway = np.deg2rad(0.6) * np.stack([smooth_noise(draw, count, 0.8) for _ in range(3)], axis=1)
    tremor = np.deg2rad(0.03) * np.stack([smooth_noise(draw, count, 0.015) for _ in range(3)], axis=1)
    breathing = np.deg2rad(0.4) * np.sin(2 * np.pi * body.breath_hz * times_s + draw.uniform(0, 2 * np.pi))
    return sway + tremor + breathing[:, None] * [0.0, 1.0, 0.0]


def angular_velocity(orientation: "Rotation") -> Float[np.ndarray, "time 3"]:
    """Angular velocity of the pelvis in its own frame, rad/s: central differences of the rotation vector."""
    first, last = orientation[:1], orientation[-1:]
    padded = type(orientation).concatenate([first, orientation, last])
    change = (padded[:-2].inv() * padded[2:]).as_rotvec() * GRID_HZ / 2
    change[[0, -1]] *= 2  # one-sided at both ends
    return change


def inertial_readings(
    motion: Trajectory, mount: Mount
) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 3"]]:
    """What a perfect sensor at that place reads on the grid: specific force in g, angular velocity in rad/s.

    f = R_s^T (R^T (a + g) + alpha x r + omega x (omega x r)) / g, all in the pelvis' frame before R_s.
    """
    from scipy.spatial.transform import Rotation

    omega = angular_velocity(motion.orientation)
    alpha = np.gradient(omega, 1 / GRID_HZ, axis=0)
    lever = mount.lever_m
    upward = motion.acceleration + np.array([0.0, 0.0, GRAVITY])
    force = motion.orientation.inv().apply(upward) + np.cross(alpha, lever) + np.cross(omega, np.cross(omega, lever))
    to_sensor = Rotation.from_rotvec(mount.rotation).inv()
    return to_sensor.apply(force) / GRAVITY, to_sensor.apply(omega)


def heart_rate(tracks: Phases, body: Body, draw: np.random.Generator) -> Float[np.ndarray, "time"]:
    """Beats a minute on the grid: first-order towards the effort's level, slower down than up, and never steady."""
    target = body.resting_bpm + body.effort_bpm * tracks.effort
    seconds = np.arange(0, len(target), int(GRID_HZ))
    rate = np.empty(len(seconds))
    level = target[0]
    for second, goal in enumerate(target[seconds]):
        level += (goal - level) / (25.0 if goal > level else 40.0)
        rate[second] = level
    times_s = np.arange(len(target)) / GRID_HZ
    breathing = 1.5 * np.sin(2 * np.pi * body.breath_hz * times_s)
    wander = 3.0 * smooth_noise(draw, len(target), 8.0)
    return np.interp(times_s, seconds / GRID_HZ, rate) + breathing + wander


def low_pass(track: Float[np.ndarray, "time"], time_constant_s: float) -> Float[np.ndarray, "time"]:
    """Two first-order low-passes in a row, starting at rest in the first value: no jump, no kink."""
    from scipy.signal import lfilter

    keep = np.exp(-1 / (GRID_HZ * time_constant_s))
    for _ in range(2):
        track, _ = lfilter([1 - keep], [1, -keep], track, zi=[keep * track[0]])
    return track


def smooth_noise(draw: np.random.Generator, count: int, time_constant_s: float) -> Float[np.ndarray, "time"]:
    """Random wandering around zero with a standard deviation of one and a continuous derivative."""
    keep = np.exp(-1 / (GRID_HZ * time_constant_s))
    # Warm up over ten time constants, so that the first samples wander like all others.
    warm_up = int(10 * GRID_HZ * time_constant_s)
    noise = low_pass(draw.standard_normal(warm_up + count), time_constant_s)[warm_up:]
    return noise * np.sqrt((1 + keep) ** 3 / ((1 - keep) * (1 + keep**2)))
