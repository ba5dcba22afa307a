"""The members of published archives: found, taken out safely, and checked one by one against their sha256.

An archive comes from `SENSEGEN_MIRROR` when that is set (a folder or an address laid out as `<dataset>/<archive>`),
else from its official address. A mirror may hold the members as plain files instead (`<dataset>/<member>`). Members are
checked, not archives, since an archive may be packed differently.
"""

import errno
import hashlib
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import quote, urlsplit

from sensegen.artifacts import writing
from sensegen.progress import Progress
from sensegen.source import Archive, Member, Source
from sensegen.transfer import CHUNK_BYTES, NotThere, Patience, TransferError, transfer

MIRROR_VARIABLE = "SENSEGEN_MIRROR"
LARGEST_MEMBER_BYTES = 2 << 30
LARGEST_TOTAL_BYTES = 16 << 30
# Numbers as text pack 3 to 40 times smaller, small files of one repeated line more than 200 times.
LARGEST_RATIO = 200
HARMLESS_BYTES = 16 << 20
MOST_ENTRIES = 100_000
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)
WAY_OUT = (
    f"Without a network, set {MIRROR_VARIABLE} to a folder or address that holds `<dataset>/<archive>`, or use the "
    "built-in data, which needs none: make run PRESET=simulated"
)


class ArchiveError(OSError):
    """An archive that cannot be used; the message says which part of it, why, and what to do."""


class NotInMirror(ArchiveError):
    """The mirror is there, and does not hold the archive."""


@dataclass(frozen=True)
class Request:
    """What to fetch, where archives are kept while they arrive, and how patiently; a mirror's folder of these archives
    is called `dataset`."""

    dataset: str
    source: Source
    downloads: Path
    patience: Patience
    progress: Progress


@dataclass(frozen=True)
class _Files:
    """Members that are plain files, by their path in the archive; used as an opened archive is."""

    filename: str
    paths: Mapping[str, Path]

    def namelist(self) -> list[str]:
        """The members."""
        return list(self.paths)


def fetch(request: Request, folder: Path) -> None:
    """Put every declared member of every archive of a dataset under `folder`, verified.

    A member takes its name only when its bytes have the declared sha256. Archives that were transferred are removed
    when their members are out, or when they prove to be bad: the next run fetches them anew.

    Raises:
        ArchiveError: mirror without the archive, no zip or a truncated one, a zip bomb, a member that is missing, too
            large, leads out of the folder, or does not have its sha256.
        TransferError: the archive could not be fetched.
    """
    for archive in request.source.archives:
        with _found(archive, request) as packed:
            _extract(packed, archive, folder, request.progress)


def fetch_unchecked(request: Request, archive: Archive, folder: Path, suffix: str) -> None:
    """Put every file with that suffix of an archive whose checksums nobody has published under `folder`.

    The files come to stand in a folder with the name of the archive (the inner one, if there is one). Nothing but the
    CRC-32 in the zip guards their bytes.

    Raises:
        ArchiveError: as `fetch`; there is no such file.
        TransferError: the archive could not be fetched.
    """
    root = (archive.inside or archive.name).removesuffix(".zip")
    with _found(archive, request) as packed:
        assert isinstance(packed, zipfile.ZipFile)
        # macOS packs a hidden companion beside each file.
        names = [name for name in packed.namelist() if name.endswith(suffix) and "__MACOSX" not in name]
        if not names:
            raise ArchiveError(f"{packed.filename} holds no file that ends with {suffix}. It is another archive.")
        _refuse_bomb(packed, names)
        for done, name in enumerate(names, start=1):
            with writing(folder / root / name.removeprefix(f"{root}/")) as temporary, temporary.open("wb") as file:
                for chunk in _bytes_of(packed, name):
                    file.write(chunk)
            request.progress(done, len(names), f"unpacked {PurePosixPath(name).name}")


