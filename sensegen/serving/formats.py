"""Blocks of windows as bytes that can be sent while the next block is made."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from sensegen import window_files
from sensegen.table_files import PROVENANCE
from sensegen.windows import Windows

Blocks = Iterator[Windows]
Told = Mapping[str, Any]


def json_lines(blocks: Blocks, told: Told) -> Iterator[bytes]:
    """First what the windows are, then a line a window: its activity, and values (time, channel)."""
    yield json.dumps(told).encode() + b"\n"
    for block in blocks:
        names = np.array(block.classes)[block.labels]
        lines = [
            json.dumps({"activity": str(name), "values": np.round(values.astype(float), 6).tolist()})
            for name, values in zip(names, np.asarray(block.values), strict=True)
        ]
        yield ("\n".join(lines) + "\n").encode()


def parquet(blocks: Blocks, told: Told) -> Iterator[bytes]:
    """A table as `sensegen generate` writes it, a row group a block."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink, sent, first = io.BytesIO(), 0, 0
    writer = None
    for block in blocks:
        table = window_files.as_table(block, first).replace_schema_metadata({PROVENANCE: json.dumps(told)})
        writer = writer or pq.ParquetWriter(pa.PythonFile(sink, mode="w"), table.schema, compression="zstd")
        writer.write_table(table)
        first += len(block)
        yield sink.getvalue()[sent:]
        sent = len(sink.getvalue())
    if writer is not None:
        writer.close()
    yield sink.getvalue()[sent:]


FORMATS: Mapping[str, tuple[str, Callable[[Blocks, Told], Iterator[bytes]]]] = {
    "parquet": ("application/vnd.apache.parquet", parquet),
    "jsonl": ("application/x-ndjson", json_lines),
}
