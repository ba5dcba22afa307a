"""A file as long as wanted in the format of HHAR's `Phones_accelerometer.csv`, made of the first 10,000 real rows.

Nine people carry eight phones each. A stream repeats the real rows, jitter, backward clocks, gaps and all, each time
with later stamps and the next label. Rows, texts of numbers and line ends are as published.
"""

import io
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ARCHIVE = "hhar_activity_recognition_exp_first_10000_rows.zip"
FOLDER = "Activity recognition exp"
NAME = "Phones_accelerometer.csv"
HEADER = "Index,Arrival_Time,Creation_Time,x,y,z,User,Model,Device,gt"
USERS = "abcdefghi"
DEVICES = [f"{model}_{number}" for model in ("nexus4", "s3", "s3mini", "samsungold") for number in (1, 2)]
LABELS = ("stand", "sit", "walk", "stairsup", "stairsdown", "bike", "null")
NS_PER_MS = 1_000_000


def write(folder: Path, rows: int) -> tuple[Path, int]:
    """Write the file into a raw folder as HHAR's reader expects it; gives its path and how many rows it has.

    Every stream gets the same number of whole repetitions, so there are at least as many rows as asked for.
    """
    from pyarrow import csv

    real = _real_rows()
    repetitions = -(-rows // (len(USERS) * len(DEVICES) * real.num_rows))
    path = folder / FOLDER / NAME
    path.parent.mkdir(parents=True)
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as file:
        file.write(f"{HEADER}\n".encode())
        for user in USERS:
            for device in DEVICES:
                for repetition in range(repetitions):
                    csv.write_csv(_repeated(real, repetition, user, device), file, options)
    return path, repetitions * real.num_rows * len(USERS) * len(DEVICES)


def _real_rows() -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv

    mirror = os.environ.get("SENSEGEN_MIRROR")
    if not mirror:
        raise FileNotFoundError(2, "Set SENSEGEN_MIRROR to the folder that holds hhar/", ARCHIVE)
    with zipfile.ZipFile(Path(mirror) / "hhar" / ARCHIVE) as archive:
        text = archive.read(f"{FOLDER}/{NAME}")
    as_text = csv.ConvertOptions(column_types=dict.fromkeys("xyz", pa.string()))
    return csv.read_csv(io.BytesIO(text), convert_options=as_text)


def _repeated(real: "pa.Table", repetition: int, user: str, device: str) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import compute

    arrival = real["Arrival_Time"]
    span_ms = compute.max(arrival).as_py() - compute.min(arrival).as_py() + 10
    constants = {"User": user, "Model": device.partition("_")[0], "Device": device}
    columns = {
        "Index": compute.add(real["Index"], repetition * real.num_rows),
        "Arrival_Time": compute.add(arrival, repetition * span_ms),
        "Creation_Time": compute.add(real["Creation_Time"], repetition * span_ms * NS_PER_MS),
        **{axis: real[axis] for axis in "xyz"},
        **{name: pa.repeat(value, real.num_rows) for name, value in constants.items()},
        "gt": pa.repeat(LABELS[repetition % len(LABELS)], real.num_rows),
    }
    return pa.table(columns)