@contextmanager
def _found(archive: Archive, request: Request) -> Iterator["zipfile.ZipFile | _Files"]:
    """The opened archive; what was transferred for it is gone afterwards, unless the disk was to blame."""
    found = _locate(archive, request)
    try:
        with _opened(found, archive, request.downloads) as packed:
            yield packed
    except ArchiveError:
        _remove_ours(found, request.downloads)
        raise
    _remove_ours(found, request.downloads)


def _remove_ours(found: Path | _Files, downloads: Path) -> None:
    for path in found.paths.values() if isinstance(found, _Files) else [found]:
        if path.is_relative_to(downloads):
            path.unlink(missing_ok=True)


def _locate(archive: Archive, request: Request) -> Path | _Files:
    mirror = os.environ.get(MIRROR_VARIABLE, "").strip()
    # The inner archive first: it is what is used, and a mirror may hold it alone.
    names = [name for name in (archive.inside, archive.name, *archive.copies) if name]
    if not mirror:
        try:
            return transfer(archive.url, _kept(request, archive.url), request.patience, request.progress)
        except TransferError as error:
            raise TransferError(f"{error}\n{WAY_OUT}") from error
    if urlsplit(mirror).scheme in ("http", "https"):
        return _from_mirror_address(mirror, archive, names, request)
    if "://" in mirror:
        raise ArchiveError(f"{MIRROR_VARIABLE}={mirror} must be a folder, or begin with http:// or https://.")
    here = Path(mirror).expanduser() / request.dataset
    looked_for = [here / name for name in names]
    found = next((path for path in looked_for if path.is_file()), None)
    if found is None:
        plain = {member.path: here / member.path for member in archive.members}
        if plain and all(path.is_file() for path in plain.values()):
            return _Files(f"{here}", plain)
        is_folder = Path(mirror).expanduser().is_dir()
        what = "does not hold the archive" if is_folder else "is no folder"
        raise (NotInMirror if is_folder else ArchiveError)(
            f"{MIRROR_VARIABLE}={mirror} {what}; looked for {' and '.join(map(str, looked_for))}. "
            f"Put the archive there, or unset {MIRROR_VARIABLE} to fetch {archive.url}."
        )
    return found


def _from_mirror_address(mirror: str, archive: Archive, names: list[str], request: Request) -> Path | _Files:
    """The archive, or its members one by one where the mirror has them as plain files."""
    urls = [f"{mirror.rstrip('/')}/{quote(request.dataset)}/{quote(name)}" for name in names]
    plain = {
        member.path: f"{mirror.rstrip('/')}/{quote(request.dataset)}/{quote(member.path)}" for member in archive.members
    }
    for wanted in (*({name: url} for name, url in zip(names, urls, strict=True)), *([plain] if plain else [])):
        try:
            paths = {
                name: transfer(url, _kept(request, url), request.patience, request.progress)
                for name, url in wanted.items()
            }
        except NotThere:
            continue
        except TransferError as error:
            raise TransferError(f"{MIRROR_VARIABLE}={mirror}: {error}\n{WAY_OUT}") from error
        return _Files(f"{mirror}/{request.dataset}", paths) if wanted is plain else next(iter(paths.values()))
    raise NotInMirror(
        f"{MIRROR_VARIABLE}={mirror} does not hold the archive; looked for {' and '.join(urls)}. Put it there, or "
        f"unset {MIRROR_VARIABLE} to use the official address."
    )


def _kept(request: Request, url: str) -> Path:
    """Where a transfer is kept: one place an address, so that mirror and official site never mix."""
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-{PurePosixPath(urlsplit(url).path).name}"
    return request.downloads / request.dataset / name


@contextmanager
def _opened(path: Path | _Files, archive: Archive, downloads: Path) -> Iterator[zipfile.ZipFile | _Files]:
    """The zip that holds the members: the file itself, or the one inside it, unpacked for as long as it is open."""
    if isinstance(path, _Files):
        yield path
        return
    if archive.is_plain and not zipfile.is_zipfile(path):
        yield _Files(f"{path}", {archive.members[0].path: path})
        return
    try:
        with zipfile.ZipFile(path) as outer:
            _refuse_escapes(outer, path)
            names = outer.namelist()
            if archive.inside not in names or any(member.path in names for member in archive.members[:1]):
                yield outer
                return
            with _inner(outer, archive.inside, downloads) as inner:
                yield inner
    except (*DAMAGE, OSError) as error:
        # A damaged offset makes the system refuse a seek; every other OSError says itself what is the matter.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise ArchiveError(
            f"{path} is truncated or no zip archive ({error}). Fetch it again: remove the file if it is yours."
        ) from error


