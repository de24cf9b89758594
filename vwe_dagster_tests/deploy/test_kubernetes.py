"""The manifests for Kubernetes: consistent, private by default, and known to the code. No cluster is involved."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from vwe_dagster.config.home import HOME_VARIABLE, INSTANCE_VARIABLE
from vwe_dagster.config.pool import settings_from_environment
from vwe_dagster.defs.schedules import NIGHTLY_VARIABLE
from vwe_dagster_tests.deploy.test_compose import DEPLOY, SERVICES

FOLDER = DEPLOY / "kubernetes"
MANIFESTS: list[dict[str, Any]] = [
    document for file in sorted(FOLDER.glob("*.yaml")) for document in yaml.safe_load_all(file.read_text())
]
SECRET = ("vwe-database", "postgresql-password")
"""The secret that the user creates, and its key, which dagster-k8s requires."""

OURS = ["code", "webserver", "daemon"]


def manifest(kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in MANIFESTS if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = manifest("Deployment", name)["spec"]["template"]["spec"]
    return spec


def container(name: str) -> dict[str, Any]:
    (only,) = pod(name)["containers"]
    assert isinstance(only, dict)
    return only


def environment(variables: list[dict[str, Any]]) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in variables}


INSTANCE: dict[str, Any] = yaml.safe_load(manifest("ConfigMap", "vwe-instance")["data"]["dagster.yaml"])
LAUNCHER: dict[str, Any] = INSTANCE["run_launcher"]["config"]
RUN: dict[str, Any] = LAUNCHER["run_k8s_config"]


def test_images_are_those_of_compose() -> None:
    images = {image for each in MANIFESTS for image in re.findall(r"'image': '([^']+)'", str(each))}
    assert images == {SERVICES["code"]["image"], SERVICES["database"]["image"]}
    assert LAUNCHER["job_image"] == SERVICES["code"]["image"]


def test_objects_that_manifests_name_exist() -> None:
    texts = " ".join(map(str, MANIFESTS))
    assert set(re.findall(r"'claimName': '([^']+)'", texts)) == {"vwe-data"}
    assert set(re.findall(r"'secretKeyRef': \{'name': '([^']+)', 'key': '([^']+)'\}", texts)) == {SECRET}
    assert LAUNCHER["postgres_password_secret"] == SECRET[0]
    for claim in re.findall(r"'claimName': '([^']+)'", f"{texts} {LAUNCHER}"):
        assert manifest("PersistentVolumeClaim", claim)["spec"]["accessModes"] == ["ReadWriteMany"]
    for account in [*re.findall(r"'serviceAccountName': '([^']+)'", texts), LAUNCHER["service_account_name"]]:
        assert manifest("ServiceAccount", account)
    config_maps = re.findall(r"'configMap': \{'name': '([^']+)'\}", f"{texts} {LAUNCHER}")
    for settings in [*config_maps, LAUNCHER["instance_config_map"]]:
        assert manifest("ConfigMap", settings)


def test_runs_have_no_rights_in_the_cluster() -> None:
    bindings = [each for each in MANIFESTS if each["kind"] == "RoleBinding"]
    assert [subject["name"] for each in bindings for subject in each["subjects"]] == ["vwe-dagster"]
    assert LAUNCHER["service_account_name"] == pod("code")["serviceAccountName"] == "vwe-run"


@pytest.mark.parametrize("name", OURS)
def test_variables_of_services_are_known_to_the_code(name: str) -> None:
    variables = environment(container(name)["env"])
    settings = {key: value for key, value in variables.items() if key.startswith("VWE_POOL_")}
    assert settings_from_environment(settings).launcher == "process"
    of_others = {INSTANCE_VARIABLE, "NUMBA_CACHE_DIR", "DAGSTER_PG_PASSWORD"}
    assert variables.keys() - settings.keys() == {HOME_VARIABLE, NIGHTLY_VARIABLE} | of_others


@pytest.mark.parametrize("name", OURS)
def test_home_is_local_and_its_data_folder_is_shared(name: str) -> None:
    variables = environment(container(name)["env"])
    home = variables[HOME_VARIABLE]
    mounts = {each["mountPath"]: each["name"] for each in container(name)["volumeMounts"]}
    volumes = {each["name"]: each for each in pod(name)["volumes"]}
    assert volumes[mounts[home]]["emptyDir"] == {}
    assert volumes[mounts[f"{home}/data"]]["persistentVolumeClaim"] == {"claimName": "vwe-data"}
    assert volumes[mounts[variables[INSTANCE_VARIABLE]]]["emptyDir"] == {}, "Dagster writes into the folder"
    assert mounts[f"{variables[INSTANCE_VARIABLE]}/dagster.yaml"] == "instance"
    assert Path(variables["NUMBA_CACHE_DIR"]).is_relative_to(f"{home}/data"), "a run finds compiled kernels"


def test_run_has_a_pool_of_its_own_with_the_folders_of_the_services() -> None:
    variables = environment(RUN["container_config"]["env"])
    home = variables[HOME_VARIABLE]
    mounts = {each["mountPath"]: each["name"] for each in LAUNCHER["volume_mounts"]}
    volumes = {each["name"]: each for each in LAUNCHER["volumes"]}
    assert volumes[mounts[home]]["emptyDir"] == volumes[mounts[LAUNCHER["dagster_home"]]]["emptyDir"] == {}
    assert volumes[mounts[f"{home}/data"]]["persistentVolumeClaim"] == {"claimName": "vwe-data"}
    of_services = environment(container("daemon")["env"])
    assert LAUNCHER["dagster_home"] == of_services[INSTANCE_VARIABLE]
    assert {name: variables[name] for name in (HOME_VARIABLE, "NUMBA_CACHE_DIR", "VWE_POOL_LAUNCHER")}.items() <= (
        of_services.items()
    )


def test_pod_of_a_run_has_memory_for_its_engines_and_the_run() -> None:
    pool = settings_from_environment(environment(RUN["container_config"]["env"]))
    assert pool.memory_limit.endswith("g")
    engines = pool.max_warm_containers * int(pool.memory_limit.removesuffix("g"))
    assert int(LAUNCHER["resources"]["limits"]["memory"].removesuffix("Gi")) >= engines + 2


def test_database_is_migrated_before_others_open_it() -> None:
    assert container("code")["command"] == ["/opt/vwe/code.sh"]
    for name in ("webserver", "daemon"):
        (waiting,) = pod(name)["initContainers"]
        assert "dagster api grpc-health-check --host code --port 4000" in waiting["command"][-1]


def test_services_have_the_names_and_ports_of_the_settings() -> None:
    workspace = yaml.safe_load((DEPLOY / "dagster" / "workspace.yaml").read_text())["load_from"][0]["grpc_server"]
    assert manifest("Service", workspace["host"])["spec"]["ports"][0]["port"] == workspace["port"]
    database = INSTANCE["run_storage"]["config"]["postgres_db"]
    assert manifest("Service", database["hostname"])["spec"]["ports"][0]["port"] == database["port"]
    for service in (each for each in MANIFESTS if each["kind"] == "Service"):
        labels = [
            each["spec"]["template"]["metadata"]["labels"]
            for each in MANIFESTS
            if each["kind"] in {"Deployment", "StatefulSet"}
        ]
        assert service["spec"]["selector"] in labels
        assert service["spec"].get("type", "ClusterIP") == "ClusterIP", "nothing is published outside the cluster"


def test_web_server_is_the_guarded_one() -> None:
    assert container("webserver")["command"][:3] == ["python", "-m", "vwe_dagster.instance.web_server"]


def test_containers_have_no_privileges() -> None:
    for name in OURS:
        assert pod(name)["securityContext"]["runAsUser"] == 10001
        security = container(name)["securityContext"]
        assert security == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert RUN["pod_spec_config"]["security_context"]["run_as_user"] == 10001
    assert LAUNCHER["security_context"] == security


def test_instance_equals_that_of_compose_except_for_the_cluster() -> None:
    deployed = yaml.safe_load((DEPLOY / "dagster" / "dagster.yaml").read_text())
    own = {"compute_logs", "run_launcher", "concurrency", "run_monitoring", "run_retries"}
    password = {"password": {"env": "DAGSTER_PG_PASSWORD"}}
    for storage in ("run_storage", "schedule_storage", "event_log_storage"):
        deployed[storage]["config"]["postgres_db"] |= password
    assert {key: value for key, value in INSTANCE.items() if key not in own} == {
        key: value for key, value in deployed.items() if key not in own
    }


def test_objects_have_only_fields_that_kubernetes_knows() -> None:
    """The models of the client library are generated from the schema of Kubernetes."""
    pytest.importorskip("dagster_k8s", reason="the extra kubernetes is not installed")
    import kubernetes.client as models  # noqa: PLC0415
    from dagster_k8s.models import k8s_snake_case_dict  # noqa: PLC0415

    for each in MANIFESTS:
        model = getattr(models, f"V1{each['kind']}")
        assert k8s_snake_case_dict(model, each)["metadata"]["name"] == each["metadata"]["name"]


def test_launcher_builds_the_pod_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dagster_k8s", reason="the extra kubernetes is not installed")
    import dagster as dg  # noqa: PLC0415
    from dagster._config import process_config  # noqa: PLC0415
    from dagster_k8s import K8sRunLauncher, launcher  # noqa: PLC0415
    from dagster_k8s.job import construct_dagster_k8s_job  # noqa: PLC0415

    monkeypatch.setattr(launcher, "load_kubernetes_config", lambda **_: None)
    untyped: Any = K8sRunLauncher
    config = process_config(untyped.config_type(), LAUNCHER)
    assert config.success, config.errors
    built = untyped.from_config_value(None, config.value)
    context = built.get_container_context_for_run(dg.DagsterRun(job_name="world", run_id="1"))
    job = construct_dagster_k8s_job(
        context.get_k8s_job_config(job_image=None, run_launcher=built),
        args=["dagster", "api", "execute_run"],
        job_name="dagster-run-1",
        user_defined_k8s_config=context.run_k8s_config,
    )
    spec = job.spec.template.spec
    (only,) = spec.containers
    mounts = {mount.mount_path: mount.name for mount in only.volume_mounts}
    assert only.image == SERVICES["code"]["image"]
    assert mounts["/home/vwe"] == "home"
    assert mounts["/home/vwe/data"] == "data"
    assert mounts["/home/vwe/.dagster/dagster.yaml"] == "instance"
    variables = {variable.name: variable for variable in only.env}
    assert variables[INSTANCE_VARIABLE].value == "/home/vwe/.dagster"
    assert variables["DAGSTER_PG_PASSWORD"].value_from.secret_key_ref.key == SECRET[1]
    assert (spec.restart_policy, spec.service_account_name) == ("Never", "vwe-run")
    assert {volume.name for volume in spec.volumes} >= {"home", "data", "dagster", "instance"}
