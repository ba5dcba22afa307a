"""The tutorial's commands, from first to last, in a clone: recordings written, trained on, a model promoted and served.

They are run as they stand, but for budgets, which another preset cuts to the bone, the port, and the set-up, which is
that of whoever runs the tests.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil
import pytest
from documents import FENCE

from sensegen import window_files

ROOT = Path(__file__).resolve().parents[1]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = [found["block"] for found in FENCE.finditer(TUTORIAL) if found["language"] == "sh"]
SECONDS = 1800.0  # on a machine that others keep busy; about two minutes of a core
# The smallest networks and one pass over the windows: no good generator, so the gate of the first champion is opened.
TINY = """
train_generator:
  generator:
    {kind: mdn_rnn, cell: gru, layers: 1, units: 8, hidden: 8, mixtures: 2, samples_a_step: 1, precision: float32,
     log_stddev: {low: -6.0, high: 2.0}, temperature: 1.0}
  epochs: 1
train_discriminator:
  discriminator: {units: 8, hidden: 8}
  epochs: 1
alternate: {rounds: 0}
evaluate:
  classifiers: [random_convolution]
  encoder: {epochs: 1}
  judges: {kinds: [spectral], control_kinds: [spectral], windows: 100}
promotion: {seeds: 2, least_score: -1.0, most_leak: 1.0}
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def environment(clone: Path) -> dict[str, str]:
    """Without what ties the tests to other servers and stores; with their Python, and the clone's code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DVC_", "SENSEGEN_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**kept, "PATH": path, "PYTHONPATH": str(clone)}


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """The commit that is checked out, with what has been changed since."""
    place = tmp_path_factory.mktemp("tutorial") / "sensegen"
    copied = subprocess.run(["git", "clone", "-q", str(ROOT), str(place)], capture_output=True, text=True)
    if copied.returncode != 0:
        pytest.skip(f"{ROOT} is no git clone: {copied.stderr}")
    changed = subprocess.run(["git", "-C", str(ROOT), "diff", "HEAD", "--binary"], capture_output=True, check=True)
    if changed.stdout:
        subprocess.run(["git", "-C", str(place), "apply"], input=changed.stdout, check=True)
    return place


def ended(script: str, clone: Path, told: IO[str]) -> int:
    """Its exit code; whatever it started is ended with it."""
    started = subprocess.Popen(
        ["bash", "-c", script], cwd=clone, env=environment(clone), stdout=told, stderr=told, start_new_session=True
    )
    try:
        return started.wait(timeout=SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.chosen
@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl", "git"))), reason="bash, curl or git is not installed")
def test_the_tutorial_leads_from_recordings_to_windows_over_http(clone):
    set_up, *blocks = BLOCKS
    assert "git clone" in set_up and "make doctor" in set_up
    (clone / "presets" / "tiny.yaml").write_text(TINY)
    commands = "\n".join(blocks).replace("8000", str(free_port()))
    commands, runs = re.subn("^sensegen run$", "sensegen preset tiny\nsensegen run", commands, flags=re.MULTILINE)
    assert runs == 1
    script = f"set -eux -o pipefail\ntrap 'kill $(jobs -p) || true' EXIT\n{commands}\nwait"
    with (clone / "told.txt").open("w") as told:
        code = ended(script, clone, told)
    assert code == 0, (clone / "told.txt").read_text()[-4000:]

    served = window_files.read(clone / "walking.parquet")
    assert served.classes == ("WALKING",) and len(served) == 20 and served.channels == ("acc_x", "acc_y", "acc_z")
    assert "Promoted, version 1 of belt" in (clone / "told.txt").read_text()
    assert not [one for one in psutil.process_iter(["cwd"]) if one.info["cwd"] == str(clone)], "the server was left"
