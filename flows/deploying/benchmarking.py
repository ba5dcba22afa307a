"""The flow `benchmark`: one benchmark of `python -m benchmarks`, in a process of its own."""

import os
import sys
from pathlib import Path

from prefect import flow, get_run_logger

from flows import stage_process, workspace


@flow(name="benchmark", persist_result=False, validate_parameters=False)
def benchmark(name: str, root: Path = Path()) -> None:
    """Run it; its table goes to docs/benchmarks.md.

    Raises:
        ChildProcessError: if it fails.
    """
    root, logger = workspace.find_root(Path(root).resolve()), get_run_logger()
    command = [sys.executable, "-m", "benchmarks", name]
    code = stage_process.run(command, root, os.environ, lambda line: logger.info("%s", line), lambda: None)
    if code:
        raise ChildProcessError(f"The benchmark {name} ended with exit code {code}; its last lines say why.")
