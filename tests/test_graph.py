"""The graph says what the code says.

The rule for code in `deps` stands in `flows/code_deps.py`; when a test of it fails, `python -m flows.code_deps --write`
puts the wanted list into dvc.yaml, and `git diff dvc.yaml` shows what the change of imports means for reruns.
"""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import code_deps, dvc_graph
from sensegen.artifacts import STAGES
from sensegen.params import Params

ROOT = Path(__file__).resolve().parents[1]
SHARED = ("seed", "runtime", "divergence", "dataset", "promotion", "retrain")
GRAPH: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))


def test_one_name_is_a_stage_a_file_a_section_and_a_task():
    files = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "__main__"}
    sections = {field.alias or name for name, field in Params.model_fields.items()} - set(SHARED)
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tasks = {stage.name for stage in dvc_graph.stages_in_order(ROOT)}
    assert set(STAGES) == set(GRAPH["stages"]) == files == sections == set(document) - set(SHARED) == tasks


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_its_own_file_and_writes_to_its_own_folder(stage):
    written = GRAPH["stages"][stage]
    assert written["cmd"] == f"python -m stages {stage}"
    assert all(path.startswith(f"artifacts/{stage}/") for path in outs(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_the_code_a_stage_depends_on_is_the_closure_of_its_imports(stage):
    wanted = code_deps.code_deps(ROOT, stage)
    listed = [path for path in GRAPH["stages"][stage]["deps"] if not path.startswith(code_deps.DATA)]
    message = "dvc.yaml must list this code; `python -m flows.code_deps --write` does it:\n" + "\n".join(wanted)
    assert sorted(listed) == wanted, message


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_only_what_stages_before_it_write(stage):
    before = {path for other in STAGES[: STAGES.index(stage)] for path in outs(other)}
    assert {path for path in GRAPH["stages"][stage]["deps"] if path.startswith("artifacts/")} <= before


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_every_section_of_params_that_its_file_reads(stage):
    tree = ast.parse((ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8"))
    read = {
        node.attr.rstrip("_")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "params"
    }
    # How many processes cut windows, and where, changes no byte of them (tests/test_distributed.py).
    read -= {"runtime"} if stage == "window" else set()
    assert read <= {name.split(".")[0] for name in GRAPH["stages"][stage]["params"]}
    assert stage in GRAPH["stages"][stage]["params"]


def test_only_the_download_is_tried_again_since_all_else_is_deterministic():
    retries = {stage.name: stage.retries for stage in dvc_graph.stages_in_order(ROOT)}
    assert [name for name, count in retries.items() if count] == ["download"]
    assert all(stage.timeout_seconds for stage in dvc_graph.stages_in_order(ROOT))


def test_every_plotted_file_is_an_out():
    written = {path for stage in STAGES for path in outs(stage)}
    for plot in GRAPH["plots"]:
        ((name, settings),) = plot.items()
        files = settings["y"] if isinstance(settings["y"], dict) else [name]
        assert set(files) <= written


def test_imports_are_followed_through_functions_packages_and_registries(tmp_path):
    write(tmp_path, "stages/train.py", "def run():\n    from sensegen.a import thing\n")
    write(tmp_path, "sensegen/a.py", "import sensegen.package.inner\nimport numpy\nfrom sensegen import params\n")
    write(tmp_path, "sensegen/params/__init__.py", "from sensegen import unseen\n")
    write(tmp_path, "sensegen/unseen.py", "")
    write(tmp_path, "sensegen/package/__init__.py", "")
    write(tmp_path, "sensegen/package/page.html", "")
    write(tmp_path, "sensegen/package/inner.py", "from sensegen.datasets import get\n")
    write(tmp_path, "sensegen/datasets/__init__.py", 'DATASETS = {"one": "sensegen.datasets.one"}\n')
    write(tmp_path, "sensegen/datasets/one.py", "from sensegen.datasets import shared\n")
    write(tmp_path, "sensegen/datasets/shared.py", "if TYPE_CHECKING:\n    import sensegen.unseen\n")
    assert code_deps.code_deps(tmp_path, "train") == [
        "sensegen/a.py",
        "sensegen/datasets/${dataset.name}.py",
        "sensegen/datasets/__init__.py",
        "sensegen/datasets/shared.py",
        "sensegen/package/__init__.py",
        "sensegen/package/inner.py",
        "sensegen/package/page.html",
        "stages/train.py",
    ]


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def outs(stage: str) -> list[str]:
    written = GRAPH["stages"][stage]
    return [next(iter(out)) if isinstance(out, dict) else out for out in written["outs"] + written.get("metrics", [])]
