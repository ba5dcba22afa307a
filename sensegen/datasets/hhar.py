"""HHAR: phones and watches of many models, each at its own rate (Stisen et al., 2015); two experiments.

`activity`: nine people, six activities and `null`, up to twelve devices on a person at once. A recording is what one
device recorded of one person in one file: accelerometer and, where there is one, gyroscope, which share its clocks.
`still`: devices lying still, accelerometer only. Here the orientation is the label and the device the subject: there
are no people in it. What a device promises as its rate is not published, so a signal's rate is the measured median.

`dataset.clock`: `creation` is the device's own stamp (with its sleep put back in), `arrival` the application's, which
comes in bursts. Of the published files only the three known excerpts have checksums; see `fetch`.
"""

import operator
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from sensegen.datasets import hhar_streams as streams
from sensegen.delimited import Kind, Layout, map_batches
from sensegen.distributed import by_threads
from sensegen.fetching import archive
from sensegen.fetching.mirror import NotInMirror
from sensegen.fetching.transfer import DOWNLOADS, Patience
from sensegen.params import Params
from sensegen.params.datasets import HharParams
from sensegen.progress import Progress
from sensegen.recording import InvalidRecording, Recording, Signal
from sensegen.source import Archive, Bounds, Member, Source, members

PAGE = "https://archive.ics.uci.edu/dataset/344/heterogeneity+activity+recognition"
NAME = "heterogeneity+activity+recognition.zip"
URL = f"https://archive.ics.uci.edu/static/public/344/{NAME}"
WHOLE, EXCERPTS, STILL_ROOT = "Activity recognition exp", "excerpts_user_a_nexus4_1", "Still exp"
INSIDE = {"activity": f"{WHOLE}.zip", "still": f"{STILL_ROOT}.zip"}
KINDS = ("Phones", "Watch")
SENSORS = {"acc": "accelerometer", "gyro": "gyroscope"}
AGAIN = "Fetch it again: python -m stages download"
Unmade = Callable[[], Recording]  # its rows are in memory, its clocks and labels are still to be worked out

LABELS = ("bike", "sit", "stand", "walk", "stairsup", "stairsdown", "null")
ORIENTATIONS = ("Phoneonback", "Phoneonfront", "Phoneonbottom", "Phoneontop", "Phoneonleft", "Phoneonright")

TIMES: dict[str, Kind] = {"Arrival_Time": "stamp", "Creation_Time": "stamp"}
AXES: dict[str, Kind] = {"x": "float", "y": "float", "z": "float"}
ACTIVITY_LAYOUT = Layout(
    columns={**TIMES, **AXES, "User": "category", "Device": "category", "gt": "category"},
    variants=(("Index", "Arrival_Time", "Creation_Time", "x", "y", "z", "User", "Model", "Device", "gt"),),
    ends_with_newline=True,
)
STILL_LAYOUT = Layout(
    columns={**TIMES, **AXES},
    variants=(
        ("Creation_Time", "Sensor_Time", "Arrival_Time", "x", "y", "z"),
        ("Index", "Arrival_Time", "Creation_Time", "x", "y", "z"),
        ("Arrival_Time", "Creation_Time", "x", "y", "z"),
    ),
    trailing_separator=True,
)


def _subset(name: str) -> Archive:
    listed = members(Path(__file__).with_suffix(".sha256"))
    found = [(member.path.partition(":"), member.sha256) for member in listed]
    return Archive(name, URL, tuple(Member(path, digest) for (zipped, _, path), digest in found if zipped == name))


def _still_subject(path: str) -> str:
    """The device: its folder; where that has no name (`no-name`), or there is none, its model too."""
    *folders, model = path.removesuffix(".csv").split("/")
    return "/".join([*folders[1:], *([model] if folders[1:] in ([], ["no-name"]) else [])])


FIRST_ROWS = _subset("hhar_activity_recognition_exp_first_10000_rows.zip")
EXCERPT = _subset("hhar_activity_recognition_exp_excerpts_user_a.zip")
STILL_SUBSET = _subset("hhar_still_exp_subset.zip")

