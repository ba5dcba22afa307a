"""The page: one HTML file that needs nothing from outside, with the same bytes for the same results."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sensegen.reporting import clock, drawing, sheets, tables, training_figures, window_figures, wording
from sensegen.reporting.measures import find
from sensegen.reporting.results import TRAINING_STAGES, Curve, Results

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure

DATA_DOCS = "../validate/data_docs/index.html"  # from the page's own place among the artifacts
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
class Report:
    """The page, and its figures by file name as PNG."""

    html: str
    figures: Mapping[str, bytes]


@dataclass(frozen=True)
class Pictures:
    """The pictures of a page; a stage that trained nothing has None, and so has an alternation of no rounds."""

    windows: list[Picture]
    losses: dict[str, Picture | None]
    rounds: Picture | None


def build_report(results: Results) -> Report:
    """Draw every figure and lay out the page."""
    pictures = Pictures(window_pictures(results), loss_pictures(results), rounds_picture(results))
    drawn = [picture for picture in (*pictures.windows, *pictures.losses.values(), pictures.rounds) if picture]
    return Report(lay_out(results, pictures), {f"{picture.name}.png": picture.light for picture in drawn})


def lay_out(results: Results, pictures: Pictures) -> str:
    """The page as HTML, with its pictures inside."""
    return _environment().get_template("page.html.j2").render(**_content(results), pictures=pictures)


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


def loss_pictures(results: Results) -> dict[str, Picture | None]:
    """Losses by stage, and those of the alternation's control; a stage that trained nothing has no picture."""
    pictures = {
        stage: _loss_picture(results, [c for c in results.curves if c.stage == stage and not c.of_control], stage)
        for stage in TRAINING_STAGES
    }
    if control := [curve for curve in results.curves if curve.of_control]:
        pictures["alternate, control"] = _loss_picture(results, control, "alternate_control")
    return pictures


def _loss_picture(results: Results, curves: list[Curve], name: str) -> Picture | None:
    if not curves:
        return None
    marked = training_figures.alerts_of(results.alerts, [c for c in curves if c.of_discriminator] or curves)
    steps = ", ".join(str(alert["step"]) for alert in marked)
    alt = f"Losses of {name.replace('_', ' ')} by optimiser step, for {', '.join(curve.part for curve in curves)}."
    caption = f"Alerts at step {steps}, marked by dashed verticals." if steps else "No alert."
    draw = partial(training_figures.draw_losses, curves, results.alerts)
    return _picture(f"losses_{name}", name, (alt, caption), draw)


def rounds_picture(results: Results) -> Picture | None:
    """The rounds of the alternation; none where no round was run."""
    if not results.rounds:
        return None
    alt = "Discriminator accuracy on training and validation windows by round, beside 0.5, and the generator's losses."
    caption = "An accuracy of 0.5 on validation windows means that the discriminator guesses."
    draw = partial(training_figures.draw_rounds, results.rounds)
    return _picture("rounds", "Rounds of the alternation", (alt, caption), draw)


def _picture(name: str, title: str, words: tuple[str, str], draw: Callable[[drawing.Theme], "Figure"]) -> Picture:
    images = []
    for theme in (drawing.LIGHT, drawing.DARK):
        with drawing.themed(theme):
            images.append(drawing.png(draw(theme)))
    return Picture(name, title, *words, *images)


def _file_name(name: str) -> str:
    """A group's name with nothing in it that a file system could mind."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "_" for letter in name)


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sensegen.reporting", ""), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    return environment


def _content(results: Results) -> dict[str, Any]:
    """All that the template shows besides pictures."""
    metrics = results.metrics
    heads, counts = tables.window_counts(results)
    params = json.dumps(results.params.model_dump(mode="json", by_alias=True), indent=2, sort_keys=True)
    return {
        "results": results, "stages": TRAINING_STAGES,
        "verdicts": wording.verdicts(metrics), "unmeasured": wording.unmeasured(metrics),
        "split_sentence": wording.split_sentence(results.params.window.split),
        "split_caveat": wording.split_caveat(results.params.window.split),
        "balance_sentence": wording.balance_sentence(results.params),
        "rate": clock.rate_in_words(results.signals.rate_hz),
        "count_heads": heads, "counts": counts, "people": tables.people(results), "undrawn": undrawn(results),
        "refusals": tables.refusals(results), "data_docs": DATA_DOCS,
        "metric_groups": tables.metric_groups(metrics), "classifiers": tables.classifiers(metrics),
        "per_class": partial(tables.per_class, results), "confusions": tables.confusions(results),
        "arms": tables.ARMS, "alternation": tables.alternation(metrics),
        "generator_steps": find(metrics, "alternation", "generator_steps"),
        "provenance": dict(tables.provenance_rows(results.provenance)),
        "params": params, "params_sha256": hashlib.sha256(params.encode()).hexdigest(),
    }  # fmt: skip
