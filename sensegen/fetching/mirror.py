"""Where an archive comes from: from `SENSEGEN_MIRROR` when that is set, else from its official address.

A mirror is a folder or an address laid out as `<dataset>/<archive>`. It may hold the members as plain files instead
(`<dataset>/<member>`).
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

from sensegen.addresses import Login, without_password
from sensegen.fetching.transfer import NotThere, Patience, TransferError, transfer
from sensegen.fetching.zip_entries import ArchiveError
from sensegen.progress import Progress
from sensegen.source import Archive, Source

MIRROR_VARIABLE = "SENSEGEN_MIRROR"
WAY_OUT = (
    f"Without a network, set {MIRROR_VARIABLE} to a folder or address that holds `<dataset>/<archive>`, or use the "
    "built-in data, which needs none: make run PRESET=simulated"
)


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
class PlainFiles:
    """Members that are plain files, by their path in the archive; used as an opened archive is."""

    filename: str
    paths: Mapping[str, Path]

    def namelist(self) -> list[str]:
        """The members."""
        return list(self.paths)


def located(archive: Archive, request: Request) -> Path | PlainFiles:
    """The archive (the outer one or the one inside) or its members as files of this machine, transferred if need be.

    Raises:
        ArchiveError: the mirror is none, or does not hold the archive (`NotInMirror`).
        TransferError: the archive could not be fetched.
    """
    mirror, login = without_password(os.environ.get(MIRROR_VARIABLE, "").strip())
    if not mirror:
        try:
            return _transferred(archive.url, request)
        except TransferError as error:
            raise TransferError(f"{error}\n{WAY_OUT}") from error
    if urlsplit(mirror).scheme in ("http", "https"):
        return _from_mirror_address(mirror, login, archive, request)
    if "://" in mirror:
        raise ArchiveError(f"{MIRROR_VARIABLE}={mirror} must be a folder, or begin with http:// or https://.")
    return _in_mirror_folder(mirror, archive, request.dataset)


def _names(archive: Archive) -> list[str]:
    """What it may be called, the inner archive first: it is what is used, and a mirror may hold it alone."""
    return [name for name in (archive.inside, archive.name, *archive.copies) if name]


def _in_mirror_folder(mirror: str, archive: Archive, dataset: str) -> Path | PlainFiles:
    """The archive, or its members where the folder has all of them as plain files."""
    here = Path(mirror).expanduser() / dataset
    looked_for = [here / name for name in _names(archive)]
    if found := next((path for path in looked_for if path.is_file()), None):
        return found
    plain = {member.path: here / member.path for member in archive.members}
    if plain and all(path.is_file() for path in plain.values()):
        return PlainFiles(f"{here}", plain)
    is_folder = Path(mirror).expanduser().is_dir()
    what = "does not hold the archive" if is_folder else "is no folder"
    raise (NotInMirror if is_folder else ArchiveError)(
        f"{MIRROR_VARIABLE}={mirror} {what}; looked for {' and '.join(map(str, looked_for))}. "
        f"Put the archive there, or unset {MIRROR_VARIABLE} to fetch {archive.url}."
    )


def _from_mirror_address(mirror: str, login: Login | None, archive: Archive, request: Request) -> Path | PlainFiles:
    """The archive, or its members one by one where the mirror has them as plain files."""
    names = _names(archive)
    urls = [f"{mirror.rstrip('/')}/{quote(request.dataset)}/{quote(name)}" for name in names]
    plain = {
        member.path: f"{mirror.rstrip('/')}/{quote(request.dataset)}/{quote(member.path)}" for member in archive.members
    }
    for wanted in (*({name: url} for name, url in zip(names, urls, strict=True)), *([plain] if plain else [])):
        try:
            paths = {name: _transferred(url, request, login) for name, url in wanted.items()}
        except NotThere:
            continue
        except TransferError as error:
            raise TransferError(f"{MIRROR_VARIABLE}={mirror}: {error}\n{WAY_OUT}") from error
        return PlainFiles(f"{mirror}/{request.dataset}", paths) if wanted is plain else next(iter(paths.values()))
    raise NotInMirror(
        f"{MIRROR_VARIABLE}={mirror} does not hold the archive; looked for {' and '.join(urls)}. Put it there, or "
        f"unset {MIRROR_VARIABLE} to use the official address."
    )


def _transferred(url: str, request: Request, login: Login | None = None) -> Path:
    return transfer(url, _kept(request, url), request.patience, request.progress, login)


def _kept(request: Request, url: str) -> Path:
    """Where a transfer is kept: one place an address, so that mirror and official site never mix."""
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-{PurePosixPath(urlsplit(url).path).name}"
    return request.downloads / request.dataset / name
