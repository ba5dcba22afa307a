"""The members of published archives: found, taken out safely, and checked one by one against their sha256.

An archive comes from `SENSEGEN_MIRROR` when that is set (a folder or an address laid out as `<dataset>/<archive>`),
else from its official address. Members are checked, not archives, since an archive may be packed differently.
"""

import errno
import hashlib
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
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
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)
WAY_OUT = (
    f"Without a network, set {MIRROR_VARIABLE} to a folder or address that holds `<dataset>/<archive>`, or use the "
    "built-in data, which needs none: make run PRESET=simulated"
)


class ArchiveError(OSError):
    """An archive that cannot be used; the message says which part of it, why, and what to do."""


@dataclass(frozen=True)
class Request:
    """What to fetch for which dataset, where archives are kept while they arrive, and how patiently."""

    dataset: str
    source: Source
    downloads: Path
    patience: Patience
    progress: Progress


def fetch(request: Request, folder: Path) -> None:
    """Put every declared member of every archive of a dataset under `folder`, verified.

    A member takes its name only when its bytes have the declared sha256. Archives that were transferred are removed
    when their members are out, or when they prove to be bad: the next run fetches them anew.

    Raises:
        ArchiveError: mirror without the archive, no zip or a truncated one, a member that is missing, too large,
            leads out of the folder, or does not have its sha256.
        TransferError: the archive could not be fetched.
    """
    for archive in request.source.archives:
        path = _locate(archive, request)
        ours = path.is_relative_to(request.downloads)
        try:
            with _opened(path, archive, request.downloads) as zipped:
                _extract(zipped, archive, folder, request.progress)
        except ArchiveError:
            if ours:
                path.unlink(missing_ok=True)
            raise
        if ours:
            path.unlink()


def _locate(archive: Archive, request: Request) -> Path:
    mirror = os.environ.get(MIRROR_VARIABLE, "").strip()
    # The inner archive first: it is what is used, and a mirror may hold it alone.
    names = [name for name in (archive.inside, archive.name) if name]
    if not mirror:
        try:
            return transfer(archive.url, _kept(request, archive.url), request.patience, request.progress)
        except TransferError as error:
            raise TransferError(f"{error}\n{WAY_OUT}") from error
    if urlsplit(mirror).scheme in ("http", "https"):
        return _from_mirror_address(mirror, names, request)
    if "://" in mirror:
        raise ArchiveError(f"{MIRROR_VARIABLE}={mirror} must be a folder, or begin with http:// or https://.")
    looked_for = [Path(mirror).expanduser() / request.dataset / name for name in names]
    found = next((path for path in looked_for if path.is_file()), None)
    if found is None:
        what = "is no folder" if not Path(mirror).expanduser().is_dir() else "does not hold the archive"
        raise ArchiveError(
            f"{MIRROR_VARIABLE}={mirror} {what}; looked for {' and '.join(map(str, looked_for))}. "
            f"Put the archive there, or unset {MIRROR_VARIABLE} to fetch {archive.url}."
        )
    return found


def _from_mirror_address(mirror: str, names: list[str], request: Request) -> Path:
    urls = [f"{mirror.rstrip('/')}/{quote(request.dataset)}/{quote(name)}" for name in names]
    for url in urls:
        try:
            return transfer(url, _kept(request, url), request.patience, request.progress)
        except NotThere:
            continue
        except TransferError as error:
            raise TransferError(f"{MIRROR_VARIABLE}={mirror}: {error}\n{WAY_OUT}") from error
    raise ArchiveError(
        f"{MIRROR_VARIABLE}={mirror} does not hold the archive; looked for {' and '.join(urls)}. Put it there, or "
        f"unset {MIRROR_VARIABLE} to use the official address."
    )


def _kept(request: Request, url: str) -> Path:
    """Where a transfer is kept: one place an address, so that mirror and official site never mix."""
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-{PurePosixPath(urlsplit(url).path).name}"
    return request.downloads / request.dataset / name


@contextmanager
def _opened(path: Path, archive: Archive, downloads: Path) -> Iterator[zipfile.ZipFile]:
    """The zip that holds the members: the file itself, or the one inside it, unpacked for as long as it is open."""
    try:
        with zipfile.ZipFile(path) as outer:
            _refuse_escapes(outer, path)
            names = outer.namelist()
            if archive.inside not in names or archive.members[0].path in names:
                yield outer
                return
            inner_path = downloads / f"{hashlib.sha256(str(path).encode()).hexdigest()[:8]}-{archive.inside}"
            with writing(inner_path) as temporary, temporary.open("wb") as file:
                for chunk in _bytes_of(outer, archive.inside):
                    file.write(chunk)
            try:
                with zipfile.ZipFile(inner_path) as inner:
                    _refuse_escapes(inner, path)
                    yield inner
            finally:
                inner_path.unlink()
    except (*DAMAGE, OSError) as error:
        # A damaged offset makes the system refuse a seek; every other OSError says itself what is the matter.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise ArchiveError(
            f"{path} is truncated or no zip archive ({error}). Fetch it again: remove the file if it is yours."
        ) from error


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


def _extract(zipped: zipfile.ZipFile, archive: Archive, folder: Path, progress: Progress) -> None:
    total = len(archive.members)
    for done, member in enumerate(archive.members, start=1):
        with writing(folder / member.path) as temporary:
            _extract_member(zipped, member, temporary)
        progress(done, total, f"verified {PurePosixPath(member.path).name}")


def _extract_member(zipped: zipfile.ZipFile, member: Member, target: Path) -> None:
    digest = hashlib.sha256()
    with target.open("wb") as file:
        for chunk in _bytes_of(zipped, member.path):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != member.sha256:
        raise ArchiveError(
            f"{zipped.filename}: {member.path} must have sha256 {member.sha256}, but has {digest.hexdigest()}. "
            "The copy is damaged or is another version: fetch it again, or use another mirror."
        )


def _bytes_of(zipped: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """The bytes of an entry, never more than its header declares."""
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
    left = entry.file_size
    with zipped.open(entry) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise ArchiveError(f"{zipped.filename}: {name} unpacks to more than the {entry.file_size:,} declared.")
            yield chunk
    if left:
        raise ArchiveError(f"{zipped.filename}: {name} ends {left:,} bytes early; the archive is truncated.")
