"""Which code a stage depends on, found in the imports: what `deps` in `dvc.yaml` must list.

The rule, checked by tests/test_graph.py:

- The closure of a stage is its file and every project module that it imports, directly or not, at a module's top
  or inside a function, with the `__init__.py` of each package on the way and the package's data files (templates).
- A registry (`sensegen/datasets/__init__.py`, `sensegen/generators/__init__.py`) imports its variants by name. A
  stage that imports a registry depends on the chosen variant's file by `${}`, and on whatever any variant imports:
  a little more than the chosen one needs, but the list does not change with params.yaml.
- Entry code is left out: a change in how runs are tracked, where files lie, or what the schema refuses must not
  train a model again. The values in params.yaml are dependencies of their own.

`python -m flows.code_deps` prints the list of each stage; with `--write` it puts them into dvc.yaml.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from sensegen.artifacts import STAGES, writing

ENTRY = (
    "sensegen/__init__.py",
    "sensegen/params/",
    "sensegen/artifacts.py",
    "sensegen/full_disk.py",
    "sensegen/lifeline.py",
    "sensegen/tracking/",
    "stages/__init__.py",
    "stages/__main__.py",
)
DATA = ("artifacts/", "my_files")  # what stages read that is no code: outs of others, and the user's own files
REGISTRIES = {
    "sensegen/datasets/__init__.py": "sensegen/datasets/${dataset.name}.py",
    "sensegen/generators/__init__.py": "sensegen/generators/${train_generator.generator.kind}.py",
}


def code_deps(root: Path, stage: str) -> list[str]:
    """The code that a stage depends on, as `dvc.yaml` names it, sorted."""
    found: set[str] = set()
    pending = [f"stages/{stage}.py"]
    while pending:
        path = pending.pop()
        if path in found or path.startswith(ENTRY):
            continue
        found.add(path)
        pending.extend(imported_files(root, path))
        if path in REGISTRIES:
            found.add(REGISTRIES[path])
            for variant in variants(root, path):
                pending.extend(imported_files(root, variant))
    return sorted(found | set(_data_files(root, found)))


def variants(root: Path, registry: str) -> list[str]:
    """The files of the modules that a registry names in its dict, as text."""
    tree = ast.parse((root / registry).read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    folder = Path(registry).parent
    modules = {text.rpartition(".")[2] for text in texts if text.replace(".", "").replace("_", "").isalnum()}
    return sorted(str(folder / f"{name}.py") for name in modules if (root / folder / f"{name}.py").is_file())


def imported_files(root: Path, path: str) -> Iterator[str]:
    """The project files that one file imports, packages on the way included; not what only types need."""
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    for node in _running(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(root, alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _files(root, node.module)
            for alias in node.names:
                yield from _files(root, f"{node.module}.{alias.name}")


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under `if TYPE_CHECKING:`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _running(node)


def _files(root: Path, module: str) -> Iterator[str]:
    parts = module.split(".")
    if parts[0] not in ("sensegen", "stages"):
        return
    for count in range(1, len(parts) + 1):
        stem = "/".join(parts[:count])
        for path in (f"{stem}/__init__.py", f"{stem}.py"):
            if (root / path).is_file():
                yield path


def _data_files(root: Path, code: set[str]) -> Iterator[str]:
    for package in {Path(path).parent for path in code if path.endswith("/__init__.py")}:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and path.suffix not in (".py", ".pyc") and not path.name.startswith("."):
                yield str(path.relative_to(root))


def write(root: Path) -> None:
    """Put the code that each stage depends on into `dvc.yaml`, behind the data that it reads."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    path = root / "dvc.yaml"
    document = yaml.load(path.read_text(encoding="utf-8"))
    for stage in _written_stages(root):
        deps = document["stages"][stage]["deps"]
        deps[:] = [entry for entry in deps if entry.startswith(DATA)] + code_deps(root, stage)
    with writing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


def _written_stages(root: Path) -> list[str]:
    return [stage for stage in STAGES if (root / "stages" / f"{stage}.py").is_file()]


def main() -> None:
    """Print the code of each stage, or write it into `dvc.yaml`."""
    root = Path.cwd()
    if sys.argv[1:] == ["--write"]:
        write(root)
        return
    for stage in _written_stages(root):
        print(f"{stage}:")
        for path in code_deps(root, stage):
            print(f"      - {path}")


if __name__ == "__main__":
    main()
