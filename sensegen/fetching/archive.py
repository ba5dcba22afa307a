"""The members of published archives: found, taken out safely, and checked one by one against their sha256.

Members are checked, not archives, since an archive may be packed differently. Where archives come from is the business
of `sensegen.fetching.mirror`, what is refused of a zip that of `sensegen.fetching.zip_entries`.
"""

import errno
import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from sensegen.artifacts import writing
from sensegen.fetching.mirror import PlainFiles, Request, located
from sensegen.fetching.transfer import CHUNK_BYTES
from sensegen.fetching.zip_entries import LARGEST_MEMBER_BYTES, ArchiveError, bytes_of, refuse_bomb, refuse_escapes
from sensegen.progress import Progress
from sensegen.source import Archive, Member

DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)


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
        refuse_bomb(packed, names)
        for done, name in enumerate(names, start=1):
            with writing(folder / root / name.removeprefix(f"{root}/")) as temporary, temporary.open("wb") as file:
                for chunk in bytes_of(packed, name):
                    file.write(chunk)
            request.progress(done, len(names), f"unpacked {PurePosixPath(name).name}")


@contextmanager
def _found(archive: Archive, request: Request) -> Iterator["zipfile.ZipFile | PlainFiles"]:
    """The opened archive; what was transferred for it is gone afterwards, unless the disk was to blame."""
    found = located(archive, request)
    try:
        with _opened(found, archive, request.downloads) as packed:
            yield packed
    except ArchiveError:
        _remove_ours(found, request.downloads)
        raise
    _remove_ours(found, request.downloads)


def _remove_ours(found: Path | PlainFiles, downloads: Path) -> None:
    for path in found.paths.values() if isinstance(found, PlainFiles) else [found]:
        if path.is_relative_to(downloads):
            path.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path | PlainFiles, archive: Archive, downloads: Path) -> Iterator[zipfile.ZipFile | PlainFiles]:
    """The zip that holds the members: the file itself, or the one inside it, unpacked for as long as it is open."""
    if isinstance(path, PlainFiles):
        yield path
        return
    if archive.is_plain and not zipfile.is_zipfile(path):
        yield PlainFiles(f"{path}", {archive.members[0].path: path})
        return
    try:
        with zipfile.ZipFile(path) as outer:
            refuse_escapes(outer, path)
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
    refuse_bomb(outer, [name])
    path = downloads / f"{hashlib.sha256(where.encode()).hexdigest()[:8]}-{name}"
    with writing(path) as temporary, temporary.open("wb") as file:
        for chunk in bytes_of(outer, name):
            file.write(chunk)
    try:
        with zipfile.ZipFile(path) as inner:
            refuse_escapes(inner, Path(where))
            yield inner
    finally:
        path.unlink()


def _extract(zipped: zipfile.ZipFile | PlainFiles, archive: Archive, folder: Path, progress: Progress) -> None:
    total, packed, names = len(archive.members), set(zipped.namelist()), {}
    for member in archive.members:
        around = f"{archive.top}/{member.path}"
        names[member] = around if archive.top and around in packed and member.path not in packed else member.path
    if isinstance(zipped, zipfile.ZipFile):
        refuse_bomb(zipped, [name for name in names.values() if name in packed])
    for done, (member, name) in enumerate(names.items(), start=1):
        with writing(folder / member.path) as temporary:
            _extract_member(zipped, name, member, temporary)
        progress(done, total, f"verified {PurePosixPath(member.path).name}")


def _extract_member(zipped: zipfile.ZipFile | PlainFiles, name: str, member: Member, target: Path) -> None:
    digest = hashlib.sha256()
    chunks = _plain_bytes(zipped.paths[name]) if isinstance(zipped, PlainFiles) else bytes_of(zipped, name)
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
