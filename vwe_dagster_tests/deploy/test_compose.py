"""The deployment: compose's settings are complete, safe by default, and known to the code."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from vwe_dagster.config.home import HOME_VARIABLE, INSTANCE_VARIABLE
from vwe_dagster.config.hosts import HOSTS_VARIABLE
from vwe_dagster.config.pool import settings_from_environment
from vwe_dagster.defs.schedules import NIGHTLY_VARIABLE

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
ENDS_BY_ITSELF = {"engine", "prepare"}
"""Services without a health check: others wait until these have ended successfully."""

PATHS_OF_OTHERS = {"TMPDIR", "NUMBA_CACHE_DIR", INSTANCE_VARIABLE}
"""Variables that Python, numba and Dagster read, with paths in the home."""

OF_OTHERS = {*PATHS_OF_OTHERS, "PGPASSFILE"}
"""Variables that other programs read."""

SECRETS = "/run/vwe-secrets"
OLD_PASSWORD = {"VWE_DATABASE_PASSWORD": r"a:b\c d"}
"""Content of a file .env of an older version."""

READERS_OF_SECRETS = ["code", "webserver", "daemon"]

INTERPOLATED = re.compile(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}")
VALUES = {
    "GRAFANA_PASSWORD": "another",
    "DOCKER_GID": "998",
    "VWE_HOME": "/srv/elsewhere",
}


def compose(**values: str) -> dict[str, Any]:
    """Return the configuration after interpolation of variables; others have their defaults."""
    text = INTERPOLATED.sub(
        lambda match: values.get(match[1], match[3] if match[2] == ":-" else ""), COMPOSE.read_text()
    )
    document: dict[str, Any] = yaml.safe_load(text)
    return document


SERVICES: dict[str, Any] = compose(**VALUES)["services"]
OURS = ["prepare", "code", "webserver", "daemon", "metrics"]


def run_container() -> dict[str, Any]:
    """Return the code location's settings of a run's container."""
    context = json.loads(SERVICES["code"]["environment"]["DAGSTER_CONTAINER_CONTEXT"])
    docker: dict[str, Any] = context["docker"]
    return docker


@pytest.mark.parametrize("name", SERVICES)
def test_every_permanent_service_has_a_health_check_and_restarts(name: str) -> None:
    service = SERVICES[name]
    if name in ENDS_BY_ITSELF:
        assert service["restart"] == "no"
        waiting = [other["depends_on"][name] for other in SERVICES.values() if name in other.get("depends_on", {})]
        assert {wait["condition"] for wait in waiting} == {"service_completed_successfully"}
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_localhost_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_a_fixed_version(name: str) -> None:
    _, _, version = SERVICES[name]["image"].partition("@")[0].rpartition(":")
    assert re.match(r"v?\d+\.\d+", version)


def test_only_services_that_start_or_stop_containers_have_dockers_socket() -> None:
    with_socket = {name for name, service in SERVICES.items() if "docker.sock" in str(service.get("volumes"))}
    assert with_socket == {"webserver", "daemon"}
    assert {name for name, service in SERVICES.items() if "group_add" in service} == with_socket


def test_password_without_a_file_has_no_default() -> None:
    secrets = [match for match in INTERPOLATED.finditer(COMPOSE.read_text()) if "GRAFANA_PASSWORD" in match[1]]
    assert [(match[2], match[3][:5]) for match in secrets] == [(":?", "write")]
    example = (DEPLOY / ".env.example").read_text()
    assert re.findall(r"^(\w*PASSWORD)=(.*)$", example, re.MULTILINE) == [("GRAFANA_PASSWORD", "")]


def test_processes_that_read_run_configs_have_no_password_in_their_environment() -> None:
    services = compose(**VALUES, **OLD_PASSWORD)["services"]
    with_password = {name for name, service in services.items() if repr(OLD_PASSWORD)[1:-1] in str(service)}
    assert with_password == {"prepare"}
    assert not any("PASSWORD" in name for name in run_container()["env_vars"])
    assert "env:" not in (DEPLOY / "dagster" / "dagster.yaml").read_text()


@pytest.mark.parametrize("name", READERS_OF_SECRETS)
def test_storage_reads_its_password_from_a_file_that_only_prepare_writes(name: str) -> None:
    service = SERVICES[name]
    assert Path(service["environment"]["PGPASSFILE"]).is_relative_to(SECRETS)
    assert f"secrets:{SECRETS}:ro" in service["volumes"]


def test_only_storages_mount_the_secrets() -> None:
    mounting = {name for name, service in SERVICES.items() if SECRETS in str(service.get("volumes"))}
    assert mounting == {"prepare", "database", *READERS_OF_SECRETS}
    assert Path(SERVICES["database"]["environment"]["POSTGRES_PASSWORD_FILE"]).is_relative_to(SECRETS)
    volume = compose()["volumes"]["secrets"]["name"]
    assert f"{volume}:{SECRETS}:ro" in run_container()["container_kwargs"]["volumes"]


def run_prepare(folder: Path, **variables: str) -> tuple[str, str]:
    """Run prepare.sh like its container, except for the owners of files; return the password and its file."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    install = programs / "install"
    install.write_text(
        "#!/usr/bin/env python3\nimport os, sys\n"
        'owners = {i for i, text in enumerate(sys.argv) if text in {"-o", "-g"}}\n'
        "kept = [text for i, text in enumerate(sys.argv) if i not in owners and i - 1 not in owners]\n"
        f"os.execv({shutil.which('install')!r}, kept)\n"
    )
    install.chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "VWE_HOME": str(folder / "home"),
        "DAGSTER_HOME": str(folder / "home" / ".dagster"),
        "TMPDIR": str(folder / "home" / "tmp"),
        "VWE_SECRETS": str(folder / "secrets"),
        **variables,
    }
    subprocess.run(["sh", str(DEPLOY / "dagster" / "prepare.sh")], env=environment, check=True)
    files = folder / "secrets" / "postgres" / "password", folder / "secrets" / "dagster" / "pgpass"
    # libpq ignores a file that others may read.
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o400, 0o400]
    assert {path.name for path in (folder / "secrets").iterdir()} == {"postgres", "dagster"}
    return files[0].read_text(), files[1].read_text()


