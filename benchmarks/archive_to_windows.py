"""UCI HAR from its archive to scaled windows: ours, and what a user would write with NumPy or pandas.

Ours also verifies every member's checksum, checks every value against what the sensor can give, keeps every
split, and writes everything whole or not at all; the others do none of that.
"""

import subprocess
import sys
import tempfile
import textwrap

from benchmarks import table
from benchmarks.uci_har import ROOT

WAYS = {
    "ours: download, validate, window (one process)": """
        from benchmarks.uci_har import preset_params
        import numpy as np
        from sensegen import datasets
        from sensegen.artifacts import Artifacts
        from sensegen.splitting import SPLITS
        from stages import validate, window
        class Quiet:
            def __getattr__(self, name): return lambda *_, **__: None
        params, artifacts = preset_params(), Artifacts(folder)
        datasets.get("uci_har").fetch(artifacts.download / "raw", params, lambda *_: None, folder / "downloads")
        validate.run(params, artifacts, Quiet())
        window.run(params, artifacts, Quiet())
        windows = sum(len(np.load(artifacts.window / f"{name}.npy")) for name in SPLITS)
    """,
    "unzip, np.loadtxt, np.save": """
        import os, zipfile
        import numpy as np
        zipfile.ZipFile(Path(os.environ["SENSEGEN_MIRROR"]) / "uci_har" / "UCI HAR Dataset.zip").extractall(folder)
        signals = [f"{s}_{a}" for s in ("body_acc", "body_gyro", "total_acc") for a in "xyz"]
        place = folder / "UCI HAR Dataset"
        split = {part: np.stack([np.loadtxt(place / part / "Inertial Signals" / f"{s}_{part}.txt")
                                 for s in signals], axis=-1) for part in ("train", "test")}
        mean, stddev = split["train"].mean((0, 1)), split["train"].std((0, 1))
        for part, values in split.items():
            np.save(folder / f"{part}.npy", ((values - mean) / stddev).astype(np.float32))
        windows = sum(len(values) for values in split.values())
    """,
    "unzip, pandas.read_csv, np.save": """
        import os, zipfile
        import numpy as np, pandas as pd
        zipfile.ZipFile(Path(os.environ["SENSEGEN_MIRROR"]) / "uci_har" / "UCI HAR Dataset.zip").extractall(folder)
        signals = [f"{s}_{a}" for s in ("body_acc", "body_gyro", "total_acc") for a in "xyz"]
        place = folder / "UCI HAR Dataset"
        split = {part: np.stack([pd.read_csv(place / part / "Inertial Signals" / f"{s}_{part}.txt",
                                             sep=r"\\s+", header=None).to_numpy()
                                 for s in signals], axis=-1) for part in ("train", "test")}
        mean, stddev = split["train"].mean((0, 1)), split["train"].std((0, 1))
        for part, values in split.items():
            np.save(folder / f"{part}.npy", ((values - mean) / stddev).astype(np.float32))
        windows = sum(len(values) for values in split.values())
    """,
}
FRAME = """
import sys, time, resource
from pathlib import Path
folder = Path(sys.argv[1])
began = time.monotonic()
{way}
print(time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, windows)
"""


def run() -> list[str]:
    """Each way in a process of its own; needs the archive at SENSEGEN_MIRROR."""
    measured = {name: _measure(textwrap.dedent(way)) for name, way in WAYS.items()}
    ours = next(iter(measured.values()))[0]
    rows = [
        [name, f"{seconds:.1f}", f"{seconds / ours:.2f}", f"{mib:.0f}", windows]
        for name, (seconds, mib, windows) in measured.items()
    ]
    lines = table.markdown(["way", "seconds", "ratio to ours", "peak MiB", "windows"], rows)
    table.put("archive_to_windows", lines)
    return lines


def _measure(way: str) -> tuple[float, float, str]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", FRAME.format(way=way), folder]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, mib, windows = answer.stdout.split()[-3:]
    return float(seconds), float(mib), windows
