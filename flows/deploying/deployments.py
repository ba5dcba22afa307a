"""Work pool and deployments of `prefect.yaml`, brought to the server: a second call changes nothing."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

POOL = "sensegen"
PLAN = "prefect.yaml"
ROOT = "SENSEGEN_ROOT"  # the workspace, for prefect.yaml


def put(root: Path) -> list[str]:
    """Make work pool and deployments as `prefect.yaml` has them; what was changed, a line each.

    Raises:
        ChildProcessError: if Prefect refuses one; with what it said.
    """
    before = state()
    if POOL not in before["pools"]:
        _prefect(root, "work-pool", "create", POOL, "--type", "process")
    if not _as_planned(root, before["deployments"]):
        _prefect(root, "deploy", "--all", "--prefect-file", PLAN)
    return list(_changes(before, state()))


def state() -> dict[str, dict[str, Any]]:
    """What the server has: pools, and of each deployment of a flow of ours what a person would see."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        pools = {pool.name: pool.type for pool in client.read_work_pools()}
        return {"pools": pools, "deployments": {one.name: _told(one) for one in client.read_deployments()}}


def _told(deployment: Any) -> dict[str, Any]:
    limit = deployment.global_concurrency_limit
    return {
        "entrypoint": deployment.entrypoint,
        "parameters": deployment.parameters,
        "tags": sorted(deployment.tags),
        "pool": deployment.work_pool_name,
        "description": deployment.description,
        "limit": limit.limit if limit else None,
        "schedules": sorted(
            (one.slug or "", getattr(one.schedule, "cron", ""), getattr(one.schedule, "timezone", "") or "")
            for one in deployment.schedules
        ),
        "folder": list(deployment.pull_steps or []),
    }


def _as_planned(root: Path, there: Mapping[str, Any]) -> bool:
    """Whether the server has each deployment of the plan as it stands there."""
    plan = yaml.safe_load((root / PLAN).read_text(encoding="utf-8"))
    for one in plan["deployments"]:
        schedules = sorted((s.get("slug", ""), s["cron"], s.get("timezone", "")) for s in one.get("schedules", []))
        wanted = {
            "entrypoint": one["entrypoint"],
            "parameters": one.get("parameters", {}),
            "tags": sorted(one.get("tags", [])),
            "pool": one["work_pool"]["name"],
            "description": one.get("description"),
            "limit": one.get("concurrency_limit", {}).get("limit"),
            "schedules": schedules,
            "folder": [{"prefect.deployments.steps.set_working_directory": {"directory": str(root)}}],
        }
        if there.get(one["name"]) != wanted:
            return False
    return True


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Any:
    for kind, name in (("pools", "work pool"), ("deployments", "deployment")):
        for key, value in after[kind].items():
            if key not in before[kind]:
                yield f"{name} {key} made"
            elif before[kind][key] != value:
                yield f"{name} {key} changed"


def _prefect(root: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, ROOT: str(root)}, capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        raise ChildProcessError(f"prefect {' '.join(arguments)} failed:\n{(done.stderr or done.stdout).strip()}")
