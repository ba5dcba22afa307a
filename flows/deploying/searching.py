"""The flow `search`: a study goes on by some trials, and its best is written as a preset. Nothing applies it."""

from pathlib import Path

from prefect import flow, get_run_logger

from flows import tuning, workspace


@flow(name="search", persist_result=False, validate_parameters=False)
def search(space: str, study: str, trials_more: int, root: Path = Path()) -> str:
    """Run trials, of a new study where params or windows are others than before; the preset of its best."""
    from rich.console import Console

    from sensegen.tuning import search as searching
    from sensegen.tuning.study import best

    root = workspace.find_root(Path(root).resolve())
    with workspace.turn(root):
        tuning.make_windows(root)
        asked = searching.gone_on_with(searching.Search(root, study, space, trials=0), trials_more)
        leaders = best(tuning.tune(asked, Console()))
        if not leaders:
            return "no trial has a score yet"
        path = searching.write_preset(asked, leaders[0], f"tuned_{study}")
        get_run_logger().info("the best is trial %d; see it with: sensegen preset %s", leaders[0].number, path.stem)
        return str(path.relative_to(root))
