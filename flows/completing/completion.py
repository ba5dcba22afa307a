"""Read a recording, learn from windows or from itself, draw what is missing, and write it down."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensegen.artifacts import Artifacts

if TYPE_CHECKING:
    from sensegen.completion.completer import Completer
    from sensegen.completion.files import Completed, Recorded
    from sensegen.completion.stretches import Stretch
    from sensegen.completion.tasks import Task
    from sensegen.progress import Progress
    from sensegen.recording import Recording

RATE_TOLERANCE = 0.01
MEASURED_SHARE = 0.2  # of a recording that is learned from alone: its last part, by which spreads are measured


@dataclass(frozen=True)
class Request:
    """A file and how it is described (None: a table with `time_s`), what to learn from (`alone`: the file itself, else
    the windows of the last run), a season's length, how many draws, and where they and their intervals go."""

    file: Path
    out: Path
    description: Path | None
    alone: bool
    season_seconds: float | None
    draws: int
    seed: int
    draws_out: Path | None

    def told(self) -> dict[str, Any]:
        """For the provenance."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in vars(self).items()}


@dataclass(frozen=True)
class Outcome:
    """What was written, and what is to be known about it."""

    completed: list["Completed"]
    picture: Path
    notes: list[str]


def complete(root: Path, request: Request, asked: "Task") -> Outcome:
    """Read, learn, draw, and write intervals, draws and a picture; each whole or not at all.

    Raises:
        ValueError: the file cannot be used, or is not what was learned from; nothing was written.
        OSError: a file cannot be read or written.
    """
    from sensegen.completion import files
    from sensegen.progress import reporter
    from sensegen.reporting.completion_figure import picture

    written = [path for path in (request.out, request.draws_out) if path]
    for path in written:
        files.check_ending(path)
    if len({path.resolve() for path in (request.file, *written)}) < 1 + len(written):
        raise ValueError(f"--out and --draws-out must be files of their own, and none of them {request.file}.")
    show = reporter("completion")
    notes: list[str] = []
    recorded = [files.on_grid(recording) for recording in _recordings(request)]
    if not recorded:
        raise ValueError(f"{request.file} must hold a recording, but none was found in it.")
    learning = _Alone(request, show) if request.alone else _Windows(root, request, show)
    completed = [learning.completed(one, asked, notes) for one in recorded]
    told = {"made_by": f"sensegen {version('sensegen')}", "synthetic": True, "task": repr(asked), **learning.origin()}
    files.write(request.out, completed, {**told, "request": request.told()})
    if request.draws_out:
        files.write_draws(request.draws_out, completed, {**told, "request": request.told()})
    drawn = request.out.with_suffix(".png")
    picture(drawn, completed[0])
    return Outcome(completed, drawn, notes)


class _Windows:
    """Learns from the fit windows of the last run; spreads are measured on people and on time that they have not."""

    def __init__(self, root: Path, request: Request, show: "Progress"):
        self.folder, self.request, self.show = Artifacts(root).window, request, show
        if not (self.folder / "windows.json").exists():
            raise ValueError(
                f"There are no windows in {self.folder} to learn from. Run `sensegen run` first, or learn from the "
                "file itself: --alone."
            )
        self._learned: Completer | None = None

    def origin(self) -> dict[str, Any]:
        """The windows by their hash."""
        from sensegen.fetching.provenance import sha256

        names = ("windows.json", "signals.npy", "fit.npy")
        return {"learned_from": {name: sha256(self.folder / name) for name in names}}

    def completed(self, recorded: "Recorded", asked: "Task", notes: list[str]) -> "Completed":
        """A recording of the windows' channels and rate."""
        from sensegen.completion.completer import Completer

        fit, others = self._stretches("fit"), [*self._stretches("validation"), *self._stretches("held_out_time")]
        recorded = self._fitting(recorded, asked.rate_hz(recorded.rate_hz), notes)
        if self._learned is None:
            period_s = self.request.season_seconds
            self._learned = Completer.learned(fit, self.rate_hz, period_s, self.request.seed, self.show)
        opened = asked.opened(recorded.stretch, recorded.rate_hz)
        completer = _measured(self._learned, others, (asked, opened), self.request.seed, (self.show, notes))
        # At the recording's own rate: by that of the windows its samples would drift from their times.
        finished = replace(recorded, stretch=opened, rate_hz=asked.rate_hz(recorded.rate_hz))
        return _drawn(completer, finished, self.request, self.show)

    def _stretches(self, split: str) -> list["Stretch"]:
        from sensegen.completion.stretches import of_windows
        from sensegen.scaling import Scaling
        from sensegen.windows import Windows

        windows = Windows.open(self.folder / split)
        self.rate_hz, self.channels, self.units = windows.rate_hz, windows.channels, windows.units
        return of_windows(windows, Scaling.load(self.folder))

    def _fitting(self, recorded: "Recorded", rate_hz: float, notes: list[str]) -> "Recorded":
        if missing := [name for name in self.channels if name not in recorded.channels]:
            raise ValueError(
                f"{recorded.name} must have the channels that were learned, {', '.join(self.channels)}, but lacks "
                f"{', '.join(missing)}. Name its columns so, or learn from the file itself: --alone."
            )
        for name, unit in zip(self.channels, self.units, strict=True):
            own = recorded.units[recorded.channels.index(name)]
            if own and unit and own != unit:
                raise ValueError(f"{recorded.name}: {name} must be in {unit}, as learned, but is in {own}.")
        if abs(rate_hz / self.rate_hz - 1) > RATE_TOLERANCE:
            raise ValueError(
                f"{recorded.name} would come out at {rate_hz:g} Hz, but what was learned is at {self.rate_hz:g} Hz. "
                "Change the factor, or window.rate_hz in params.yaml and run again."
            )
        if ignored := sorted({*recorded.channels} - {*self.channels}):
            notes.append(f"{recorded.name}: left out, since nothing was learned of them: {', '.join(ignored)}.")
        stretch = replace(recorded.stretch, values=recorded.among(self.channels))
        return replace(recorded, stretch=stretch, channels=self.channels, units=self.units)


