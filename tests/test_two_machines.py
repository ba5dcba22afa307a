"""One training by two machines: namespaces that share nothing but a wire of 100 Mbit/s and the folder of the project.

What `docs/several_machines.md` says to type is typed: a Ray cluster under a token, and `sensegen train`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import yaml
from conftest import SMALL_RECURRENT, succeed
from safetensors.numpy import load_file

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
HEAD, OTHER = "192.0.2.1", "192.0.2.2"  # of the range for examples
EPOCHS = 8


@dataclass(frozen=True)
class Machine:
    """A namespace with one end of the wire."""

    name: str
    address: str
    ray_folder: str

    def start(self, root: Path, *command: str) -> subprocess.Popen[str]:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "PREFECT_"))},
            **{"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64, "RAY_ADDRESS": f"{HEAD}:6379"},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAY_TMPDIR": self.ray_folder,  # where Ray notes which cluster is there
        }
        inside = ("ip", "netns", "exec", self.name, *command)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(inside, cwd=root, env=environment, text=True, **pipes)

    def sent_bytes(self) -> int:
        return int(ip("netns", "exec", self.name, "cat", "/sys/class/net/wire/statistics/tx_bytes"))


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def machines() -> Iterator[tuple[Machine, Machine]]:
    with ExitStack() as undo:
        folder = undo.enter_context(TemporaryDirectory(prefix="ray", dir="/tmp"))  # the names of sockets must be short
        both = tuple(Machine(f"sensegen{os.getpid()}{at}", end, folder) for at, end in enumerate((HEAD, OTHER)))
        try:
            for machine in both:
                ip("netns", "add", machine.name)
                undo.callback(ip, "netns", "del", machine.name)
            ip("link", "add", "wire", "netns", both[0].name, "type", "veth", "peer", "wire", "netns", both[1].name)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"network namespaces cannot be made here ({error})")
        for machine in both:
            ip("-n", machine.name, "address", "add", f"{machine.address}/24", "dev", "wire")
            for device in ("lo", "wire"):
                ip("-n", machine.name, "link", "set", device, "up")
            slow = ("tbf", "rate", "100mbit", "burst", "64kb", "latency", "50ms")
            subprocess.run(["tc", "-n", machine.name, "qdisc", "add", "dev", "wire", "root", *slow], check=True)
        yield both


@contextmanager
def ray_on(machine: Machine, root: Path, *arguments: str) -> Iterator[None]:
    ray = machine.start(root, "ray", "start", "--block", "--num-cpus=1", *arguments)
    try:
        yield
    finally:
        ray.terminate()
        ray.communicate(timeout=60)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    subprocess.run(["git", "clone", "-q", "--no-local", ROOT, root], check=True)
    document = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    document["dataset"]["seconds_per_activity"] = 8.0
    document["runtime"].update({"threads": 1, "workers": 1})
    optimiser = {"learning_rate": 0.003, "batch_windows": 16, "gradient_norm": 1.0}
    generator = {**SMALL_RECURRENT.model_dump(), "units": 64, "hidden": 64}
    training = {"generator": generator, "optimiser": optimiser, "epochs": EPOCHS, "patience": None}
    document["train_generator"].update(training)
    (root / "params.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return root


@pytest.mark.slow
def test_sensegen_train_on_two_machines_ends_as_on_one(machines, project):
    head, other = machines
    with (
        ray_on(head, project, "--head", "--port=6379", f"--node-ip-address={HEAD}", "--include-dashboard=false"),
        ray_on(other, project, f"--address={HEAD}:6379", f"--node-ip-address={OTHER}"),
    ):
        wait_for_both(head, project)
        before = [machine.sent_bytes() for machine in machines]
        training = head.start(project, "sensegen", "train", "--workers", "2", "--out", "my_files/trained")
        told, _ = training.communicate(timeout=400)
        assert training.returncode == 0, told
        sent = [machine.sent_bytes() - at for machine, at in zip(machines, before, strict=True)]
    together = load_file(project / "my_files" / "trained" / "weights.safetensors")
    succeed(project, "train_generator")
    alone = load_file(project / "artifacts" / "train_generator" / "generator" / "weights.safetensors")
    assert together.keys() == alone.keys()
    assert max(float(np.abs(together[name] - alone[name]).max()) for name in alone) < 1e-4
    # In a ring of two, each sends every number of a gradient once a step; 0.8 MB, of which Ray's own talk is little.
    gradient_bytes = sum(array.nbytes for name, array in alone.items() if name.startswith("mdn_rnn/"))
    assert min(sent) > EPOCHS * gradient_bytes


def wait_for_both(head: Machine, root: Path) -> None:
    count = "import ray; ray.init(logging_level='ERROR'); print('CPUs', ray.cluster_resources().get('CPU'))"
    told = ""
    for _ in range(40):
        told, _ = head.start(root, "python", "-c", count).communicate(timeout=120)
        if "CPUs 2.0" in told:
            return
        time.sleep(1)
    raise AssertionError(told)
