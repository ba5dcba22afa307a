"""The entries of a zip that somebody else has packed: none leads elsewhere, fills the disk, or is not as declared."""

import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

from sensegen.fetching.transfer import CHUNK_BYTES

LARGEST_MEMBER_BYTES = 2 << 30
LARGEST_TOTAL_BYTES = 16 << 30
# Numbers as text pack 3 to 40 times smaller, small files of one repeated line more than 200 times.
LARGEST_RATIO = 200
HARMLESS_BYTES = 16 << 20
MOST_ENTRIES = 100_000
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ArchiveError(OSError):
    """An archive that cannot be used; the message says which part of it, why, and what to do."""


def refuse_escapes(zipped: zipfile.ZipFile, path: Path) -> None:
    """Refuse the whole archive for one entry that leads elsewhere: nobody packs that by mistake."""
    for entry in zipped.infolist():
        # The name as packed: zipfile has already cut `filename` at a null byte and turned the backslashes.
        name = entry.orig_filename
        parts = PureWindowsPath(name).parts
        if ".." in parts or PureWindowsPath(name).anchor or name.startswith("/") or "\0" in name:
            raise ArchiveError(f"{path} holds the entry {name!r}, which leads out of its folder. Do not use it.")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ArchiveError(f"{path} holds the symbolic link {name!r}, which may lead anywhere. Do not use it.")


def refuse_bomb(zipped: zipfile.ZipFile, names: list[str]) -> None:
    """Refuse what would fill the disk, by what the headers declare and before a byte is unpacked.

    A header that declares too little is found out while unpacking: `bytes_of` gives no more than was declared.
    """
    if len(zipped.infolist()) > MOST_ENTRIES:
        raise ArchiveError(f"{zipped.filename} has more than {MOST_ENTRIES:,} entries. Do not use it.")
    entries = [_entry(zipped, name) for name in names]
    if (total := sum(entry.file_size for entry in entries)) > LARGEST_TOTAL_BYTES:
        raise ArchiveError(f"{zipped.filename} would unpack to {total:,} bytes, which no dataset does. Do not use it.")
    for entry in entries:
        ratio = entry.file_size / max(entry.compress_size, 1)
        if entry.file_size > HARMLESS_BYTES and ratio > LARGEST_RATIO:
            raise ArchiveError(
                f"{zipped.filename}: {entry.filename} would unpack to {ratio:,.0f} times its size ({entry.file_size:,} "
                "bytes), as a zip bomb does and no recording. Do not use it."
            )


def bytes_of(zipped: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """The bytes of an entry, never more than its header declares."""
    entry = _entry(zipped, name)
    left = entry.file_size
    with zipped.open(entry) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise ArchiveError(f"{zipped.filename}: {name} unpacks to more than the {entry.file_size:,} declared.")
            yield chunk
    if left:
        raise ArchiveError(f"{zipped.filename}: {name} ends {left:,} bytes early; the archive is truncated.")


def _entry(zipped: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """The header of an entry that may be unpacked."""
    try:
        entry = zipped.getinfo(name)
    except KeyError:
        raise ArchiveError(
            f"{zipped.filename} holds no {name}. It is another archive, or was packed without it."
        ) from None
    packed_as_expected = not entry.flag_bits & 0x1 and entry.compress_type in COMPRESSIONS
    if not packed_as_expected or entry.file_size > LARGEST_MEMBER_BYTES:
        what = f"declares {entry.file_size:,} bytes" if packed_as_expected else "is encrypted or oddly compressed"
        raise ArchiveError(f"{zipped.filename}: {name} {what}, which no member of this dataset does. Do not use it.")
    return entry
