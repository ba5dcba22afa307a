"""What an evaluation costs: `sensegen evaluate` on UCI HAR's windows, with all controls in every repetition.

All 7,352 published training windows are `fit`, as many phase-randomised surrogates of them are judged, on 2,947 test
windows; validation and held-out windows are some of fit again, so the numbers of memorisation mean nothing here. A
quarter of them by two seeds shows that the cost grows with the windows and not with their square.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import peers, table, uci_har
from benchmarks.peak_memory import PeakMemory
from benchmarks.uci_har import ROOT
from sensegen.evaluation.real import Real

RUNS = ((4, 2), (1, 2), (1, 5))  # every so manieth window, seeds
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
    windows = uci_har.thinned_folder(folder / "real", every)
    real = Real.open(windows)
    peers.surrogates(real, folder / "synthetic.npz")
    command = [sys.executable, "-c", PROGRAM, "evaluate", "--preset", "uci_har", "--seeds", str(seeds)]
    command += ["--real", str(windows), "--synthetic", str(folder / "synthetic.npz"), "--out", str(folder / "judged")]
    before, began = _processor_seconds(), time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        peak = PeakMemory(process.pid)
        process.wait()
    seconds, mib = time.monotonic() - began, peak.stop()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    counts = ", ".join(f"{len(split):,}" for split in (real.fit, real.fit, real.test))
    return [counts, str(seeds), f"{seconds:.0f}", f"{_processor_seconds() - before:.0f}", f"{mib:,.0f}"]


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
