"""`python -m stages NAME`: the only place that parses arguments, loads params, locks the workspace and opens
the tracker.

Exit codes: 0 done, 1 error, 2 params or arguments that cannot be used, 42 training diverged for good.
"""

import argparse
import difflib
import importlib
import io
import os
import re
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import sensegen
from sensegen import full_disk
from sensegen import params as schema
from sensegen.artifacts import STAGES, Artifacts
from sensegen.lifeline import WorkspaceBusy, watch, workspace_lock

if TYPE_CHECKING:
    from sensegen.params import Params

ERROR, BAD_PARAMS, DIVERGED = 1, 2, 42
OWN_FOLDERS = tuple(Path(file).resolve().parent for file in (sensegen.__file__, __file__))


def main(arguments: list[str] | None = None) -> int:
    """Run one stage and give the exit code."""
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, _stop)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # what TensorFlow notes at its start is no news to a person
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # progress lines are followed through a pipe as they come
    root = find_root(Path.cwd())
    try:
        params = load_params(root)
        watch(os.environ)
        with workspace_lock(root):
            run(options.stage, params, root)
    except KeyboardInterrupt:
        return _complain("Interrupted.", 128 + signal.SIGINT)
    except Exception as error:
        told = explain(error, root, options.stage)
        if told is None or options.traceback:
            traceback.print_exc()
            return ERROR if told is None else told[1]
        return _complain(*told)
    return 0


def run(stage: str, params: "Params", root: Path) -> None:
    """Run a stage under its tracker, and say what it took."""
    from sensegen import tracking

    began = time.monotonic()
    module = importlib.import_module(f"stages.{stage}")
    with tracking.start(params, stage=stage, root=root) as tracker:
        module.run(params, Artifacts(root), tracker)
        seconds, peak_mib = time.monotonic() - began, peak_memory_mib()
        tracker.log_metrics({"stage_seconds": seconds, "peak_memory_mib": peak_mib})
    print(f"stage {stage} done in {seconds:.1f} s, peak memory {peak_mib:.0f} MiB", flush=True)


def find_root(folder: Path) -> Path:
    """The project's folder: the nearest one from `folder` upwards that holds params.yaml, else DVC's root.

    The folder comes first since `dvc exp run --temp` works in a copy while DVC_ROOT names the original.
    """
    for candidate in (folder, *folder.parents):
        if (candidate / "params.yaml").is_file():
            return candidate
    return Path(os.environ.get("DVC_ROOT", folder))


def load_params(root: Path) -> "Params":
    """The params of the project, checked also against what the dataset declares.

    Raises:
        InvalidParams: naming every key that cannot be used.
    """
    params = schema.load(root / "params.yaml")
    # NumPy reads these when it is first imported, which the datasets do: threads are part of what makes runs equal.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(params.runtime.threads)
    from sensegen import datasets

    datasets.check(params)
    return params


def explain(error: Exception, root: Path, stage: str) -> tuple[str, int] | None:
    """What a person should be told about a foreseen error, and the exit code; None for one nobody foresaw."""
    if isinstance(error, schema.InvalidParams):
        return str(error), BAD_PARAMS
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith(("sensegen", "stages")):
        return f"{sys.executable} has no {error.name}. Stages need the project's Python: . .venv/bin/activate", ERROR
    if isinstance(error, WorkspaceBusy):
        return str(error), ERROR
    if _diverged(error):
        return f"Stage {stage} diverged: {error}", DIVERGED
    if full_disk.is_reported_by(error):
        return full_disk.message(root), ERROR
    if isinstance(error, FileNotFoundError) and (upstream := _missing_stage(error, root)):
        return f"{_place(error)} is not there. Run the stage before: python -m stages {upstream}", ERROR
    if isinstance(error, OSError) or (isinstance(error, ValueError) and _raised_here(error)):
        return f"Stage {stage} failed: {error}", ERROR
    return None


def peak_memory_mib() -> float:
    """The largest resident memory this process has had."""
    if (status := Path("/proc/self/status")).exists():  # Linux counts what started this process in `ru_maxrss` too
        (line,) = (line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes on macOS, KiB elsewhere


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stages", description="Run one stage of the pipeline.")
    parser.add_argument("stage", metavar="NAME", help=f"one of: {', '.join(STAGES)}")
    parser.add_argument("--traceback", action="store_true", help="show where a foreseen error was raised")
    options = parser.parse_args(arguments)
    if options.stage not in STAGES:
        near = difflib.get_close_matches(options.stage, STAGES, n=3, cutoff=0.4)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"The stages are {', '.join(STAGES)}."
        parser.error(f"there is no stage {options.stage!r}. {hint}")
    return options


def _stop(signal_number: int, frame: object) -> NoReturn:
    # Unwinding closes the tracker's run as KILLED and removes what was half-written.
    raise SystemExit(128 + signal_number)


def _complain(message: str, code: int) -> int:
    # Lines after the first are indented: by that shape the flow finds where a message begins.
    print(re.sub(r"\n(?! )", "\n  ", message), file=sys.stderr, flush=True)
    return code


def _diverged(error: Exception) -> bool:
    # Asked only of a module that is loaded: a stage that does not train has no cause to load it.
    divergence = sys.modules.get("sensegen.divergence")
    return divergence is not None and isinstance(error, divergence.Diverged)


def _missing_stage(error: FileNotFoundError, root: Path) -> str | None:
    place = _place(error)
    return next((stage for stage in STAGES if f"artifacts/{stage}/" in place + "/"), None)


def _place(error: FileNotFoundError) -> str:
    return Path(error.filename).as_posix() if isinstance(error.filename, str | os.PathLike) else str(error)


def _raised_here(error: Exception) -> bool:
    """Whether our own code raised it: a ValueError out of a library is a fault in how we call it, seen by nobody."""
    frames = traceback.extract_tb(error.__traceback__)
    innermost = Path(frames[-1].filename).resolve() if frames else Path()
    return any(folder in innermost.parents for folder in OWN_FOLDERS)


if __name__ == "__main__":
    sys.exit(main())
