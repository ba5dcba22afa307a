"""Simulated: a waist-worn inertial unit and a heart-rate belt on 16 made-up people, six activities (no network).

The physics is in sensegen/datasets/simulator.py, the people in simulated_people.py, the equations in
docs/simulator.md. Raw files look like a device's export: a Parquet file a sensor and a table of activities, under
`<subject>/`. Sensors keep clocks of their own that jitter and lose samples.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sensegen.datasets import simulated_people, simulator
from sensegen.fetching.transfer import DOWNLOADS
from sensegen.params import Params
from sensegen.params.datasets import SimulatedParams
from sensegen.progress import Progress
from sensegen.recording import Activity, InvalidRecording, Recording, Signal
from sensegen.seeding import rng
from sensegen.source import Bounds, Source

SOURCE = Source(
    citation="sensegen's own simulator of a waist-worn inertial unit (docs/simulator.md)",
    licence="Apache-2.0",
    page="docs/simulator.md",
    signals={
        "acceleration": Bounds(("acc_x", "acc_y", "acc_z"), "g", 50.0, low=-4.0, high=4.0, gravity=True),
        "gyroscope": Bounds(("gyro_x", "gyro_y", "gyro_z"), unit="rad/s", rate_hz=50.0, low=-8.73, high=8.73),
        "heart_rate": Bounds(("heart_rate",), unit="bpm", rate_hz=1.0, low=30.0, high=220.0),
    },
    labels=("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING"),
    subjects=tuple(f"S{number:02}" for number in range(1, 17)),
    longest_activity_seconds=64.0,
    notes={"people": "None of these people exists; no number here was measured on anybody."},
)

JITTER_SECONDS = 0.002  # standard deviation of a time stamp
LOST_SHARE = 0.005  # samples that never arrive
GAPS_A_SECOND = 1 / 60


def declare(dataset: SimulatedParams) -> Source:
    """The source, with activities as long as the params make them."""
    return replace(SOURCE, longest_activity_seconds=dataset.seconds_per_activity)


def fetch(folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
    """Simulate every subject into `folder`; nothing is downloaded. The same seed gives the same bytes."""
    assert isinstance(params.dataset, SimulatedParams)
    for done, subject in enumerate(SOURCE.subjects, start=1):
        _write(simulate(params.seed, subject, params.dataset.seconds_per_activity), folder / subject)
        progress(done, len(SOURCE.subjects), f"simulated {subject}")


def simulate(seed: int, subject: str, seconds_per_activity: float) -> Recording:
    """One person's session: every activity once, one after the other."""
    someone = simulated_people.person(seed, subject)
    draws = {purpose: rng(seed, "simulated", subject, purpose) for purpose in ("schedule", "motion", "heart", "clock")}
    activities = simulator.schedule(SOURCE.labels, seconds_per_activity, draws["schedule"])
    tracks = simulator.phases(activities, someone.body, draws["schedule"])
    motion = simulator.trajectory(tracks, someone, draws["motion"])
    force, turning = simulator.inertial_readings(motion, someone.mount)
    mount = someone.mount
    readings = {
        "acceleration": force * mount.acceleration_scale + mount.acceleration_bias,
        "gyroscope": turning * mount.gyroscope_scale + mount.gyroscope_bias,
        "heart_rate": simulator.heart_rate(tracks, someone.body, draws["heart"])[:, None],
    }
    noises = {"acceleration": mount.acceleration_noise, "gyroscope": mount.gyroscope_noise, "heart_rate": 0.5}
    gaps = _gaps(activities[-1].end_s, draws["clock"])
    signals = {
        name: _sample(motion.times_s, readings[name], SOURCE.signals[name], noises[name], gaps, draws["clock"])
        for name in SOURCE.signals
    }
    return Recording(f"{subject}:session", subject, signals, activities)


def _sample(
    grid_s: Float[np.ndarray, "grid"],
    readings: Float[np.ndarray, "grid channel"],
    bounds: Bounds,
    noise: float,
    gaps: Float[np.ndarray, "gap 2"],
    draw: np.random.Generator,
) -> Signal:
    """Read the sensor at its own jittering clock, with noise, saturation, and what never arrives left out."""
    nominal_s = np.arange(int(grid_s[-1] * bounds.rate_hz)) / bounds.rate_hz + draw.uniform(0, 0.5 / bounds.rate_hz)
    times_s = nominal_s + np.clip(draw.normal(0, JITTER_SECONDS, len(nominal_s)), -0.006, 0.006)
    times_s = np.clip(times_s, 0, grid_s[-1])
    values = np.stack([np.interp(times_s, grid_s, channel) for channel in readings.T], axis=1)
    values = np.clip(values + draw.normal(0, noise, values.shape), bounds.low, bounds.high)
    arrived = np.ones(len(times_s), bool)
    # The belt of the heart rate keeps every beat: a lost one would be a gap of two seconds.
    if bounds.rate_hz > 1:
        arrived = draw.random(len(times_s)) >= LOST_SHARE
        for start_s, end_s in gaps:
            arrived &= (times_s < start_s) | (times_s >= end_s)
    values = values[arrived].astype(np.float32).astype(np.float64)
    return Signal(values, times_s[arrived], bounds.rate_hz, bounds.unit, bounds.channels)


def _gaps(seconds: float, draw: np.random.Generator) -> Float[np.ndarray, "gap 2"]:
    """When the unit as a whole was busy elsewhere: mostly a tenth of a second, one in three times up to 1.2 s."""
    count = draw.poisson(seconds * GAPS_A_SECOND)
    starts = np.sort(draw.uniform(0, seconds, count))
    long = draw.random(count) < 1 / 3
    lengths = np.where(long, draw.uniform(0.3, 1.2, count), draw.uniform(0.06, 0.2, count))
    return np.stack([starts, starts + lengths], axis=1)


def _write(recording: Recording, folder: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir(parents=True, exist_ok=True)
    for name, signal in recording.signals.items():
        columns = {"time_s": signal.times_s} | dict(
            zip(signal.channels, signal.values.astype(np.float32).T.copy(), strict=True)
        )
        parquet.write_table(pa.table(columns), folder / f"{name}.parquet", compression="zstd")
    activities = [vars(activity) for activity in recording.activities]
    (folder / "activities.json").write_text(json.dumps(activities, indent=1) + "\n", encoding="utf-8")


def parts(folder: Path, dataset: SimulatedParams) -> tuple[str, ...]:
    """One part a subject."""
    del folder, dataset
    return SOURCE.subjects


def read(folder: Path, dataset: SimulatedParams, part: str) -> Iterator[Recording]:
    """The session of one subject.

    Raises:
        InvalidRecording: if a file of the subject is missing or cannot be read.
    """
    del dataset
    try:
        signals = {name: _read_signal(folder / part / f"{name}.parquet", name) for name in SOURCE.signals}
        rows = json.loads((folder / part / "activities.json").read_text(encoding="utf-8"))
        activities = tuple(Activity(**row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidRecording(
            f"The raw data of {part} in {folder} cannot be read: {error}. Run again: python -m stages download"
        ) from error
    yield Recording(f"{part}:session", part, signals, activities)


def _read_signal(path: Path, name: str) -> Signal:
    from pyarrow import parquet

    table, bounds = parquet.read_table(path), SOURCE.signals[name]
    values = np.stack([table[channel].to_numpy().astype(np.float64) for channel in bounds.channels], axis=1)
    return Signal(values, table["time_s"].to_numpy(), bounds.rate_hz, bounds.unit, bounds.channels)
