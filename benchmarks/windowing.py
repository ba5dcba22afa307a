"""A long file of HHAR's phones to windows of 200 at 100 Hz with stride 20: ours, pandas, and NumPy over pyarrow.

Each way runs in a process of its own on the same file, three times in turns, of which the table has the median; the
memory of all its processes is summed while it runs.
pandas is what a good user writes: types and categories for `read_csv`, a group a stream, `resample`, and
`sliding_window_view`. The pyarrow way is the fastest we could write for data that fits into memory: like ours it keeps
the signals once beside where windows start. Ours also checks every line, keeps Parquet in between, takes the sleep of a
device out of its clock, low-passes before it halves the rate, splits by people, and writes everything whole or not at
all; the others do none of that, and need memory that grows with the file.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks import phone_rows, table
from benchmarks.peak_memory import PeakMemory
from benchmarks.uci_har import ROOT

ROWS = (4_000_000, 44_000_000)
READER_ROWS = (4_000_000, 44_000_000, 100_000_000)
REPEATS = 3  # of which the median by seconds is told
BYTES_A_ROW = 250  # of disk, for the file and everything that comes out of it
LENGTH, STRIDE, RATE_HZ, LONGEST_GAP_S = 200, 20, 100.0, 0.25
NOT_FIT = ("h", "i")
AXES = ["x", "y", "z"]


def run() -> list[str]:
    """All ways at 4 and 44 million rows, and our reader alone up to 100 million; needs HHAR at SENSEGEN_MIRROR."""
    lines = measured(ROWS, READER_ROWS)
    table.put("windowing", lines)
    return lines


def measured(rows: Sequence[int], reader_rows: Sequence[int]) -> list[str]:
    """The table for files of so many rows."""
    body: list[list[str]] = []
    for wanted in sorted({*rows, *reader_rows}):
        ways = [*([reader] if wanted in reader_rows else []), *([ours, pandas, arrow] if wanted in rows else [])]
        with tempfile.TemporaryDirectory() as folder:
            _require_disk(Path(folder), wanted)
            _, count = phone_rows.write(Path(folder) / "raw", wanted)
            body += _rows(ways, Path(folder), count)
    columns = ["million rows", "way", "seconds", "ratio to ours", "CPU seconds", "rows/s", "peak MiB", "windows"]
    return table.markdown(columns, body)


def _rows(ways: Sequence[Callable[[Path, Path], int]], folder: Path, count: int) -> list[list[str]]:
    # In turns, so that a busy minute of the machine falls on all ways; a reader that stands alone is measured once.
    turns = REPEATS if len(ways) > 1 else 1
    runs = [{way.__name__: _measure(way.__name__, folder) for way in ways} for _ in range(turns)]
    found = {way.__name__: sorted(run[way.__name__] for run in runs)[turns // 2] for way in ways}
    own = found.get("ours", (float("nan"),))[0]
    body = []
    for name, (seconds, cpu_seconds, mib, windows) in found.items():
        ratio = "" if name == "reader" or own != own else f"{seconds / own:.2f}"
        figures = [f"{seconds:.1f}", ratio, f"{cpu_seconds:.1f}", f"{count / seconds:,.0f}", f"{mib:.0f}"]
        body.append([f"{count / 1e6:.1f}", NAMES[name], *figures, "" if name == "reader" else f"{windows:,}"])
        print(" | ".join(body[-1]), flush=True)
    return body


def _measure(way: str, folder: Path) -> tuple[float, float, float, int]:
    """Seconds, CPU seconds, the largest memory of all processes together in MiB, and windows."""
    out = folder / way
    out.mkdir()
    program = "import sys; from benchmarks import windowing; windowing.timed(*sys.argv[1:])"
    command = [sys.executable, "-c", program, way, str(folder / "raw"), str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        peak = PeakMemory(process.pid)
        answer = process.communicate()[0]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    shutil.rmtree(out)
    seconds, cpu_seconds, alone_mib, windows = answer.split()[-4:]
    return float(seconds), float(cpu_seconds), max(peak.stop(), float(alone_mib)), int(windows)


def timed(way: str, raw: str, out: str) -> None:
    """What the measured process does: one way, and a line of what it took."""
    began = time.monotonic()
    windows = globals()[way](Path(raw), Path(out))
    seconds = time.monotonic() - began
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(seconds, sum(one.ru_utime + one.ru_stime for one in used), used[0].ru_maxrss / 1024, windows)


def _require_disk(folder: Path, rows: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < rows * BYTES_A_ROW:
        raise OSError(
            f"{rows:,} rows need {rows * BYTES_A_ROW / 1e9:.0f} GB in {folder}, but {free / 1e9:.0f} GB are free. "
            "Set TMPDIR to a folder with more."
        )


# --- the ways: each reads the file, writes into `out`, and gives how many windows it has made


def reader(raw: Path, out: Path) -> int:
    """Our reader alone: every row becomes part of a recording; gives the rows."""
    from sensegen.datasets import hhar

    dataset = _dataset()
    (part,) = hhar.parts(raw, dataset)
    return sum(len(one.signals["acc"].times_s) for one in hhar.read(raw, dataset, part))


def ours(raw: Path, out: Path) -> int:
    """Recordings as Parquet, and windows of them, as the stages make them."""
    from sensegen import cutting, recordings, splitting, window_folder
    from sensegen.artifacts import scratch
    from sensegen.datasets import hhar

    params, dataset, source = _window_params(), _dataset(), hhar.declare(_dataset())
    for number, part in enumerate(hhar.parts(raw, dataset)):
        recordings.write(hhar.read(raw, dataset, part), out / "recordings" / f"{number:06d}")
    with scratch(out / "window" / ".pieces") as pieces:
        whole = cutting.cut(out / "recordings", pieces, params, source, _runtime())
        splits = splitting.split(whole.index, params, source)
        window_folder.write(out / "window", whole, {name: splits[name] for name in splitting.SPLITS}, params, source)
    return len(whole.index)


def pandas(raw: Path, out: Path) -> int:
    """A frame of all rows, and an array of all windows."""
    import pandas as pd
    from numpy.lib.stride_tricks import sliding_window_view

    numbers = {"Creation_Time": "int64", **dict.fromkeys(AXES, "float64")}
    types = {**numbers, **dict.fromkeys(["User", "Device", "gt"], "category")}
    frame = pd.read_csv(raw / phone_rows.FOLDER / phone_rows.NAME, usecols=list(types), dtype=types)
    windows, labels, users = [], [], []
    for (user, _), group in frame.groupby(["User", "Device"], observed=True, sort=False):
        stream = group.set_index(pd.to_datetime(group["Creation_Time"])).sort_index()
        regular = stream[AXES].resample("10ms").mean().interpolate(limit=round(LONGEST_GAP_S * RATE_HZ))
        label = stream["gt"].cat.codes.resample("10ms").first().ffill(limit=round(LONGEST_GAP_S * RATE_HZ))
        values = sliding_window_view(regular.to_numpy(np.float32), LENGTH, axis=0)[::STRIDE].swapaxes(1, 2)
        codes = sliding_window_view(label.to_numpy(), LENGTH)[::STRIDE]
        good = (codes == codes[:, :1]).all(axis=1) & ~np.isnan(values).any(axis=(1, 2))
        windows.append(values[good])
        labels.append(codes[good, 0].astype(np.int64))
        users.append(np.full(good.sum(), user))
    scaled, person = np.concatenate(windows), np.concatenate(users)
    fit = ~np.isin(person, NOT_FIT)
    mean, stddev = scaled[fit].mean(axis=(0, 1)), scaled[fit].std(axis=(0, 1))
    scaled -= mean
    scaled /= stddev
    for name, array in (("windows", scaled), ("labels", np.concatenate(labels)), ("users", person)):
        np.save(out / f"{name}.npy", array)
    return len(scaled)


def arrow(raw: Path, out: Path) -> int:
    """All rows as an Arrow table, one stream after the other interpolated, signals kept once."""
    import pyarrow as pa
    from pyarrow import csv

    category = pa.dictionary(pa.int32(), pa.string())
    types = {"Creation_Time": pa.int64(), **dict.fromkeys(AXES, pa.float64())}
    types |= dict.fromkeys(["User", "Device", "gt"], category)
    options = csv.ConvertOptions(column_types=types, include_columns=list(types))
    rows = csv.read_csv(raw / phone_rows.FOLDER / phone_rows.NAME, convert_options=options).unify_dictionaries()
    codes = {name: _codes(rows[name]) for name in ("User", "Device", "gt")}
    times_ns, values = rows["Creation_Time"].to_numpy(), [rows[axis].to_numpy() for axis in AXES]
    key = codes["User"] * (codes["Device"].max() + 1) + codes["Device"]
    order = np.argsort(key, kind="stable")
    signals, starts, users, samples = [], [], [], 0
    for own in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        regular, start = _regular(times_ns[own], [value[own] for value in values], codes["gt"][own])
        signals.append(regular)
        starts.append(start + samples)
        users.append(np.full(len(start), codes["User"][own[0]]))
        samples += len(regular)
    whole, first, person = np.concatenate(signals), np.concatenate(starts), np.concatenate(users)
    names = rows["User"].chunk(0).dictionary.to_pylist()
    covers = np.zeros(len(whole) + 1, np.int64)
    fit = first[~np.isin(person, [names.index(name) for name in NOT_FIT])]
    np.add.at(covers, fit, 1)
    np.add.at(covers, fit + LENGTH, -1)
    weight = np.cumsum(covers[:-1])
    mean = np.average(whole, axis=0, weights=weight)
    stddev = np.sqrt(np.average((whole - mean) ** 2, axis=0, weights=weight))
    np.save(out / "signals.npy", ((whole - mean) / stddev).astype(np.float32))
    np.save(out / "windows.npy", np.stack([first, person], axis=1))
    return len(first)


def _codes(column) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.concatenate([chunk.indices.to_numpy() for chunk in column.chunks])


def _regular(times_ns: np.ndarray, values: list[np.ndarray], label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One stream at 100 Hz, and the first samples of windows without a gap and of one label."""
    order = np.argsort(times_ns, kind="stable")
    times_s = (times_ns[order] - times_ns[order[0]]) * 1e-9
    grid_s = np.arange(0, times_s[-1], 1 / RATE_HZ)
    regular = np.stack([np.interp(grid_s, times_s, value[order]) for value in values], axis=1)
    after = np.searchsorted(times_s, grid_s).clip(1, len(times_s) - 1)
    own, in_gap = label[order][after], np.diff(times_s)[after - 1] > LONGEST_GAP_S
    changes = np.concatenate([[0], np.cumsum((np.diff(own) != 0) | in_gap[1:])])
    start = np.arange(0, len(grid_s) - LENGTH + 1, STRIDE)
    return regular, start[changes[start] == changes[start + LENGTH - 1]]


