"""``dg``, Dagster's command for projects, in the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import vwe_dagster
from vwe_dagster.config.home import find_home
from vwe_dagster.defs.build import build_defs
from vwe_dagster_tests.command import PATIENCE_S

pytestmark = pytest.mark.slow

ROOT = Path(vwe_dagster.__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A home whose instance has the project's settings, among them that Dagster sends no telemetry."""
    home = find_home({"VWE_HOME": str(tmp_path_factory.mktemp("dg"))})
    home.prepare_instance()
    return {**os.environ, **home.environment, "PYTHONPATH": str(ROOT)}


def test_dg_lists_every_asset(environment: dict[str, str]) -> None:
    listed = dg("list", "defs", "--json", environment=environment)
    assert listed.returncode == 0, listed.stderr
    assets = {asset["asset_key"] for asset in json.loads(listed.stdout)["assets"]}
    assert assets == {key.to_user_string() for key in build_defs().resolve_asset_graph().get_all_asset_keys()}


def test_every_way_to_load_the_project_uses_the_same_code_location() -> None:
    (checkout,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    (deployment,) = yaml.safe_load((ROOT / "deploy" / "dagster" / "workspace.yaml").read_text())["load_from"]
    assert checkout["python_module"] == {
        "module_name": PROJECT["code_location_target_module"],
        "location_name": PROJECT["code_location_name"],
    }
    assert deployment["grpc_server"]["location_name"] == PROJECT["code_location_name"]


def dg(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("dg")), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
