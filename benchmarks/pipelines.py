"""The whole pipeline for several presets and seeds: those runs that the table of `gates` is made of.

Each run is a job in a clone of its own under .cache/pipelines, on one thread, so that `runtime.workers` of them run
side by side, or on the machines of a Ray cluster that see this folder. What was stopped goes on in its clone; a clone
whose row stands in docs/results/gates.csv is deleted. A run takes an hour to an hour and a half of a core. The default
preset is not among them: `sensegen run` and `python -m benchmarks gates` give its row.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks import gates
from benchmarks.ledger import Ledger, Row, commit
from benchmarks.uci_har import ROOT
from sensegen import distributed, params, presets
from sensegen.artifacts import write_text, writing
from sensegen.progress import reporter

CLONES = ROOT / ".cache" / "pipelines"
SEEDS = {
    ("uci_har",): range(5),
    ("uci_har", "mdn_rnn"): range(5),
    ("hapt", "hapt_raw", "flow_matching"): range(1),
}


@dataclass(frozen=True)
class Job:
    """A run: of presets, one on top of the other, and a seed, at a commit."""

    presets: tuple[str, ...]
    seed: int
    commit: str

    @property
    def clone(self) -> Path:
        """Where it runs."""
        return CLONES / "-".join([*self.presets, str(self.seed), self.commit])

    @property
    def params_text(self) -> str:
        """Its params.yaml."""
        command = ["git", "-C", str(ROOT), "show", f"{self.commit}:params.yaml"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        changes = [presets.read(ROOT / "presets", name) for name in self.presets]
        for change in [*changes, f"seed: {self.seed}\nruntime: {{threads: 1}}\n"]:
            text = presets.applied(text, change)
        return text


def run() -> list[str]:
    """Run what is missing; the table of all."""
    jobs, show = list(missing(gates.LEDGER)), reporter("pipelines")
    rows = distributed.each(finished, jobs, params.load(ROOT / "params.yaml").runtime)
    for number, (job, row) in enumerate(zip(jobs, rows, strict=True), start=1):
        gates.LEDGER.append(row)
        shutil.rmtree(job.clone)
        show(number, len(jobs), f"{' '.join(job.presets)}, seed {job.seed}")
    return gates.tell()


def missing(ledger: Ledger) -> Iterator[Job]:
    """The jobs without a row of these params, whatever its commit, the first seeds first."""
    rows, now = ledger.rows(), commit()
    jobs = [Job(names, seed, now) for names, seeds in SEEDS.items() for seed in seeds]
    for job in sorted(jobs, key=lambda job: job.seed):
        known = gates.known(params.check(yaml.safe_load(job.params_text)))
        if not any(known.items() <= row.items() for row in rows):
            yield job


def finished(job: Job) -> Row:
    """Run it, or go on with it, and give its row.

    Raises:
        ChildProcessError: if the run failed; its log stands beside the clone.
    """
    if not job.clone.exists():
        with writing(job.clone) as begun:
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(begun)], check=True)
            subprocess.run(["git", "-C", str(begun), "checkout", "--quiet", job.commit], check=True)
            write_text(begun / "params.yaml", job.params_text)
    _in_clone(job, [str(Path(sys.executable).with_name("sensegen")), "run"])
    _in_clone(job, [sys.executable, "-m", "benchmarks", "gates"])
    return Ledger(job.clone / gates.LEDGER.path.relative_to(ROOT), gates.LEDGER.columns, gates.LEDGER.key).rows()[-1]


def _in_clone(job: Job, command: list[str]) -> None:
    log = job.clone.with_suffix(".log")
    with log.open("a", encoding="utf-8") as file:
        environment = os.environ | {"PYTHONPATH": str(job.clone)}
        code = subprocess.run(command, cwd=job.clone, env=environment, stdout=file, stderr=file).returncode
    if code:
        raise ChildProcessError(
            f"`{' '.join(command)}` in {job.clone} ended with {code}; {log} says why. The same command goes on there."
        )
