"""What may import what, which file is the door of which library, and that importing does nothing.

The checks are functions of a root folder. Each runs over the project, where it must find nothing, and over a small
tree that breaks the rule, where it must say so.
"""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("flows", "stages", "sensegen")

# A module of sensegen stands on one line and imports only what is below. On its own line it may import too, without
# cycles. A new module is added to the lowest line that is above everything it imports.
LAYERS = (
    ("flows",),
    ("stages",),
    ("reporting", "tracking", "tuning", "promotion", "serving", "export"),
    ("augmentation", "released"),
    ("evaluation", "completion"),
    (
        *("alternation", "calibration", "pretraining", "adversarial_step", "training", "training_run", "guard"),
        *("divergence", "contest", "kept_weights", "warm_start", "data_parallel"),
    ),
    ("generators", "classifiers"),
    ("intake", "validation", "datasets", "drafting", "sensor_faults"),
    ("windows", "window_files", "window_folder", "cutting", "labelling", "balancing", "splitting", "scaling"),
    ("filtering", "resampling", "decimation", "timestamps"),
    (
        *("recording", "recordings", "signal_files", "table_files", "delimited", "number_table"),
        *("units", "description", "source", "fetching"),
    ),
    (
        *(
            "params",
            "presets",
            "artifacts",
            "checkpoints",
            "weights",
            "keras_weights",
            "batches",
            "seeding",
        ),
        *("lifeline", "full_disk", "progress", "distributed", "processor", "addresses", "sensegen"),
    ),
)
# Below, and yet not to be known: evaluation judges windows whoever made them, a model knows shapes and not sensors,
# and nothing that trains knows what a recording is.
STRANGERS = {
    "evaluation": ("generators", "datasets", "recording", "recordings"),
    "generators": ("datasets", "recording", "recordings", "source"),
    "classifiers": ("generators", "datasets", "recording", "recordings", "source"),
    "training": ("generators", "classifiers", "datasets", "recording", "recordings", "source"),
    "reporting": ("generators", "classifiers", "training", "tracking"),
}
LATER: set[str] = set()  # have their place, but are not built yet

DOORS = {
    "prefect": ("flows",),
    "dvc": ("flows.dvc_graph",),
    "mlflow": ("sensegen.tracking",),
    "great_expectations": ("sensegen.validation",),
    "optuna": ("sensegen.tuning",),
    "ray": ("sensegen.distributed",),
    "matplotlib": ("sensegen.reporting",),
    "ai_edge_litert": ("sensegen.export",),
    "flatbuffers": ("sensegen.export",),
    "onnx": ("sensegen.export",),
    "onnxruntime": ("sensegen.export",),
    "tf2onnx": ("sensegen.export",),
    "PIL": ("sensegen.reporting",),
    "pandas": ("sensegen.datasets", "sensegen.validation", "sensegen.reporting"),
} | dict.fromkeys(
    ("tensorflow", "keras"),
    tuple(
        f"sensegen.{name}"
        for name in (
            "generators",
            "classifiers",
            "training",
            "kept_weights",
            "divergence",
            "alternation",
            "calibration",
            "pretraining",
            "adversarial_step",
            "data_parallel",
            "augmentation",
            "export",
        )
    ),
)

LIGHT = (
    *("flows.cli", "sensegen.params", "sensegen.datasets", "sensegen.cutting"),
    *("stages.__main__", "stages.download", "stages.validate", "stages.window"),
)
HEAVY = ("tensorflow", "keras", "great_expectations", "prefect", "mlflow", "dvc", "matplotlib", "pandas")

MODEL_FROM_CODE = "sensegen.tracking.generator_model"  # MLflow runs this file, which must name its model while it does
DEFINITIONS = (
    *(ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
)

BUILD_MACHINE = re.compile(rb"(?<![\w.}~$-])/(?:root|home|work)/")
PACKAGE_INDEX = re.compile(rb"https?://[^\s\"'<>]*(?:pypi|pythonhosted|/simple\b)|--(?:extra-)?index-url[ =]+http")
WEB_ADDRESS = re.compile(rb"https?://")


@dataclass(frozen=True)
class Import:
    """`importer` imports `imported` (both dotted, as far as they are modules) at a line of its file."""

    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer} (line {self.line}) imports {self.imported}"