class _Alone:
    """Learns from what a recording has itself; spreads are measured on its last part, learned from the part before."""

    def __init__(self, request: Request, show: "Progress"):
        self.request, self.show = request, show

    def origin(self) -> dict[str, Any]:
        """The file by its hash."""
        from sensegen.fetching.provenance import sha256

        return {"learned_from": {self.request.file.name: sha256(self.request.file)}}

    def completed(self, recorded: "Recorded", asked: "Task", notes: list[str]) -> "Completed":
        """A recording at a rate that it has itself."""
        from sensegen.completion.kinds import SHORTEST
        from sensegen.completion.stretches import late, whole_parts

        if asked.rate_hz(recorded.rate_hz) != recorded.rate_hz:
            raise ValueError(
                f"{recorded.name} cannot tell what lies between its samples. Learn from windows at the higher rate: "
                "leave out --alone."
            )
        rate_hz, stretch = recorded.rate_hz, recorded.stretch
        opened = asked.opened(stretch, rate_hz)
        cut = int(len(stretch.values) * (1 - MEASURED_SHARE))
        before = whole_parts(replace(stretch, values=stretch.values[:cut]), rate_hz, SHORTEST)
        parts = whole_parts(stretch, rate_hz, SHORTEST)
        tried = self._learned(before, rate_hz)
        others = late(parts[-1], rate_hz, MEASURED_SHARE)
        tried = _measured(tried, others, (asked, opened), self.request.seed, (self.show, notes))
        completer = replace(self._learned(parts, rate_hz), spreads=tried.spreads)
        return _drawn(completer, replace(recorded, stretch=opened), self.request, self.show)

    def _learned(self, parts: list["Stretch"], rate_hz: float) -> "Completer":
        from sensegen.completion.completer import Completer
        from sensegen.completion.kinds import SHORTEST

        if not parts:
            raise ValueError(
                f"{self.request.file} has no {SHORTEST} samples behind each other of which nothing is missing to learn "
                "from. Learn from windows: leave out --alone."
            )
        return Completer.learned(parts, rate_hz, self.request.season_seconds, self.request.seed, self.show)


def _measured(
    completer: "Completer",
    others: list["Stretch"],
    missing: tuple["Task", "Stretch"],
    seed: int,
    telling: tuple["Progress", list[str]],
) -> "Completer":
    asked, opened = missing
    show, notes = telling
    try:
        return completer.measured(others, asked.hide(opened, completer.rate_hz), seed, show)
    except ValueError as error:
        notes.append(f"Intervals are those of the model, not of what it really errs by: {error}")
        return completer


def _drawn(completer: "Completer", recorded: "Recorded", request: Request, show: "Progress") -> "Completed":
    from sensegen.completion.files import Completed

    return Completed(recorded, completer.draws(recorded.stretch, request.draws, request.seed, show))


def _recordings(request: Request) -> Iterator["Recording"]:
    """Those of the file, as it is described.

    Raises:
        ValueError: if it cannot be read so.
    """
    from sensegen.completion.files import read_table

    if request.description is None:
        yield read_table(request.file)
        return
    from sensegen import description as descriptions
    from sensegen.datasets import file_labels, file_recordings
    from sensegen.datasets.file_pieces import Part

    described = descriptions.load(request.description)
    folder = (request.description.parent / Path(described.folder).expanduser()).resolve()
    try:
        name = request.file.resolve().relative_to(folder).as_posix()
    except ValueError:
        raise ValueError(f"{request.file} must be below {folder}, the folder of {request.description}.") from None
    yield from file_recordings.read(Part(folder, name, described, file_labels.intervals(folder, described)))