# Ranges of such sensors: 4 g and 2,000 degrees/s; 16.4 m/s2 and 3.4 rad/s were seen. Median rates of 25 to 201 Hz were
# seen. An hour is longer than anybody did one thing (minutes were seen), or than a device lay still.
SOURCE = Source(
    citation=(
        "A. Stisen, H. Blunck, S. Bhattacharya, T. S. Prentow, M. B. Kjaergaard, A. Dey, T. Sonne, M. M. Jensen. Smart "
        "Devices are Different: Assessing and Mitigating Mobile Sensing Heterogeneities for Activity Recognition. "
        "SenSys 2015."
    ),
    licence="CC BY 4.0 on the UCI page",
    page=PAGE,
    signals={
        "acc": Bounds(("acc_x", "acc_y", "acc_z"), "m/s2", 20.0, -39.3, 39.3, highest_rate_hz=210.0, gravity=True),
        "gyro": Bounds(
            ("gyro_x", "gyro_y", "gyro_z"), "rad/s", 20.0, -34.91, 34.91, highest_rate_hz=210.0, optional=True
        ),
    },
    labels=LABELS,
    subjects=tuple("abcdefghi"),
    longest_activity_seconds=3600.0,
    archives=(FIRST_ROWS, EXCERPT),
    disordered_share=0.05,
    notes={
        "checksums": (
            "Those of the three excerpts are known and checked. Nobody has published any for the files of the whole "
            "archive: of those, `files` here tells what was received, guarded by the CRC-32 of the zip alone."
        ),
        "clock": "Where a device slept, its creation clock stood still; it is set forward by the arrival times.",
        "excerpts": "Rows of the excerpts that the first rows of the same device cover are read once.",
        "rates": "The rates that devices promise are not published: a signal's rate is its measured median.",
    },
)
STILL = replace(
    SOURCE,
    signals={"acc": SOURCE.signals["acc"]},
    labels=ORIENTATIONS,
    subjects=tuple(
        sorted({_still_subject(member.path.removeprefix(f"{STILL_ROOT}/")) for member in STILL_SUBSET.members})
    ),
    longest_activity_seconds=3600.0,
    archives=(STILL_SUBSET,),
    notes={
        "checksums": SOURCE.notes["checksums"],
        "rates": SOURCE.notes["rates"],
        "subjects": "A subject is a device, not a person; the orientation in which it lies is the label.",
        "orientations": "The checked excerpt holds Phoneonback and Phoneonfront; the whole archive has four more.",
    },
)


def declare(dataset: HharParams) -> Source:
    """The source of the experiment; arrival times repeat wherever samples came in bursts."""
    source = STILL if dataset.experiment == "still" else SOURCE
    return replace(source, disordered_share=0.4) if dataset.clock == "arrival" else source