def modules(root: Path) -> dict[str, Path]:
    """Every module of the project by its dotted name; a package is its `__init__`."""
    found = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(root: Path) -> list[Import]:
    """Every import of the project, those in functions and under `TYPE_CHECKING` included."""
    known = modules(root)
    found = []
    for name, path in known.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found += [Import(name, imported, node.lineno) for imported in _imported(node, package, known)]
    return found


def _imported(node: ast.Import | ast.ImportFrom, package: str, known: dict[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    module = ".".join([*above, *([node.module] if node.module else [])])
    for alias in node.names:
        inner = f"{module}.{alias.name}"
        yield inner if inner in known else module


def own_imports(root: Path) -> list[Import]:
    """The imports of the project's own modules."""
    return [found for found in imports(root) if found.imported.split(".")[0] in PACKAGES]


def unit(module: str) -> str:
    """What stands on a line of `LAYERS`: flows, stages, or a module or package of sensegen."""
    parts = module.split(".")
    return parts[1] if parts[0] == "sensegen" and len(parts) > 1 else parts[0]


def unplaced_modules(root: Path) -> list[str]:
    """Modules that stand on no line."""
    placed = {name for line in LAYERS for name in line}
    missing = sorted({unit(module) for module in modules(root)} - placed)
    return [f"sensegen/{name} is on no line: add it to LAYERS in tests/test_architecture.py" for name in missing]


def upward_imports(root: Path) -> list[str]:
    """Imports of something that is on a line above."""
    height = {name: -number for number, line in enumerate(LAYERS) for name in line}
    return [
        f"{found}, which is above it in LAYERS"
        for found in own_imports(root)
        if {unit(found.importer), unit(found.imported)} <= height.keys()
        and height[unit(found.imported)] > height[unit(found.importer)]
    ]


def imports_of_strangers(root: Path) -> list[str]:
    """Imports of something that is on a line below, but is none of the importer's business."""
    return [
        f"{found}, which is a stranger to it"
        for found in own_imports(root)
        if unit(found.imported) in STRANGERS.get(unit(found.importer), ())
    ]


def cycles(root: Path) -> list[str]:
    """Modules that import each other, directly or through others."""
    graph: dict[str, set[str]] = {}
    for found in own_imports(root):
        graph.setdefault(found.importer, set()).add(found.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" is imported by ".join(error.args[1])]
    return []


def imports_beside_the_door(root: Path) -> list[str]:
    """Imports of a heavy library outside the modules that may."""
    return [
        f"{found}, which only {' '.join(doors)} may"
        for found in imports(root)
        if (doors := DOORS.get(found.imported.split(".")[0])) and not _is_in(found.importer, doors)
    ]


def _is_in(module: str, doors: tuple[str, ...]) -> bool:
    return any(module == door or module.startswith(f"{door}.") for door in doors)


def statements_that_act(root: Path) -> list[str]:
    """Module-level statements that are neither a definition, an import, a constant nor a docstring."""
    found = []
    for name, path in modules(root).items():
        body = [] if name == MODEL_FROM_CODE else ast.parse(path.read_text(encoding="utf-8")).body
        acting = [node.lineno for node in body if not _only_defines(node)]
        found += [f"{name} (line {line}) does something when it is imported" for line in acting]
    return found


def _only_defines(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'")
    return isinstance(node, DEFINITIONS)


def loaded_by(names: tuple[str, ...], folder: Path) -> dict[str, list[str]]:
    """The heavy libraries that importing each module loads, one after another in one new process.

    Under `environment` are the variables that have changed by it.
    """
    script = (
        "import importlib, json, os, sys\n"
        "names, heavy = json.loads(sys.argv[1])\n"
        "before, loaded = dict(os.environ), {}\n"
        "for name in names:\n"
        "    already = set(sys.modules)\n"
        "    importlib.import_module(name)\n"
        "    loaded[name] = [library for library in heavy if library in set(sys.modules) - already]\n"
        "loaded['environment'] = [name for name in os.environ if before.get(name) != os.environ[name]]\n"
        "print(json.dumps(loaded))\n"
    )
    command = [sys.executable, "-c", script, json.dumps([names, HEAVY])]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def tree_paths(document: str) -> list[str]:
    """The paths of the tree drawn under `## Code map`: two spaces a level, the name first on its line."""
    drawn = re.search(r"## Code map.*?```\n(.*?)```", document, re.DOTALL)
    assert drawn, "ARCHITECTURE.md has no ``` block under `## Code map`"
    paths: list[str] = []
    above: list[str] = []
    for line in drawn[1].splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        above = [*above[:depth], line.split()[0].rstrip("/")]
        paths.append("/".join(above))
    return paths


def drawn_wrongly(root: Path, document: str) -> list[str]:
    """Names in the tree that do not exist, and top-level modules and packages that the tree leaves out."""
    drawn = set(tree_paths(document))
    top_level = {
        path.relative_to(root).as_posix()
        for package in PACKAGES
        for path in (root / package).iterdir()
        if (path.suffix == ".py" and path.name != "__init__.py") or (path / "__init__.py").is_file()
    }
    return [
        *(f"{path} is drawn, but does not exist" for path in sorted(drawn) if not (root / path).exists()),
        *(f"{path} exists, but is not drawn" for path in sorted(top_level - drawn)),
    ]


def files_of(root: Path) -> list[Path]:
    """The files that git knows or would add."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if listed.returncode != 0:
        pytest.skip(f"{root} is no git clone: its files cannot be told from what lies around")
    paths = [root / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def traces_of_a_machine(files: list[Path]) -> list[str]:
    """Lines that name a folder of the machine they were written on, a package index, or an address in a lock."""
    found = []
    for path in files:
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if BUILD_MACHINE.search(line):
                found.append(f"{path}:{number} names a folder of somebody's machine")
            if PACKAGE_INDEX.search(line) or (path.suffix == ".lock" and WEB_ADDRESS.search(line)):
                found.append(f"{path}:{number} names the address of a package index")
    return found


def made(root: Path, files: dict[str, str]) -> Path:
    """A small project with these files."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_imports_point_down():
    assert upward_imports(ROOT) == []


def test_no_module_knows_a_stranger():
    assert imports_of_strangers(ROOT) == []


def test_modules_do_not_import_each_other_in_circles():
    assert cycles(ROOT) == []


def test_every_module_stands_on_a_line():
    assert unplaced_modules(ROOT) == []


def test_every_name_on_a_line_is_a_module_or_comes_later():
    placed = {name for line in LAYERS for name in line}
    assert placed - {unit(module) for module in modules(ROOT)} == LATER, "LAYERS or LATER is out of date"


def test_heavy_libraries_come_in_by_their_door():
    assert imports_beside_the_door(ROOT) == []


def test_importing_does_nothing():
    assert statements_that_act(ROOT) == []


def test_help_params_and_the_stages_before_training_start_light(tmp_path):
    loaded = loaded_by(LIGHT, tmp_path)
    assert not any(loaded.values()), loaded
    assert list(tmp_path.iterdir()) == [], "importing has written files"


def test_training_starts_without_the_gate_the_tracker_and_the_flow(tmp_path):
    loaded = loaded_by(("stages.train_generator",), tmp_path)["stages.train_generator"]
    assert "tensorflow" in loaded and not {"great_expectations", "prefect", "mlflow"} & set(loaded)


def test_the_code_map_names_every_module_and_nothing_else():
    assert drawn_wrongly(ROOT, (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")) == []


def test_the_architecture_document_stays_short():
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_no_file_tells_where_it_was_made():
    assert traces_of_a_machine(files_of(ROOT)) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sensegen/windows.py", "from sensegen.generators import build_generator"),
        ("sensegen/windows.py", "def cut():\n    from sensegen import generators"),
        ("sensegen/windows.py", "if TYPE_CHECKING:\n    import sensegen.generators.mixture"),
        ("sensegen/windows.py", "from . import generators"),
        ("sensegen/generators/mixture.py", "from ..training import train"),
        ("sensegen/params.py", "import stages.window"),
        ("stages/window.py", "from flows import pipeline"),
    ],
)
def test_an_import_of_something_above_is_reported(tmp_path, name, text):
    empty = ("sensegen/generators/__init__.py", "sensegen/training.py", "flows/pipeline.py", "stages/__init__.py")
    made(tmp_path, dict.fromkeys(empty, "") | {"sensegen/generators/mixture.py": "", "sensegen/windows.py": ""})
    assert upward_imports(tmp_path) == []
    (reported,) = upward_imports(made(tmp_path, {name: text}))
    assert reported.startswith(name.removesuffix(".py").replace("/", "."))


def test_an_import_of_something_below_or_beside_is_not_reported(tmp_path):
    made(tmp_path, {"sensegen/cutting.py": "from sensegen import seeding, windows", "sensegen/seeding.py": ""})
    made(tmp_path, {"sensegen/windows.py": "import numpy", "stages/window.py": "from sensegen.cutting import cut"})
    assert upward_imports(tmp_path) == [] and cycles(tmp_path) == []


@pytest.mark.parametrize(("module", "stranger"), [(name, other) for name in STRANGERS for other in STRANGERS[name]])
def test_an_import_of_a_stranger_is_reported(tmp_path, module, stranger):
    made(tmp_path, {f"sensegen/{stranger}.py": "", f"sensegen/{module}.py": f"from sensegen import {stranger}"})
    assert upward_imports(tmp_path) == []
    assert len(imports_of_strangers(tmp_path)) == 1


def test_a_circle_on_one_line_is_reported(tmp_path):
    made(tmp_path, {"sensegen/cutting.py": "import sensegen.windows"})
    made(tmp_path, {"sensegen/windows.py": "def late():\n    from sensegen.cutting import cut"})
    assert upward_imports(tmp_path) == []
    (reported,) = cycles(tmp_path)
    assert "sensegen.cutting" in reported and "sensegen.windows" in reported


def test_a_module_on_no_line_is_reported_with_the_place_to_add_it(tmp_path):
    (reported,) = unplaced_modules(made(tmp_path, {"sensegen/helpers.py": "", "sensegen/windows.py": ""}))
    assert "helpers" in reported and "LAYERS in tests/test_architecture.py" in reported


@pytest.mark.parametrize("library", DOORS)
def test_a_library_beside_its_door_is_reported_and_in_its_door_it_is_not(tmp_path, library):
    made(tmp_path, {"sensegen/cutting.py": f"def late():\n    from {library}.inner import thing"})
    (reported,) = imports_beside_the_door(tmp_path)
    assert reported.startswith(f"sensegen.cutting (line 2) imports {library}.inner")
    made(tmp_path, {"sensegen/cutting.py": ""})
    made(tmp_path, {f"{door.replace('.', '/')}/inner.py": f"import {library}" for door in DOORS[library]})
    assert imports_beside_the_door(tmp_path) == []


@pytest.mark.parametrize("text", ["print('hello')", "for at in range(3):\n    pass", "if X:\n    import y", "X.y()"])
def test_a_module_that_acts_when_it_is_imported_is_reported(tmp_path, text):
    made(tmp_path, {"sensegen/params.py": f'"""Text."""\nimport os\nX = 1\ndef f(): ...\n{text}\n'})
    (reported,) = statements_that_act(tmp_path)
    assert reported.startswith("sensegen.params (line 5)")


def test_what_importing_loads_is_seen(tmp_path):
    made(tmp_path, {"heavy_by_way_of.py": "import matplotlib"})
    assert loaded_by(("heavy_by_way_of",), tmp_path)["heavy_by_way_of"] == ["matplotlib"]


def test_a_code_map_that_is_out_of_date_is_reported(tmp_path):
    made(tmp_path, {"sensegen/windows.py": "", "sensegen/datasets/__init__.py": "", "stages/window.py": ""})
    (tmp_path / "flows").mkdir()
    document = "## Code map\n```\nflows/\nsensegen/     nouns\n  windows.py  cut\n  gone.py     away\nstages/\n```\n"
    assert drawn_wrongly(tmp_path, document) == [
        "sensegen/gone.py is drawn, but does not exist",
        "sensegen/datasets exists, but is not drawn",
        "stages/window.py exists, but is not drawn",
    ]


@pytest.mark.parametrize("folder", ["root", "home", "work"])
def test_a_folder_of_a_machine_is_reported(tmp_path, folder):
    made(tmp_path, {"good.md": f"see docs/{folder}/page and a.b/{folder}/", "bad.md": f"fine\nPATH=/{folder}/me\n"})
    (reported,) = traces_of_a_machine([tmp_path / "good.md", tmp_path / "bad.md"])
    assert reported.endswith("bad.md:2 names a folder of somebody's machine")


def test_an_address_of_a_package_index_is_reported(tmp_path):
    address = "https://" + "index.example/simple"
    made(tmp_path, {"Makefile": f"pip install -i {address}/ x\n", "some.lock": "# https" + "://example.org\nx==1\n"})
    made(tmp_path, {"README.md": "https://example.org/paper, a simple page\n"})
    reported = traces_of_a_machine([tmp_path / name for name in ("Makefile", "some.lock", "README.md")])
    assert [Path(line.split(":")[0]).name for line in reported] == ["Makefile", "some.lock"]
