"""The pictures of the page: windows beside each other, losses, rounds, each in a light and a dark theme."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sensegen.reporting import contest_figures, drawing, sheets, training_figures, window_figures
from sensegen.reporting.reading import TRAINING_STAGES
from sensegen.reporting.results import Curve, Pipeline, Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARE_WORTH_SAYING = 0.001  # of synthetic values that leave the axes


@dataclass(frozen=True)
class Picture:
    """A figure in both themes, with the words for those who do not see it."""

    name: str
    title: str
    alt: str
    caption: str
    light: bytes
    dark: bytes

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as the PNG's header says."""
        return int.from_bytes(self.light[16:20], "big"), int.from_bytes(self.light[20:24], "big")


@dataclass(frozen=True)
class Pictures:
    """The pictures of a page; None where nothing was trained, no round was run, or no likelihood is given."""

    windows: list[Picture]
    losses: dict[str, Picture | None]
    rounds: Picture | None
    calibration: Picture | None
    contest: Picture | None

    @property
    def drawn(self) -> list[Picture]:
        """All of them."""
        single = (self.rounds, self.calibration, self.contest)
        return [picture for picture in (*self.windows, *self.losses.values(), *single) if picture]


def pictures_of(results: Results) -> Pictures:
    """Draw every picture; what was never trained has none."""
    run = results.pipeline
    if run is None:
        return Pictures(window_pictures(results), {}, None, None, None)
    single = (rounds_picture(run), calibration_picture(run), contest_picture(run))
    return Pictures(window_pictures(results), loss_pictures(run), *single)


def window_pictures(results: Results) -> list[Picture]:
    """Real beside synthetic windows, a picture a sheet."""
    choice = sheets.choose(results)
    every = sheets.sheets(results.signals, results.shown_labels)
    return [_window_picture(results, choice, sheet, at + 1) for at, sheet in enumerate(sheets.few_enough(every))]


def _window_picture(results: Results, choice: sheets.Choice, sheet: sheets.Sheet, position: int) -> Picture:
    channels = ", ".join(results.signals.channels[index] for index in sheet.channels)
    unit = f"in {sheet.unit}" if sheet.unit else "without a unit"
    alt = (
        f"Windows of {sheet.name} ({channels}, {unit}), real ones on the left and synthetic ones on the right, one "
        f"band for each of: {', '.join(band.title for band in sheet.bands)}."
    )
    alike = len(sheet.compared(sheet.bands[0])) == len(sheet.bands)
    caption = f"{channels}, {unit}; {'all panels have' if alike else 'real and synthetic panels of a band have'} "
    caption += "the same y axis."
    beyond = sheets.share_beyond(results, choice, sheet)
    if beyond > SHARE_WORTH_SAYING:
        caption += f" {100 * beyond:.1f} % of the synthetic values shown lie outside it."
    draw = partial(window_figures.draw_windows, results, choice, sheet)
    return _picture(f"windows_{position}_{_file_name(sheet.name)}", sheet.name, (alt, caption), draw)


def undrawn(results: Results) -> list[str]:
    """What would have made the page too large: sensors, or activities where each has a figure of its own."""
    every = sheets.sheets(results.signals, results.shown_labels)
    return [sheet.name for sheet in every[len(sheets.few_enough(every)) :]]


def loss_pictures(run: Pipeline) -> dict[str, Picture | None]:
    """Losses by stage, and those of the alternation's control; a stage that trained nothing has no picture."""
    pictures = {
        stage: _loss_picture(run, [c for c in run.curves if c.stage == stage and not c.of_control], stage)
        for stage in TRAINING_STAGES
    }
    if control := [curve for curve in run.curves if curve.of_control]:
        pictures["alternate, control"] = _loss_picture(run, control, "alternate_control")
    return pictures


def _loss_picture(run: Pipeline, curves: list[Curve], name: str) -> Picture | None:
    if not curves:
        return None
    marked = training_figures.alerts_of(run.alerts, [c for c in curves if c.of_discriminator] or curves)
    steps = ", ".join(str(alert["step"]) for alert in marked)
    alt = f"Losses of {name.replace('_', ' ')} by optimiser step, for {', '.join(curve.part for curve in curves)}."
    caption = f"Alerts at step {steps}, marked by dashed verticals." if steps else "No alert."
    draw = partial(training_figures.draw_losses, curves, run.alerts)
    return _picture(f"losses_{name}", name, (alt, caption), draw)


def rounds_picture(run: Pipeline) -> Picture | None:
    """The rounds of the alternation; none where no round was run."""
    if not run.rounds:
        return None
    alt = "Discriminator accuracy on training and validation windows by round, beside 0.5, and the generator's losses."
    caption = "An accuracy of 0.5 on validation windows means that the discriminator guesses."
    draw = partial(training_figures.draw_rounds, run.rounds)
    return _picture("rounds", "Rounds of the alternation", (alt, caption), draw)


def calibration_picture(run: Pipeline) -> Picture | None:
    """Whether what the generator expects is what comes; none where it gives no likelihood."""
    told = run.calibration
    if "transform" not in told:
        return None
    alt = f"Histogram of {len(told['transform'])} bins: {', '.join(f'{share:.3f}' for share in told['transform'])}."
    caption = (
        f"Level where spreads are honest, a hill where they are too wide, a valley where too narrow; the worst bin is "
        f"{told['largest_error']:.3f} off. Validation people: {told['nll_scaled']:.3f} {told['unit']} in scaled and "
        f"{told['nll_physical']:.3f} in physical units."
    )
    draw = partial(training_figures.draw_transform, told["transform"])
    return _picture("calibration", "Calibration", (alt, caption), draw)


def contest_picture(run: Pipeline) -> Picture | None:
    """How critic and maker were doing; none where nobody contended."""
    if not run.contest:
        return None
    panels, last = contest_figures.PANELS, run.contest[-1]
    alt = f"In the end: {', '.join(f'{title} {float(last[name]):.3g}' for name, title in panels.items())}."
    caption = (
        "A critic that tells nothing any more has no slope, and the generator learns nothing of it. A generator whose "
        f"windows are all alike has a diversity near 0 (dashed: {contest_figures.COLLAPSED:g}, an alert below). Where "
        "weights are clipped, many at their bound are a critic that can say little more."
    )
    draw = partial(contest_figures.draw_contest, run.contest)
    return _picture("contest", "Critic and generator", (alt, caption), draw)


def _picture(name: str, title: str, words: tuple[str, str], draw: Callable[[drawing.Theme], "Figure"]) -> Picture:
    images = []
    for theme in (drawing.LIGHT, drawing.DARK):
        with drawing.themed(theme):
            images.append(drawing.png(draw(theme)))
    return Picture(name, title, *words, *images)


def _file_name(name: str) -> str:
    """A group's name with nothing in it that a file system could mind."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "_" for letter in name)