def test_password_is_generated_once(tmp_path: Path) -> None:
    password, file = run_prepare(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{48}", password)
    config = yaml.safe_load((DEPLOY / "dagster" / "dagster.yaml").read_text())["run_storage"]["config"]["postgres_db"]
    assert file == f"{config['hostname']}:{config['port']}:{config['db_name']}:{config['username']}:{password}\n"
    assert run_prepare(tmp_path) == (password, file)
    other = tmp_path / "other"
    other.mkdir()
    assert run_prepare(other)[0] != password


def test_password_of_an_older_version_is_kept(tmp_path: Path) -> None:
    run_prepare(tmp_path)
    password, file = run_prepare(tmp_path, **OLD_PASSWORD)
    assert [password] == list(OLD_PASSWORD.values())
    assert file.endswith(r":a\:b\\c d" + "\n")
    assert run_prepare(tmp_path) == (password, file)


def test_web_server_of_the_deployment_is_the_guarded_one() -> None:
    """Its port is the only one of Dagster's that a browser can reach."""
    command = SERVICES["webserver"]["command"]
    assert command[:3] == ["python", "-m", "vwe_dagster.instance.web_server"]
    assert "dagster-webserver" not in COMPOSE.read_text()
    hosts = compose(**VALUES, VWE_ALLOWED_HOSTS="dagster.example")["services"]
    assert hosts["webserver"]["environment"]["VWE_ALLOWED_HOSTS"] == "dagster.example"
    assert hosts["metrics"]["environment"]["VWE_ALLOWED_HOSTS"] == "metrics dagster.example"


def test_used_volumes_are_declared() -> None:
    named = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith((".", "/"))
    }
    assert named == compose()["volumes"].keys()


def test_mounted_files_and_build_contexts_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).exists()
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("name", OURS)
def test_variables_are_known_to_the_code(name: str) -> None:
    environment = {key: str(value) for key, value in SERVICES[name]["environment"].items()}
    settings = {key: value for key, value in environment.items() if key.startswith("VWE_POOL_")}
    chosen = settings_from_environment(settings)
    assert (chosen.launcher, chosen.base_image) == ("docker", SERVICES["engine"]["image"])
    of_one = {
        "code": {"DAGSTER_CURRENT_IMAGE", "DAGSTER_CONTAINER_CONTEXT"},
        "prepare": {"VWE_DATABASE_PASSWORD"},
        "webserver": {HOSTS_VARIABLE},
        "metrics": {HOSTS_VARIABLE},
    }
    known = {HOME_VARIABLE, NIGHTLY_VARIABLE} | OF_OTHERS | of_one.get(name, set())
    assert environment.keys() - settings.keys() == known


