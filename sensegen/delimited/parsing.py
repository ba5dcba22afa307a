"""Lines of delimited text to columns, by pyarrow."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sensegen.delimited.layout import AFTER_LAST, Head, Layout

if TYPE_CHECKING:
    import pyarrow as pa


def parser(layout: Layout, head: Head) -> Callable[[memoryview], "pa.RecordBatch | None"]:
    """What turns whole lines into the wanted columns, or into None where all of them are blank.

    It raises `pyarrow.ArrowInvalid` where the lines do not fit the layout.
    """
    import pyarrow as pa

    readings = [_options(layout, head, stamp=pa.float64())]
    if "stamp" in layout.columns.values():
        # Whole numbers are read in half the time; one that is not, as a spreadsheet writes them, is rare.
        readings.insert(0, _options(layout, head, stamp=pa.int64()))

    def parse(text: memoryview) -> "pa.RecordBatch | None":
        if text[0] in b"\r\n" and not bytes(text).strip(b"\r\n"):
            return None
        for options in readings[:-1]:
            try:
                return _columns(text, options)
            except pa.ArrowInvalid:
                continue
        return _columns(text, readings[-1])

    return parse


def _options(layout: Layout, head: Head, stamp: "pa.DataType") -> dict[str, Any]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    kinds = {
        "float": pa.float64(),
        "integer": pa.int64(),
        "stamp": stamp,
        "text": pa.string(),
        "category": pa.string(),
    }
    types = {name: kinds[kind] for name, kind in layout.columns.items()}
    trailing = {AFTER_LAST: pa.string()} if AFTER_LAST in head.names else {}
    return {
        "parse_options": arrow_csv.ParseOptions(
            delimiter=layout.separator, quote_char='"' if layout.quoted else False, ignore_empty_lines=True
        ),
        "convert_options": arrow_csv.ConvertOptions(
            column_types=types | trailing,
            include_columns=[*types, *trailing],
            null_values=list(layout.missing),
            strings_can_be_null=False,
            decimal_point=layout.decimal_point,
            check_utf8=False,
        ),
        "column_names": list(head.names),
        "categories": [name for name, kind in layout.columns.items() if kind == "category"],
    }


def _columns(text: memoryview, options: dict[str, Any]) -> "pa.RecordBatch":
    import pyarrow as pa
    from pyarrow import compute
    from pyarrow import csv as arrow_csv

    # All lines are one block of pyarrow's: one batch comes out, and no second layer of threads is wanted.
    read_options = arrow_csv.ReadOptions(
        column_names=options["column_names"], block_size=len(text) + 1, use_threads=False
    )
    table = arrow_csv.read_csv(
        pa.BufferReader(text), read_options, options["parse_options"], options["convert_options"]
    )
    if AFTER_LAST in table.column_names:
        if compute.any(compute.not_equal(table[AFTER_LAST], "")).as_py():
            raise pa.ArrowInvalid("There is a word after the last separator.")
        table = table.drop_columns([AFTER_LAST])
    (batch,) = table.combine_chunks().to_batches()
    for name in options["categories"]:
        batch = batch.set_column(batch.schema.get_field_index(name), name, _encoded(batch.column(name)))
    for column in batch.columns:
        # Here and not by the converter: of a category, only the different words need to be looked at.
        getattr(column, "dictionary", column).validate(full=True)
    return batch


def _encoded(words: "pa.StringArray") -> "pa.DictionaryArray":
    """A category. Mostly all words of a block are the same, and to see that takes a twentieth of encoding them."""
    import pyarrow as pa

    if words[1:].equals(words[:-1]):
        return pa.repeat(words[:1].dictionary_encode()[0], len(words))
    return words.dictionary_encode()
