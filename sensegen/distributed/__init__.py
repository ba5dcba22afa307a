"""The same function on many jobs: processes or threads of this machine, or tasks of a Ray cluster; only door of Ray.

`distributed.actors` has what lives longer than a job: objects in processes of their own that talk to each other.

A job says where its work lies (a file, a shard) and what it gives back is small, so nothing large moves between
processes; on several machines the paths must lead to the same files. Results never depend on how many workers there
are or where they run: they come in the order of the jobs, and a job knows nothing of the others. Ray may run a job
again when a machine is lost, so a job must leave the same files when it is run twice.
"""

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sensegen.params import InvalidParams, RuntimeParams

Job = TypeVar("Job")
Result = TypeVar("Result")
OBJECT_STORE_BYTES = 256 * 2**20  # results are small; Ray would take a third of the memory


def each(function: Callable[[Job], Result], jobs: Iterable[Job], runtime: RuntimeParams) -> Iterator[Result]:
    """`function` of every job, in the order of the jobs; of jobs that come one by one, at most `workers` + 1 are made
    before the first result is taken.

    The function must be importable by its name, and jobs and results picklable. With one worker, or one job, the
    local engine works in this process. The first error of a job, in the order of the jobs, is raised here.

    Raises:
        InvalidParams: if the engine is Ray and Ray is not installed.
        ChildProcessError: if a worker process was ended from outside, as the system does when memory runs out.
    """
    listed = jobs if isinstance(jobs, list | tuple) else None
    if runtime.engine == "ray":
        return _by_ray(function, jobs, runtime.workers, runtime.workers if listed is None else len(listed))
    if runtime.workers == 1 or (listed is not None and len(listed) < 2):
        return map(function, jobs)
    if listed is None:
        return _by_processes(function, jobs, runtime.workers, runtime.workers)
    return _by_processes(function, listed, min(runtime.workers, len(listed)), len(listed))


def in_worker() -> bool:
    """Whether this process was started for such jobs, beside others of its kind."""
    return _Worker.here


def by_threads(function: Callable[[Job], Result], jobs: Iterable[Job], threads: int = 2) -> Iterator[Result]:
    """`function` of every job, in the order of the jobs, by threads of this process, while the results are worked on.

    For what NumPy or Arrow does in few calls, which other threads need not wait for. At most `threads` + 1 jobs are
    under way or wait.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        yield from _in_order(lambda job: pool.submit(function, job), lambda future: future.result(), jobs, threads)


def _by_processes(function: Callable[[Job], Result], jobs: Iterable[Job], workers: int, ahead: int) -> Iterator[Result]:
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # Spawned, since a process that has threads (Arrow's, TensorFlow's) cannot be forked safely.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        yield from _in_order(lambda job: pool.submit(function, job), lambda future: future.result(), jobs, ahead)
    except BrokenProcessPool as error:
        raise ChildProcessError(
            f"One of {workers} worker processes ended in the middle of its work; the system ends them so when memory "
            "runs out. Set runtime.workers in params.yaml to less. (A program of your own must be a file whose work "
            "stands under `if __name__ == '__main__'`, since workers import it.)"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _by_ray(function: Callable[[Job], Result], jobs: Iterable[Job], workers: int, ahead: int) -> Iterator[Result]:
    with cluster(workers) as ray:
        remote = ray.remote(_as_worker)
        try:
            yield from _in_order(lambda job: remote.remote(function, job), ray.get, jobs, ahead)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise ChildProcessError(f"Ray lost a worker in the middle of its work: {error}") from error


def _in_order(
    submit: Callable[[Job], Any], wait: Callable[[Any], Result], jobs: Iterable[Job], ahead: int
) -> Iterator[Result]:
    under_way: deque[Any] = deque()
    for job in jobs:
        if len(under_way) > ahead:
            yield wait(under_way.popleft())
        under_way.append(submit(job))
    while under_way:
        yield wait(under_way.popleft())


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    """The cluster at RAY_ADDRESS, or one of this machine that ends with the block."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # else workers wait for whatever else a busy machine does
    try:
        import ray
    except ModuleNotFoundError:
        raise InvalidParams(
            "runtime.engine is ray, but Ray is not installed. Install it (.venv/bin/pip install '.[ray]'), or set "
            "runtime.engine to local."
        ) from None
    if ray.is_initialized():
        yield ray
        return
    local = {
        # "local": without an address Ray would take whatever cluster was last started here, also one that is gone.
        **{"address": "local", "num_cpus": workers, "object_store_memory": OBJECT_STORE_BYTES},
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",  # whoever reaches Ray may run anything: this machine alone
        "runtime_env": {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}},
    }
    ray.init(**({} if os.environ.get("RAY_ADDRESS") else local), log_to_driver=False, logging_level="ERROR")
    try:
        yield ray
    finally:
        ray.shutdown()


class _Worker:
    """What a worker knows of itself."""

    here = False


def _as_worker(function: Callable[[Job], Result], job: Job) -> Result:
    _Worker.here = True
    return function(job)


def _start_worker() -> None:
    """A worker leaves Ctrl-C to the process that started it, and neither it nor what its job has started outlives that
    process."""
    from multiprocessing import parent_process

    import psutil

    _Worker.here = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        for child in psutil.Process().children():
            child.terminate()
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