@contextmanager
def _inner(outer: zipfile.ZipFile, name: str, downloads: Path) -> Iterator[zipfile.ZipFile]:
    """The archive inside an archive, unpacked for as long as it is open."""
    where = f"{outer.filename}"
    _refuse_bomb(outer, [name])
    path = downloads / f"{hashlib.sha256(where.encode()).hexdigest()[:8]}-{name}"
    with writing(path) as temporary, temporary.open("wb") as file:
        for chunk in _bytes_of(outer, name):
            file.write(chunk)
    try:
        with zipfile.ZipFile(path) as inner:
            _refuse_escapes(inner, Path(where))
            yield inner
    finally:
        path.unlink()


def _refuse_escapes(zipped: zipfile.ZipFile, path: Path) -> None:
    """Refuse the whole archive for one entry that leads elsewhere: nobody packs that by mistake."""
    for entry in zipped.infolist():
        # The name as packed: zipfile has already cut `filename` at a null byte and turned the backslashes.
        name = entry.orig_filename
        parts = PureWindowsPath(name).parts
        if ".." in parts or PureWindowsPath(name).anchor or name.startswith("/") or "\0" in name:
            raise ArchiveError(f"{path} holds the entry {name!r}, which leads out of its folder. Do not use it.")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ArchiveError(f"{path} holds the symbolic link {name!r}, which may lead anywhere. Do not use it.")


def _refuse_bomb(zipped: zipfile.ZipFile, names: list[str]) -> None:
    """Refuse what would fill the disk, by what the headers declare and before a byte is unpacked.

    A header that declares too little is found out while unpacking: `_bytes_of` gives no more than was declared.
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


def _extract(zipped: zipfile.ZipFile | _Files, archive: Archive, folder: Path, progress: Progress) -> None:
    total, packed, names = len(archive.members), set(zipped.namelist()), {}
    for member in archive.members:
        around = f"{archive.top}/{member.path}"
        names[member] = around if archive.top and around in packed and member.path not in packed else member.path
    if isinstance(zipped, zipfile.ZipFile):
        _refuse_bomb(zipped, [name for name in names.values() if name in packed])
    for done, (member, name) in enumerate(names.items(), start=1):
        with writing(folder / member.path) as temporary:
            _extract_member(zipped, name, member, temporary)
        progress(done, total, f"verified {PurePosixPath(member.path).name}")


def _extract_member(zipped: zipfile.ZipFile | _Files, name: str, member: Member, target: Path) -> None:
    digest = hashlib.sha256()
    chunks = _plain_bytes(zipped.paths[name]) if isinstance(zipped, _Files) else _bytes_of(zipped, name)
    with target.open("wb") as file:
        for chunk in _with_lf(chunks) if member.text else chunks:
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != member.sha256:
        raise ArchiveError(
            f"{zipped.filename}: {name} must have sha256 {member.sha256}, but has {digest.hexdigest()}. "
            "The copy is damaged or is another version: fetch it again, or use another mirror."
        )


def _with_lf(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Text with CRLF as LF, also where a chunk ends between the two."""
    rest = b""
    for chunk in chunks:
        text = rest + chunk
        rest = b"\r" if text.endswith(b"\r") else b""
        yield text[: len(text) - len(rest)].replace(b"\r\n", b"\n")
    yield rest


def _plain_bytes(path: Path) -> Iterator[bytes]:
    if (size := path.stat().st_size) > LARGEST_MEMBER_BYTES:
        raise ArchiveError(f"{path} has {size:,} bytes, which no member of this dataset does. Do not use it.")
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


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


def _bytes_of(zipped: zipfile.ZipFile, name: str) -> Iterator[bytes]:
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
