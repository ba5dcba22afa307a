"""Asks a source of advisories (osv.dev) for every package of a lock: `python .ci/audit.py [LOCK ...]`.

Exit code 1 if there is an advisory that `accepted` in pyproject.toml ([tool.sensegen.audit], a reason each) does not
name. Where the source does not answer, nothing is audited: that is said, and is no failure, as a network is no part
of the code.
"""

import json
import re
import sys
import tomllib
import urllib.request
from collections.abc import Iterable, Iterator
from os import environ
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = environ.get("SENSEGEN_ADVISORIES", "https://api.osv.dev")
SECONDS = 20.0
MOST = 1000  # questions that the source takes at once
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def pinned(locks: Iterable[Path]) -> list[tuple[str, str]]:
    """Name and version of every package of the locks, once each."""
    return sorted({found for lock in locks for found in PINNED.findall(lock.read_text(encoding="utf-8"))})


def advisories(packages: list[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Name, version and advisory, for each that the source knows."""
    for first in range(0, len(packages), MOST):
        asked = packages[first : first + MOST]
        queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in asked]
        results = _answer("/v1/querybatch", {"queries": queries})["results"]
        if len(results) != len(asked):
            raise ValueError(f"{len(asked)} packages were asked for, and {len(results)} answered")
        for (name, version), result in zip(asked, results, strict=True):
            for one in result.get("vulns", []):
                yield name, version, one["id"]


def summary(advisory: str) -> str:
    """What an advisory is about, its other names and the versions that mend it, in a line."""
    told = _answer(f"/v1/vulns/{advisory}")
    ranges = [one for affected in told.get("affected", []) for one in affected.get("ranges", [])]
    mended = sorted({event["fixed"] for one in ranges for event in one.get("events", []) if "fixed" in event})
    names = f" ({', '.join(told['aliases'])})" if told.get("aliases") else ""
    return f"{told.get('summary', 'no summary')}{names}; mended in: {', '.join(mended) or 'nothing yet'}"


def _answer(path: str, question: Any = None) -> Any:
    data = None if question is None else json.dumps(question).encode()
    request = urllib.request.Request(f"{SOURCE}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.load(answer)


def main(locks: list[Path]) -> int:
    """Audit, tell, and give the exit code."""
    packages = pinned(locks)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    accepted = project["tool"]["sensegen"]["audit"]["accepted"]
    try:
        found = list(advisories(packages))
        open_ones = [(*one, summary(one[2])) for one in found if one[2] not in accepted]
    except (OSError, ValueError, KeyError, TypeError) as error:  # urllib's errors are of the first kind
        print(f"Advisories: SKIPPED, none of {len(packages)} packages was audited: {SOURCE} does not answer ({error}).")
        return 0
    for name, version, advisory, about in open_ones:
        print(f"{name} {version}: {advisory}: {about}")
    print(f"Advisories: {len(packages)} packages audited, {len(open_ones)} to look at, {len(found)} in all.")
    return 1 if open_ones else 0


if __name__ == "__main__":
    sys.exit(main([Path(path) for path in sys.argv[1:]] or sorted(ROOT.glob("requirements*.lock"))))
