"""What a dataset declares of itself: where it comes from, under which terms, and what its values may be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Bounds:
    """The promise of one signal: its channels, unit, nominal rate, and the range the sensor can give.

    Where devices differ, any rate from `rate_hz` to `highest_rate_hz` is as promised. `gravity` says that this is an
    acceleration which contains gravity, so that at rest its norm is 1 g. A recording may lack an `optional` signal.
    """

    channels: tuple[str, ...]
    unit: str
    rate_hz: float
    low: float
    high: float
    highest_rate_hz: float | None = None
    gravity: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Member:
    """A file inside an archive, and the sha256 of its bytes; of a `text` file, with LF at line ends, since copies
    differ in those."""

    path: str
    sha256: str
    text: bool = False


def members(checksums: Path) -> tuple[Member, ...]:
    """The files that a list as `sha256sum` writes it names."""
    lines = checksums.read_text(encoding="utf-8").splitlines()
    return tuple(Member(path, digest) for digest, path in (line.split("  ", 1) for line in lines))


@dataclass(frozen=True)
class Archive:
    """A published archive; it may hold others (`inside` names the inner one). Members are checked one by one,
    since an archive may be packed differently: a mirror's copy may go by another name (`copies`) and have a folder
    around everything (`top`)."""

    name: str
    url: str
    members: tuple[Member, ...]
    inside: str | None = None
    copies: tuple[str, ...] = ()
    top: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the official address is that of the one member itself, and not of an archive."""
        return len(self.members) == 1 and self.url.endswith(f"/{self.members[0].path}")


@dataclass(frozen=True)
class PublishedWindows:
    """Set when a dataset is published as windows: each is a recording, and is never cut again."""

    samples: int
    stride_samples: int


@dataclass(frozen=True)
class Source:
    """Provenance and promises of a dataset; validation derives its expectations from them.

    No activity lasts longer than `longest_activity_seconds`, so no window can. `disordered_share` of a signal's time
    steps may stand still or run backwards; windowing sorts them. A dataset that is not `labelled` has the one label
    `unlabelled`.
    """

    citation: str
    licence: str
    page: str
    signals: Mapping[str, Bounds]
    labels: tuple[str, ...]
    subjects: tuple[str, ...]
    longest_activity_seconds: float
    test_subjects: tuple[str, ...] = ()
    archives: tuple[Archive, ...] = ()
    published_windows: PublishedWindows | None = None
    disordered_share: float = 0.0
    labelled: bool = True
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel of every signal, in the order declared."""
        return tuple(channel for bounds in self.signals.values() for channel in bounds.channels)
