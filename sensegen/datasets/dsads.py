"""DSADS: five inertial units on the body, 19 daily and sports activities (Altun et al., 2010).

Torso, right arm, left arm, right leg, left leg; each accelerometer (with gravity), gyroscope and magnetometer, three
axes, 25 Hz, no timestamps: 45 channels. Published are segments of 5 s, a file each. What is known here by its
checksums are the first 20 segments of people 1 to 4 in all activities (1,520 of 9,120 files).

Segments follow one another, so that 20 make a recording of 100 s; where the data shows that they do not, a recording
ends, and on stairs each segment is one.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sensegen.fetching import archive
from sensegen.fetching.transfer import DOWNLOADS, Patience
from sensegen.number_table import AGAIN, read_rows
from sensegen.params import Params
from sensegen.params.datasets import DsadsParams
from sensegen.progress import Progress
from sensegen.recording import Activity, InvalidRecording, Recording, Signal
from sensegen.source import Archive, Bounds, Source, members

ROOT = "data"
RATE_HZ = 25.0
SEGMENTS = 20
SEGMENT_SAMPLES = 125
LABELS = (
    *("SITTING", "STANDING", "LYING_ON_BACK", "LYING_ON_RIGHT_SIDE", "ASCENDING_STAIRS", "DESCENDING_STAIRS"),
    *("STANDING_IN_LIFT", "MOVING_IN_LIFT", "WALKING_IN_CAR_PARK", "TREADMILL_FLAT", "TREADMILL_INCLINED", "RUNNING"),
    *("STEPPER", "CROSS_TRAINER", "CYCLING_HORIZONTAL", "CYCLING_VERTICAL", "ROWING", "JUMPING", "BASKETBALL"),
)
UNITS = ("torso", "right_arm", "left_arm", "right_leg", "left_leg")
SUBJECTS = ("p1", "p2", "p3", "p4")

# Segments after which the signal goes on elsewhere: seen in the data, by the median over channels of the step from one
# sample to the next. On stairs (both ways, everybody) and for p3 on the stepper, at 159 of 171 joins this step is among
# the largest 1 % of the steps inside segments: who climbs for 100 s does so in several flights. Of the other 1,273
# joins, at three it is larger than any inside, over all channels or over the magnetometers.
BREAKS = {("a15", "p4"): (12,), ("a17", "p2"): (12,), ("a18", "p1"): (12,)}
NEVER_JOINED = {("a05", subject) for subject in SUBJECTS} | {("a06", subject) for subject in SUBJECTS} | {("a13", "p3")}


def _signals() -> dict[str, Bounds]:
    """Three sensors a unit, in the order of the columns.

    Full scales of an MTx are 50 m/s2 (in another version 180) and 1,200 degrees/s (20.9 rad/s). Seen is a little more:
    up to 70 m/s2 at the arms and 100 elsewhere, 24.7 rad/s, and 3.07 times the field that the magnetometers call 1.
    """
    signals = {}
    for unit in UNITS:
        most = 75.0 if unit.endswith("arm") else 180.0
        for sensor, measured_in, high in (("acc", "m/s2", most), ("gyro", "rad/s", 25.0), ("mag", "a.u.", 4.0)):
            name = f"{unit}_{sensor}"
            channels = (f"{name}_x", f"{name}_y", f"{name}_z")
            signals[name] = Bounds(channels, measured_in, RATE_HZ, -high, high, gravity=sensor == "acc")
    return signals


SOURCE = Source(
    citation=(
        "K. Altun, B. Barshan, O. Tuncel. Comparative study on classifying human activities with miniature inertial "
        "and magnetic sensors. Pattern Recognition 43(10), 2010."
    ),
    licence="CC BY 4.0 on the UCI page",
    page="https://archive.ics.uci.edu/dataset/256/daily+and+sports+activities",
    signals=_signals(),
    labels=LABELS,
    subjects=SUBJECTS,
    longest_activity_seconds=SEGMENTS * SEGMENT_SAMPLES / RATE_HZ,
    archives=(
        Archive(
            name="daily+and+sports+activities.zip",
            url="https://archive.ics.uci.edu/static/public/256/daily+and+sports+activities.zip",
            members=members(Path(__file__).with_suffix(".sha256")),
            copies=("dsads_subset.zip",),
        ),
    ),
    notes={
        "subset": (
            "Of 9,120 published segments, the 1,520 with known checksums are used: people p1 to p4, the first 100 s of "
            "each activity. The others (people p5 to p8, the rest of each recording) are left in the archive."
        ),
        "clock": "No timestamps are published: 25 Hz is by documentation.",
        "joins": (
            "Segments of 5 s are joined to recordings, but not on stairs (ASCENDING_STAIRS, DESCENDING_STAIRS), not "
            "for p3 on the STEPPER, and not at three more places, where the data shows that they do not follow one "
            "another: a recording ends there."
        ),
    },
)


def declare(dataset: DsadsParams) -> Source:
    """The source: nothing about it can be changed."""
    del dataset
    return SOURCE


def fetch(folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
    """Put the 1,520 segments used under `folder`, each with its sha256; see `sensegen.fetching.archive.fetch`."""
    patience = Patience(params.download.attempts, params.download.timeout_seconds)
    archive.fetch(archive.Request("dsads", SOURCE, downloads, patience, progress), folder)


def parts(folder: Path, dataset: DsadsParams) -> tuple[str, ...]:
    """What one person did of one activity, such as `a01_p1`.

    Raises:
        InvalidRecording: if there is no folder such as `data/a01/p1`.
    """
    del dataset
    found = sorted(path for path in (folder / ROOT).glob("a[0-9][0-9]/p[0-9]") if path.is_dir())
    if not found:
        raise InvalidRecording(f"{folder / ROOT} holds no folder such as a01/p1. {AGAIN}")
    return tuple(f"{path.parent.name}_{path.name}" for path in found)


def read(folder: Path, dataset: DsadsParams, part: str) -> Iterator[Recording]:
    """The recordings of one person's activity: its 20 segments joined, or as many recordings as there are pieces.

    NaN and infinite values are passed on: whether they may be is for `validate` to say.

    Raises:
        InvalidRecording: the activity or the person is not known; a segment is missing, has a row that has not 45
            numbers or holds a word, or has not 125 rows.
    """
    del dataset
    activity, _, subject = part.partition("_")
    place = folder / ROOT / activity / subject
    if not 1 <= int(activity[1:]) <= len(LABELS) or subject not in SUBJECTS:
        raise InvalidRecording(
            f"{place} must be of an activity from a01 to a{len(LABELS)} and a person of {', '.join(SUBJECTS)}. {AGAIN}"
        )
    segments = [_segment(place / f"s{number:02}.txt") for number in range(1, SEGMENTS + 1)]
    begins = [0, *_breaks(activity, subject), SEGMENTS]
    for begin, end in itertools.pairwise(begins):
        name = part if len(begins) == 2 else f"{part}_s{begin + 1:02}"
        yield _recording(name, LABELS[int(activity[1:]) - 1], np.concatenate(segments[begin:end]))


def _breaks(activity: str, subject: str) -> tuple[int, ...]:
    """The segments behind which a recording ends, counted from one."""
    return tuple(range(1, SEGMENTS)) if (activity, subject) in NEVER_JOINED else BREAKS.get((activity, subject), ())


def _segment(path: Path) -> Float[np.ndarray, "time channel"]:
    rows = read_rows(path, len(SOURCE.channels), ",")
    if len(rows) != SEGMENT_SAMPLES:
        raise InvalidRecording(f"{path} must have {SEGMENT_SAMPLES} rows, but has {len(rows)}. {AGAIN}")
    return rows


def _recording(name: str, label: str, values: Float[np.ndarray, "time channel"]) -> Recording:
    times_s = np.arange(len(values)) / RATE_HZ
    columns = np.split(values, len(SOURCE.signals), axis=1)
    signals = {
        signal: Signal(columns[at], times_s, RATE_HZ, bounds.unit, bounds.channels)
        for at, (signal, bounds) in enumerate(SOURCE.signals.items())
    }
    return Recording(name, name.split("_")[1], signals, (Activity(label, 0.0, len(values) / RATE_HZ),))
