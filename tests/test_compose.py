"""What compose.yaml promises of every service: limits, health, no root, loopback, pinned images, no password."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SECRETS = {"PREFECT_DATABASE_PASSWORD": "p@ss/w:rd", "MLFLOW_DATABASE_PASSWORD": "o#ther", "PREFECT_AUTH": "me:th?ird"}
BORROWED = re.compile(r"\$\{(\w+)(?::-([^}]*))?(?::\?[^}]*)?\}")
SECRET_NAME = re.compile(r"PASSWORD|AUTH|KEY|TOKEN|WEBHOOK|SLACK")
PASSWORD_IN_ADDRESS = re.compile(r"://[^/@\s]*:[^/@\s]*@")


def as_default(text: str) -> str:
    """What Compose makes of a text where no variable is set."""
    return BORROWED.sub(lambda found: found[2] or "", text)


def broken(service: Mapping[str, Any]) -> Iterator[str]:
    """The promises that a service breaks."""
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    if not {"cpus", "memory", "pids"} <= set(limits):
        yield "limits"
    if service.get("healthcheck", {}).get("test", ["NONE"])[0] not in ("CMD", "CMD-SHELL"):
        yield "health"
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", as_default(str(service.get("user", "")))):
        yield "user"
    if service.get("cap_drop") != ["ALL"] or "no-new-privileges:true" not in service.get("security_opt", []):
        yield "privileges"
    if any(not re.match(r"\$\{\w+:-127\.0\.0\.1\}:", str(port)) for port in service.get("ports", [])):
        yield "loopback"
    pinned = re.compile(r"[\w./-]+:v?\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?")
    images = [service.get("image", ""), *service.get("build", {}).get("args", {}).values()]
    if not all(pinned.fullmatch(as_default(image)) for image in images):
        yield "image"
    if any(_given_away(name, str(value)) for name, value in service.get("environment", {}).items()):
        yield "password"


def _given_away(name: str, value: str) -> bool:
    return bool(PASSWORD_IN_ADDRESS.search(value)) or bool(SECRET_NAME.search(name) and as_default(value))


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_keeps_every_promise(name):
    assert list(broken(COMPOSE["services"][name])) == []


WORSE = {
    "limits": {"deploy": {"resources": {"limits": {"cpus": "1", "memory": "1g"}}}},
    "health": {"healthcheck": {"test": ["NONE"]}},
    "user": {"user": "${SOMEBODY:-0:0}"},
    "privileges": {"cap_drop": []},
    "loopback": {"ports": ["4200:4200"]},
    "image": {"image": "postgres:latest"},
    "password": {"environment": {"POSTGRES_PASSWORD": "${PASSWORD:-postgres}"}},
}


@pytest.mark.parametrize("promise", WORSE)
def test_a_service_that_breaks_a_promise_is_found(promise):
    assert list(broken(COMPOSE["services"]["prefect"] | WORSE[promise])) == [promise]
    in_address = {"environment": {"MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg://mlflow:mlflow@database/mlflow"}}
    assert list(broken(COMPOSE["services"]["mlflow"] | in_address)) == ["password"]


def test_databases_are_reached_by_their_servers_alone():
    services = COMPOSE["services"]
    for database, server in (("prefect-database", "prefect"), ("mlflow-database", "mlflow")):
        [network] = services[database]["networks"]
        assert "ports" not in services[database] and COMPOSE["networks"][network] == {"internal": True}
        assert {name for name, one in services.items() if network in one["networks"]} == {database, server}


def test_image_and_base_are_named_once_more_as_here():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = COMPOSE["x-ours"]
    assert as_default(ours["image"]) == f"sensegen:{project['version']}"
    base = as_default(ours["build"]["args"]["PYTHON_IMAGE"])
    assert f"ARG PYTHON_IMAGE={base}\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def compose(secrets: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("docker"):
        pytest.skip("no docker here")
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
    command = ["docker", "compose", "--env-file", os.devnull, *arguments]
    if subprocess.run([*command[:2], "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker has no compose here")
    return subprocess.run(command, cwd=ROOT, env=kept | secrets, capture_output=True, text=True, timeout=60)


def test_docker_compose_takes_it_and_secrets_arrive_as_they_are():
    told = compose(SECRETS, "config", "--format", "json")
    assert told.returncode == 0 and not told.stderr, told.stderr
    services = yaml.safe_load(told.stdout)["services"]
    assert set(services) == set(COMPOSE["services"])
    assert {port["host_ip"] for one in services.values() for port in one.get("ports", [])} == {"127.0.0.1"}
    assert services["mlflow"]["environment"]["PGPASSWORD"] == SECRETS["MLFLOW_DATABASE_PASSWORD"]
    assert services["worker"]["environment"]["PREFECT_API_AUTH_STRING"] == SECRETS["PREFECT_AUTH"]


@pytest.mark.parametrize("missing", SECRETS)
def test_docker_compose_refuses_to_start_without_a_secret(missing):
    told = compose({name: value for name, value in SECRETS.items() if name != missing}, "config")
    assert told.returncode and missing in told.stderr


def pool(kind: str) -> tuple[str, dict[str, Any]]:
    """A pool's job, as text, and the variables in it."""
    template = json.loads((ROOT / "deploy" / f"{kind}_pool.json").read_text(encoding="utf-8"))
    return json.dumps(template["job_configuration"]), template["variables"]["properties"]


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_a_pool_uses_the_variables_that_it_declares_and_no_others(kind):
    job, variables = pool(kind)
    assert set(re.findall(r"\{\{ (\w+) \}\}", job)) == set(variables)


def test_pools_are_of_the_image_and_the_network_and_the_workspace_of_compose():
    _, docker = pool("docker")
    _, kubernetes = pool("kubernetes")
    image, name = as_default(COMPOSE["x-ours"]["image"]), COMPOSE["name"]
    assert docker["image"]["default"] == image and kubernetes["image"]["default"].endswith(f"/{image}")
    assert docker["networks"]["default"] == [f"{name}_servers"] and "servers" in COMPOSE["networks"]
    assert docker["workspace"]["default"] == f"{name}_workspace" and "workspace" in COMPOSE["volumes"]
    claim = yaml.safe_load((ROOT / "deploy" / "kubernetes_workspace.yaml").read_text(encoding="utf-8"))
    assert kubernetes["claim"]["default"] == claim["metadata"]["name"]


def test_what_a_pool_starts_has_no_privileges():
    docker = json.loads(pool("docker")[0])["container_create_kwargs"]
    assert docker["cap_drop"] == ["ALL"] and docker["security_opt"] == ["no-new-privileges:true"]
    pod = json.loads(pool("kubernetes")[0])["job_manifest"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
    for one in (*pod["initContainers"], *pod["containers"]):
        assert one["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert set(one["resources"]["limits"]) == {"cpu", "memory"}
