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

    def end(self) -> bytes:
        """What follows the last one."""
        return b""


class JSONLines(Form):
    """First what the windows are, then a line a window: its activity, and values (time, channel)."""

    media_type = "application/x-ndjson"
    begun = False

    def block(self, block: Windows) -> bytes:
        values = np.round(np.asarray(block.values, np.float64), 6)
        names = [block.classes[label] for label in block.labels]
        lines = [] if self.begun else [self.told]
        lines += [
            json.dumps({"activity": name, "values": rows}) for name, rows in zip(names, values.tolist(), strict=True)
        ]
        self.begun = True
        return ("\n".join(lines) + "\n").encode()


class ParquetTable(Form):
    """A table as `sensegen generate` writes it, a row group a block."""

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
            self.writer = pq.ParquetWriter(pa.PythonFile(self.sink, mode="w"), table.schema, compression="zstd")
        self.writer.write_table(table)
        self.first += len(block)
        return self.sink.taken()

    def end(self) -> bytes:
        self.writer.close()
        return self.sink.taken()


FORMATS: Mapping[str, type[Form]] = {"parquet": ParquetTable, "jsonl": JSONLines}
