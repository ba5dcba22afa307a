"""The tutorial's commands, from first to last, in a clone: recordings written, trained on, a model promoted and served.

They are run as they stand, but for budgets, which another preset cuts to the bone, the port, and the set-up, which is
that of whoever runs the tests.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from documents import FENCE

from sensegen import window_files

ROOT = Path(__file__).resolve().parents[1]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = [found["block"] for found in FENCE.finditer(TUTORIAL) if found["language"] == "sh"]
# A generator of one pass over the windows is no good one, so the gate of the first champion is opened.
TINY = """
train_generator: {epochs: 1}
train_discriminator: {epochs: 1}
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


def environment() -> dict[str, str]:
    """Without what ties the tests to other servers and stores; with the tests' own `sensegen`, `python` and `dvc`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DVC_", "SENSEGEN_"))}
    return {**kept, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


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


@pytest.mark.slow
@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl", "git"))), reason="bash, curl or git is not installed")
def test_the_tutorial_leads_from_recordings_to_windows_over_http(clone):
    set_up, *blocks = BLOCKS
    assert "git clone" in set_up and "make doctor" in set_up
    (clone / "presets" / "tiny.yaml").write_text(TINY)
    commands = "\n".join(blocks).replace("8000", str(free_port()))
    commands, runs = re.subn("^sensegen run$", "sensegen preset tiny\nsensegen run", commands, flags=re.MULTILINE)
    assert runs == 1
    script = f"set -eux -o pipefail\ntrap 'kill $(jobs -p) || true' EXIT\n{commands}"
    with (clone / "told.txt").open("w") as told:
        done = subprocess.run(
            ["bash", "-c", script], cwd=clone, env=environment(), stdout=told, stderr=told, timeout=900
        )
    assert done.returncode == 0, (clone / "told.txt").read_text()[-4000:]

    served = window_files.read(clone / "walking.parquet")
    assert served.classes == ("WALKING",) and len(served) == 20 and served.channels == ("acc_x", "acc_y", "acc_z")
    assert "Promoted, version 1 of belt" in (clone / "told.txt").read_text()
    assert not [one for one in psutil.process_iter(["cwd"]) if one.info["cwd"] == str(clone)], "the server was left"