NAMES = {
    "reader": "our reader alone",
    "ours": "ours: hhar, recordings, cutting",
    "pandas": "pandas: read_csv, groupby, resample, sliding_window_view",
    "arrow": "pyarrow.csv and NumPy, all in memory",
}


def _dataset():  # type: ignore[no-untyped-def]
    from sensegen.params.datasets import HharParams

    return HharParams(name="hhar", experiment="activity", clock="creation")


def _runtime():  # type: ignore[no-untyped-def]
    from sensegen.params import RuntimeParams

    return RuntimeParams(threads=2, xla=False, engine="local", workers=2)


def _window_params():  # type: ignore[no-untyped-def]
    from sensegen.params.windowing import WindowParams

    document = {
        **{"rate_hz": RATE_HZ, "window_seconds": LENGTH / RATE_HZ, "overlap": 1 - STRIDE / LENGTH},
        **{"max_gap_seconds": LONGEST_GAP_S, "channels": ["acc_x", "acc_y", "acc_z"], "resampling": "polyphase"},
        **{"filtering": {"kind": "none"}, "label_purity": 1.0, "dropped_labels": [], "balance": "none"},
        "split": {"kind": "subjects", "validation_subjects": [NOT_FIT[0]], "test_subjects": [NOT_FIT[1]]},
        "held_out_time_share": 0.15,
    }
    return WindowParams.model_validate(document)
