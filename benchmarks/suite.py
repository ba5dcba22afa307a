"""What an evaluation costs: `sensegen evaluate` on UCI HAR's windows, with all controls in every repetition.

All 7,352 published training windows are `fit`, and as many phase-randomised surrogates of them are judged. Three of the
nine test people stand in for those of validation, and each seventh window of fit for those held out in time, so the
numbers of memorisation mean nothing here. A quarter of fit shows that the cost grows with the windows and not with
their square.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import peers, table, uci_har
from benchmarks.peak_memory import PeakMemory
from benchmarks.uci_har import ROOT
from sensegen import window_files
from sensegen.evaluation.real import Real
from sensegen.scaling import Scaling

RUNS = ((4, 2), (1, 2), (1, 5))  # every so manieth window of fit, seeds
VALIDATION = ("2", "4", "9")
HELD_OUT = 7  # every so manieth window of fit
PROGRAM = "from flows.cli import app; app()"
COLUMNS = ("windows: fit, synthetic, test", "seeds", "seconds", "processor seconds", "peak MiB, all processes")


def run() -> list[str]:
    """Three evaluations, one after the other: about 15 minutes on two quiet cores."""
    body = []
    with tempfile.TemporaryDirectory() as folder:
        for every, seeds in RUNS:
            body.append(measured(Path(folder) / f"{every}_{seeds}", every, seeds))
            print(" | ".join(body[-1]), flush=True)
    lines = ["`sensegen evaluate --preset uci_har`, controls in every repetition.", "", *table.markdown(COLUMNS, body)]
    table.put("suite", lines)
    return lines


def measured(folder: Path, every: int, seeds: int) -> list[str]:
    """A row of the table."""
    real = real_windows(folder, every)
    peers.surrogates(Real.open(real), folder / "synthetic.npz")
    command = [sys.executable, "-c", PROGRAM, "evaluate", "--preset", "uci_har", "--seeds", str(seeds)]
    command += ["--real", str(real), "--synthetic", str(folder / "synthetic.npz"), "--out", str(folder / "judged")]
    before, began = _processor_seconds(), time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        peak = PeakMemory(process.pid)
        process.wait()
    seconds, mib = time.monotonic() - began, peak.stop()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    told = json.loads((folder / "judged" / "metrics.json").read_text(encoding="utf-8"))["windows"]
    counts = ", ".join(f"{told[name]:,}" for name in ("fit", "synthetic", "test"))
    return [counts, str(seeds), f"{seconds:.0f}", f"{_processor_seconds() - before:.0f}", f"{mib:,.0f}"]


def real_windows(folder: Path, every: int) -> Path:
    """A folder with a file a split, in physical units."""
    windows, real = uci_har.published_folder(folder), folder / "real"
    scaling = Scaling.load(windows)
    fit, test = (
        replace(split, values=scaling.invert(np.asarray(split.values)).astype(np.float32))
        for split in uci_har.opened(windows)
    )
    fit = fit.select(np.arange(0, len(fit), every))
    apart = np.isin(test.subjects, VALIDATION)
    splits = {"fit": fit, "held_out_time": fit.select(np.arange(0, len(fit), HELD_OUT))}
    splits |= {"validation": test.select(apart), "test": test.select(~apart)}
    real.mkdir()
    for name, split in splits.items():
        window_files.write(real / f"{name}.npz", split)
    return real


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
