"""What is missing of recordings of others, drawn by `sensegen.completion` and by what a user would take instead.

HAPT as recorded (50 Hz, six channels): learned from the fit people, spreads measured on validation people and on the
last part of the fit people's time, scored on test people. Chickenpox (20 counties): learned from the first 418 weeks,
spreads measured on the last 104 of these, scored on the 104 weeks after.

Scores are in standard deviations of each channel (of chickenpox: of the root of cases), so that channels count alike.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml
from jaxtyping import Bool, Float

from benchmarks import table
from benchmarks.ledger import FOLDER
from benchmarks.uci_har import ROOT, four_splits, window_folder_of
from sensegen import params as schema
from sensegen import presets
from sensegen.completion import conditional, kinds
from sensegen.completion.autoregression import Autoregression
from sensegen.completion.completer import Completer, Hide
from sensegen.completion.levels import Around, Scale
from sensegen.completion.pieces import Assessor
from sensegen.completion.scores import covered, crps
from sensegen.completion.stretches import Stretch, of_windows
from sensegen.completion.tasks import end, every
from sensegen.evaluation.interval import over_seeds
from sensegen.progress import reporter
from sensegen.scaling import Scaling
from sensegen.seeding import rng
from sensegen.training_run import write_rows
from sensegen.windows import Windows

RESULTS = FOLDER / "completion.csv"
RATIO = {"ratio": "mean", "ratio_low": "low", "ratio_high": "high"}
COLUMNS = (*("data", "task", "method", "recordings", "crps", "crps_low", "crps_high", *RATIO, "covered_90", "seconds"),)
YEAR_S = 365.2425 * 86400
WEEK_S = 604_800.0
DRAWS, MOST_RECORDINGS, SEED = 100, 60, 0
TEST_WEEKS = 104

Draws = Float[np.ndarray, "time draw channel"]
Method = Callable[[Stretch], Draws]


@dataclass(frozen=True)
class Data:
    """What is learned from, what spreads are measured on, what is scored; and a season, where there is one."""

    rate_hz: float
    period_s: float | None
    fit: list[Stretch]
    others: list[Stretch]
    test: list[Stretch]


@dataclass(frozen=True)
class Task:
    """What is taken away from stretches, and which stretches it is asked of."""

    hide: Hide
    test: Sequence[Stretch]
    others: Sequence[Stretch]


def run() -> list[str]:
    """Score every method on every task; the table of all."""
    with TemporaryDirectory() as folder:
        weeks = counties(Path(folder))
        rows = [*scored("chickenpox", weeks, week_tasks), *scored("hapt", phones(Path(folder)), phone_tasks)]
        one_step = forecast(weeks)
    write_rows(RESULTS, COLUMNS, rows)
    heads = (
        *("data", "task", "method", "recordings", "CRPS (95 % interval)", "of the best baseline (95 % interval)"),
        *("in 90 % intervals", "s a recording"),
    )
    lines = [*table.markdown(heads, [_line(row) for row in rows]), "", *one_step]
    table.put("completion", lines)
    return lines


def scored(name: str, data: Data, tasks: Callable[[Data], dict[str, Task]]) -> Iterator[dict[str, Any]]:
    """A row a task and method."""
    show = reporter("completion")
    completer = Completer.learned(data.fit, data.rate_hz, data.period_s, SEED, show)
    alone = own_process(data)
    for task_name, task in tasks(data).items():
        measured = completer.measured(task.others, task.hide, SEED, show)
        methods: dict[str, Method] = {
            "linear": partial(between, np.interp),
            "cubic spline": partial(between, _spline),
            "autoregression, Kalman smoother": alone.draws,
            "the same, as loud as around": alone.louder_draws,
            "ours": partial(measured.draws, count=DRAWS, seed=SEED),
        }
        if data.period_s:
            methods["a season before"] = partial(season_before, round(data.period_s * data.rate_hz))
        found = {method: _scores(methods[method], task, completer.scale) for method in methods}
        best = min((method for method in methods if method != "ours"), key=lambda method: found[method][0].mean())
        for method, (scores, inside, seconds) in found.items():
            told, off = over_seeds(scores.tolist()), over_seeds((scores - found[best][0]).tolist())
            show(0, 0, f"{name}, {task_name}, {method}: {scores.mean():.4f}, {inside:.3f}")
            yield {
                **{"data": name, "task": task_name, "method": method, "recordings": len(task.test)},
                **{"crps": told["mean"], "crps_low": told["low"], "crps_high": told["high"]},
                **{name: 1 + off[end] / found[best][0].mean() for name, end in RATIO.items()},
                **{"covered_90": inside, "seconds": seconds},
            }


def _scores(method: Method, task: Task, scale: Scale) -> tuple[np.ndarray, float, float]:
    import time

    scores, inside, began = [], [], time.perf_counter()
    for stretch in task.test:
        hidden = np.broadcast_to(task.hide(len(stretch.values)), stretch.values.shape) & stretch.known
        draws = scale.apply(method(Stretch(np.where(hidden, np.nan, stretch.values), stretch.start_s)))
        truth = scale.apply(stretch.values)
        missing = np.where(hidden, crps(draws, truth), np.nan)
        # Of one recording alone, its channels stand for several.
        scores.append(np.nanmean(missing, axis=0 if len(task.test) == 1 else None))
        inside.append(covered(draws, truth, 0.9)[hidden].mean())
    return np.ravel(scores), float(np.mean(inside)), (time.perf_counter() - began) / len(task.test)


# --- what a user would take instead


def between(interpolate: Callable[..., np.ndarray], stretch: Stretch) -> Draws:
    """One draw, interpolated in each channel; after the last known sample, that one."""
    time, columns = np.arange(len(stretch.values)), []
    for values, known in zip(stretch.values.T, stretch.known.T, strict=True):
        at = np.flatnonzero(known)
        columns.append(interpolate(np.clip(time, at[0], at[-1]), at, values[at]))
    return np.stack(columns, axis=1)[:, None]


def _spline(time: np.ndarray, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    from scipy.interpolate import CubicSpline

    return np.asarray(CubicSpline(at, values)(time))


def season_before(period: int, stretch: Stretch) -> Draws:
    """One draw: the value a period before, where that is known or was filled so; else as `between`."""
    made, else_ = stretch.values.copy(), between(np.interp, stretch)[:, 0]
    for time in range(len(made)):
        before = made[time - period] if time >= period else else_[time]
        made[time] = np.where(np.isnan(made[time]), before, made[time])
    return made[:, None]


@dataclass(frozen=True)
class OwnProcess:
    """Each channel an autoregression by itself about its mean, of the order that foretells best."""

    scale: Scale
    kind: Autoregression
    rate_hz: float

    def draws(self, stretch: Stretch) -> Draws:
        """By the exact conditional distribution, which a Kalman smoother gives too; always as loud as on average."""
        known = stretch.known
        scaled = np.where(known, self.scale.apply(np.nan_to_num(stretch.values)), 0.0)
        series, length = np.repeat(scaled[:, None], DRAWS, axis=1), len(known)
        conditional.completed(
            [self.kind], np.zeros(length, int), np.ones(length), series, known, rng(SEED, "completion", "baseline")
        )
        return self.scale.invert(series)

    def louder_draws(self, stretch: Stretch) -> Draws:
        """As loud as the piece, about the level around."""
        return Completer(self.rate_hz, self.scale, Around(), Assessor([self.kind])).draws(stretch, DRAWS, SEED)


def own_process(data: Data) -> OwnProcess:
    """Learned from the fit stretches."""
    scale = Scale.of(np.concatenate([stretch.values for stretch in data.fit]))
    return OwnProcess(scale, kinds.own([scale.apply(stretch.values) for stretch in data.fit]), data.rate_hz)


# --- HAPT


def phones(folder: Path) -> Data:
    """HAPT as recorded, by its people."""
    windows = _windows(folder / "hapt", "hapt", "hapt_raw")
    fit, held_out, validation, test = (
        of_windows(Windows.open(windows / name), Scaling.load(windows))
        for name in ("fit", "held_out_time", "validation", "test")
    )
    others = [stretch for stretch in [*validation, *held_out] if len(stretch.values) >= 300]
    chosen = rng(SEED, "completion", "recordings").permutation(len(test))
    test = [test[at] for at in chosen if len(test[at].values) >= 600][:MOST_RECORDINGS]
    return Data(50.0, None, fit, others, test)


def phone_tasks(data: Data) -> dict[str, Task]:
    """One sample of four is known; half a second of three is not; the last 2.56 and 10 s are not."""
    return {
        "densify, 12.5 to 50 Hz": Task(every(4), data.test, data.others),
        "fill, gaps of 0.5 s": Task(gaps(25, 150), data.test, data.others),
        "extrapolate, 2.56 s": Task(end(128), data.test, data.others),
        "extrapolate, 8 s": Task(end(400), data.test, [one for one in data.others if len(one.values) >= 500]),
    }


def gaps(samples: int, period: int) -> Hide:
    """The last samples of each period, the last period excepted."""

    def hide(length: int) -> Bool[np.ndarray, "time channel"]:
        time = np.arange(length)
        return ((time % period >= period - samples) & (time < length - length % period - 1))[:, None]

    return hide


# --- chickenpox


def counties(folder: Path) -> Data:
    """Chickenpox by week: the weeks before the last 104, and all with these."""
    windows = _windows(folder / "chickenpox", "hungarian_chickenpox")
    signals = Scaling.load(windows).invert(np.load(windows / "signals.npy").astype(np.float64)).round()
    before = len(signals) - TEST_WEEKS
    stretch = Stretch(signals[:before], 0.0)
    return Data(1 / WEEK_S, YEAR_S, [stretch], [stretch], [Stretch(signals, 0.0)])


def week_tasks(data: Data) -> dict[str, Task]:
    """Every other week is known; counties are silent for four weeks; the next quarter is not known."""
    return {
        "densify, 2 weeks to 1": Task(partial(_last_weeks, every(2)), data.test, data.others),
        "fill, counties silent for 4 weeks": Task(partial(_last_weeks, silent), data.test, data.others),
        "extrapolate, 13 weeks": Task(end(13), origins(data.test[0]), origins(data.others[0])),
    }


def _last_weeks(hide: Hide, length: int) -> Bool[np.ndarray, "time channel"]:
    return hide(length) & (np.arange(length) >= length - TEST_WEEKS)[:, None]


def silent(length: int) -> Bool[np.ndarray, "time channel"]:
    """Four weeks of sixteen, in each county others."""
    return (np.arange(length)[:, None] + 5 * np.arange(20)) % 16 < 4


def origins(stretch: Stretch) -> list[Stretch]:
    """What is known up to a quarter into the last weeks, and to every fourth week after that."""
    length = len(stretch.values)
    return [Stretch(stretch.values[:stop], stretch.start_s) for stop in range(length - TEST_WEEKS + 13, length + 1, 4)]


def forecast(data: Data) -> list[str]:
    """The next week of the last 104, each county's R2, and their mean: beside an autoregression and a season ago."""
    completer = Completer.learned(data.fit, data.rate_hz, data.period_s, SEED, reporter("completion"))
    cases = data.test[0].values
    first = len(cases) - TEST_WEEKS
    ours = []
    for week in range(first, len(cases)):
        seen = np.concatenate([cases[week - 64 : week], np.full((1, cases.shape[1]), np.nan)])
        ours.append(completer.draws(Stretch(seen, (week - 64) * WEEK_S), 400, SEED)[-1].mean(axis=0))
    found = {
        "ours, mean of 400 draws": np.array(ours),
        "autoregression of each county, lags 1 to 4 and 52": _lagged(cases, first),
        "the week a year before": cases[first - 52 : len(cases) - 52],
    }
    scores = {name: _r2(cases[first:], told) for name, told in found.items()}
    rows = [[name, f"{of_all.mean():.3f}", f"{np.median(of_all):.3f}"] for name, of_all in scores.items()]
    heads = ("method", "mean R2 of counties", "median")
    return ["Cases of the next week, the last 104 weeks:", "", *table.markdown(heads, rows)]


