"""Hungarian Chickenpox: weekly cases in the 20 counties of Hungary, 2005 to 2014 (Rozemberczki et al., 2021).

One recording of 522 weeks, one subject (`hungary`), a channel a county in the order of the file, in counts; the time of
a sample is the Monday its week begins with. Nobody labelled anything. `hungary_county_edges.csv`, which county touches
which, is fetched and verified beside the cases, but no signal: its ids are in alphabetical order, not in the file's.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sensegen import delimited
from sensegen.fetching import archive
from sensegen.fetching.transfer import DOWNLOADS, Patience
from sensegen.params import Params
from sensegen.params.datasets import HungarianChickenpoxParams
from sensegen.progress import Progress
from sensegen.recording import Activity, InvalidRecording, Recording, Signal
from sensegen.source import Archive, Bounds, Member, Source

CASES = "hungary_chickenpox.csv"
EDGES = "hungary_county_edges.csv"
COUNTIES = (
    *("BUDAPEST", "BARANYA", "BACS", "BEKES", "BORSOD", "CSONGRAD", "FEJER", "GYOR", "HAJDU", "HEVES"),
    *("JASZ", "KOMAROM", "NOGRAD", "PEST", "SOMOGY", "SZABOLCS", "TOLNA", "VAS", "VESZPREM", "ZALA"),
)
SUBJECT = "hungary"
LABEL = "unlabelled"
WEEKS = 522
WEEK_SECONDS = 604_800.0
LAYOUT = delimited.Layout(
    columns={"Date": "text", **dict.fromkeys(COUNTIES, "integer")},
    variants=(("Date", *COUNTIES),),
    ends_with_newline=True,
)

# The most cases of a county in a week are 479; the bound is not a sensor's, but finds columns that are no counts.
SOURCE = Source(
    citation=(
        "B. Rozemberczki, P. Scherer, O. Kiss, R. Sarkar, T. Ferenci. Chickenpox Cases in Hungary: a Benchmark Dataset "
        "for Spatiotemporal Signal Processing with Graph Neural Networks. arXiv:2102.08100, 2021."
    ),
    licence="CC BY 4.0",
    page="https://archive.ics.uci.edu/dataset/580/hungarian+chickenpox+cases",
    signals={
        "cases": Bounds(tuple(county.lower() for county in COUNTIES), "cases", 1 / WEEK_SECONDS, low=0.0, high=1000.0)
    },
    labels=(LABEL,),
    subjects=(SUBJECT,),
    longest_activity_seconds=WEEKS * WEEK_SECONDS,
    archives=(
        Archive(
            name="hungarian+chickenpox+cases.zip",
            url="https://archive.ics.uci.edu/static/public/580/hungarian+chickenpox+cases.zip",
            members=(
                Member(CASES, "bd1b802f1059b9b0f0d2c29d6171bc2f302994f81a92d7c7bb25191f76dc4a23", text=True),
                Member(EDGES, "0061c603b935f3722b7c621e545a30f9129b0c0c619bd4bd30e62a7975c8d609", text=True),
            ),
        ),
    ),
    labelled=False,
    notes={"people": "One series: splits are in time, and say nothing about another country."},
)


def declare(dataset: HungarianChickenpoxParams) -> Source:
    """The source: nothing about it can be changed."""
    del dataset
    return SOURCE


def fetch(folder: Path, params: Params, progress: Progress, downloads: Path = DOWNLOADS) -> None:
    """Put both files under `folder`, each with its sha256; see `sensegen.fetching.archive.fetch`."""
    patience = Patience(params.download.attempts, params.download.timeout_seconds)
    archive.fetch(archive.Request("hungarian_chickenpox", SOURCE, downloads, patience, progress), folder)


def parts(folder: Path, dataset: HungarianChickenpoxParams) -> tuple[str, ...]:
    """The one file of cases.

    Raises:
        InvalidRecording: if it is not there.
    """
    del dataset
    if not (folder / CASES).is_file():
        raise InvalidRecording(f"{folder / CASES} is missing. Fetch it again: python -m stages download")
    return (CASES,)


def read(folder: Path, dataset: HungarianChickenpoxParams, part: str) -> Iterator[Recording]:
    """The one recording.

    Raises:
        InvalidRecording: another header; a row that is cut off, has a word or a fraction for a count, or whose date is
            not dd/mm/yyyy or not seven days after the one before.
    """
    del dataset
    path, bounds = folder / part, SOURCE.signals["cases"]
    dates: list[str] = []
    counts = []
    for batch in delimited.read_columns(path, LAYOUT):
        dates += batch.column("Date").to_pylist()
        counts.append(np.stack([batch.column(county).to_numpy() for county in COUNTIES], axis=1))
    times_s = _times_s(path, dates)
    values = np.concatenate(counts).astype(np.float64)
    signals = {"cases": Signal(values, times_s, bounds.rate_hz, bounds.unit, bounds.channels)}
    yield Recording(SUBJECT, SUBJECT, signals, (Activity(LABEL, 0.0, float(times_s[-1]) + WEEK_SECONDS),))


def _times_s(path: Path, dates: list[str]) -> Float[np.ndarray, "week"]:
    """Seconds since the first week began; every step is checked to be a week."""
    days = [_day(path, row, text) for row, text in enumerate(dates)]
    weeks = np.arange(len(days))
    if len(wrong := np.flatnonzero(np.array(days) - days[0] != 7 * weeks)):
        row = int(wrong[0])
        raise InvalidRecording(
            f"{path}, line {delimited.line_of_row(path, LAYOUT, row)}, column 1 (Date): {dates[row]} must be seven "
            f"days after {dates[row - 1]}, but is {days[row] - days[row - 1]}."
        )
    return weeks * WEEK_SECONDS


def _day(path: Path, row: int, text: str) -> int:
    try:
        return datetime.strptime(text, "%d/%m/%Y").toordinal()
    except ValueError:
        line = delimited.line_of_row(path, LAYOUT, row)
        raise InvalidRecording(
            f"{path}, line {line}, column 1 (Date): must be a date dd/mm/yyyy, but is {text[:40]!r}."
        ) from None
