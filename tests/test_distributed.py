"""Jobs on several workers give what one worker gives, in order, and say what goes wrong."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sensegen.distributed import by_threads, each, in_worker
from sensegen.params import InvalidParams, RuntimeParams
from sensegen.recording import InvalidRecording

ROOT = Path(__file__).resolve().parents[1]
ENGINES = ["local", "ray"]


def runtime(engine: str = "local", workers: int = 2) -> RuntimeParams:
    return RuntimeParams(threads=1, xla=False, engine=engine, workers=workers)


def square_slowly_at_first(number: int) -> tuple[int, int]:
    time.sleep(0.3 if number == 0 else 0.0)
    return number * number, os.getpid()


def end_after(seconds: float) -> float:
    time.sleep(seconds)
    return time.monotonic()


def refuse_three(number: int) -> int:
    if number == 3:
        raise InvalidRecording("The third file, line 7: no number.")
    return number


def is_worker(number: int) -> bool:
    return in_worker()


def die(number: int) -> None:
    os._exit(number)


@pytest.mark.parametrize("engine", ENGINES)
def test_results_come_in_the_order_of_jobs_whoever_is_first(engine):
    results = list(each(square_slowly_at_first, range(9), runtime(engine)))
    assert [squared for squared, _ in results] == [number * number for number in range(9)]
    assert os.getpid() not in {process for _, process in results}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_worker_knows_that_it_is_one(engine):
    assert list(each(is_worker, range(2), runtime(engine))) == [True, True]
    assert not in_worker() and list(each(is_worker, range(2), runtime(workers=1))) == [False, False]


def test_one_worker_is_this_process():
    assert {process for _, process in each(square_slowly_at_first, range(3), runtime(workers=1))} == {os.getpid()}


@pytest.mark.parametrize("engine", ENGINES)
def test_an_error_of_a_job_is_raised_as_it_was_after_the_results_before_it(engine):
    results = each(refuse_three, range(6), runtime(engine))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InvalidRecording, match="line 7") as caught:
        next(results)
    assert type(caught.value) is InvalidRecording


def test_jobs_are_drawn_only_a_few_ahead_of_the_results():
    drawn = []
    results = each(refuse_three, (drawn.append(number) or -number for number in range(100)), runtime())
    next(results)
    assert len(drawn) <= 4
    results.close()


def test_a_slow_job_first_in_a_list_does_not_keep_the_others_waiting():
    ends = list(each(end_after, [3.0, *[0.0] * 8], runtime()))
    assert max(ends[1:]) < ends[0]


def test_threads_give_results_in_the_order_of_jobs_and_draw_few_ahead():
    drawn = []
    results = by_threads(square_slowly_at_first, (drawn.append(number) or number for number in range(9)))
    assert next(results) == (0, os.getpid())
    assert len(drawn) <= 4
    assert [squared for squared, _ in results] == [number * number for number in range(1, 9)]


def test_a_worker_that_was_ended_is_told_from_an_error_of_the_job():
    with pytest.raises(ChildProcessError, match=r"runtime\.workers"):
        list(each(die, [1, 2], runtime()))


def test_workers_and_what_they_started_end_with_the_process_that_started_them():
    script = (
        "import subprocess\n"
        "from sensegen.distributed import each\n"
        "from sensegen.params import RuntimeParams\n"
        "runtime = RuntimeParams(threads=1, xla=False, engine='local', workers=2)\n"
        "list(each(subprocess.run, [['sleep', '600'], ['sleep', '600']], runtime))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", script], env=environment) as process:
        children: list[psutil.Process] = []
        while sum(child.name() == "sleep" for child in children) < 2 and process.poll() is None:
            time.sleep(0.1)
            children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert len(children) >= 4
    assert psutil.wait_procs(children, timeout=20)[1] == []


def test_without_ray_the_engine_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InvalidParams, match=r"runtime\.engine.*pip install '\.\[ray\]'"):
        list(each(refuse_three, [1], runtime("ray")))
