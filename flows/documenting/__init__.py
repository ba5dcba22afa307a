"""Pages that are made from what they describe, so that they cannot go stale: docs/params.md, the picture of the stages.

`python -m flows.documenting` says which are out of date; with `--write` it writes them. tests/test_docs.py compares.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def pages(root: Path) -> Mapping[str, str]:
    """The text of each made page, by its path below `root`."""
    import yaml

    from flows.documenting import graph_picture, params_reference
    from sensegen.params import Params

    def read(path: Path) -> dict[str, Any]:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}

    graph = read(root / "dvc.yaml")["stages"]
    presets = {path.stem: read(path) for path in sorted((root / "presets").glob("*.yaml"))}
    written = params_reference.Written(read(root / "params.yaml"), presets, graph)
    return {
        "docs/params.md": params_reference.page(Params.model_json_schema(), written),
        "docs/images/stages.svg": graph_picture.picture(graph),
    }
