"""PAMAP2: three inertial units and a heart-rate monitor on nine people (Reiss & Stricker, 2012), Protocol recordings.

Written from the published format, and tested on small files in it and on the published first line: the data was not at
hand. A file is a person's protocol, space-separated, 54 columns, no header. Of each unit (hand, chest, ankle, 100 Hz)
the acceleration of +-16 g, the angular velocity and the magnetic field are read. Left out: the acceleration of +-6 g,
which saturates in running and is not calibrated against the other; the orientation, which the authors call invalid in
this collection; the temperature, which follows the room. Lost samples of a unit are `NaN` and are dropped, so that
their times tell the gap; the heart rate comes about nine times a second and is `NaN` on the rows between.
Activity 0, which the authors ask to discard, is the label `transient` (`window.dropped_labels`).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from sensegen import delimited
from sensegen.fetching import archive
from sensegen.fetching.transfer import DOWNLOADS, Patience
from sensegen.params import Params
from sensegen.params.datasets import Pamap2Params
from sensegen.progress import Progress
from sensegen.recording import Activity, InvalidRecording, Recording, Signal
from sensegen.source import Archive, Bounds, Member, Source

ROOT = "PAMAP2_Dataset/Protocol"
RATE_HZ = 100.0
ACTIVITIES = {
    0: "transient",
    1: "lying",
    2: "sitting",
    3: "standing",
    4: "walking",
    5: "running",
    6: "cycling",
    7: "nordic_walking",
    9: "watching_tv",
    10: "computer_work",
    11: "car_driving",
    12: "ascending_stairs",
    13: "descending_stairs",
    16: "vacuum_cleaning",
    17: "ironing",
    18: "folding_laundry",
    19: "house_cleaning",
    20: "playing_soccer",
    24: "rope_jumping",
}
# Done in the Optional recordings only, which are not read.
OPTIONAL = ("watching_tv", "computer_work", "car_driving", "folding_laundry", "house_cleaning", "playing_soccer")
PLACES = ("hand", "chest", "ankle")
AXES = ("x", "y", "z")
# Columns of a unit in the file, in their order.
UNIT_COLUMNS = (
    "temperature",
    *(f"{sensor}_{axis}" for sensor in ("acc", "acc6g", "gyro", "mag") for axis in AXES),
    *(f"orientation_{part}" for part in range(1, 5)),
)
COLUMNS = ("time", "activity", "heart_rate", *(f"{place}_{name}" for place in PLACES for name in UNIT_COLUMNS))

# Ranges: 16 g is 157 m/s2; the angular velocity and the field have room above what people and rooms do (the earth's
# field is about 50 uT). Not seen in the data, and nor is the longest activity below.
SENSORS = {"acc": ("m/s2", 160.0), "gyro": ("rad/s", 40.0), "mag": ("uT", 400.0)}
SIGNALS = {
    f"{place}_{sensor}": Bounds(
        channels=tuple(f"{place}_{sensor}_{axis}" for axis in AXES),
        unit=unit,
        rate_hz=RATE_HZ,
        low=-most,
        high=most,
        gravity=sensor == "acc",
    )
    for place in PLACES
    for sensor, (unit, most) in SENSORS.items()
} | {"heart_rate": Bounds(("heart_rate",), "bpm", rate_hz=9.0, low=30.0, high=220.0)}
LAYOUT = delimited.Layout(
    columns={
        "time": "float",
        "activity": "integer",
        **{channel: "float" for bounds in SIGNALS.values() for channel in bounds.channels},
    },
    separator=" ",
    has_header=False,
    variants=(COLUMNS,),
)

# The sha256 of the Protocol files, from the Git LFS pointers of a public copy.
SHA256 = {
    "subject101.dat": "80b3fffd089c236ae88098df3b906b8d3c67a858023fe4f75045d78612147266",
    "subject102.dat": "468f3c6ba3e6e961f383783665265afbcddbbd33a3a84bba0386b7d0d4e3c632",
    "subject103.dat": "5be64631d085e3efc700728395516da3512ff9de17dab30d253508441a98d3f0",
    "subject104.dat": "7eb272213cbfe11d9e466a2163b6c9c2ed8d2542fc6f08283fd1bf222cac8994",
    "subject105.dat": "7837cfede57fe45ec20d553c6c2b0c498ab324daae23bfd202c0ffea9f71a7f6",
    "subject106.dat": "0da1dda3fa56d75d6413fc9198949d3ebc2102d77574cb5fe0739674687609f2",
    "subject107.dat": "a02195e9599eb249f79103912d27eb4f62d8a0f59e4763b0dd8250fee5f3f020",
    "subject108.dat": "81ce6b21b9c1e01dc02099c4f9387699547b08b28b387d09a56e0cb0a8af22fc",
    "subject109.dat": "5109d5cd8334769566b4ae602adf3e5f4bb7b9ee8ca678f0c481d333114b07c7",
}

SOURCE = Source(
    citation="A. Reiss, D. Stricker. Introducing a New Benchmarked Dataset for Activity Monitoring. ISWC 2012.",
    licence="CC BY 4.0",
    page="https://archive.ics.uci.edu/dataset/231/pamap2+physical+activity+monitoring",
    signals=SIGNALS,
    labels=tuple(label for label in ACTIVITIES.values() if label not in OPTIONAL),
    subjects=tuple(name.removeprefix("subject").removesuffix(".dat") for name in SHA256),
    longest_activity_seconds=3600.0,
    archives=(
        Archive(
            name="pamap2+physical+activity+monitoring.zip",
            url="https://archive.ics.uci.edu/static/public/231/pamap2+physical+activity+monitoring.zip",
            members=tuple(Member(f"{ROOT}/{name}", digest) for name, digest in SHA256.items()),
            inside="PAMAP2_Dataset.zip",
        ),
    ),
    notes={
        "left out": "Acceleration of +-6 g (saturates), orientation (invalid), temperature, the Optional recordings.",
        "lost samples": "Samples that are NaN, whole or in part, are dropped; the times tell the gap.",
    },
)


def declare(dataset: Pamap2Params) -> Source:
    """The source: nothing about it can be changed."""
    del dataset
    return SOURCE


def fetch(folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
    """Put the nine Protocol files under `folder`, each with its sha256; see `sensegen.fetching.archive.fetch`."""
    patience = Patience(params.download.attempts, params.download.timeout_seconds)
    archive.fetch(archive.Request("pamap2", SOURCE, downloads, patience, progress), folder)


def parts(folder: Path, dataset: Pamap2Params) -> tuple[str, ...]:
    """One part a person's file that is there.

    Raises:
        InvalidRecording: if there is none.
    """
    del dataset
    found = tuple(name for name in SHA256 if (folder / ROOT / name).is_file())
    if not found:
        raise InvalidRecording(
            f"{folder / ROOT} must hold files such as {next(iter(SHA256))}, but holds none. Fetch them again: "
            "python -m stages download"
        )
    return found


def read(folder: Path, dataset: Pamap2Params, part: str) -> Iterator[Recording]:
    """The one recording of a person, `<subject>:protocol`; half a million rows at most, so it is read whole.

    Raises:
        InvalidRecording: a row with other than 54 columns, a word or a cut; an unknown activity; a sensor without any
            sample.
    """
    del dataset
    path = folder / ROOT / part
    batches = [[column.to_numpy() for column in batch.columns] for batch in delimited.read_columns(path, LAYOUT)]
    table = dict(zip(LAYOUT.columns, (np.concatenate(pieces) for pieces in zip(*batches, strict=True)), strict=True))
    activities = _activities(path, table["time"] - table["time"][0], table["activity"])
    signals = {name: _signal(path, name, table) for name in SIGNALS}
    subject = part.removeprefix("subject").removesuffix(".dat")
    yield Recording(f"{subject}:protocol", subject, signals, activities)


def _signal(path: Path, name: str, table: dict[str, np.ndarray]) -> Signal:
    """One sensor at the times it gave a sample."""
    bounds = SIGNALS[name]
    values = np.stack([table[channel] for channel in bounds.channels], axis=1)
    arrived = ~np.isnan(values).any(axis=1)
    if not arrived.any():
        raise InvalidRecording(f"{path}: {name} has no sample at all, every row is NaN. Leave the file out.")
    times_s = (table["time"] - table["time"][0])[arrived]
    return Signal(values[arrived], times_s, bounds.rate_hz, bounds.unit, bounds.channels)


def _activities(path: Path, times_s: Float[np.ndarray, "row"], ids: Int[np.ndarray, "row"]) -> tuple[Activity, ...]:
    """What was done, from the first row of each run of one activity to the first row of the next."""
    known = [number for number, label in ACTIVITIES.items() if label not in OPTIONAL]
    if len(wrong := np.flatnonzero(~np.isin(ids, known))):
        line = delimited.line_of_row(path, LAYOUT, int(wrong[0]))
        raise InvalidRecording(
            f"{path}, line {line}, column 2 (activity): must be one of {known}, but is {ids[wrong[0]]}."
        )
    firsts = np.concatenate([[0], np.flatnonzero(np.diff(ids)) + 1])
    ends_s = [*times_s[firsts[1:]].tolist(), float(times_s[-1]) + 1 / RATE_HZ]
    return tuple(
        Activity(ACTIVITIES[int(ids[first])], float(times_s[first]), end_s)
        for first, end_s in zip(firsts, ends_s, strict=True)
    )
