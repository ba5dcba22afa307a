"""Objects that live on in processes of a Ray cluster, for work whose parts talk to each other.

`each` is for jobs that know nothing of one another; here every object has a process, keeps its state between calls,
and may be handed to the others, who call it too. Ray does not mend what is lost: who started the objects decides.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sensegen.distributed import cluster


class Lost(ChildProcessError):
    """The process of an object was ended from outside, or its machine is gone."""


class Actor:
    """An object in another process; may be sent to other processes."""

    def __init__(self, handle: Any):
        self.handle = handle

    def begin(self, method: str, *arguments: Any) -> Any:
        """Have it work, and go on here: a promise for `first_done` or `result`. An object does one call at a time."""
        return getattr(self.handle, method).remote(*arguments)

    def call(self, method: str, *arguments: Any) -> Any:
        """Have it work, and wait for what comes out."""
        return result(self.begin(method, *arguments))

    def end(self) -> None:
        """End its process at once, whatever it does."""
        import ray

        ray.kill(self.handle, no_restart=True)


class Company:
    """Where objects get processes of their own, for as long as the block `company` lasts."""

    def __init__(self, ray: Any):
        self._ray = ray
        self._started: list[Actor] = []

    def start(self, kind: type, *arguments: Any, processors: int = 1) -> Actor:
        """A new process with an object of a class, which must be importable by its name."""
        options = {"num_cpus": processors, "max_restarts": 0, "max_task_retries": 0}
        actor = Actor(self._ray.remote(**options)(kind).remote(*arguments))
        self._started.append(actor)
        return actor

    def end_all(self) -> None:
        """End every process that was started here."""
        for actor in self._started:
            actor.end()
        self._started.clear()


@contextmanager
def company(workers: int) -> Iterator[Company]:
    """A place for as many objects as there are to be workers, on the cluster at RAY_ADDRESS or one of this machine.

    Raises:
        ValueError: if the cluster has fewer processors.
    """
    with cluster(workers) as ray:
        there = int(ray.cluster_resources().get("CPU", 0))
        if there < workers:
            raise ValueError(
                f"{workers} workers need a processor each, but the Ray cluster has {there}. Ask for fewer workers, or "
                "add machines to the cluster (ray start --address=...)."
            )
        here = Company(ray)
        try:
            yield here
        finally:
            here.end_all()


def first_done(promises: Sequence[Any], seconds: float) -> Any | None:
    """The first of several promises that is kept or broken; None if there is none so far."""
    import ray

    ready, _ = ray.wait(list(promises), num_returns=1, timeout=seconds)
    return ready[0] if ready else None


def result(promise: Any) -> Any:
    """What came out; an error of the object's own is raised as it was.

    Raises:
        Lost: if the object's process ended.
    """
    import ray

    try:
        return ray.get(promise)
    except ray.exceptions.RayTaskError as error:
        raise error.cause if isinstance(error.cause, Exception) else error from None
    except ray.exceptions.RayError as error:
        raise Lost(f"Ray lost a worker in the middle of its work: {error}") from error


def loss(promise: Any) -> Lost | None:
    """That the process of a promise that has ended was lost, if it was."""
    try:
        result(promise)
    except Lost as lost:
        return lost
    except Exception:
        return None
    return None


def own_address() -> str:
    """The address under which other machines of the cluster reach this process."""
    import ray

    return ray.util.get_node_ip_address()
