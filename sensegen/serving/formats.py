"""Blocks of windows as bytes that can be sent while the next block is made."""

import io
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sensegen import window_files
from sensegen.table_files import PROVENANCE
from sensegen.windows import Windows

Told = Mapping[str, Any]


class Passed(io.RawIOBase):
    """A file of which nothing is kept but what was written since the last time that it was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[bytes] = []
        self.place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def write(self, part: Any) -> int:
        self.parts.append(bytes(part))
        self.place += len(part)
        return len(part)

    def taken(self) -> bytes:
        """What was written."""
        parts, self.parts = self.parts, []
        return b"".join(parts)


class Form(ABC):
    """Abstract: blocks as bytes, one after another; `told` is what the windows are."""

    media_type: ClassVar[str]

    def __init__(self, told: Told):
        self.told = json.dumps(told)

    @abstractmethod
    def block(self, block: Windows) -> bytes:
        """The bytes of the next block."""

    def last(self, block: Windows) -> bytes:
        """The bytes of the last block, and what follows it."""
        return self.block(block)


class JSONLines(Form):
    """First what the windows are, then a line a window: its activity, and values (time, channel)."""

    media_type = "application/x-ndjson"
    begun = False

    def block(self, block: Windows) -> bytes:
        import orjson

        values = np.round(np.asarray(block.values, np.float32), 6)
        names = [block.classes[label] for label in block.labels]
        lines = [] if self.begun else [self.told.encode()]
        # Ten times as fast as the library's own, which lets no other thread work meanwhile.
        lines += [
            orjson.dumps({"activity": name, "values": rows}, option=orjson.OPT_SERIALIZE_NUMPY)
            for name, rows in zip(names, values, strict=True)
        ]
        self.begun = True
        return b"\n".join(lines) + b"\n"


class ParquetTable(Form):
    """A table as `sensegen generate` writes it but for its compression, a row group a block."""

    media_type = "application/vnd.apache.parquet"

    def __init__(self, told: Told):
        super().__init__(told)
        self.sink, self.first = Passed(), 0
        self.writer: Any = None

    def block(self, block: Windows) -> bytes:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = window_files.as_table(block, self.first).replace_schema_metadata({PROVENANCE: self.told})
        if self.writer is None:
            named = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
            sink = pa.PythonFile(self.sink, mode="w")
            # Values hardly repeat, so a dictionary of them only costs; Snappy takes half the time of Zstandard.
            self.writer = pq.ParquetWriter(sink, table.schema, compression="snappy", use_dictionary=named)
        self.writer.write_table(table)
        self.first += len(block)
        return self.sink.taken()

    def last(self, block: Windows) -> bytes:
        written = self.block(block)
        self.writer.close()
        return written + self.sink.taken()


FORMATS: Mapping[str, type[Form]] = {"parquet": ParquetTable, "jsonl": JSONLines}
