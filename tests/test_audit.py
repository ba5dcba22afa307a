"""The audit of the lock: a server on loopback that answers as osv.dev does, one that is broken, and none."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCK = """\
# a comment with jinja2==1.0
jinja2==2.4.1 \\
    --hash=sha256:0
psycopg[binary]==3.3.9 ; implementation_name != 'pypy' \\
    --hash=sha256:1
"""
ADVISORY = {
    "summary": "Sandbox escape",
    "aliases": ["CVE-1"],
    "affected": [{"ranges": [{"events": [{"introduced": "0"}, {"fixed": "2.8.1"}]}]}],
}


class Source(http.server.BaseHTTPRequestHandler):
    """Knows one advisory of jinja2 2.4.1; or answers nothing that makes sense."""

    broken = False

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        known = {"package": {"name": "jinja2", "ecosystem": "PyPI"}, "version": "2.4.1"}
        self._answer({"results": [{"vulns": [{"id": "GHSA-1"}]} if one == known else {} for one in asked]})

    def do_GET(self) -> None:
        assert self.path == "/v1/vulns/GHSA-1"
        self._answer(ADVISORY)

    def _answer(self, told: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>sign in</html>" if self.broken else json.dumps(told).encode())

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def source(monkeypatch) -> Iterator[str]:
    monkeypatch.setattr(Source, "broken", False)
    server = http.server.HTTPServer(("127.0.0.1", 0), Source)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def audit(folder: Path, source: str, lock: str = LOCK) -> subprocess.CompletedProcess[str]:
    (folder / "some.lock").write_text(lock, encoding="utf-8")
    command = [sys.executable, str(ROOT / ".ci" / "audit.py"), str(folder / "some.lock")]
    environment = {**os.environ, "SENSEGEN_ADVISORIES": source}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_a_package_with_an_advisory_fails_and_says_what_mends_it(source, tmp_path):
    told = audit(tmp_path, source)
    assert told.returncode == 1
    assert "jinja2 2.4.1: GHSA-1: Sandbox escape (CVE-1); mended in: 2.8.1" in told.stdout
    assert "2 packages audited, 1 to look at" in told.stdout
    mended = audit(tmp_path, source, LOCK.replace("2.4.1", "2.8.1"))
    assert mended.returncode == 0 and "2 packages audited, 0 to look at" in mended.stdout


def test_a_source_that_is_not_there_or_makes_no_sense_is_told_and_fails_nothing(source, tmp_path, monkeypatch):
    monkeypatch.setattr(Source, "broken", True)
    for address in (source, "http://127.0.0.1:9"):
        told = audit(tmp_path, address)
        assert told.returncode == 0 and told.stdout.startswith("Advisories: SKIPPED, none of 2 packages was audited")


def test_every_package_of_the_lock_is_asked_for(tmp_path):
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    packages = {line.split()[0] for line in lock.splitlines() if "==" in line and line[0] not in "# "}
    told = audit(tmp_path, "http://127.0.0.1:9", lock)
    assert f"none of {len(packages)} packages" in told.stdout
