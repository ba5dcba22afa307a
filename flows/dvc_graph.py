"""The graph of stages, read from `dvc.yaml` through DVC itself. The only file that imports dvc.

`plan_repro` and `get_active_graph` are not public API of DVC; they give exactly the order of `dvc repro`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dvc.repo import Repo


@dataclass(frozen=True)
class Stage:
    """One stage of `dvc.yaml`; `retries` and the two times come from its `meta: prefect:`."""

    name: str
    description: str
    command: str
    upstream: tuple[str, ...]
    outs: tuple[str, ...]
    metrics: tuple[str, ...]
    retries: int = 0
    retry_delay_seconds: float = 0.0
    timeout_seconds: float | None = None


class GraphUnreadable(ValueError):
    """`dvc.yaml` cannot be used; the message is DVC's."""


def stages_in_order(root: Path) -> list[Stage]:
    """Every stage, in the order in which `dvc repro` runs them.

    Raises:
        GraphUnreadable: if `dvc.yaml` is not valid.
    """
    with _opened(root) as repo:
        graph, planned = _plan(repo)
        return [_stage(item, graph) for item in planned]


def unchanged_stages(root: Path) -> frozenset[str]:
    """The stages that `dvc repro` would skip at this moment, asked of DVC in this process (about 0.1 s each).

    The answer is good until something runs: a stage behind one that ran has to be asked anew. Nothing is
    promised when another DVC process is at work in the folder: then it is empty.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo, repo.lock:
            _, planned = _plan(repo)
            return frozenset(_name(item) for item in planned if not item.changed())
    except DvcException:
        return frozenset()


def changes(root: Path) -> dict[str, Any]:
    """What `dvc status` says: stages that would run, and why. Empty if nothing would.

    Raises:
        GraphUnreadable: if `dvc.yaml` is not valid.
    """
    with _opened(root) as repo:
        return dict(repo.status())


@contextmanager
def _opened(root: Path) -> "Iterator[Repo]":
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            yield repo
    except DvcException as error:
        reason = f"{error}: {error.__cause__}" if error.__cause__ else str(error)
        raise GraphUnreadable(f"The graph in {root / 'dvc.yaml'} cannot be read: {reason}") from None


def _plan(repo: Any) -> tuple[Any, list[Any]]:
    from dvc.repo.reproduce import get_active_graph, plan_repro

    graph = get_active_graph(repo.index.graph)
    # A file that was only `dvc add`ed has no command and is nothing to run.
    return graph, [item for item in plan_repro(graph) if item.cmd]


def _stage(item: Any, graph: Any) -> Stage:
    settings = (item.meta or {}).get("prefect", {})
    return Stage(
        name=_name(item),
        description=item.desc or "",
        command=str(item.cmd),
        upstream=tuple(sorted(_name(other) for other in graph.successors(item) if other.cmd)),
        outs=tuple(out.def_path for out in item.outs),
        metrics=tuple(out.def_path for out in item.outs if out.metric),
        **settings,
    )


def _name(item: Any) -> str:
    """How `dvc repro`, started in the root, names the stage; DVC's own answer depends on the current folder."""
    return str(item.name if item.path_in_repo == "dvc.yaml" else f"{item.path_in_repo}:{item.name}")


def warm_up() -> None:
    """Import what takes DVC's time."""
    import dvc.repo.reproduce  # noqa: F401