def test_run_has_the_settings_of_the_services() -> None:
    service, run = SERVICES["daemon"], run_container()
    assert set(run["env_vars"]) == service["environment"].keys()
    assert run["networks"] == [compose()["networks"]["default"]["name"]]
    assert SERVICES["code"]["environment"]["DAGSTER_CURRENT_IMAGE"] == service["image"]
    kwargs = run["container_kwargs"]
    assert all(kwargs[key] == service[key] for key in ("user", "group_add", "cap_drop", "security_opt"))
    names = {name: volume["name"] for name, volume in compose()["volumes"].items()}
    volumes = [volume.partition(":") for volume in service["volumes"]]
    assert kwargs["volumes"] == [f"{names.get(source, source)}:{target}" for source, _, target in volumes]


def test_home_has_the_same_path_everywhere() -> None:
    for name in OURS:
        home = SERVICES[name]["environment"]["VWE_HOME"]
        assert home == VALUES["VWE_HOME"]
        assert f"{home}:{home}" in SERVICES[name]["volumes"]
        paths = [SERVICES[name]["environment"][variable] for variable in PATHS_OF_OTHERS]
        assert all(Path(path).is_relative_to(home) for path in paths)


def test_instance_equals_the_projects_own_except_for_the_deployment() -> None:
    own = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    deployed = yaml.safe_load((DEPLOY / "dagster" / "dagster.yaml").read_text())
    own["run_launcher"] = {"module": "dagster_docker", "class": "DockerRunLauncher"}
    storages = {"run_storage", "schedule_storage", "event_log_storage"}
    assert deployed.keys() - own.keys() == storages
    assert len({str(deployed[storage]["config"]) for storage in storages}) == 1
    assert {key: deployed[key] for key in own} == own


def test_workspace_names_the_code_location() -> None:
    workspace = yaml.safe_load((DEPLOY / "dagster" / "workspace.yaml").read_text())
    (location,) = workspace["load_from"]
    server = location["grpc_server"]
    assert server["host"] == "code"
    assert SERVICES["code"]["command"] == ["/opt/vwe/code.sh"]
    assert f"--port {server['port']} " in (DEPLOY / "dagster" / "code.sh").read_text()


@pytest.mark.parametrize("file", ["compose.yaml", "hosts/center.yaml"])
def test_services_that_open_the_database_wait_until_its_schema_is_ready(file: str) -> None:
    services = yaml.safe_load((DEPLOY / file).read_text())["services"]
    assert services["code"]["command"] == ["/opt/vwe/code.sh"]
    for name in ("webserver", "daemon"):
        assert services[name]["depends_on"]["code"] == {"condition": "service_healthy"}


def test_prometheus_scrapes_the_metrics_service() -> None:
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    command = SERVICES["metrics"]["command"]
    target = f"metrics:{command[command.index('--port') + 1]}"
    assert [config["targets"] for job in scraped for config in job["static_configs"]] == [[target]]


@pytest.mark.parametrize("folder", ["dagster", "engine"])
def test_copied_files_are_not_in_dockerignore(folder: str) -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / folder / "Dockerfile").read_text(), re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists()
        assert any(Path(source).is_relative_to(name) for name in kept), source


def test_images_run_without_privileges_and_pin_versions() -> None:
    for folder, name in (("dagster", "deploy"), ("engine", "engine")):
        text = (DEPLOY / folder / "Dockerfile").read_text()
        assert "USER 10001:10001" in text.splitlines()
        assert f"COPY requirements/{name}.txt" in text


def test_compose_reads_the_file(tmp_path: Path) -> None:
    plugin = (
        subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if shutil.which("docker")
        else None
    )
    if plugin is not None and plugin.returncode == 0:
        command = ["docker", "compose"]
    elif shutil.which("docker-compose"):
        command = ["docker-compose"]
    elif os.environ.get("CI"):
        pytest.fail("docker compose is not installed")
    else:
        pytest.skip("docker compose is not installed")
    values = tmp_path / "env"
    arguments = [*command, "--env-file", str(values), "--file", str(COMPOSE), "config", "--quiet"]
    values.write_text("".join(f"{key}={value}\n" for key, value in VALUES.items()))
    read = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    values.write_text("")
    refused = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "write it into deploy/.env" in refused.stderr
