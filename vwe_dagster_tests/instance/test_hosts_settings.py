"""The settings of an instance that several hosts share, as Dagster reads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import psutil
import pytest
import yaml
from dagster._core.storage.compute_log_manager import ComputeIOType

import vwe_dagster.hosts
from vwe_dagster.config.home import Home, find_home
from vwe_dagster.hosts.app import MAX_RUN_S, REDELIVERED_AFTER_S
from vwe_dagster.instance.shared_logs import SharedComputeLogManager

ROOT = Path(__file__).parents[2]
SHARED = Path(vwe_dagster.hosts.__file__).parent / "dagster.yaml"
OF_HOSTS = {"run_storage", "schedule_storage", "event_log_storage", "run_launcher", "compute_logs", "run_retries"}
"""Settings that only several hosts have."""


def settings(path: Path) -> dict[str, object]:
    document: dict[str, object] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def home_with(tmp_path: Path, **environ: str) -> Home:
    home = find_home({"VWE_HOME": str(tmp_path), **environ})
    home.prepare_instance()
    return home


def test_home_with_a_broker_has_the_settings_of_several_hosts(tmp_path: Path) -> None:
    home = home_with(tmp_path, VWE_BROKER="redis://center:6379/0")
    assert (home.instance / "dagster.yaml").resolve() == SHARED
    assert (home_with(tmp_path).instance / "dagster.yaml").resolve() == ROOT / "dagster.yaml"


def test_other_settings_equal_those_of_one_host() -> None:
    shared, own = settings(SHARED), settings(ROOT / "dagster.yaml")
    differing = {name for name in shared.keys() | own.keys() if shared.get(name) != own.get(name)}
    assert differing == OF_HOSTS | {"concurrency", "run_monitoring"}


def test_redis_delivers_no_run_again_before_it_must_have_ended() -> None:
    monitoring = settings(SHARED)["run_monitoring"]
    assert isinstance(monitoring, dict)
    assert monitoring["max_runtime_seconds"] == MAX_RUN_S < REDELIVERED_AFTER_S


def test_logs_of_runs_are_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VWE_HOME", str(tmp_path))
    instance_folder = tmp_path / "instance"
    instance_folder.mkdir()
    logs = {"compute_logs": settings(SHARED)["compute_logs"]}
    (instance_folder / "dagster.yaml").write_text(yaml.safe_dump(logs), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(instance_folder)) as instance:
        manager = instance.compute_log_manager
        assert isinstance(manager, SharedComputeLogManager)
        with manager.open_log_stream(["run", "step"], ComputeIOType.STDERR) as stream:
            assert stream is not None
            stream.write("a line")
    assert (tmp_path / "data" / ".logs" / "run" / "step.err").read_text(encoding="utf-8") == "a line"


def test_output_of_a_step_is_captured_without_processes_that_could_outlive_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VWE_HOME", str(tmp_path))
    manager = SharedComputeLogManager.from_config_value(None, {})
    others = set(psutil.Process().children())
    with manager.capture_logs(["run", "step"]):
        sys.stdout.write("written by Python\n")
        assert set(psutil.Process().children()) <= others
        subprocess.run(["sh", "-c", "echo written by a child >&2"], check=True, stderr=sys.stderr.fileno())
    assert manager.is_capture_complete(["run", "step"])
    logs = tmp_path / "data" / ".logs" / "run"
    assert (logs / "step.out").read_text(encoding="utf-8") == "written by Python\n"
    assert (logs / "step.err").read_text(encoding="utf-8") == "written by a child\n"
