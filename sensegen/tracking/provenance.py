"""Where a run's numbers come from, as tags and flat params: commit, hashes of inputs, params. No mlflow here."""

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sensegen.params import Params

SHARED_SECTIONS = ("seed", "runtime", "divergence", "dataset")


def tags(root: Path, params: Params, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Tags that every run carries, a stage's and a pipeline's."""
    found = {"params.sha256": params_hash(params), **git_tags(root)}
    if flow_run := environment.get("SENSEGEN_PREFECT_RUN_ID"):
        found["prefect.flow_run_id"] = flow_run
    return found


def stage_tags(root: Path, stage: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """DVC's name of the stage and the md5 of each artifact it reads.

    Only when DVC runs the stage: by hand, the files may differ from what `dvc.lock` says of them.
    """
    if not (dvc_stage := environment.get("DVC_STAGE")):
        return {"dvc.stage": "none: run by hand"}
    return {"dvc.stage": dvc_stage} | {f"dvc.md5.{path}": md5 for path, md5 in input_hashes(root, stage).items()}


def input_hashes(root: Path, stage: str) -> dict[str, str]:
    """DVC's md5 of each artifact that the stage depends on, as the stages that wrote them left it in `dvc.lock`."""
    wanted = [_path(entry) for entry in _stage(root / "dvc.yaml", stage).get("deps", [])]
    locked = _stages(root / "dvc.lock").values()
    written = {out["path"]: out.get("md5", "") for entry in locked for out in entry.get("outs", [])}
    return {path: written[path] for path in wanted if path.startswith("artifacts/") and path in written}


def params_hash(params: Params) -> str:
    """The sha256 of all params; two runs with the same one ran under the same numbers."""
    document = params.model_dump(mode="json", by_alias=True)
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def flat_params(params: Params) -> dict[str, str]:
    """Every param by its dotted key."""
    return dict(_flat("", params.model_dump(mode="json", by_alias=True)))


def stage_params(root: Path, params: Params, stage: str) -> dict[str, str]:
    """The params a stage uses: its own section, the shared ones, and those it names in `dvc.yaml`."""
    named = [entry for entry in _stage(root / "dvc.yaml", stage).get("params", []) if isinstance(entry, str)]
    keys = (*SHARED_SECTIONS, stage, *named)
    return {
        name: value
        for name, value in flat_params(params).items()
        if any(name == key or name.startswith(f"{key}.") for key in keys)
    }


def git_tags(root: Path) -> dict[str, str]:
    """The commit, and whether tracked files differ from it. Empty where there is no git or no commit."""
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return {}
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"mlflow.source.git.commit": commit, "git.dirty": str(changes != "").lower()}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _stages(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return (document or {}).get("stages") or {}


def _stage(path: Path, stage: str) -> dict[str, Any]:
    return _stages(path).get(stage) or {}


def _path(entry: str | Mapping[str, Any]) -> str:
    return entry if isinstance(entry, str) else next(iter(entry))


def _flat(prefix: str, value: object) -> list[tuple[str, str]]:
    if not isinstance(value, Mapping):
        return [(prefix, value if isinstance(value, str) else json.dumps(value))]
    return [pair for key, part in value.items() for pair in _flat(f"{prefix}.{key}" if prefix else key, part)]