def fetch(folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
    """Fill `folder` with the published archive's files of the experiment, or with the known excerpts of a mirror.

    The published archive comes first. Its members have no published checksums: they are taken as they come, and
    `provenance.json` tells their sha256, so that two copies can be told apart. Excerpts are checked.
    """
    assert isinstance(params.dataset, HharParams)
    patience = Patience(params.download.attempts, params.download.timeout_seconds)
    request = archive.Request("hhar", declare(params.dataset), downloads, patience, progress)
    whole = Archive(NAME, URL, members=(), inside=INSIDE[params.dataset.experiment])
    try:
        archive.fetch_unchecked(request, whole, folder, suffix=".csv")
    except NotInMirror as absent:
        try:
            archive.fetch(request, folder)
        except NotInMirror as error:
            raise NotInMirror(f"{error}\nNor is the whole archive there: {absent}") from None


def parts(folder: Path, dataset: HharParams) -> tuple[str, ...]:
    """What can be read by itself: `<folder>:Phones` and `<folder>:Watch`, or `<orientation>:<device>:<model>`.

    Raises:
        InvalidRecording: if there is none.
    """
    if dataset.experiment == "still":
        paths = {path.relative_to(folder / STILL_ROOT) for path in (folder / STILL_ROOT).rglob("*.csv")}
        found = {path.as_posix().removesuffix(".csv").replace("/", ":") for path in paths}
    else:
        roots = [folder / name for name in (WHOLE, EXCERPTS)]
        found = {f"{root.name}:{kind}" for root in roots for kind in KINDS if any(_sensor_files(root, kind).values())}
    if not found:
        wanted = STILL_ROOT if dataset.experiment == "still" else WHOLE
        raise InvalidRecording(f"{folder / wanted} holds no CSV file of this experiment. {AGAIN}")
    return tuple(sorted(found))


def read(folder: Path, dataset: HharParams, part: str) -> Iterator[Recording]:
    """The recordings of one part: one a person and device, named `<part>:<user>:<device>`; or one a device at rest.

    A stream longer than `hhar_streams.PIECE_SAMPLES` becomes several recordings, `name`, `name#2`, ...

    Raises:
        InvalidRecording: as `delimited.read_columns`; a label or an orientation is not known; a stream has one sample
            only, or two clocks that cannot be of the same samples.
    """
    if dataset.experiment == "still":
        yield from _read_still(folder / STILL_ROOT, dataset, part)
        return
    root, _, kind = part.partition(":")
    with tempfile.TemporaryDirectory(prefix="sensegen-hhar-") as temporary:
        spools: dict[str, dict[streams.Stream, streams.Spool]] = {}
        for sensor, path in _sensor_files(folder / root, kind).items():
            if path:
                known = _known(folder / WHOLE / path.name) if root == EXCERPTS else {}
                (place := Path(temporary) / sensor).mkdir()
                spools[sensor] = streams.sorted_out(path, _layout(path), LABELS, place, known)
        yield from by_threads(operator.call, _unmade(part, spools, dataset))


def _sensor_files(root: Path, kind: str) -> dict[str, Path | None]:
    paths = {sensor: root / f"{kind}_{word}.csv" for sensor, word in SENSORS.items()}
    return {sensor: path if path.is_file() else None for sensor, path in paths.items()}


def _layout(path: Path) -> Layout:
    """A spreadsheet has written one of the excerpts with tabs."""
    with path.open("rb") as file:
        tabs = b"\t" in file.readline(1000)
    return replace(ACTIVITY_LAYOUT, separator="\t") if tabs else ACTIVITY_LAYOUT


def _known(path: Path) -> dict[streams.Stream, streams.Span]:
    """What the file beside the excerpts covers; nothing, where it is refused itself."""
    try:
        return streams.spans(path, _layout(path), LABELS) if path.is_file() else {}
    except InvalidRecording:
        return {}


def _unmade(part: str, spools: dict[str, dict[streams.Stream, streams.Spool]], dataset: HharParams) -> Iterator[Unmade]:
    for user, device in sorted({stream for found in spools.values() for stream in found}):
        own = {sensor: found[user, device] for sensor, found in spools.items() if (user, device) in found}
        yield from _of_stream(f"{part}:{user}:{device}", user, own, dataset)
        for spool in own.values():  # while what was read is written: to free gigabytes takes a second
            spool.path.unlink()


def _of_stream(name: str, user: str, spools: dict[str, streams.Spool], dataset: HharParams) -> Iterator[Unmade]:
    """The pieces of one device's stream: those of its first sensor, and what the others sent meanwhile."""
    with ExitStack() as files:
        spooled = {sensor: files.enter_context(streams.Spooled(spool)) for sensor, spool in spools.items()}
        spooled = {sensor: rows for sensor, rows in spooled.items() if rows.left}
        first, tick_s, number = next(iter(spooled.values()), None), None, 0
        while first and first.left:
            number += 1
            taken = {next(iter(spooled)): first.take()}
            until_ms = first.arrives_ms()
            taken |= {sensor: rows.take(until_ms) for sensor, rows in spooled.items() if rows is not first}
            tick_s = tick_s or _tick(next(iter(taken.values())), name)
            yield partial(_recording, _numbered(name, number), user, taken, (dataset, tick_s, LABELS))
        if rest := {sensor: rows.left for sensor, rows in spooled.items() if rows.left}:
            raise InvalidRecording(f"{name}: rows are left when the first sensor has ended: {rest}.")


def _read_still(root: Path, dataset: HharParams, part: str) -> Iterator[Recording]:
    path = root / f"{part.replace(':', '/')}.csv"
    orientation, subject = part.partition(":")[0], _still_subject(path.relative_to(root).as_posix())
    if orientation not in ORIENTATIONS:
        raise InvalidRecording(f"{path} must lie in a folder of {', '.join(ORIENTATIONS)}, not in {orientation}.")
    tick_s = None
    tabled = partial(streams.tabled, label=ORIENTATIONS.index(orientation))
    for number, table in enumerate(streams.pieces(map_batches(path, STILL_LAYOUT, tabled)), start=1):
        tick_s = tick_s or _tick(table, f"{path}")
        yield _recording(_numbered(part, number), subject, {"acc": table}, (dataset, tick_s, ORIENTATIONS))


def _tick(table: streams.Table, where: str) -> float:
    try:
        return streams.seconds_per_tick(table)
    except ValueError as error:
        raise InvalidRecording(f"{where}: Creation_Time has no known unit. {error}") from error


def _recording(
    name: str, subject: str, tables: dict[str, streams.Table], how: tuple[HharParams, float, Sequence[str]]
) -> Recording:
    """One recording; a sensor with a single sample has no rate, and is an error only as the first."""
    dataset, tick_s, labels = how
    signals: dict[str, Signal] = {}
    times_s = streams.times_s([*tables.values()], dataset.clock, tick_s)
    for (sensor, table), times in zip(tables.items(), times_s, strict=True):
        if len(table) < 2 and not signals:
            raise InvalidRecording(f"{name}: {sensor} has one sample only, so its rate cannot be measured.")
        if len(table) >= 2:
            bounds, values = SOURCE.signals[sensor], np.asarray(table.values).T
            signals[sensor] = Signal(values, times, streams.rate_hz(times), bounds.unit, bounds.channels)
    first = next(iter(signals.values()))
    leading = next(iter(tables.values()))
    activities = streams.activities(first.times_s, leading.label, labels, first.rate_hz)
    return Recording(name, subject, signals, activities, streams.begins_s(leading))


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}#{number}"