def _lagged(cases: np.ndarray, first: int) -> np.ndarray:
    lags, columns = (1, 2, 3, 4, 52), []
    for county in cases.T:
        rows = np.stack([np.ones(len(county) - 52), *(county[52 - lag : len(county) - lag] for lag in lags)], axis=1)
        chosen = np.linalg.lstsq(rows[: first - 52], county[52:first], rcond=None)[0]
        columns.append((rows @ chosen)[first - 52 :])
    return np.stack(columns, axis=1)


def _r2(truth: np.ndarray, told: np.ndarray) -> np.ndarray:
    return np.asarray(1 - np.square(truth - told).sum(axis=0) / np.square(truth - truth.mean(axis=0)).sum(axis=0))


def _windows(folder: Path, *names: str) -> Path:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for name in names:
        text = presets.applied(text, presets.read(ROOT / "presets", name))
    windows = folder / "artifacts" / "window"
    return windows if windows.exists() else window_folder_of(schema.check(yaml.safe_load(text)), folder, four_splits)


def _line(row: dict[str, Any]) -> list[str]:
    return [
        *(str(row[name]) for name in ("data", "task", "method", "recordings")),
        f"{row['crps']:.4f} ({row['crps_low']:.4f} to {row['crps_high']:.4f})",
        f"{row['ratio']:.3f} ({row['ratio_low']:.3f} to {row['ratio_high']:.3f})",
        f"{row['covered_90']:.3f}", f"{row['seconds']:.2f}",
    ]  # fmt: skip
