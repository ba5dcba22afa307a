"""Tables of signals in one file, Parquet or CSV: a column a channel, which may name its unit, as in `acc_x [g]`.

Where a table comes from may be told inside the file, as JSON: in the schema of a Parquet file, in a first line of a CSV
that begins with `#`, as `pandas.read_csv(..., comment="#")` skips it.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    import pyarrow as pa

TIME = "time_s"
PROVENANCE = "provenance"
COMMENT = "#"
Provenance = Mapping[str, Any]
NAMED = re.compile(r"(?P<channel>[^\[\]]*?)\s*(?:\[(?P<unit>[^\]]*)\])?")


def heading(channel: str, unit: str) -> str:
    """The name of a column."""
    return f"{channel} [{unit}]" if unit else channel


def channel_and_unit(heading: str) -> tuple[str, str]:
    """What the name of a column tells; an unknown unit is empty."""
    found = NAMED.fullmatch(heading)
    return (found["channel"], found["unit"] or "") if found else (heading, "")


def read_parquet(path: Path) -> "pa.Table":
    """Raises:
    ValueError: if it is none, or was cut off.
    OSError: if it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is no Parquet file, or was cut off: {error}") from None


def numbers(path: Path, table: "pa.Table", name: str) -> Float[np.ndarray, "row"]:
    """A column; NaN where a cell is empty.

    Raises:
        ValueError: if something else stands there.
    """
    import pyarrow as pa

    try:
        return np.asarray(table[name].cast(pa.float64()).to_numpy(), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"{path}, column {name}: numbers must stand here: {error}") from None


def comments(path: Path) -> int:
    """How many lines of comments stand above the header of a CSV."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        return next((number for number, line in enumerate(lines) if not line.startswith(COMMENT)), 0)


def write_parquet(path: Path, table: "pa.Table", provenance: Provenance) -> None:
    """Write a table and where it comes from."""
    import pyarrow.parquet as pq

    described = table.replace_schema_metadata({PROVENANCE: json.dumps(provenance)})
    pq.write_table(described, path, compression="zstd")


def write_csv(path: Path, table: "pa.Table", provenance: Provenance) -> None:
    """Write a table and where it comes from."""
    from pyarrow import csv

    with path.open("wb") as file:
        if provenance:
            file.write(f"{COMMENT} {json.dumps(provenance)}\n".encode())
        csv.write_csv(table, file)


def parquet_provenance(path: Path) -> dict[str, Any]:
    """What the file tells of where it comes from; empty where it tells nothing."""
    import pyarrow.parquet as pq

    return json.loads((pq.read_schema(path).metadata or {}).get(PROVENANCE.encode(), b"{}"))


def csv_provenance(path: Path) -> dict[str, Any]:
    """What the file tells of where it comes from; empty where it tells nothing."""
    with path.open(encoding="utf-8") as lines:
        first = next(lines, "")
    return json.loads(first.removeprefix(COMMENT)) if first.startswith(COMMENT) else {}


WRITERS: Mapping[str, Callable[[Path, "pa.Table", Provenance], None]] = {".parquet": write_parquet, ".csv": write_csv}
